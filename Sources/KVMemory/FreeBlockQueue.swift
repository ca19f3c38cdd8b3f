/// The free blocks of a pool in the order in which they will be used again: a list linked in
/// both directions.
///
///     head ▶ | 3 | ⇄ | 4 | ⇄ … ⇄ | 2 | ⇄ | 1 | ◀ tail     block 0 closes the ring
///
/// - Complexity: O(1) for every change, taking a block out of the middle included.
struct FreeBlockQueue: Sendable {
  /// The neighbours of a block, side by side because they change together.
  private struct Links {
    var next: BlockID
    var previous: BlockID
  }

  private var links: [Links]
  private(set) var count: Int

  /// The ring's own place, the null block.
  private static let ring = 0

  /// Makes the queue of the blocks 1 to `capacity` − 1, in this order.
  init(capacity: Int) {
    let last = Int32(capacity) - 1
    links = (0...last).map { block in
      Links(next: block == last ? 0 : block + 1, previous: block == 0 ? last : block - 1)
    }
    count = capacity - 1
  }

  /// Takes the block at the head.
  ///
  /// - Precondition: The queue is not empty.
  mutating func removeFirst() -> BlockID {
    precondition(count > 0, "FreeBlockQueue.removeFirst: no block is free")
    let block = links[Self.ring].next
    let second = links[Int(block)].next
    links[Self.ring].next = second
    links[Int(second)].previous = BlockID(Self.ring)
    count -= 1
    return block
  }

  mutating func remove(_ block: BlockID) {
    precondition(count > 0 && block != 0, "FreeBlockQueue.remove: block \(block) of \(count) free")
    let around = links[Int(block)]
    links[Int(around.previous)].next = around.next
    links[Int(around.next)].previous = around.previous
    count -= 1
  }

  mutating func append(_ block: BlockID) {
    let last = links[Self.ring].previous
    links[Int(last)].next = block
    links[Int(block)] = Links(next: BlockID(Self.ring), previous: last)
    links[Self.ring].previous = block
    count += 1
  }

  mutating func prepend(_ block: BlockID) {
    let first = links[Self.ring].next
    links[Int(first)].previous = block
    links[Int(block)] = Links(next: first, previous: BlockID(Self.ring))
    links[Self.ring].next = block
    count += 1
  }

  /// All blocks, head first.
  ///
  /// - Complexity: O(blocks in the queue).
  var blocks: [BlockID] {
    var blocks: [BlockID] = []
    blocks.reserveCapacity(count)
    var block = links[Self.ring].next
    while block != 0 {
      blocks.append(block)
      block = links[Int(block)].next
    }
    return blocks
  }
}
