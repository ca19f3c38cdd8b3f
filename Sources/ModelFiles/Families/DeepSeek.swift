import CostModel
import KVMemory

/// Latent attention, with or without an indexer that chooses what a token attends to.
extension Architecture {
  /// Kimi-K2 and K2.5, Mistral-Large-3 and Small-4 are of DeepSeek-V3's shape; DeepSeek-OCR has heads of keys and values.
  /// Layers that predict further tokens are not counted.
  static let deepSeek = Architecture(
    "DeepseekV3ForCausalLM", "DeepseekV2ForCausalLM", "KimiK25ForConditionalGeneration",
    "KimiVLForConditionalGeneration", "Glm4MoeLiteForCausalLM", "MistralLarge3ForCausalLM",
    "Mistral4ForCausalLM", "DeepseekOCRForCausalLM", "DeepseekOCR2ForCausalLM",
    "DeepseekVLV2ForCausalLM"
  ) { text, _ in
    let isLatent = try text.flag("use_mla", or: true)
    let attention = try isLatent ? text.latentAttention() : .heads(text.heads(), .all)
    let layers = try (0..<text.layerCount()).map { try text.deepSeekLayer($0, attention) }
    return ModelDraft(layers: layers, modules: isLatent ? .latent : ModuleNames())
  }

  /// DeepSeek-V3.2 and GLM-5. The indexer's keys are cached beside the latent vector: 8-bit, with a
  /// 32-bit scale for each 128 elements, in every type of cache.
  ///
  /// - Source: `DeepseekV32IndexerCache` of vLLM, from memory; weights by the published code.
  static let deepSeekSparse = Architecture(
    "DeepseekV32ForCausalLM", "GlmMoeDsaForCausalLM"
  ) { text, _ in
    let attention = try text.latentAttention()
    let dim = try text.count("index_head_dim", limit: .heads)
    let heads = try text.count("index_n_heads", limit: .heads)
    let (hidden, rank) = (try text.hidden(), try text.count("q_lora_rank", limit: .width))
    let layers = try (0..<text.layerCount()).map { index in
      var layer = try text.deepSeekLayer(index, attention)
      layer.attentionExtras = rank * heads * dim + hidden * (dim + heads)
      layer.indexerBytesPerToken = dim + (dim + 127) / 128 * 4
      return layer
    }
    return ModelDraft(layers: layers, modules: .latent)
  }
}

extension ConfigFields {
  /// One latent vector and one rotary key a token.
  func latentAttention() throws -> ModelLayer.Attention {
    let latent = ModelLayer.Latent(
      kvLoraRank: try count("kv_lora_rank", limit: .heads),
      queryLoraRank: try optionalCount("q_lora_rank", .width),
      ropeDim: try count("qk_rope_head_dim", limit: .heads),
      nopeDim: try count("qk_nope_head_dim", limit: .heads),
      valueDim: try count("v_head_dim", limit: .heads))
    let query = try count("num_attention_heads", limit: .heads)
    return .latent(latent, .init(query: query, kv: query, dim: latent.valueDim))
  }
}
