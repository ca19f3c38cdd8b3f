import CostModel
import KVMemory

extension Architecture {
  /// MiniMax-Text-01 and M1: lightning attention, a matrix a head, in seven of eight layers (`attn_type_list` has 0 there),
  /// and experts in all.
  ///
  /// - Source: the configuration from memory; `linear_attention_state_shape` and `linear_attention_state_dtype` of vLLM: the
  ///   matrices are kept in the type of the model.
  static let miniMaxText = Architecture(
    "MiniMaxText01ForCausalLM", "MiniMaxM1ForCausalLM", "MiniMaxForCausalLM"
  ) { text, _ in
    let (heads, count) = (try text.heads(), try text.layerCount())
    let columns = heads.query * heads.dim
    let state = ModelLayer.Recurrence(
      stateBytes: columns * heads.dim * ModelSpec.bytesPerElement, inputWidth: 4 * columns,
      outputWidth: columns)
    let kinds = try text.attendingLayers(count)
    let read = try text.experts(
      "num_local_experts", width: text.count("intermediate_size", limit: .innerWidth),
      shared: text.optionalCount("shared_intermediate_size", .innerWidth, least: 0) ?? 0)
    let layers = try kinds.map { attends in
      try text.mixtureLayer(attends ? .heads(heads, .all) : .recurrent(state), read)
    }
    return ModelDraft(layers: layers, modules: .blockSparse)
  }
}

extension ConfigFields {
  /// Whether each layer attends to all tokens, by `attn_type_list` or `layer_types`.
  fileprivate func attendingLayers(_ layers: Int) throws -> [Bool] {
    if let listed = try counts("attn_type_list") {
      guard listed.count >= layers else {
        throw contradiction("`\(place)attn_type_list` has \(listed.count) of \(layers) layers")
      }
      return listed.prefix(layers).map { $0 != 0 }
    }
    guard let types = try layerTypes(layers: layers) else {
      throw contradiction("`\(place)attn_type_list` is missing")
    }
    return try types.map { type in
      switch type {
      case "full_attention": return true
      case "linear_attention": return false
      default: throw unknownLayer(type, in: "layer_types")
      }
    }
  }
}
