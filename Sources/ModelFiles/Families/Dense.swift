import CostModel
import KVMemory

/// LLaMA and those of its shape: grouped-query attention and a gated MLP in every layer.
extension Architecture {
  /// A window that is there holds for every layer, unless `layer_types` says otherwise.
  static let dense = Architecture(
    "LlamaForCausalLM", "LLaMAForCausalLM", "MistralForCausalLM", "Ministral3ForCausalLM",
    "Mistral3ForConditionalGeneration", "InternLMForCausalLM", "YiForCausalLM", "AquilaModel",
    "AquilaForCausalLM", "XverseForCausalLM", "OrionForCausalLM", "CwmForCausalLM", "GritLM",
    "Phi3ForCausalLM", "GraniteForCausalLM", "Olmo2ForCausalLM", "Olmo3ForCausalLM",
    "SmolLM3ForCausalLM", "SeedOssForCausalLM", "GlmForCausalLM", "Glm4ForCausalLM",
    "Glm4vForConditionalGeneration", "InternLM2ForCausalLM", "InternLM3ForCausalLM",
    "HunYuanDenseV1ForCausalLM", "OlmoForCausalLM", "StableLmForCausalLM", "SolarForCausalLM",
    "BaichuanForCausalLM", "BaiChuanForCausalLM", "ExaoneForCausalLM"
  ) { text, _ in
    let count = try text.layerCount()
    var kind = KVGroupKind.all
    if let window = try text.optionalCount("sliding_window", .tokens),
      try text.optionalFlag("use_sliding_window") ?? true
    {
      kind = .window(tokens: window)
    }
    let kinds = try text.listedKinds(layers: count) ?? Array(repeating: kind, count: count)
    return ModelDraft(layers: try text.denseLayers(kinds))
  }

  /// Qwen2 and Qwen3, whose window holds from a certain layer on, and is mostly switched off.
  static let qwenDense = Architecture(
    "Qwen2ForCausalLM", "Qwen3ForCausalLM", "MiMoForCausalLM", "Qwen3VLForConditionalGeneration",
    "Qwen2VLForConditionalGeneration", "Qwen2_5_VLForConditionalGeneration", "Qwen2_5OmniModel",
    "Qwen2_5OmniForConditionalGeneration"
  ) { text, _ in
    let kinds = try text.qwenKinds(layers: try text.layerCount())
    return ModelDraft(layers: try text.denseLayers(kinds))
  }
}

/// The same, with windows by a pattern, or with an LM head that is the embedding unless a field says otherwise.
///
/// - Source: the configurations of transformers.
extension Architecture {
  /// Command: every fourth layer attends to all, where there is a window.
  static let cohere = Architecture("CohereForCausalLM", "Cohere2ForCausalLM") { text, _ in
    let every = try text.optionalCount("sliding_window_pattern", .layers) ?? 4
    return ModelDraft(
      layers: try text.denseLayers(text.windowedKinds(globalEvery: every)), tiesEmbeddings: true)
  }

  static let ernie = Architecture("Ernie4_5ForCausalLM", "Ernie4_5_ForCausalLM") { text, _ in
    let kinds = Array(repeating: KVGroupKind.all, count: try text.layerCount())
    return ModelDraft(layers: try text.denseLayers(kinds), tiesEmbeddings: true)
  }

  /// The pattern is a number, or a text such as `LLLG`; published files list the layers besides.
  static let exaone4 = Architecture(
    "Exaone4ForCausalLM", "Exaone4_5_ForConditionalGeneration"
  ) { text, _ in
    let pattern =
      text.isText("sliding_window_pattern")
      ? try text.optionalText("sliding_window_pattern")?.count
      : try text.optionalCount("sliding_window_pattern", .layers)
    let kinds = try text.windowedKinds(globalEvery: max(1, pattern ?? 4))
    return ModelDraft(layers: try text.denseLayers(kinds))
  }

  /// MLPs of two matrices, without a gate. Biases are not counted.
  static let plainDense = Architecture(
    "NemotronForCausalLM", "ApertusForCausalLM", "ArceeForCausalLM", "PhiForCausalLM",
    "PersimmonForCausalLM"
  ) { text, root in
    var draft = try dense.read(text, root)
    draft.hasPlainMLP = true
    return draft
  }

  /// Phi-3's shape; the towers are not in the file, and adapters for pictures and sound are loaded apart.
  ///
  /// - Source: parameters of both towers with their projectors, as `Phi4MultimodalForCausalLM` of transformers has them.
  static let phi4Multimodal = Architecture("Phi4MMForCausalLM") { text, root in
    var draft = try dense.read(text, root)
    draft.besideLayers = 907_982_272
    return draft
  }

  static let starcoder = Architecture("Starcoder2ForCausalLM") { text, root in
    var draft = try plainDense.read(text, root)
    draft.tiesEmbeddings = true
    return draft
  }
}

extension ConfigFields {
  func denseLayers(_ kinds: [KVGroupKind]) throws -> [ModelLayer] {
    let heads = try heads()
    let width = try count("intermediate_size", limit: .innerWidth)
    return kinds.map { ModelLayer(.heads(heads, $0), .dense(width: width)) }
  }

  /// What each layer of a Qwen2 or Qwen3 keeps.
  func qwenKinds(layers: Int) throws -> [KVGroupKind] {
    guard try flag("use_sliding_window"),
      let window = try optionalCount("sliding_window", .tokens)
    else { return Array(repeating: .all, count: layers) }
    if let listed = try listedKinds(layers: layers) { return listed }
    let first = try optionalCount("max_window_layers", .layers, least: 0) ?? 0
    return (0..<layers).map { $0 < first ? .all : .window(tokens: window) }
  }
}
