/// Sequences that only decode, a token an iteration: something happens to their blocks in few iterations, and in between
/// only the ledger knows.
extension HybridMemory {
  /// The phases, tokens computed modulo ``blockSize``, in which something happens to the blocks of a sequence that decodes:
  /// it takes some, gives some back, or fills some that get a key.
  ///
  /// - Parameter length: No sequence has more tokens.
  /// - Complexity: O(length) for each kind.
  static func busyPhases(
    of groups: [BlockGroup], blockSize: Int, isCaching: Bool, upTo length: Int
  ) -> [Int] {
    var isBusy = Array(repeating: false, count: blockSize)
    // Keys are given at whole multiples.
    if isCaching { isBusy[blockSize - 1] = true }
    for group in groups where !group.keeps.isState || isCaching {
      for phase in stride(from: 0, to: blockSize, by: group.blockTokens) { isBusy[phase] = true }
      guard group.keeps != .all else { continue }
      var before = group.keeps.skippedBlocks(0, blockTokens: group.blockTokens)
      for computed in stride(from: 1, through: length, by: 1) {
        let skipped = group.keeps.skippedBlocks(computed, blockTokens: group.blockTokens)
        if skipped != before { isBusy[computed % blockSize] = true }
        before = skipped
      }
    }
    return isBusy.indices.filter { isBusy[$0] }
  }

  /// Blocks that a sequence takes while it decodes ``blockSize`` tokens, at most.
  public var blocksOfUnit: Int {
    groups.reduce(0) {
      $0 + ($1.keeps.isState && !isCaching ? 0 : blockSize / $1.blockTokens)
    }
  }

  /// Uses a slot in each group for `sequences` sequences, which are not named.
  ///
  /// Until ``settle(_:tokens:)`` only the ledger knows.
  public mutating func cruise(sequences: Int) { emptySlots -= sequences * slotsOfToken }

  /// Sets how many tokens a sequence holds that has cruised until now.
  public mutating func settle(_ sequence: Int, tokens: Int) {
    wholes[sequence].tokens = Int32(tokens)
    for group in layouts.indices where !layouts[group].isState {
      let (row, size) = (row(sequence, group), layouts[group].blockTokens)
      let empty = Int(tables[row].count) * size - tokens
      precondition(
        (0..<size).contains(empty),
        "HybridMemory.settle: \(tokens) tokens of sequence \(sequence), \(empty) slots are left")
      tables.setEmptySlots(empty, of: row)
    }
  }
}
