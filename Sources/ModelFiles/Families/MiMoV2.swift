import CostModel
import KVMemory

extension Architecture {
  /// MiMo-V2: windows where `hybrid_layer_pattern` has 1, with KV heads of their own number, and experts where
  /// `moe_layer_freq` has 1. Values are narrower than keys and are cached as wide as these.
  ///
  /// - Source: vLLM's model of it, which pads values to the width of keys ahead of its cache.
  static let miMoV2 = Architecture("MiMoV2FlashForCausalLM", "MiMoV2ForCausalLM") { text, _ in
    let count = try text.layerCount()
    let windowed = try text.marks("hybrid_layer_pattern", layers: count)
    let routed = try text.marks("moe_layer_freq", layers: count)
    let layers = try (0..<count).map { index in
      let (heads, extras) = try text.miMoHeads(windowed[index] ? "swa_" : "")
      let kind =
        try windowed[index]
        ? KVGroupKind.window(
          tokens: text.count("sliding_window_size", "sliding_window", limit: .tokens)) : .all
      var layer: ModelLayer
      if routed[index] {
        let width = try text.count("moe_intermediate_size", limit: .innerWidth)
        let shared = try text.optionalCount("n_shared_experts", .experts, least: 0) ?? 0
        layer = try text.mixtureLayer(
          .heads(heads, kind),
          text.experts("n_routed_experts", width: width, shared: shared * width))
      } else {
        let width = try text.count("intermediate_size", limit: .innerWidth)
        layer = ModelLayer(.heads(heads, kind), .dense(width: width))
      }
      layer.attentionExtras = extras
      return layer
    }
    return ModelDraft(layers: layers)
  }
}

extension ConfigFields {
  /// The heads of layers whose fields begin with `prefix`, and how many weights narrower values save.
  fileprivate func miMoHeads(_ prefix: String) throws -> (ModelLayer.Heads, extras: Int) {
    let query = try count(prefix + "num_attention_heads", limit: .heads)
    let kv = try count(prefix + "num_key_value_heads", limit: .heads)
    let dim = try count(prefix + "head_dim", limit: .heads)
    let value = try optionalCount(prefix + "v_head_dim", .heads) ?? dim
    guard query % kv == 0, value <= dim else {
      throw contradiction(
        "`\(place)\(prefix)num_attention_heads` \(query) over `\(place)\(prefix)num_key_value_heads` \(kv), keys of "
          + "\(dim) and values of \(value): no cache holds them")
    }
    return (.init(query: query, kv: kv, dim: dim), try hidden() * (query + kv) * (value - dim))
  }
}
