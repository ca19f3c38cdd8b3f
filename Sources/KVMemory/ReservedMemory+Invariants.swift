extension ReservedMemory {
  /// The first law that is broken, with the numbers, or `nil`: those of the buddies; no sequence outgrows its chunk; and
  /// the ledger is the sum over the chunks.
  ///
  /// - Parameter unsettledTokens: Tokens of cruising sequences that only the ledger knows of yet.
  /// - Complexity: O(blocks + n log n) for n chunks.
  package func brokenInvariant(unsettledTokens: Int = 0) -> String? {
    if let broken = chunks.brokenInvariant { return "chunks: \(broken)" }
    let held = chunks.numbers.map { (sequence: $0, chunk: chunks[$0]) }
      .filter { $0.chunk.size > 0 }
    if let broken = buddies.brokenInvariant(
      held: held.map { (Int($0.chunk.address), Int($0.chunk.size)) })
    {
      return "buddies: \(broken)"
    }
    var expected = WasteLedger()
    for (sequence, chunk) in held {
      let slots = chunk.size * Int32(blockSize)
      guard 0 <= chunk.tokens, chunk.tokens <= chunk.finalTokens,
        chunk.finalTokens <= chunk.reservation, chunk.reservation <= slots
      else {
        return "sequence \(sequence): \(chunk.tokens) tokens of \(chunk.finalTokens), "
          + "\(chunk.reservation) reserved in \(slots) slots"
      }
      guard Int(chunk.size) == chunkSize(forTokens: Int(chunk.reservation)) else {
        return "sequence \(sequence): \(chunk.size) blocks for \(chunk.reservation) tokens"
      }
      expected.tokenState += Int(chunk.tokens)
      expected.reserved += Int(chunk.finalTokens - chunk.tokens)
      expected.internalFragmentation += Int(chunk.reservation - chunk.finalTokens)
      expected.externalFragmentation += Int(slots - chunk.reservation)
    }
    expected.tokenState += unsettledTokens
    expected.reserved -= unsettledTokens
    expected.free = buddies.freeCount * blockSize
    let ledger = ledger(headIsBlocked: false)
    guard ledger == expected, ledger.reserved >= 0 else {
      return "ledger: \(ledger), the chunks say \(expected)"
    }
    guard ledger.total == buddies.capacity * blockSize else {
      return "ledger: \(ledger.total) slots in all ≠ \(buddies.capacity) blocks × \(blockSize)"
    }
    let blocks = held.reduce(0) { $0 + Int($1.chunk.size) }
    guard heldBlockCount == blocks else {
      return "\(heldBlockCount) held blocks are counted, the chunks have \(blocks)"
    }
    return nil
  }
}
