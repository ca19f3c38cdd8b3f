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
/// Several blocks may hold the same key: a request that was not allowed to hit a block computes it again, and both
/// stay. They stand in a ring from oldest to newest; the oldest is the one that is hit.
///
/// - Complexity: O(1) for each block taken, hit, cached or released.
/// - Source: vLLM V1, as its recorded step traces show it.
public struct CachedBlockPool: Sendable {
  private final class Token: Sendable {}

  /// Blocks in the pool, the null block included.
  public let capacity: Int
  public let freeQueueRule: FreeQueueRule
  var records: PlainRows<Record>
  /// None before the first key that two blocks hold.
  var rings = PlainRows(repeating: Ring(older: 0, newer: 0), count: 0)
  var queue: FreeBlocks
  var runs = TokenRuns()
  /// Shared by copies that have not changed since.
  private var token = Token()
  public internal(set) var freeCount: Int
  /// Blocks that hold a key.
  public internal(set) var cachedCount = 0
  /// Blocks that hold a key and have no reference: free, but worth something.
  public internal(set) var unreferencedCachedCount = 0
  /// Keys taken from blocks since the start.
  public internal(set) var evictionCount = 0

  /// Makes a pool of `capacity` − 1 free blocks and the null block.
  public init(
    capacity: Int, freeQueueRule: FreeQueueRule, evictionPolicy: EvictionPolicy = .lru
  ) {
    precondition(
      capacity >= 1 && capacity <= Int(Int32.max) / 4, "CachedBlockPool of \(capacity) blocks")
    self.capacity = capacity
    self.freeQueueRule = freeQueueRule
    records = PlainRows(zeroed: Record(), count: capacity)
    queue = FreeBlocks(capacity: capacity, policy: evictionPolicy)
    freeCount = capacity - 1
  }

  /// Gives this value memory of its own, if it shares some with a copy.
  @inline(__always)
  mutating func makeUnique() {
    if !isKnownUniquelyReferenced(&token) { detach() }
  }

  private mutating func detach() {
    token = Token()
    records.detach()
    rings.detach()
    queue.detach()
    runs.detach()
  }

  /// Blocks that requests can use, free and held.
  @inlinable public var usableCount: Int { capacity - 1 }
  /// Blocks that requests hold.
  @inlinable public var heldCount: Int { usableCount - freeCount }
  /// The free blocks in the order in which they will be taken.
  public var freeQueue: [BlockID] { queue.blocks }

  /// How many sequences hold a block that holds a key.
  public func referenceCount(of block: BlockID) -> Int { records[Int(block)].references }

  public func isCached(_ block: BlockID) -> Bool { records[Int(block)].key.run != 0 }

  // MARK: Keys

  /// Gives a run of tokens a number for a sequence that it is part of, the same one for every such sequence.
  ///
  /// - Parameter blocks: Blocks of the sequence that end in it.
  public mutating func enter(_ identity: RunIdentity, blocks: Int) -> Int32 {
    makeUnique()
    return runs.enter(identity, blocks: blocks)
  }

  /// Lets go of a run for a sequence that was given its number.
  public mutating func leave(_ run: Int32) {
    makeUnique()
    runs.leave(run)
  }

  /// The block that a look-up of `key` hits: the oldest one that holds it.
  public func cachedBlock(for key: BlockKey) -> BlockID? {
    let block = runs.places(from: key).pointee
    return block != 0 ? block : nil
  }

  /// Looks up the blocks of a sequence up to the first whose key nobody holds.
  ///
  /// - Parameters:
  ///   - spans: What the sequence consists of; at least `limit` blocks.
  ///   - limit: Most blocks that may be found.
  ///   - hits: Emptied, then filled with the blocks found.
  /// - Returns: How many of those have no reference.
  func lookUp(_ spans: [BlockSpan], limit: Int, hits: inout [BlockID]) -> Int {
    hits.removeAll(keepingCapacity: true)
    var free = 0
    for span in spans {
      let wanted = span.blocks(in: 0..<limit).count
      let places = runs.places(from: BlockKey(run: span.run, index: 0))
      var found = 0
      while found < wanted, places[found] != 0 {
        if records[Int(places[found])].references == 0 { free += 1 }
        found += 1
      }
      hits += UnsafeBufferPointer(start: places, count: found)
      if found < span.count { break }
    }
    return free
  }

