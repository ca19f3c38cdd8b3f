import HeapModule

/// A cache that knows what is to come, and drops the block that is not needed for longest; of two that one request needs
/// next, the one farther from the beginning of its prompt.
///
/// A block that is not needed again is not kept. So whatever is cached of a prompt is its beginning, since whoever needs a
/// block needs those before it.
///
/// - Complexity: O(log capacity) a use.
/// - Source: Belady, "A study of replacement algorithms for a virtual-storage computer" (1966).
struct OptimalCache: Sendable {
  /// A cached block with its next need; out of date once the block was used again.
  private struct Entry: Comparable, Sendable {
    var need: Int32
    var depth: Int32
    var block: Int32

    static func < (a: Entry, b: Entry) -> Bool {
      (a.need, a.depth, a.block) < (b.need, b.depth, b.block)
    }
  }

  private let capacity: Int
  /// The next need of each cached block; -1 of one that is not cached.
  private var needs: [Int32]
  private var latest = Heap<Entry>()
  private(set) var count = 0

  /// - Parameter blocks: Distinct blocks, numbered from 0.
  init(capacity: Int, blocks: Int) {
    precondition(capacity > 0, "OptimalCache of \(capacity) blocks")
    self.capacity = capacity
    needs = Array(repeating: -1, count: blocks)
  }

  func contains(_ block: Int32) -> Bool { needs[Int(block)] >= 0 }

  /// Uses the blocks of a request, all at once.
  ///
  /// - Parameters:
  ///   - blocks: From the last to the first, each once.
  ///   - nextNeeds: Of each, the next request that needs it; `Int32.max` for none.
  mutating func use(_ blocks: [Int32], nextNeeds: [Int32]) {
    for (index, block) in blocks.enumerated() {
      let need = nextNeeds[index]
      if contains(block) { count -= 1 }
      needs[Int(block)] = need == .max ? -1 : need
      guard need != .max else { continue }
      count += 1
      latest.insert(Entry(need: need, depth: Int32(blocks.count - index), block: block))
    }
    while count > capacity { dropLatest() }
  }

  private mutating func dropLatest() {
    guard let entry = latest.popMax() else { preconditionFailure("OptimalCache: nothing to drop") }
    // An entry of an earlier use of the block.
    guard needs[Int(entry.block)] == entry.need else { return }
    needs[Int(entry.block)] = -1
    count -= 1
  }
}
