import CostModel
import KVMemory

extension Architecture {
  /// LFM2: a gated convolution of a few tokens in most layers, attention in the others, and an MLP or, behind the first
  /// layers of a mixture, experts.
  ///
  /// - Source: `Lfm2Config` and `Lfm2MoeConfig` of transformers, from memory; `short_conv_state_shape` of vLLM: the last
  ///   inputs of the convolution are kept in the type of the model.
  static let lfm2 = Architecture("Lfm2ForCausalLM", "Lfm2MoeForCausalLM") { text, _ in
    let (count, hidden) = (try text.layerCount(), try text.hidden())
    let heads = try text.heads()
    let kernel = try text.count("conv_L_cache", limit: .heads)
    let state = ModelLayer.Recurrence(
      stateBytes: hidden * (kernel - 1) * ModelSpec.bytesPerElement, inputWidth: 3 * hidden,
      outputWidth: hidden)
    let attends = try text.lfm2Attends(count)
    let names = ExpertNames(shared: "num_shared_experts", firstRouted: "num_dense_layers")
    let layers = try (0..<count).map { index in
      let attention = attends[index] ? ModelLayer.Attention.heads(heads, .all) : .recurrent(state)
      var layer =
        text.has("num_experts")
        ? try text.mixedLayer(index, attention, names)
        : ModelLayer(attention, .dense(width: try text.lfm2Width()))
      if !attends[index] { layer.attentionExtras = hidden * kernel }
      return layer
    }
    return ModelDraft(layers: layers, modules: .feedForward, tiesEmbeddings: true)
  }
}

extension ConfigFields {
  /// Whether each layer attends, by `layer_types`, or by the numbers of those that do.
  fileprivate func lfm2Attends(_ layers: Int) throws -> [Bool] {
    if let listed = try attendingLayers(layers, besides: "conv") { return listed }
    guard let numbers = try counts("full_attn_idxs") else {
      throw contradiction("`\(place)layer_types` is missing")
    }
    return (0..<layers).map { numbers.contains($0) }
  }

  /// The inner width: two thirds of what the file says, rounded up, unless it says that it is meant as it stands.
  fileprivate func lfm2Width() throws -> Int {
    let stated = try count("block_ff_dim", "intermediate_size", limit: .innerWidth)
    guard try optionalFlag("block_auto_adjust_ff_dim") ?? true else { return stated }
    let multiplier = try optionalReal("block_ffn_dim_multiplier") ?? 1
    let width = Int(Double(2 * stated / 3) * min(multiplier, 16))
    let multiple = try optionalCount("block_multiple_of", .width) ?? 256
    return max(1, (width + multiple - 1) / multiple) * multiple
  }
}
