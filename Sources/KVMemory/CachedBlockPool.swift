/// Where the blocks of a request that ends or is preempted enter the queue of free blocks.
public enum FreeQueueRule: String, CaseIterable, Sendable {
  /// Blocks without a key go to the head and are used again first; cached ones go to the tail.
  /// vLLM 0.33.
  case unhashedFirst = "unhashed-first"
  /// Every block goes to the tail. vLLM 0.10.
  case allAtTail = "all-at-tail"
}

/// The physical blocks of a memory with a prefix cache: which are free, in which order they will be
/// used again, how often each is referenced, and which hold content that can be hit.
///
///     queue   head ▶ | unhashed … never used … cached, oldest first | ◀ tail
///
/// A cached block without references stays in the queue, where a hit can fetch it back. Handing it
/// out for something else takes its key: that is the eviction, so eviction order is queue order.
/// Block 0 is the null block that the engine keeps for itself: it is never free and never held by a
/// request.
///
/// - Complexity: O(1) for each block taken, hit, cached or released.
/// - Source: vLLM V1, as its recorded step traces show it.
public struct CachedBlockPool: Sendable {
  /// Blocks in the pool, the null block included.
  public let capacity: Int
  public let freeQueueRule: FreeQueueRule
  private var blocks: BlockRecords
  /// Blocks that hold a key and have no reference: free, but worth something.
  public private(set) var unreferencedCachedCount = 0
  /// Keys taken from blocks since the start.
  public private(set) var evictionCount = 0

  /// Makes a pool of `capacity` − 1 free blocks and the null block.
  public init(capacity: Int, freeQueueRule: FreeQueueRule) {
    precondition(
      capacity >= 1 && capacity <= Int(Int32.max), "CachedBlockPool of \(capacity) blocks")
    self.capacity = capacity
    self.freeQueueRule = freeQueueRule
    blocks = BlockRecords(capacity: capacity)
  }

  /// Blocks that requests can use, free and held.
  public var usableCount: Int { capacity - 1 }
  public var freeCount: Int { blocks.freeCount }
  /// Blocks that requests hold.
  public var heldCount: Int { usableCount - blocks.freeCount }
  /// The free blocks in the order in which they will be taken.
  public var freeQueue: [BlockID] { blocks.freeBlocks }
  /// Blocks that hold a key, by number.
  public var cachedBlocks: [BlockID] { blocks.cachedBlocks }
  public var cachedCount: Int { blocks.cachedCount }

  public func referenceCount(of block: BlockID) -> Int { Int(blocks.references(of: block)) }

  public func isCached(_ block: BlockID) -> Bool { blocks.isCached(block) }

  /// The block that a look-up of `key` hits: the oldest one that holds it.
  public func cachedBlock(for key: BlockKey) -> BlockID? { blocks.block(for: key) }

  /// Looks up keys up to the first that nobody holds.
  ///
  /// - Parameter hits: Gets the blocks found; as many places as keys.
  /// - Returns: How many are found, and how many of those have no reference.
  func lookUp(
    _ keys: UnsafeBufferPointer<BlockKey>, hits: UnsafeMutableBufferPointer<BlockID>
  ) -> (found: Int, free: Int) {
    var (found, free) = (0, 0)
    while found < keys.count, let block = blocks.block(for: keys[found]) {
      hits[found] = block
      found += 1
      if blocks.references(of: block) == 0 { free += 1 }
    }
    return (found, free)
  }

  /// Takes as many blocks from the head of the queue as `taken` has places, each with one reference; what they cached
  /// is lost.
  ///
  /// - Parameter evicted: Gets those that held a key, in order.
  /// - Precondition: As many are free; callers ask before they take.
  public mutating func take(
    into taken: UnsafeMutableBufferPointer<BlockID>, evicted: inout [BlockID]
  ) {
    blocks.makeUnique()
    let before = evicted.count
    blocks.takeFirst(into: taken, evicted: &evicted)
    unreferencedCachedCount -= evicted.count - before
    evictionCount += evicted.count - before
  }

  /// Adds a reference to each of these cached blocks, and fetches those back from the queue that had none.
  ///
  /// - Returns: How many were free.
  @discardableResult
  public mutating func hit(_ hits: [BlockID]) -> Int {
    blocks.makeUnique()
    var free = 0
    for block in hits {
      precondition(blocks.isCached(block), "CachedBlockPool.hit: block \(block) is not cached")
      let references = blocks.references(of: block)
      if references == 0 {
        blocks.remove(block)
        free += 1
      }
      blocks.setReferences(references + 1, of: block)
    }
    unreferencedCachedCount -= free
    return free
  }

  /// Gives held blocks their keys, one each; from now on they can be hit.
  public mutating func cache(
    _ held: UnsafeBufferPointer<BlockID>, keys: UnsafeBufferPointer<BlockKey>
  ) {
    precondition(
      held.count == keys.count, "CachedBlockPool.cache: \(held.count) blocks, \(keys.count) keys")
    blocks.makeUnique()
    for index in held.indices {
      precondition(
        blocks.references(of: held[index]) > 0,
        "CachedBlockPool.cache: block \(held[index]) is free")
      blocks.setKey(keys[index], of: held[index])
    }
  }

  /// Drops one reference to each block of a block table, given first to last.
  ///
  /// The last block of the table becomes the first to be used again: cached blocks queue up last to
  /// first, so that the end of a sequence is evicted before its beginning, and unhashed ones stand
  /// in the same order before everything else (or behind, by ``FreeQueueRule``).
  ///
  /// - Returns: How many blocks became free.
  public mutating func release(_ table: ArraySlice<BlockID>) -> Int {
    blocks.makeUnique()
    let (freed, cached) = table.withUnsafeBufferPointer {
      blocks.release($0, keepsUnhashedFirst: freeQueueRule == .unhashedFirst)
    }
    unreferencedCachedCount += cached
    return freed
  }
}
