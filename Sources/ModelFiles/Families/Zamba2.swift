import CostModel
import KVMemory

extension Architecture {
  /// Zamba-2: a Mamba-2 state in every layer; ahead of some, attention over the stream beside the embedding, and an MLP. Of
  /// these there are only `num_mem_blocks`, which take turns: they are counted beside the layers.
  ///
  /// - Source: `Zamba2Config` and the model of transformers.
  static let zamba2 = Architecture("Zamba2ForCausalLM") { text, _ in
    let (count, hidden) = (try text.layerCount(), try text.hidden())
    let types = try text.layerTypes("layers_block_type", layers: count)
    guard let types else { throw text.contradiction("`layers_block_type` is missing") }
    let query = try text.count("num_attention_heads", limit: .heads)
    let heads = ModelLayer.Heads(
      query: query, kv: try text.optionalCount("num_key_value_heads", .heads) ?? query,
      dim: try text.optionalCount("attention_head_dim", .heads) ?? max(1, 2 * hidden / query))
    guard query % heads.kv == 0 else {
      throw text.contradiction(
        "`num_attention_heads` \(query) is no multiple of `num_key_value_heads` \(heads.kv)")
    }
    let width = try text.optionalCount("intermediate_size", .innerWidth) ?? 4 * hidden
    let rank = try text.optionalCount("adapter_rank", .width) ?? 128
    let state = try text.zambaState()
    var attention = ModelLayer(.heads(heads, .all), .none)
    attention.attentionExtras =
      hidden * hidden - 2 * hidden * (heads.query + heads.kv) * heads.dim
    attention.mlpExtras = rank * (hidden + 2 * width)
    if try text.flag("use_shared_attention_adapter") {
      attention.attentionExtras += 12 * hidden * rank
    }
    let layers = try types.flatMap { type in
      switch type {
      case "mamba": return [state]
      case "hybrid": return [attention, state]
      default: throw text.unknownLayer(type, in: "layers_block_type")
      }
    }
    var draft = ModelDraft(layers: layers, tiesEmbeddings: true)
    let block = hidden * (2 * (heads.query + 2 * heads.kv) + heads.query) * heads.dim
    draft.besideLayers =
      try min(text.optionalCount("num_mem_blocks", .layers) ?? 1, count)
      * (block + 3 * hidden * width)
    return draft
  }
}

extension ConfigFields {
  fileprivate func zambaState() throws -> ModelLayer {
    let heads = try count("n_mamba_heads", limit: .heads)
    let inner = try (optionalCount("mamba_expand", .heads) ?? 2) * hidden()
    guard inner % heads == 0 else {
      throw contradiction("`\(place)n_mamba_heads` \(heads) does not divide a state of \(inner)")
    }
    return .mamba2(
      heads: heads, dim: inner / heads, stateSize: try count("mamba_d_state", limit: .heads),
      groups: try count("mamba_ngroups", limit: .heads),
      kernel: try count("mamba_d_conv", limit: .heads),
      stateElementBytes: try stateElementBytes("mamba_ssm_cache_dtype"))
  }
}
