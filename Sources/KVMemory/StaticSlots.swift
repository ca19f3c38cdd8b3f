/// KV memory in slots of the maximum length, one for each sequence (FasterTransformer).
///
///     slot   |token state| reserved | internal fragmentation |
///            0         tokens     final               maximum length
///
/// What is left of the pool after the last whole slot can never be used.
package struct StaticSlots: Sendable {
  /// Tokens that a slot holds.
  package let slotTokens: Int
  /// Slots in the pool.
  package let slotCount: Int
  /// Token slots of the whole pool.
  package let poolTokens: Int
  package private(set) var heldCount = 0
  private var tokenSlots = 0
  private var reservedSlots = 0

  package init(poolTokens: Int, slotTokens: Int) {
    precondition(slotTokens > 0, "StaticSlots: slots of \(slotTokens) tokens")
    self.poolTokens = poolTokens
    self.slotTokens = slotTokens
    slotCount = poolTokens / slotTokens
  }

  package var freeCount: Int { slotCount - heldCount }

  /// Takes a slot for a sequence whose `tokens` first tokens are computed in this iteration.
  package mutating func take(tokens: Int, finalTokens: Int) {
    precondition(freeCount > 0, "StaticSlots: all \(slotCount) slots are held")
    precondition(finalTokens <= slotTokens, "StaticSlots: \(finalTokens) tokens in \(slotTokens)")
    heldCount += 1
    tokenSlots += tokens
    reservedSlots += finalTokens - tokens
  }

  /// Uses the next place in the slots of `sequences` sequences.
  package mutating func append(sequences: Int) {
    tokenSlots += sequences
    reservedSlots -= sequences
  }

  /// Gives back the slot of a sequence that holds `tokens` of its `finalTokens`.
  package mutating func give(tokens: Int, finalTokens: Int) {
    precondition(heldCount > 0, "StaticSlots: no slot is held")
    heldCount -= 1
    tokenSlots -= tokens
    reservedSlots -= finalTokens - tokens
  }

  /// Where the slots are; free ones count as external fragmentation while `headIsBlocked`.
  package func ledger(headIsBlocked: Bool) -> WasteLedger {
    var ledger = WasteLedger()
    ledger.tokenState = tokenSlots
    ledger.reserved = reservedSlots
    ledger.internalFragmentation = heldCount * slotTokens - tokenSlots - reservedSlots
    ledger.externalFragmentation = poolTokens - slotCount * slotTokens
    let free = freeCount * slotTokens
    if headIsBlocked { ledger.externalFragmentation += free } else { ledger.free = free }
    return ledger
  }
}
