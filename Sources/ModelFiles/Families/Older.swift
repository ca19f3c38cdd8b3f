import CostModel
import KVMemory

/// Models of the years before LLaMA's shape was everyone's, which papers still measure. Biases are not counted.
///
/// - Source: the configurations of transformers and of the models' published code, from memory.
extension Architecture {
  /// Positions are learned: two more rows than there are positions.
  static let opt = Architecture("OPTForCausalLM") { text, _ in
    let heads = try text.heads()
    let width = try text.count("ffn_dim", limit: .innerWidth)
    let layer = ModelLayer(.heads(heads, .all), .dense(width: width))
    var draft = ModelDraft(
      layers: Array(repeating: layer, count: try text.layerCount()), hasPlainMLP: true,
      tiesEmbeddings: true)
    let positions = try text.count("max_position_embeddings", limit: .tokens)
    draft.besideLayers = try min(positions + 2, 1 << 24) * text.hidden()
    return draft
  }

  static let neoX = Architecture("GPTNeoXForCausalLM") { text, root in
    var draft = try dense.read(text, root)
    draft.hasPlainMLP = true
    return draft
  }

  /// One KV head, or `num_kv_heads` in the newer decoder; an MLP four times as wide as the residual stream.
  static let falcon = Architecture(
    "FalconForCausalLM", "RWForCausalLM", defaults: ["max_position_embeddings": 2048]
  ) { text, _ in
    var heads = try text.heads(kv: "num_kv_heads")
    if try !text.flag("new_decoder_architecture") {
      heads.kv = try text.flag("multi_query", or: true) ? 1 : heads.query
    }
    let width = try text.optionalCount("ffn_hidden_size", .innerWidth) ?? 4 * text.hidden()
    let layer = ModelLayer(.heads(heads, .all), .dense(width: width))
    return ModelDraft(
      layers: Array(repeating: layer, count: try text.layerCount()), hasPlainMLP: true,
      tiesEmbeddings: true)
  }

  /// ChatGLM and GLM-4 as their own code has them.
  static let chatGLM = Architecture(
    "ChatGLMModel", "ChatGLMForConditionalGeneration", "ChatGLMForCausalLM"
  ) { text, _ in
    var heads = try text.heads(dim: "kv_channels")
    if try text.flag("multi_query_attention") {
      heads.kv = try text.count("multi_query_group_num", limit: .heads)
      guard heads.query % heads.kv == 0 else {
        throw text.contradiction(
          "`num_attention_heads` \(heads.query) is no multiple of `multi_query_group_num` \(heads.kv)"
        )
      }
    }
    let width = try text.count("ffn_hidden_size", limit: .innerWidth)
    let layer = ModelLayer(.heads(heads, .all), .dense(width: width))
    return ModelDraft(layers: Array(repeating: layer, count: try text.layerCount()))
  }
}