  // MARK: Taking and giving back

  /// Takes as many blocks from the head of the queue as `taken` has places; what they cached is lost.
  ///
  /// - Parameter evicted: Gets those that held a key, in order.
  /// - Precondition: As many are free; callers ask before they take.
  public mutating func take(
    into taken: UnsafeMutableBufferPointer<BlockID>, evicted: inout [BlockID]
  ) {
    precondition(
      taken.count <= freeCount, "CachedBlockPool: \(taken.count) blocks of \(freeCount) free ones")
    makeUnique()
    queue.removeFirst(into: taken)
    freeCount -= taken.count
    if unreferencedCachedCount > 0 { removeKeys(of: taken, &evicted) }
  }

  /// Adds a reference to each of these cached blocks, and fetches those back from the queue that had none.
  ///
  /// - Returns: How many were free.
  @discardableResult
  public mutating func hit(_ hits: [BlockID]) -> Int {
    makeUnique()
    var free = 0
    for block in hits {
      let record = records.pointer(to: Int(block))
      precondition(
        record.pointee.key.run != 0, "CachedBlockPool.hit: block \(block) is not cached")
      let isFree = record.pointee.references == 0
      queue.hit(block, isFree: isFree, at: record.pointee.place)
      if isFree { free += 1 }
      record.pointee.addReference()
    }
    freeCount -= free
    unreferencedCachedCount -= free
    return free
  }

  /// Gives held blocks their keys, this one and those that follow it in its run; from now on they can be hit.
  public mutating func cache(_ held: UnsafeBufferPointer<BlockID>, from key: BlockKey) {
    makeUnique()
    let places = runs.places(from: key)
    for index in held.indices {
      setKey(
        BlockKey(run: key.run, index: key.index &+ Int32(truncatingIfNeeded: index)),
        of: held[index], at: places + index)
    }
    runs.hold(key.run, times: held.count)
    cachedCount += held.count
  }

  @inline(__always)
  mutating func setKey(
    _ key: BlockKey, of block: BlockID, at place: UnsafeMutablePointer<BlockID>
  ) {
    let record = records.pointer(to: Int(block))
    precondition(
      record.pointee.key.run == 0, "CachedBlockPool.cache: block \(block) holds a key already")
    record.pointee = Record(heldWith: key)
    if place.pointee == 0 { place.pointee = block } else { joinRing(block, of: place.pointee) }
  }

  /// Gives back the blocks of a block table, given first to last: first those that hold a key, then the others.
  ///
  /// The last block of the table becomes the first to be used again: cached blocks queue up last to
  /// first, so that the end of a sequence is evicted before its beginning, and unhashed ones stand
  /// in the same order before everything else (or behind, by ``FreeQueueRule``).
  ///
  /// - Parameter cached: Those that hold a key.
  /// - Returns: How many blocks became free.
  public mutating func release(_ table: UnsafeBufferPointer<BlockID>, cached: Int) -> Int {
    makeUnique()
    let unhashed = table.count - cached
    precondition(
      unhashed <= heldCount, "CachedBlockPool.release: \(unhashed) blocks, \(heldCount) are held")
    let records = records.pointer(to: 0)
    func note(_ block: BlockID, _ place: Int32) { records[Int(block)].place = place }
    let withoutKey = UnsafeBufferPointer(rebasing: table[cached...])
    queue.add(unhashed: withoutKey, atHead: freeQueueRule == .unhashedFirst, note)
    let freed = queue.add(cached: UnsafeBufferPointer(rebasing: table[..<cached]), note) { block in
      let record = records + Int(block)
      precondition(
        record.pointee.references > 0 && record.pointee.key.run != 0,
        "CachedBlockPool.release: block \(block) is free or holds no key")
      record.pointee.dropReference()
      return record.pointee.references == 0
    }
    freeCount += freed + unhashed
    unreferencedCachedCount += freed
    return freed + unhashed
  }
}
