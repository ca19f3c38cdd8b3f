/// The number of a physical KV block in its pool.
public typealias BlockID = Int32

/// The physical blocks of one memory (device or host): which are free, and how often each is referenced.
///
/// Free blocks form a stack: the block given back last is taken first. A new pool hands out its highest
/// block first.
///
///     free   | 0 | 1 | 2 | … | N-1 |  ← take() pops here, give(_:) pushes here
///
/// - Complexity: O(1) for every operation.
/// - Source: the free lists of the SOSP'23 artifact and of vLLM 0.2, which are the same.
public struct BlockPool: Sendable {
  /// Blocks in the pool, free and held.
  public let capacity: Int
  /// The stack of free blocks; what lies above ``freeCount`` is left over.
  private var stack: [BlockID]
  private var references: [Int32]
  public private(set) var freeCount: Int
  /// Blocks that more than one block table holds.
  public private(set) var sharedCount = 0

  /// Makes a pool of `capacity` free blocks.
  public init(capacity: Int) {
    precondition(capacity >= 0 && capacity <= Int(Int32.max), "BlockPool of \(capacity) blocks")
    self.capacity = capacity
    stack = Array(0..<Int32(capacity))
    references = Array(repeating: 0, count: capacity)
    freeCount = capacity
  }

  public var heldCount: Int { capacity - freeCount }

  /// The free blocks from the bottom of the stack to the top.
  public var freeStack: [BlockID] { Array(stack[..<freeCount]) }

  /// How many block tables hold `block`; 0 for a free one.
  public func referenceCount(of block: BlockID) -> Int { Int(references[Int(block)]) }

  /// Takes a free block, with one reference.
  ///
  /// - Precondition: ``freeCount`` is positive; callers ask before they take.
  public mutating func take() -> BlockID {
    precondition(freeCount > 0, "BlockPool.take: all \(capacity) blocks are held")
    freeCount -= 1
    let block = stack[freeCount]
    references[Int(block)] = 1
    return block
  }

  /// Takes as many blocks as `blocks` has places, the first one first.
  ///
  /// - Precondition: As many are free.
  mutating func take(into blocks: UnsafeMutableBufferPointer<BlockID>) {
    precondition(
      blocks.count <= freeCount, "BlockPool.take: \(blocks.count) blocks, \(freeCount) are free")
    var top = freeCount
    stack.withUnsafeBufferPointer { stack in
      references.withUnsafeMutableBufferPointer { references in
        for index in blocks.indices {
          top -= 1
          let block = stack[top]
          references[Int(block)] = 1
          blocks[index] = block
        }
      }
    }
    freeCount = top
  }

  /// A pool from which blocks are taken, whose storage was made its own once.
  struct Taker {
    fileprivate let stack: UnsafeBufferPointer<BlockID>
    fileprivate let references: UnsafeMutableBufferPointer<Int32>
    fileprivate(set) var freeCount: Int

    /// As ``BlockPool/take()``.
    @inline(__always)
    mutating func take() -> BlockID {
      precondition(freeCount > 0, "BlockPool.take: all blocks are held")
      freeCount -= 1
      let block = stack[freeCount]
      references[Int(block)] = 1
      return block
    }
  }

  /// Takes blocks one by one, with one look at who owns the storage.
  @inline(__always)
  mutating func takeSome(_ body: (inout Taker) -> Void) {
    stack.withUnsafeBufferPointer { stack in
      references.withUnsafeMutableBufferPointer { references in
        var taker = Taker(stack: stack, references: references, freeCount: freeCount)
        body(&taker)
        freeCount = taker.freeCount
      }
    }
  }

  /// Adds one reference to a held block.
  public mutating func share(_ block: BlockID) {
    let count = references[Int(block)]
    precondition(count > 0, "BlockPool.share: block \(block) is free")
    if count == 1 { sharedCount += 1 }
    references[Int(block)] = count + 1
  }

  /// Drops one reference to a held block, and frees the block when it was the last.
  ///
  /// - Returns: Whether the block became free.
  @discardableResult
  public mutating func give(_ block: BlockID) -> Bool {
    let count = references[Int(block)]
    precondition(count > 0, "BlockPool.give: block \(block) is free already")
    references[Int(block)] = count - 1
    if count == 2 { sharedCount -= 1 }
    guard count == 1 else { return false }
    stack[freeCount] = block
    freeCount += 1
    return true
  }

  /// Frees blocks that nobody shares, the first one first.
  mutating func give(unshared blocks: UnsafeBufferPointer<BlockID>) {
    var top = freeCount
    precondition(
      blocks.count <= capacity - top, "BlockPool.give: \(blocks.count) of \(capacity - top)")
    stack.withUnsafeMutableBufferPointer { stack in
      references.withUnsafeMutableBufferPointer { references in
        for block in blocks {
          precondition(
            references[Int(block)] == 1,
            "BlockPool.give: block \(block) has \(references[Int(block)]) references, not 1")
          references[Int(block)] = 0
          stack[top] = block
          top += 1
        }
      }
    }
    freeCount = top
  }
}
