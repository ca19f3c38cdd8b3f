/// When attention reads what all sequences of an iteration begin with once for all of them (cascade attention).
///
///     plain     | prefix, a |─ rest of a ─|              | prefix | for the queries of a, b and c together
///               | prefix, b |─ rest of b ─|     cascade  |─ rest of a ─|
///               | prefix, c |─ rest of c ─|              |─ rest of b ─|─ rest of c ─|
///
/// - Source: `use_cascade_attention` of vLLM's FlashAttention backend, rule by rule; its last one counts blocks of threads and
///   takes the kernel with fewer rounds of them. FlashInfer (arXiv 2501.01005) has the idea.
struct CascadeRule: Equatable, Sendable {
  /// Of one GPU.
  let heads: ModelLayer.Heads
  let multiprocessors: Int

  static let prefixTokensMin = 256
  static let sequencesMin = 8
  /// Queries, and tokens of the prefix, that a block of threads takes.
  private static let tile = 128

  func applies(to work: IterationWork) -> Bool {
    let sequences = work.decodeSequences + work.prefillChunks.count
    guard work.sharedPrefixTokens >= Self.prefixTokensMin, sequences >= Self.sequencesMin else {
      return false
    }
    let group = heads.query / heads.kv
    // Only a batch of single tokens is split along its contexts, which is what cascades are weighed against.
    guard group > 1, work.prefillChunks.isEmpty, work.draftTokens == 0 else { return true }
    let tiles = ceilingDivide(work.sharedPrefixTokens, Self.tile)
    let cascade = ceilingDivide(
      heads.query * ceilingDivide(sequences, Self.tile), multiprocessors)
    let split = sequences * heads.kv * ceilingDivide(group, Self.tile)
    return cascade * tiles < ceilingDivide(split * tiles, multiprocessors)
  }
}

extension IterationWork {
  /// What attention does behind the tokens that all sequences share.
  var behindSharedPrefix: IterationWork {
    var rest = self
    rest.decodeContextTokens -= decodeSequences * sharedPrefixTokens
    for index in rest.prefillChunks.indices {
      rest.prefillChunks[index].contextTokens -= sharedPrefixTokens
    }
    return rest
  }
}
