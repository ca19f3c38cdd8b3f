extension ArenaRanges {
  /// The first law that is broken, with the numbers, or `nil`: ranges in use and ranges that were left tile the arena.
  ///
  ///     arena   |── taken ──|── unused ──|── taken ──|      no gap, no overlap, up to `end`
  ///
  /// - Parameter taken: Every range in use.
  /// - Complexity: O(n log n) for n ranges.
  func brokenInvariant(taken: [(start: Int, capacity: Int32)]) -> String? {
    var pieces = taken.map { (start: $0.start, size: Int($0.capacity), name: "taken") }
    for (order, starts) in unused.enumerated() {
      pieces += starts.map { (start: $0, size: 1 << order, name: "unused") }
    }
    pieces.sort { $0.start < $1.start }
    var covered = 0
    for piece in pieces {
      guard piece.start == covered else {
        return "the \(piece.name) range of \(piece.size) entries at \(piece.start) should begin at "
          + "\(covered)"
      }
      covered += piece.size
    }
    guard covered == end else { return "the ranges end at \(covered), the arena at \(end)" }
    return nil
  }
}
