import KVMemory

/// Chunks that loads under way read: those of a load stand in a row in each run of tokens that its sequence consists of.
///
///     load 3   run a: 0 … 5, run b: 0 … 2        load 4   run a: 4 … 5
///
/// - Complexity: O(runs of all loads under way) for each run of chunks that is asked about, added or removed.
struct ChunksRead: Sendable {
  private struct Row: Sendable {
    var run: RunIdentity
    var indices: ClosedRange<Int32>
    var job: Int32
  }

  private var rows: [Row] = []

  var isEmpty: Bool { rows.isEmpty }

  /// Adds what a load reads.
  ///
  /// - Parameter keys: In order, group by group.
  mutating func add(_ keys: [ContentKey], by job: Int32) {
    Self.forEachRow(of: keys) { run, indices in
      rows.append(Row(run: run, indices: indices, job: job))
    }
  }

  /// Removes what a load read.
  ///
  /// - Returns: Whether it read something.
  mutating func remove(job: Int32) -> Bool {
    let before = rows.count
    rows.removeAll { $0.job == job }
    return rows.count < before
  }

  /// Whether a load reads one of these chunks, which are in order.
  ///
  /// Where chunks end in a run is the same for every sequence that has it, so that rows which overlap have one in common.
  func overlaps(_ keys: [ContentKey]) -> Bool {
    var found = false
    Self.forEachRow(of: keys) { run, indices in
      found = found || rows.contains { $0.indices.overlaps(indices) && $0.run == run }
    }
    return found
  }

  private static func forEachRow(
    of keys: [ContentKey], _ body: (RunIdentity, ClosedRange<Int32>) -> Void
  ) {
    var first = 0
    while first < keys.count {
      var last = first
      while last + 1 < keys.count, keys[last + 1].run == keys[first].run { last += 1 }
      body(keys[first].run, keys[first].index...keys[last].index)
      first = last + 1
    }
  }
}
