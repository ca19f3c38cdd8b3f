/// The laws that hold after every operation, written to be obviously right rather than fast.
///
/// Tests check them after each mutation; they cost O(blocks + table entries).
extension PagedMemory {
  /// The first law that is broken, with the numbers, or `nil`.
  ///
  /// - Parameter swapped: Sequences whose tables name host blocks.
  package func brokenInvariant(swapped: Set<Int> = []) -> String? {
    tables.brokenInvariant ?? device.brokenInvariant.map { "device: \($0)" }
      ?? host.brokenInvariant.map { "host: \($0)" }
      ?? referenceViolation(device, "device") { !swapped.contains($0) }
      ?? referenceViolation(host, "host") { swapped.contains($0) }
      ?? ledgerViolation(swapped: swapped)
  }

  /// Each block is referenced as often as it stands in tables; free blocks are in none.
  private func referenceViolation(
    _ pool: BlockPool, _ name: String, _ isResident: (Int) -> Bool
  ) -> String? {
    var appearances = Array(repeating: 0, count: pool.capacity)
    for sequence in tables.sequences where isResident(sequence) {
      for block in tables.blocks(of: sequence) { appearances[Int(block)] += 1 }
    }
    for block in pool.freeStack {
      // A free block has no further references either.
      guard appearances[Int(block)] == 0, pool.referenceCount(of: block) == 1 else {
        return "\(name): block \(block) is free and stands in \(appearances[Int(block)]) tables"
      }
      appearances[Int(block)] = 1
    }
    for block in 0..<Int32(pool.capacity)
    where appearances[Int(block)] != pool.referenceCount(of: block) {
      return "\(name): block \(block) has \(pool.referenceCount(of: block)) references and stands "
        + "in \(appearances[Int(block)]) tables"
    }
    return nil
  }

  /// The ledger block by block, shared ones once: what the tables hold, and what no token will ever fill.
  private func ledgerViolation(swapped: Set<Int>) -> String? {
    var expected = WasteLedger()
    var fill: [BlockID: Int] = [:]
    var unusable: [BlockID: Int] = [:]
    var entries = 0
    for sequence in tables.sequences where !swapped.contains(sequence) {
      let tokens = residentTokens(of: sequence)
      let final = Int(tables[sequence].finalTokens)
      entries += Int(tables[sequence].count)
      for (index, block) in tables.blocks(of: sequence).enumerated() {
        let filled = min(blockSize, tokens - index * blockSize)
        fill[block] = max(fill[block] ?? 0, filled)
        unusable[block] = min(blockSize, max(0, (index + 1) * blockSize - final))
      }
    }
    expected.tokenState = fill.values.reduce(0, +)
    expected.internalFragmentation = unusable.values.reduce(0, +)
    expected.reserved =
      fill.count * blockSize - expected.tokenState - expected.internalFragmentation
    expected.free = device.freeStack.count * blockSize
    guard ledger == expected, ledger.reserved >= 0 else {
      return "ledger: \(ledger), the tables say \(expected)"
    }
    guard ledger.total == device.capacity * blockSize else {
      return "ledger: \(ledger.total) slots in all ≠ \(device.capacity) blocks × \(blockSize)"
    }
    guard logicalBlockCount == entries else {
      return "\(logicalBlockCount) logical blocks are counted, \(entries) found in tables"
    }
    return nil
  }
}
