import CostModel
import KVMemory

extension Architecture {
  /// Gemma-3n: windows but in every fifth layer; the last layers use the keys and values of earlier ones; every layer has an
  /// embedding of its own and a way around attention of low rank; the stream is carried several times (AltUp).
  ///
  /// - Source: `Gemma3nTextConfig` and the model of transformers; that layers which share keys and values have projections for
  ///   them all the same, vLLM's `gemma3n.py`.
  static let gemma3n = Architecture(
    "Gemma3nForConditionalGeneration", "Gemma3nForCausalLM"
  ) { text, _ in
    let (count, hidden) = (try text.layerCount(), try text.hidden())
    let kinds = try text.windowedKinds(globalEvery: 5)
    let shared = try text.optionalCount("num_kv_shared_layers", .layers, least: 0) ?? 0
    guard shared < count else {
      throw text.contradiction(
        "`\(text.place)num_kv_shared_layers` \(shared) leaves none of \(count) layers to share with"
      )
    }
    let heads = try text.heads()
    let width = try text.count("hidden_size_per_layer_input", limit: .width)
    let rank = try text.optionalCount("laurel_rank", .width) ?? 0
    let layers = try kinds.enumerated().map { index, kind in
      let inner = try text.optionalCount("intermediate_size", .innerWidth, ofLayer: index)
      guard let inner else { throw text.contradiction("`intermediate_size` is missing") }
      var layer = ModelLayer(.heads(heads, kind), .dense(width: inner))
      if index >= count - shared {
        layer.attention = .none
        layer.sharesKeys = true
        layer.attentionExtras = 2 * hidden * (heads.query + heads.kv) * heads.dim
      }
      layer.mlpExtras = 2 * hidden * (width + rank)
      return layer
    }
    var draft = ModelDraft(layers: layers, tiesEmbeddings: true)
    let rows = try text.count("vocab_size_per_layer_input", "vocab_size", limit: .vocabulary)
    let streams = try text.optionalCount("altup_num_inputs", .heads) ?? 1
    draft.besideLayers = count * width * (rows + hidden) + 2 * (streams - 1) * hidden * hidden
    return draft
  }
}
