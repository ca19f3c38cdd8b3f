/// Where the slots of the pool are.
extension HybridMemory {
  func slots(of tokens: Int, _ group: Int) -> Int {
    tokens * layouts[group].slotsOfToken
  }

  /// Slots of a table's last block that no token will ever fill.
  func unusableSlots(of table: BlockTable, _ group: Int) -> Int {
    if layouts[group].isState { return 0 }
    return slots(
      of: max(0, Int(table.count) * layouts[group].blockTokens - Int(table.finalTokens)), group)
  }

  /// Where the slots of the pool are, shared blocks counted once; the null block is internal fragmentation.
  ///
  /// - Complexity: O(1).
  @inlinable public var ledger: WasteLedger {
    var ledger = WasteLedger()
    ledger.tokenState = pool.heldCount * blockSize - emptySlots
    ledger.internalFragmentation = unusableSlots + blockSize
    ledger.reserved = emptySlots - unusableSlots
    ledger.cached = pool.unreferencedCachedCount * blockSize
    ledger.free = pool.freeCount * blockSize - ledger.cached
    return ledger
  }

  /// Blocks as the resident sequences count them, shared ones once for each.
  @inlinable public var logicalBlockCount: Int { tables.entryCount - nullEntries }
}
