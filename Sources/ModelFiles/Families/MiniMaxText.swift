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
    let kinds =
      try text.attendingLayers(count, besides: "linear_attention")
      ?? text.marks("attn_type_list", layers: count)
    let read = try text.experts(
      "num_local_experts", width: text.count("intermediate_size", limit: .innerWidth),
      shared: text.optionalCount("shared_intermediate_size", .innerWidth, least: 0) ?? 0)
    let layers = try kinds.map { attends in
      try text.mixtureLayer(attends ? .heads(heads, .all) : .recurrent(state), read)
    }
    return ModelDraft(layers: layers, modules: .blockSparse)
  }
}
