import CostModel
import KVMemory

/// Gemma: layers with a sliding window between ones that attend to all, and a tied LM head.
extension Architecture {
  static let gemma = Architecture("GemmaForCausalLM") { text, _ in
    let kinds = Array(repeating: KVGroupKind.all, count: try text.layerCount())
    return ModelDraft(layers: try text.denseLayers(kinds), tiesEmbeddings: true)
  }

  /// Every second layer attends to all, local ones first.
  static let gemma2 = Architecture("Gemma2ForCausalLM") { text, _ in
    let kinds = try text.windowedKinds(globalEvery: 2)
    return ModelDraft(layers: try text.denseLayers(kinds), tiesEmbeddings: true)
  }

  /// Every sixth layer attends to all, unless the pattern says otherwise.
  ///
  /// - Source: Published files leave out what `Gemma3TextConfig` of transformers has as default.
  static let gemma3 = Architecture(
    "Gemma3ForCausalLM", "Gemma3ForConditionalGeneration",
    defaults: [
      "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "vocab_size": 262_208,
      "max_position_embeddings": 131_072,
    ]
  ) { text, _ in
    let every = try text.optionalCount("sliding_window_pattern", .layers) ?? 6
    let kinds = try text.windowedKinds(globalEvery: every)
    return ModelDraft(layers: try text.denseLayers(kinds), tiesEmbeddings: true)
  }

  /// Heads of global layers are wider than those of local ones, and some models route experts beside
  /// the MLP. The last layers of small ones use the keys and values of earlier layers, and every
  /// layer has an embedding of its own.
  static let gemma4 = Architecture(
    "Gemma4ForConditionalGeneration", "Gemma4ForCausalLM"
  ) { text, _ in
    let count = try text.layerCount()
    let kinds = try text.windowedKinds(globalEvery: 6)
    let shared = try text.optionalCount("num_kv_shared_layers", .layers, least: 0) ?? 0
    let layers = try kinds.enumerated().map { index, kind in
      try text.gemma4Layer(kind, sharesKV: index >= count - shared)
    }
    let width = try text.optionalCount("hidden_size_per_layer_input", .width, least: 0) ?? 0
    var draft = ModelDraft(layers: layers, modules: .gemma4, tiesEmbeddings: true)
    if width > 0 {
      let rows = try text.count("vocab_size_per_layer_input", "vocab_size", limit: .vocabulary)
      let hidden = try text.hidden()
      draft.besideLayers = count * width * (rows + 3 * hidden)
    }
    return draft
  }
}

extension ConfigFields {
  /// A layer of Gemma-4.
  ///
  /// One that shares an earlier layer's keys and values caches nothing: it stands here as a layer
  /// without attention, whose projections are further weights.
  fileprivate func gemma4Layer(_ kind: KVGroupKind, sharesKV: Bool) throws -> ModelLayer {
    let isGlobal = kind == .all
    let sharesProjection = try isGlobal && flag("attention_k_eq_v")
    let heads = try heads(
      kv: sharesProjection && has("num_global_key_value_heads")
        ? "num_global_key_value_heads" : "num_key_value_heads",
      dim: isGlobal && has("global_head_dim") ? "global_head_dim" : "head_dim")
    let (hidden, width) = (try hidden(), try count("intermediate_size", limit: .innerWidth))
    let doubled = try sharesKV && flag("use_double_wide_mlp")
    var layer: ModelLayer
    if try flag("enable_moe_block") {
      let expert = try count("moe_intermediate_size", limit: .innerWidth)
      layer = try mixtureLayer(
        .heads(heads, kind),
        try experts("num_experts", width: expert, active: "top_k_experts", shared: width))
    } else {
      layer = ModelLayer(.heads(heads, kind), .dense(width: doubled ? 2 * width : width))
    }
    if sharesKV {
      layer.attention = .none
      layer.sharesKeys = true
      layer.attentionExtras = 2 * hidden * heads.query * heads.dim
    } else if sharesProjection {
      // Values are the keys before their norm: one projection less, and both are cached.
      layer.attentionExtras = -hidden * heads.kv * heads.dim
    }
    return layer
  }
}
