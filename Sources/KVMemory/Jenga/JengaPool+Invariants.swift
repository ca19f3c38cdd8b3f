extension JengaPool {
  /// Small pages by state, and what belongs to no type, in bytes: the parts of the pool.
  package struct Ledger: Equatable, Sendable {
    package var used = 0
    package var cached = 0
    /// Empty small pages of large pages that are split.
    package var split = 0
    package var free = 0
  }

  package var ledger: Ledger {
    var ledger = Ledger()
    for large in larges {
      guard let large else {
        ledger.free += largeBytes
        continue
      }
      let bytes = largeBytes / smallCounts[large.type]
      ledger.used += bytes * large.usedCount
      ledger.cached += bytes * large.cachedCount
      ledger.split += bytes * (large.states.count - large.usedCount - large.cachedCount)
    }
    return ledger
  }

  /// The first law that is broken, with the numbers, or `nil`: counts are those of the states, a split large page has a
  /// page that is not empty, and the parts of the ledger are the pool.
  package var brokenInvariant: String? {
    for (index, large) in larges.enumerated() {
      guard let large else { continue }
      let used = large.states.count { $0 == .used }
      let empty = large.states.count { $0 == .empty }
      let cached = large.states.count - used - empty
      guard used == large.usedCount, cached == large.cachedCount else {
        return "large page \(index) has \(used) used and \(cached) cached pages, counted are "
          + "\(large.usedCount) and \(large.cachedCount)"
      }
      guard used + cached > 0 else { return "large page \(index) is split and all of it is empty" }
    }
    if let broken = brokenCounts { return broken }
    let ledger = ledger
    let sum = ledger.used + ledger.cached + ledger.split + ledger.free
    return sum == larges.count * largeBytes
      ? nil : "\(ledger) has \(sum) bytes, the pool \(larges.count * largeBytes)"
  }

  /// What is counted of all large pages against a count anew.
  private var brokenCounts: String? {
    var (used, cached, room) = (
      usedCounts.map { _ in 0 }, usedCounts.map { _ in 0 }, usedCounts.map { _ in 0 }
    )
    var evictable = 0
    for large in larges.compactMap(\.self) {
      used[large.type] += large.usedCount
      cached[large.type] += large.cachedCount
      if large.usedCount > 0 { room[large.type] += large.states.count - large.usedCount }
      if large.usedCount == 0 && large.cachedCount > 0 { evictable += 1 }
    }
    guard (used, cached) == (usedCounts, cachedCounts), room == self.room,
      evictable == evictableCount
    else {
      return "\(used) used, \(cached) cached, \(room) of room, \(evictable) evictable; counted are "
        + "\(usedCounts), \(cachedCounts), \(self.room), \(evictableCount)"
    }
    return nil
  }
}
