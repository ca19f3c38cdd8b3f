/// Which ranges of an arena are in use: each has a power of two of entries, and one that is left is used again.
///
/// - Complexity: O(1) amortised.
struct ArenaRanges: Sendable {
  /// Starts of unused ranges, by the logarithm of their size.
  private(set) var unused: [[Int]] = Array(repeating: [], count: 32)
  /// Entries that the arena needs for all ranges ever taken.
  private(set) var end = 0

  private static let smallest: Int32 = 8

  /// The size of the smallest range that holds `count` entries.
  static func capacity(for count: Int) -> Int32 {
    let count = max(Int32(count), smallest)
    return 1 << (Int32.bitWidth - (count - 1).leadingZeroBitCount)
  }

  /// Takes a range of a size that ``capacity(for:)`` has given.
  ///
  /// - Returns: Where it starts.
  mutating func take(_ capacity: Int32) -> Int {
    let size = capacity.trailingZeroBitCount
    // `popLast` is generic code of another module, and this is asked for each sequence.
    if !unused[size].isEmpty { return unused[size].removeLast() }
    defer { end += Int(capacity) }
    return end
  }

  mutating func give(_ start: Int, capacity: Int32) {
    unused[capacity.trailingZeroBitCount].append(start)
  }
}
