import CostModel
import KVMemory

extension Architecture {
  /// Three of four layers attend within a chunk, the fourth to all. Layers with experts, one of which
  /// every token visits, alternate with dense ones at the interval that the file gives.
  static let llama4 = Architecture(
    "Llama4ForConditionalGeneration", "Llama4ForCausalLM"
  ) { text, _ in
    let (count, heads) = (try text.layerCount(), try text.heads())
    let chunk = try text.optionalCount("attention_chunk_size", .tokens) ?? 8192
    let width = try text.count("intermediate_size", limit: .innerWidth)
    let step = try text.optionalCount("interleave_moe_layer_step", .layers) ?? 1
    let every = try text.optionalCount("no_rope_layer_interval", .layers) ?? 4
    // 1 where positions are rotary, which are the layers with chunks.
    let rotary = try text.counts("no_rope_layers") ?? []
    guard rotary.isEmpty || rotary.count >= count else {
      throw text.contradiction(
        "`\(text.place)no_rope_layers` has \(rotary.count) of \(count) layers")
    }
    let experts = try text.experts("num_local_experts", width: width, shared: width)
    let layers = try (0..<count).map { index in
      let isLocal = rotary.isEmpty ? (index + 1) % every != 0 : rotary[index] != 0
      let attention = ModelLayer.Attention.heads(heads, isLocal ? .chunk(tokens: chunk) : .all)
      guard (index + 1) % step == 0 else {
        let dense = try text.count("intermediate_size_mlp", limit: .innerWidth)
        return ModelLayer(attention, .dense(width: dense))
      }
      return try text.mixtureLayer(attention, experts)
    }
    return ModelDraft(layers: layers, modules: .feedForward)
  }
}
