import CostModel
import KVMemory

/// - Source: the configurations of transformers and of the models' published code; vLLM's `minicpm3.py` and `minicpmv.py`.
extension Architecture {
  /// LLaMA's shape; the LM head is the embedding unless a field says otherwise.
  static let miniCPM = Architecture(
    "MiniCPMForCausalLM", "MiniCPMV", "MiniCPMO"
  ) { text, root in
    var draft = try dense.read(text, root)
    let hidden = try text.hidden()
    // A cross attention turns patches into a fixed number of tokens, with a projection ahead and behind.
    let sees = root.has("vision_config")
    draft.tiesEmbeddings = !sees
    if sees { draft.besideLayers = 5 * hidden * hidden }
    return draft
  }

  /// Latent attention of which vLLM caches the keys and values of every head, values as wide as keys.
  static let miniCPM3 = Architecture("MiniCPM3ForCausalLM") { text, _ in
    let (count, hidden) = (try text.layerCount(), try text.hidden())
    let query = try text.count("num_attention_heads", limit: .heads)
    let rank = try text.count("kv_lora_rank", limit: .heads)
    let rotary = try text.count("qk_rope_head_dim", limit: .heads)
    let plain = try text.count("qk_nope_head_dim", limit: .heads)
    let value = try text.optionalCount("v_head_dim", .heads) ?? max(1, hidden / query)
    let narrow = try text.optionalCount("q_lora_rank", .width)
    let keys = rotary + plain
    guard value <= keys else {
      throw text.contradiction(
        "keys of \(keys) and values of \(value) elements: no cache holds them")
    }
    let queries = narrow.map { $0 * (hidden + query * keys) } ?? hidden * query * keys
    let kept =
      queries + hidden * (rank + rotary) + rank * query * (plain + value) + query * value * hidden
    var layer = ModelLayer(
      .heads(.init(query: query, kv: query, dim: keys), .all),
      .dense(width: try text.count("intermediate_size", limit: .innerWidth)))
    layer.attentionExtras = kept - 4 * hidden * query * keys
    return ModelDraft(
      layers: Array(repeating: layer, count: count), modules: .latent, tiesEmbeddings: true)
  }
}
