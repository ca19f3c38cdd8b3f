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

  /// Takes the block at the head of the queue, with one reference; what it cached is lost.
  ///
  /// - Parameter evicted: Gets the block's number if it held a key.
  /// - Precondition: ``freeCount`` is positive; callers ask before they take.
  public mutating func take(evicted: inout [BlockID]) -> BlockID {
    precondition(freeCount > 0, "CachedBlockPool.take: all \(usableCount) blocks are held")
    blocks.makeUnique()
    let block = blocks.removeFirst()
    if blocks.isCached(block) {
      blocks.removeKey(of: block)
      unreferencedCachedCount -= 1
      evictionCount += 1
      evicted.append(block)
    }
    blocks.setReferences(1, of: block)
    return block
  }

  /// Adds a reference to a cached block, and fetches it back from the queue if it had none.
  ///
  /// - Returns: Whether it was free.
  @discardableResult
  public mutating func hit(_ block: BlockID) -> Bool {
    blocks.makeUnique()
    let record = blocks[block]
    precondition(record.content != .none, "CachedBlockPool.hit: block \(block) is not cached")
    let wasFree = record.references == 0
    if wasFree {
      blocks.remove(block)
      unreferencedCachedCount -= 1
    }
    blocks.setReferences(record.references + 1, of: block)
    return wasFree
  }

  /// Gives a held block its key; from now on it can be hit.
  public mutating func cache(_ block: BlockID, key: BlockKey) {
    precondition(
      blocks.references(of: block) > 0, "CachedBlockPool.cache: block \(block) is free")
    blocks.makeUnique()
    blocks.setKey(key, of: block)
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
    let before = freeCount
    let keepsUnhashedFirst = freeQueueRule == .unhashedFirst
    var hasUnhashed = false
    for block in table.reversed() {
      let record = blocks[block]
      precondition(record.references > 0, "CachedBlockPool.release: block \(block) is free")
      blocks.setReferences(record.references - 1, of: block)
      guard record.references == 1 else { continue }
      if record.content != .none {
        unreferencedCachedCount += 1
        blocks.append(block)
      } else if keepsUnhashedFirst {
        hasUnhashed = true
      } else {
        blocks.append(block)
      }
    }
    // An unhashed block has one holder, so it is free now; prepending from the first on leaves the
    // last one at the head.
    if hasUnhashed {
      for block in table where !blocks.isCached(block) { blocks.prepend(block) }
    }
    return freeCount - before
  }
}
