/// The number of a physical KV block in its pool.
package typealias BlockID = Int32

/// The physical blocks of one memory (device or host): which are free, and how often each is referenced.
///
/// Free blocks form a stack: the block given back last is taken first. A new pool hands out its highest
/// block first.
///
///     free   | 0 | 1 | 2 | … | N-1 |  ← take() pops here, give(_:) pushes here
///
/// - Complexity: O(1) for every operation.
/// - Source: the free lists of the SOSP'23 artifact and of vLLM 0.2, which are the same.
package struct BlockPool: Sendable {
  /// Blocks in the pool, free and held.
  package let capacity: Int
  private var free: [BlockID]
  private var references: [Int32]
  /// Blocks that more than one block table holds.
  package private(set) var sharedCount = 0

  /// Makes a pool of `capacity` free blocks.
  package init(capacity: Int) {
    precondition(capacity >= 0 && capacity <= Int(Int32.max), "BlockPool of \(capacity) blocks")
    self.capacity = capacity
    free = (0..<Int32(capacity)).map { $0 }
    references = Array(repeating: 0, count: capacity)
  }

  package var freeCount: Int { free.count }

  package var heldCount: Int { capacity - free.count }

  /// The free blocks from the bottom of the stack to the top.
  package var freeStack: [BlockID] { free }

  /// How many block tables hold `block`; 0 for a free one.
  package func referenceCount(of block: BlockID) -> Int { Int(references[Int(block)]) }

  /// Takes a free block, with one reference.
  ///
  /// - Precondition: ``freeCount`` is positive; callers ask before they take.
  package mutating func take() -> BlockID {
    guard let block = free.popLast() else {
      preconditionFailure("BlockPool.take: all \(capacity) blocks are held")
    }
    references[Int(block)] = 1
    return block
  }

  /// Adds one reference to a held block.
  package mutating func share(_ block: BlockID) {
    let count = references[Int(block)]
    precondition(count > 0, "BlockPool.share: block \(block) is free")
    if count == 1 { sharedCount += 1 }
    references[Int(block)] = count + 1
  }

  /// Drops one reference to a held block, and frees the block when it was the last.
  ///
  /// - Returns: Whether the block became free.
  @discardableResult
  package mutating func give(_ block: BlockID) -> Bool {
    let count = references[Int(block)]
    precondition(count > 0, "BlockPool.give: block \(block) is free already")
    references[Int(block)] = count - 1
    if count == 2 { sharedCount -= 1 }
    guard count == 1 else { return false }
    free.append(block)
    return true
  }
}
