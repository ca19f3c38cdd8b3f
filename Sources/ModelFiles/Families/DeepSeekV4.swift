import CostModel

extension Architecture {
  /// Every layer attends to a window of single tokens; most attend to compressed ones besides, for 4
  /// tokens each with an indexer that chooses among them, or for 128 without.
  ///
  /// Not counted: the mixing of residual streams and the tables of layers that route by a hash, and
  /// layers that predict further tokens. Not modelled: the 8-bit layout in which engines keep this
  /// cache, and the few tokens that wait to be compressed.
  ///
  /// - Source: `DeepseekV4Attention` of transformers; the bytes of an indexer's key as in DeepSeek-V3.2,
  ///   from memory.
  static let deepSeekV4 = Architecture("DeepseekV4ForCausalLM") { text, _ in
    let count = try text.layerCount()
    guard let ratios = try text.counts("compress_ratios"), ratios.count >= count else {
      throw text.contradiction(
        "`\(text.place)compress_ratios` must have a number for each of the \(count) layers")
    }
    let experts = try text.experts(
      "n_routed_experts", width: text.count("moe_intermediate_size", limit: .innerWidth),
      shared: text.count("n_shared_experts", limit: .experts, least: 0)
        * text.count("moe_intermediate_size", limit: .innerWidth))
    let layers = try ratios.prefix(count).map { ratio in
      let attention = try text.compressedAttention(ratio: ratio)
      var layer = try text.mixtureLayer(attention.attention, experts)
      layer.attentionExtras = attention.extras
      return layer
    }
    return ModelDraft(layers: layers, modules: .deepSeekV4)
  }
}

extension ConfigFields {
  /// Attention of one layer, and the weights of its compressor and indexer.
  fileprivate func compressedAttention(ratio: Int) throws -> (
    attention: ModelLayer.Attention, extras: Int
  ) {
    let (heads, hidden) = (try heads(), try hidden())
    let rank = try count("q_lora_rank", limit: .width)
    var compressed = ModelLayer.Compressed(
      ratio: ratio > 1 ? ratio : nil, window: try count("sliding_window", limit: .tokens),
      queryRank: rank, outputGroups: try count("o_groups", limit: .heads),
      outputRank: try count("o_lora_rank", limit: .heads))
    guard ratio > 1 else { return (.compressed(compressed, heads), 0) }
    // A vector and a gate, of neighbouring windows that overlap where there is an indexer.
    guard ratio < 32 else {
      return (.compressed(compressed, heads), 2 * hidden * heads.dim)
    }
    let dim = try count("index_head_dim", limit: .heads)
    let indexHeads = try count("index_n_heads", limit: .heads)
    compressed.indexerDim = dim
    let extras =
      4 * hidden * (heads.dim + dim) + rank * indexHeads * dim + hidden * indexHeads
    return (.compressed(compressed, heads), extras)
  }
}
