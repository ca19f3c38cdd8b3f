/// Ranks among values of which some are equal and kept once, with their count.
///
///     value    3   5   9          given in ascending order
///     count    2   1   4          ranks 0 1 | 2 | 3 4 5 6
package struct CountedRanks: Sendable {
  /// Values up to each of the kept ones, itself included.
  @usableFromInline let cumulative: [Int]

  /// - Parameters:
  ///   - kept: Values that are kept, at least one.
  ///   - countAt: How often the value of this index occurs, at least once.
  /// - Complexity: O(kept).
  @inlinable
  package init(kept: Int, countAt count: (_ index: Int) -> Int) {
    var total = 0
    var cumulative: [Int] = []
    cumulative.reserveCapacity(kept)
    for index in 0..<kept {
      total += count(index)
      cumulative.append(total)
    }
    self.cumulative = cumulative
  }

  /// Values in all.
  package var count: Int { cumulative.last ?? 0 }

  /// Where the value of a rank, from 0, is kept.
  ///
  /// - Complexity: O(log kept).
  package func index(ofRank rank: Int) -> Int {
    precondition(rank >= 0 && rank < count, "CountedRanks: no rank \(rank) among \(count)")
    var low = 0
    var high = cumulative.count - 1
    while low < high {
      let middle = (low + high) / 2
      if cumulative[middle] > rank { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
