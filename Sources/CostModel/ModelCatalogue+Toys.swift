/// Shapes that the reference engine really runs on a CPU, with random weights.
///
/// Not part of ``ModelCatalogue/all``: they run in fp32, twice the bytes that a ``ModelSpec`` counts
/// for an element, and no GPU was ever measured with them.
extension ModelCatalogue {
  /// LLaMA's structure from small to large, with grouped-query attention in all but the largest; then OPT's.
  package static let toys = [
    toy("toy-1m", layers: 4, hidden: 128, heads: (4, 2), headDim: 32, ffn: 384, vocab: 1024),
    toy("toy-25m", layers: 6, hidden: 512, heads: (8, 4), headDim: 64, ffn: 1408, vocab: 8192),
    toy("toy-100m", layers: 12, hidden: 768, heads: (12, 12), headDim: 64, ffn: 2048, vocab: 8192),
    ModelSpec(
      name: "toy-opt-1m", aliases: [], family: .opt, layers: 4, hidden: 128, heads: 4, kvHeads: 4,
      headDim: 32, ffn: 384, vocab: 1024, maxPositions: 2048, tiedEmbeddings: true,
      weightCount: .sosp23Artifact),
  ]

  private static func toy(
    _ name: String, layers: Int, hidden: Int, heads: (query: Int, kv: Int), headDim: Int, ffn: Int,
    vocab: Int
  ) -> ModelSpec {
    ModelSpec(
      name: name, aliases: [], layers: layers, hidden: hidden, heads: heads.query,
      kvHeads: heads.kv, headDim: headDim, ffn: ffn, vocab: vocab, maxPositions: 8192)
  }
}
