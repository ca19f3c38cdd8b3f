extension BlockTables {
  /// The first law that is broken, with the numbers, or `nil`: no table is fuller than its range, no two ranges overlap,
  /// and the entries are counted.
  ///
  /// - Complexity: O(n log n) for n tables.
  package var brokenInvariant: String? {
    if let broken = tables.brokenInvariant { return "rows of the tables: \(broken)" }
    var entries = 0
    var taken: [(start: Int, capacity: Int32)] = []
    for sequence in sequences {
      let table = tables[sequence]
      guard table.count >= 0, table.count <= table.capacity else {
        return "the table of sequence \(sequence) has \(table.count) blocks in a range of "
          + "\(table.capacity)"
      }
      guard table.emptySlots >= 0 else {
        return "the table of sequence \(sequence) has \(table.emptySlots) empty slots"
      }
      guard table.start + Int(table.capacity) <= arena.count else {
        return "the table of sequence \(sequence) ends at \(table.start + Int(table.capacity)), "
          + "the arena at \(arena.count)"
      }
      entries += Int(table.count)
      if table.capacity > 0 { taken.append((table.start, table.capacity)) }
    }
    guard entries == entryCount else {
      return "\(entryCount) table entries are counted, \(entries) found"
    }
    return ranges.brokenInvariant(taken: taken).map { "arena of the tables: \($0)" }
  }
}
