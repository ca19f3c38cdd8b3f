/// The laws that hold after every operation, written to be obviously right rather than fast.
///
/// Tests check them after each mutation; they cost O(blocks + table entries).
extension PagedMemory {
  /// The first law that is broken, with the numbers, or `nil`.
  ///
  /// - Parameter swapped: Sequences whose tables name host blocks.
  package func brokenInvariant(swapped: Set<Int> = []) -> String? {
    poolViolation(device, "device") ?? poolViolation(host, "host")
      ?? referenceViolation(device, "device") { !swapped.contains($0) }
      ?? referenceViolation(host, "host") { swapped.contains($0) }
      ?? ledgerViolation(swapped: swapped)
  }

  /// Free and held blocks make up the pool, and no block is free twice.
  private func poolViolation(_ pool: BlockPool, _ name: String) -> String? {
    let free = Set(pool.freeStack)
    guard free.count == pool.freeStack.count else { return "\(name): a block is free twice" }
    guard pool.freeCount + pool.heldCount == pool.capacity else {
      return "\(name): \(pool.freeCount) free + \(pool.heldCount) held ≠ \(pool.capacity) total"
    }
    let shared = (0..<Int32(pool.capacity)).count { pool.referenceCount(of: $0) > 1 }
    guard shared == pool.sharedCount else {
      return "\(name): \(pool.sharedCount) shared blocks counted, \(shared) found"
    }
    return nil
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

  /// Classes of the ledger add up to the pool, and token state is what the tables hold.
  private func ledgerViolation(swapped: Set<Int>) -> String? {
    var fill: [BlockID: Int] = [:]
    for sequence in tables.sequences where !swapped.contains(sequence) {
      let tokens = residentTokens(of: sequence)
      for (index, block) in tables.blocks(of: sequence).enumerated() {
        let filled = min(blockSize, tokens - index * blockSize)
        fill[block] = max(fill[block] ?? 0, filled)
      }
    }
    let tokens = fill.values.reduce(0, +)
    let ledger = ledger
    guard ledger.tokenState == tokens else {
      return "ledger: \(ledger.tokenState) token slots, the tables hold \(tokens)"
    }
    guard ledger.total == device.capacity * blockSize, ledger.reserved >= 0 else {
      return "ledger: \(ledger) does not add up to \(device.capacity) × \(blockSize) slots"
    }
    return nil
  }
}
