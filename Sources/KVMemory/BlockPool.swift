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
  /// References to a held block beyond the first: 0, but for blocks that are shared. Nobody looks while none is.
  private(set) var furtherReferences: [Int32]
  public private(set) var freeCount: Int
  /// Blocks that more than one block table holds.
  public private(set) var sharedCount = 0

  /// Makes a pool of `capacity` free blocks.
  public init(capacity: Int) {
    precondition(capacity >= 0 && capacity <= Int(Int32.max), "BlockPool of \(capacity) blocks")
    self.capacity = capacity
    stack = Array(0..<Int32(capacity))
    furtherReferences = Array(repeating: 0, count: capacity)
    freeCount = capacity
  }

  public var heldCount: Int { capacity - freeCount }

  /// The free blocks from the bottom of the stack to the top.
  public var freeStack: [BlockID] { Array(stack[..<freeCount]) }

  /// How many block tables hold `block`, which is not free.
  public func referenceCount(of block: BlockID) -> Int { 1 + Int(furtherReferences[Int(block)]) }

  /// Takes a free block, with one reference.
  ///
  /// - Precondition: ``freeCount`` is positive; callers ask before they take.
  public mutating func take() -> BlockID {
    precondition(freeCount > 0, "BlockPool.take: all \(capacity) blocks are held")
    freeCount -= 1
    return stack[freeCount]
  }

  /// Takes as many blocks as `blocks` has places, the first one first.
  ///
  /// - Precondition: As many are free.
  mutating func take(into blocks: UnsafeMutableBufferPointer<BlockID>) {
    precondition(
      blocks.count <= freeCount, "BlockPool.take: \(blocks.count) blocks, \(freeCount) are free")
    let top = freeCount - 1
    stack.withUnsafeMutableBufferPointer { stack in
      var index = 0
      while index < blocks.count {
        blocks[index] = stack[top &- index]
        index &+= 1
      }
    }
    freeCount -= blocks.count
  }

  /// A pool from which blocks are taken one by one.
  struct Taker {
    fileprivate let stack: UnsafeBufferPointer<BlockID>
    fileprivate(set) var freeCount: Int

    /// As ``BlockPool/take()``.
    @inline(__always)
    mutating func take() -> BlockID {
      precondition(freeCount > 0, "BlockPool.take: all blocks are held")
      freeCount &-= 1
      return stack[freeCount]
    }
  }

  /// Takes blocks one by one. An array that is only read would be retained meanwhile.
  @inline(__always)
  mutating func takeSome(_ body: (inout Taker) -> Void) {
    let freeCount = freeCount
    self.freeCount = stack.withUnsafeMutableBufferPointer { stack in
      var taker = Taker(stack: UnsafeBufferPointer(stack), freeCount: freeCount)
      body(&taker)
      return taker.freeCount
    }
  }

  /// Adds one reference to a held block.
  public mutating func share(_ block: BlockID) {
    precondition(freeCount < capacity, "BlockPool.share: block \(block), and all are free")
    if furtherReferences[Int(block)] == 0 { sharedCount += 1 }
    furtherReferences[Int(block)] += 1
  }

  /// Drops one reference to a held block, and frees the block when it was the last.
  ///
  /// - Returns: Whether the block became free.
  @discardableResult
  public mutating func give(_ block: BlockID) -> Bool {
    precondition(freeCount < capacity, "BlockPool.give: block \(block), and all are free already")
    if sharedCount > 0, furtherReferences[Int(block)] > 0 {
      furtherReferences[Int(block)] -= 1
      if furtherReferences[Int(block)] == 0 { sharedCount -= 1 }
      return false
    }
    stack[freeCount] = block
    freeCount += 1
    return true
  }

  /// Frees blocks that nobody shares, the first one first.
  mutating func give(unshared blocks: UnsafeBufferPointer<BlockID>) {
    precondition(
      blocks.count <= heldCount, "BlockPool.give: \(blocks.count) blocks, \(heldCount) are held")
    guard let first = blocks.baseAddress else { return }
    let top = freeCount
    stack.withUnsafeMutableBufferPointer { stack in
      (stack.baseAddress.unsafelyUnwrapped + top).update(from: first, count: blocks.count)
    }
    freeCount += blocks.count
  }
}
