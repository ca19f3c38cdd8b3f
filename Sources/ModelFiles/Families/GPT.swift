import CostModel
import KVMemory

/// GPT-2 and the models of its time, whose files have other names for the same fields. Biases are not counted.
///
/// - Source: the configurations of transformers, and those of the models' published code.
extension Architecture {
  private static let gptNames = [
    "hidden_size": "n_embd", "num_hidden_layers": "n_layer", "num_attention_heads": "n_head",
    "intermediate_size": "n_inner",
  ]

  /// Positions are learned.
  static let gpt2 = Architecture("GPT2LMHeadModel", aliases: gptNames) { text, _ in
    var draft = try text.plainLayers(text.heads())
    draft.besideLayers = try text.count("n_positions", limit: .tokens) * text.hidden()
    return draft
  }

  /// StarCoder: GPT-2 with one KV head.
  static let gptBigCode = Architecture("GPTBigCodeForCausalLM", aliases: gptNames) { text, root in
    var heads = try text.heads()
    if try text.flag("multi_query", or: true) { heads.kv = 1 }
    var draft = try text.plainLayers(heads)
    draft.besideLayers = try text.count("n_positions", limit: .tokens) * text.hidden()
    return draft
  }

  static let gptJ = Architecture("GPTJForCausalLM", aliases: gptNames) { text, _ in
    var draft = try text.plainLayers(text.heads())
    draft.tiesEmbeddings = false
    return draft
  }

  /// Positions are slopes, and the file of some states none.
  static let bloom = Architecture(
    "BloomForCausalLM", "BloomModel", defaults: ["max_position_embeddings": 2048],
    aliases: [
      "hidden_size": "n_embed", "num_hidden_layers": "n_layer", "num_attention_heads": "n_head",
    ]
  ) { text, _ in
    try text.plainLayers(text.heads())
  }

  static let mpt = Architecture(
    "MPTForCausalLM", "MptForCausalLM",
    aliases: [
      "hidden_size": "d_model", "num_hidden_layers": "n_layers", "num_attention_heads": "n_heads",
    ]
  ) { text, _ in
    var heads = try text.heads()
    let attention = try text.optionalObject("attn_config")
    try heads.share(attention?.optionalCount("kv_n_heads", .heads), text)
    let ratio = try text.optionalCount("expansion_ratio", .heads) ?? 4
    return try text.plainLayers(heads, width: min(ratio, 64) * text.hidden())
  }

  /// The first Qwen: the file has the width of gate and up together.
  static let qwen1 = Architecture("QWenLMHeadModel") { text, _ in
    let heads = try text.heads(dim: "kv_channels")
    let width = try text.count("intermediate_size", limit: .innerWidth, least: 2) / 2
    let layer = ModelLayer(.heads(heads, .all), .dense(width: width))
    return ModelDraft(layers: Array(repeating: layer, count: try text.layerCount()))
  }

  static let dbrx = Architecture(
    "DbrxForCausalLM",
    aliases: [
      "hidden_size": "d_model", "num_hidden_layers": "n_layers", "num_attention_heads": "n_heads",
    ]
  ) { text, _ in
    guard let experts = try text.optionalObject("ffn_config") else {
      throw text.contradiction("`\(text.place)ffn_config` is missing")
    }
    var heads = try text.heads()
    try heads.share(
      text.optionalObject("attn_config")?.optionalCount("kv_n_heads", .heads), text)
    let read = try experts.experts(
      "moe_num_experts", width: experts.count("ffn_hidden_size", limit: .innerWidth),
      active: "moe_top_k")
    let layer = ModelLayer(.heads(heads, .all), .experts(read.experts))
    return ModelDraft(
      layers: Array(repeating: layer, count: try text.layerCount()), modules: .blockSparse)
  }

  /// Grok-1 and 2; of the latter a dense MLP stands beside the experts.
  ///
  /// - Source: vLLM's and SGLang's models of it, from memory.
  static let grok = Architecture(
    "Grok1ModelForCausalLM", "Grok1ForCausalLM", aliases: ["num_local_experts": "num_experts"]
  ) { text, _ in
    let dense = try text.count("intermediate_size", limit: .innerWidth)
    let width = try text.optionalCount("moe_intermediate_size", .innerWidth) ?? dense
    let read = try text.experts(
      "num_local_experts", width: width, shared: text.flag("residual_moe") ? dense : 0)
    let layer = try text.mixtureLayer(.heads(text.heads(), .all), read)
    return ModelDraft(
      layers: Array(repeating: layer, count: try text.layerCount()), modules: .blockSparse)
  }
}

extension ConfigFields {
  /// Equal layers whose MLP has no gate and is four times as wide as the stream unless a field says otherwise, below an LM
  /// head that is the embedding.
  fileprivate func plainLayers(_ heads: ModelLayer.Heads, width: Int? = nil) throws -> ModelDraft {
    let width = try width ?? optionalCount("intermediate_size", .innerWidth) ?? 4 * hidden()
    let layer = ModelLayer(.heads(heads, .all), .dense(width: width))
    return ModelDraft(
      layers: Array(repeating: layer, count: try layerCount()), hasPlainMLP: true,
      tiesEmbeddings: true)
  }
}

extension ModelLayer.Heads {
  /// So many KV heads, where a field has them.
  fileprivate mutating func share(_ kv: Int?, _ text: ConfigFields) throws {
    guard let kv else { return }
    guard query % kv == 0 else {
      throw text.contradiction("\(query) query heads are no multiple of `kv_n_heads` \(kv)")
    }
    self.kv = kv
  }
}
