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
    let ledger = ledger
    let sum = ledger.used + ledger.cached + ledger.split + ledger.free
    return sum == larges.count * largeBytes
      ? nil : "\(ledger) has \(sum) bytes, the pool \(larges.count * largeBytes)"
  }
}
