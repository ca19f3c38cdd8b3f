extension PageGroups {
  /// The first law that is broken, with the numbers, or `nil`: free and mapped groups are all groups, every request has
  /// what it needs mapped, and a slot that nobody uses needs nothing.
  ///
  /// - Complexity: O(slots).
  package var brokenInvariant: String? {
    guard mapped.count == isActive.count, tokens.count == isActive.count else {
      return "\(isActive.count) slots, \(mapped.count) mappings, \(tokens.count) lengths"
    }
    let mappedCount = mapped.reduce(0) { $0 + Int($1) }
    guard freeCount + mappedCount == capacity, freeCount >= 0 else {
      return "\(freeCount) free + \(mappedCount) mapped ≠ \(capacity) groups"
    }
    for slot in isActive.indices {
      guard needed(slot) >= 0, needed(slot) <= mapped[slot] else {
        return "slot \(slot) needs \(needed(slot)) groups, \(mapped[slot]) are mapped"
      }
      guard isActive[slot] || needed(slot) == 0 else {
        return "slot \(slot) is not in use and needs \(needed(slot)) groups"
      }
    }
    return nil
  }
}
