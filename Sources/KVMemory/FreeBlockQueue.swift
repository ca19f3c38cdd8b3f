/// The free blocks of a pool in the order in which they will be used again: a list linked in
/// both directions.
///
///     head ▶ | 3 | ⇄ | 4 | ⇄ … ⇄ | 2 | ⇄ | 1 | ◀ tail     block 0 closes the ring
///
/// - Complexity: O(1) for every change, taking a block out of the middle included.
struct FreeBlockQueue: Sendable {
  private var next: [BlockID]
  private var previous: [BlockID]
  private(set) var count: Int

  /// The ring's own place, the null block.
  private static let ring = 0

  /// Makes the queue of the blocks 1 to `capacity` − 1, in this order.
  init(capacity: Int) {
    let last = Int32(capacity) - 1
    next = (0..<Int32(capacity)).map { $0 == last ? 0 : $0 + 1 }
    previous = (0..<Int32(capacity)).map { $0 == 0 ? last : $0 - 1 }
    count = capacity - 1
  }

  /// Takes the block at the head.
  ///
  /// - Precondition: The queue is not empty.
  mutating func removeFirst() -> BlockID {
    let block = next[Self.ring]
    remove(block)
    return block
  }

  mutating func remove(_ block: BlockID) {
    precondition(count > 0 && block != 0, "FreeBlockQueue.remove: block \(block) of \(count) free")
    let after = next[Int(block)]
    let before = previous[Int(block)]
    next[Int(before)] = after
    previous[Int(after)] = before
    count -= 1
  }

  mutating func prepend(_ block: BlockID) { insert(block, after: BlockID(Self.ring)) }

  mutating func append(_ block: BlockID) { insert(block, after: previous[Self.ring]) }

  private mutating func insert(_ block: BlockID, after before: BlockID) {
    let after = next[Int(before)]
    next[Int(before)] = block
    previous[Int(block)] = before
    next[Int(block)] = after
    previous[Int(after)] = block
    count += 1
  }

  /// All blocks, head first.
  ///
  /// - Complexity: O(blocks in the queue).
  var blocks: [BlockID] {
    var blocks: [BlockID] = []
    blocks.reserveCapacity(count)
    var block = next[Self.ring]
    while block != 0 {
      blocks.append(block)
      block = next[Int(block)]
    }
    return blocks
  }
}
