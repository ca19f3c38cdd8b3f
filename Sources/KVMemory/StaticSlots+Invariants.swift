extension StaticSlots {
  /// The first law that is broken, with the numbers, or `nil`: a slot for each sequence, and no more than there are; the
  /// ledger is the sum over the sequences.
  ///
  /// - Parameter sequences: Tokens, now and in the end, of each sequence that has a slot.
  /// - Complexity: O(sequences).
  package func brokenInvariant(
    sequences: [(tokens: Int, finalTokens: Int)]
  ) -> String? {
    guard heldCount == sequences.count, (0...slotCount).contains(heldCount) else {
      return "\(heldCount) of \(slotCount) slots are held by \(sequences.count) sequences"
    }
    var expected = WasteLedger()
    for (tokens, finalTokens) in sequences {
      guard 0 <= tokens, tokens <= finalTokens, finalTokens <= slotTokens else {
        return "\(tokens) tokens of \(finalTokens) in a slot of \(slotTokens)"
      }
      expected.tokenState += tokens
      expected.reserved += finalTokens - tokens
      expected.internalFragmentation += slotTokens - finalTokens
    }
    expected.externalFragmentation = poolTokens % slotTokens
    expected.free = (slotCount - sequences.count) * slotTokens
    let ledger = ledger(headIsBlocked: false)
    guard ledger == expected else {
      return "ledger: \(ledger), the sequences say \(expected)"
    }
    guard ledger.total == poolTokens else {
      return "ledger: \(ledger.total) slots in all ≠ \(poolTokens)"
    }
    return nil
  }
}
