/// Look-ups that give the last block of a hit back (``DraftRules/dropsLastHit``): the head that drafts has to compute its
/// keys and values with the tokens behind.
///
///     full       | b1 | b2 | b3 |          finds 3 blocks, and gives b3 back
///     window     |    | b5 | b6 |          needs the block before the end, and the one to give back
///     hit        ─────────▶
///
/// - Source: the legacy rule for EAGLE of vLLM 0.33 (`disable_lookahead_block_hashes`).
extension HybridMemory {
  /// What ``find(_:_:limit:)`` finds, with one block to give back behind it.
  ///
  /// - Parameters:
  ///   - limit: Tokens of the hit, at most; with several kinds the block to give back may lie behind them.
  ///   - length: Tokens of the sequence.
  func findBeforeLast(_ sequence: Int, _ members: [Int], limit: Int, length: Int) -> Int {
    let layout = layouts[members[0]]
    if layout.isState { return find(sequence, members, limit: limit) }
    let size = layout.blockTokens
    let known = length / hashBlockSize * hashBlockSize
    let count = (classes.count == 1 ? limit : min(limit + size, known)) / size
    if layout.keepsAll {
      let found = members.reduce(count) { cachedCount(sequence, $1, limit: $0) }
      return max(0, found - 1) * size / blockSize * blockSize
    }
    let blocks = members.map { cachedBlocks(sequence, $0, limit: count) }
    let needed = groups[members[0]].keeps.attendedMax.map { ($0 - 1 + size - 1) / size } ?? 0
    return lastRun(of: needed + 1, in: count, blockTokens: size) { index in
      blocks.allSatisfy { $0[index] != 0 }
    }
  }

  /// The tokens before the last block of the last run of so many cached blocks, of the first ones if none is as long.
  private func lastRun(
    of needed: Int, in count: Int, blockTokens size: Int, _ isCached: (Int) -> Bool
  ) -> Int {
    var run = 0
    var end = 0
    for index in (0..<count).reversed() {
      guard isCached(index) else {
        run = 0
        continue
      }
      if run == 0, index * size % blockSize != 0 { continue }
      if run == 0 { end = index }
      run += 1
      if run == needed { break }
    }
    return run == 0 ? 0 : end * size / blockSize * blockSize
  }

  /// Hits that are worth keys, in tokens: those that a resend of the prompt makes, and the next request that shares a
  /// beginning known to be shared.
  func hitsBeforeLast(_ whole: Whole, blockTokens: Int, alignment: Int) -> [Int] {
    let (prompt, junction) = (Int(whole.promptTokens), Int(whole.junction))
    let ends = [prompt - 1, prompt].map { max(0, $0 / alignment * alignment - alignment) }
    guard junction > 0 else { return ends }
    return ends + [junction, junction - blockTokens].map { $0 / alignment * alignment }
  }
}
