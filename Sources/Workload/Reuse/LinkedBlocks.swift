/// Lists of blocks, each block in at most one of them: the most recent at the front.
///
/// - Complexity: O(1) for every operation.
struct LinkedBlocks: Sendable {
  /// The list of each block, -1 for none.
  private var lists: [Int8]
  /// Neighbours; the heads and tails of the lists lie behind the blocks.
  private var next: [Int32]
  private var previous: [Int32]
  private(set) var counts: [Int]
  private let blocks: Int32

  init(lists count: Int, blocks: Int) {
    self.blocks = Int32(blocks)
    lists = Array(repeating: -1, count: blocks)
    // A sentinel a list, which is its own neighbour while the list is empty.
    let sentinels = (0..<Int32(count)).map { Int32(blocks) + $0 }
    next = Array(repeating: -1, count: blocks) + sentinels
    previous = next
    counts = Array(repeating: 0, count: count)
  }

  /// The list that holds a block, `nil` for none.
  func list(of block: Int32) -> Int? {
    let list = lists[Int(block)]
    return list < 0 ? nil : Int(list)
  }

  /// The least recent block of a list, `nil` of an empty one.
  func last(_ list: Int) -> Int32? {
    let block = previous[Int(blocks) + list]
    return block < blocks ? block : nil
  }

  /// Takes a block out of its list, if it is in one.
  mutating func remove(_ block: Int32) {
    guard let list = list(of: block) else { return }
    let (before, after) = (previous[Int(block)], next[Int(block)])
    next[Int(before)] = after
    previous[Int(after)] = before
    lists[Int(block)] = -1
    counts[list] -= 1
  }

  /// Puts a block to the front of a list, from wherever it is.
  mutating func moveToFront(_ block: Int32, of list: Int) {
    remove(block)
    let sentinel = blocks + Int32(list)
    let first = next[Int(sentinel)]
    next[Int(sentinel)] = block
    previous[Int(block)] = sentinel
    next[Int(block)] = first
    previous[Int(first)] = block
    lists[Int(block)] = Int8(list)
    counts[list] += 1
  }
}

/// A cache that drops the block that was not used for longest.
struct LRUCache: Sendable {
  private let capacity: Int
  private var blocks: LinkedBlocks

  /// - Parameter blocks: Distinct blocks, numbered from 0.
  init(capacity: Int, blocks count: Int) {
    precondition(capacity > 0, "LRUCache of \(capacity) blocks")
    self.capacity = capacity
    blocks = LinkedBlocks(lists: 1, blocks: count)
  }

  func contains(_ block: Int32) -> Bool { blocks.list(of: block) != nil }

  mutating func use(_ block: Int32) {
    blocks.moveToFront(block, of: 0)
    if blocks.counts[0] > capacity, let last = blocks.last(0) { blocks.remove(last) }
  }
}
