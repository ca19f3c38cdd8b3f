import KVMemory

extension ModelSpec {
  /// Layers that attend only to the nearest tokens, between ones that attend to all.
  package struct SlidingWindow: Equatable, Sendable {
    /// Tokens that a local layer attends to.
    package var tokens: Int
    /// Every so manieth layer attends to the whole context, local ones first; `nil` for none.
    package var globalEvery: Int?
  }

  /// A model of layers that differ in few things, from the fields of its published configuration.
  ///
  /// - Parameters:
  ///   - ffn: Inner width of the dense MLP.
  ///   - mixture: Experts in place of it, but in the first `firstDenseLayers`.
  ///   - latent: What is cached in place of keys and values.
  ///   - slidingWindow: `nil` where every layer attends to the whole context.
  package init(
    name: String, aliases: [String], family: Family = .llama, layers: Int, hidden: Int, heads: Int,
    kvHeads: Int, headDim: Int, ffn: Int, vocab: Int, maxPositions: Int,
    mixture: ModelLayer.Experts? = nil, firstDenseLayers: Int = 0, latent: ModelLayer.Latent? = nil,
    slidingWindow: SlidingWindow? = nil, tiedEmbeddings: Bool = false,
    weightCount: WeightCount = .fromLayers
  ) {
    let shape = ModelLayer.Heads(query: heads, kv: kvHeads, dim: headDim)
    let pattern: [ModelLayer.Attention] =
      if let latent {
        [.latent(latent, shape)]
      } else if let slidingWindow {
        Self.attention(shape, slidingWindow)
      } else {
        [.heads(shape, .all)]
      }
    let mlp = mixture.map(ModelLayer.MLP.experts) ?? .dense(width: ffn)
    let list = (0..<layers).map { index in
      ModelLayer(
        pattern[index % pattern.count], index < firstDenseLayers ? .dense(width: ffn) : mlp)
    }
    self.init(
      name: name, aliases: aliases, layers: .repeating(list, count: layers), hidden: hidden,
      vocab: vocab, maxPositions: maxPositions)
    self.family = family
    self.tiedEmbeddings = tiedEmbeddings
    self.weightCount = weightCount
  }

  /// One round of local layers and the global one behind them.
  private static func attention(
    _ heads: ModelLayer.Heads, _ window: SlidingWindow
  ) -> [ModelLayer.Attention] {
    let local = ModelLayer.Attention.heads(heads, .window(tokens: window.tokens))
    guard let every = window.globalEvery else { return [local] }
    return Array(repeating: local, count: every - 1) + [.heads(heads, .all)]
  }
}
