import CostModel

extension Architecture {
  /// Kimi delta attention, and latent attention behind every three layers of it; layers are counted from 1 in
  /// `linear_attn_config`.
  ///
  /// - Source: the model's published code; that vLLM keeps the state in 32 bits and the convolution's inputs in 16, from a
  ///   public description of its `kda_state_shape`.
  static let kimiLinear = Architecture("KimiLinearForCausalLM") { text, _ in
    guard let linear = try text.optionalObject("linear_attn_config"),
      let recurrent = try linear.counts("kda_layers")
    else { throw text.contradiction("`\(text.place)linear_attn_config.kda_layers` is missing") }
    let delta = try text.kimiDelta(linear)
    let latent = try text.latentAttention()
    let names = ExpertNames(
      active: "num_experts_per_token", firstRouted: "first_k_dense_replace",
      interval: "moe_layer_freq")
    let layers = try (0..<text.layerCount()).map { index in
      let isRecurrent = recurrent.contains(index + 1)
      var layer = try text.mixedLayer(index, isRecurrent ? .recurrent(delta.state) : latent, names)
      if isRecurrent { layer.attentionExtras = delta.extras }
      return layer
    }
    return ModelDraft(layers: layers, modules: .latent)
  }
}

extension ConfigFields {
  /// The state of a layer, a square matrix a head and the last inputs of a convolution, and what its projections of low
  /// rank have besides.
  ///
  ///     in    queries ‖ keys ‖ values ‖ decay, of rank dim ‖ gate, of rank dim ‖ a number a head
  fileprivate func kimiDelta(_ linear: ConfigFields) throws -> (
    state: ModelLayer.Recurrence, extras: Int
  ) {
    let heads = try linear.count("num_heads", limit: .heads)
    let dim = try linear.count("head_dim", limit: .heads)
    let kernel = try linear.count("short_conv_kernel_size", limit: .heads)
    let width = heads * dim
    let state = ModelLayer.Recurrence(
      stateBytes: width * dim * 4 + (kernel - 1) * 3 * width * ModelSpec.bytesPerElement,
      inputWidth: 3 * width + 2 * dim + heads, outputWidth: width,
      delta: dim == ModelLayer.Recurrence.Delta.measuredWidth
        ? .init(.kimiDelta, keyHeads: heads, heads: heads, elementBytes: 4) : nil)
    return (state, kernel * 3 * width + 2 * dim * width)
  }
}
