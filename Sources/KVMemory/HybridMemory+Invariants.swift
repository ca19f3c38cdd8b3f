extension HybridMemory {
  /// The first law that is broken, with the numbers, or `nil`: those of the pool and of the tables; a block that holds a
  /// key serves the group and the tokens that its label says; nothing that is skipped is held, nor anything missing that
  /// is not; and the ledger is what one finds by looking at every slot.
  ///
  /// - Complexity: O(blocks + table entries + places of the runs).
  package var brokenInvariant: String? {
    let held = tables.sequences.map { tables.blocks(of: $0).filter { $0 != 0 } }
    return tables.brokenInvariant ?? pool.brokenInvariant(tables: held) ?? tableViolation
      ?? ledgerViolation
  }

  private var tableViolation: String? {
    var nulls = 0
    for row in tables.sequences {
      let (sequence, group) = (row / groups.count, row % groups.count)
      let size = layouts[group].blockTokens
      let blocks = Array(tables.blocks(of: row))
      nulls += blocks.count { $0 == 0 }
      for (index, block) in blocks.enumerated() where block != 0 && pool.isCached(block) {
        let label = labels[Int(block)]
        guard label.group == group, (index * size + 1...(index + 1) * size).contains(label.tokens)
        else {
          return "sequence \(sequence): block \(index) of group \(group) is keyed for \(label)"
        }
      }
      guard !layouts[group].isChain else { continue }
      let known = parts.with(row) { $0.nulls }
      for (index, block) in blocks.enumerated()
      where (block == 0) != known.contains(Int32(index)) {
        return
          "sequence \(sequence), group \(group): entry \(index) is block \(block), without one are \(known)"
      }
    }
    guard nulls == nullEntries else { return "\(nullEntries) nulls are counted, \(nulls) found" }
    return nil
  }

  /// The ledger slot by slot: shared ones count once, and the null block will never be used.
  private var ledgerViolation: String? {
    var expected = WasteLedger()
    expected.internalFragmentation = blockSize
    var seen: Set<BlockID> = []
    for row in tables.sequences {
      let group = groups[row % groups.count]
      let tokens = wholes.with(row / groups.count) { Int($0.tokens) }
      let final = Int(tables[row].finalTokens)
      let weight = blockSize / group.blockTokens
      for (index, block) in tables.blocks(of: row).enumerated()
      where block != 0 && seen.insert(block).inserted {
        guard !group.keeps.isState else {
          expected.tokenState += blockSize
          continue
        }
        let slots = index * group.blockTokens..<(index + 1) * group.blockTokens
        let filled = slots.clamped(to: 0..<tokens).count
        let unusable = slots.clamped(to: max(final, 0)..<max(final, slots.upperBound)).count
        expected.tokenState += filled * weight
        expected.internalFragmentation += unusable * weight
        expected.reserved += (slots.count - filled - unusable) * weight
      }
    }
    expected.cached = pool.freeQueue.count { pool.isCached($0) } * blockSize
    expected.free = pool.freeQueue.count { !pool.isCached($0) } * blockSize
    guard ledger == expected, ledger.reserved >= 0 else {
      return "ledger: \(ledger), the tables say \(expected)"
    }
    guard ledger.total == pool.capacity * blockSize else {
      return "ledger: \(ledger.total) slots in all ≠ \(pool.capacity) blocks × \(blockSize)"
    }
    return nil
  }
}
