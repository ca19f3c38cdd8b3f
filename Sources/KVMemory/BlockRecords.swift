/// What a pool knows of one of its blocks, in 32 bytes: what is done to a block touches half a line of the cache.
struct BlockRecord: Sendable {
  /// Of a block that holds one.
  var key = BlockKey.root
  /// Its neighbours in the queue of free blocks.
  var next: BlockID
  var previous: BlockID
  var references: Int32 = 0
  var content = Content.none

  /// Whether the block can be found by its key.
  enum Content: UInt8, Sendable {
    /// It holds no key.
    case none
    /// No other block holds its key.
    case unique
    /// It stands in a ring with other blocks that hold its key.
    case repeated
  }
}

/// The blocks of a pool with a prefix cache: a queue of those that are free, and a map from keys to those that hold
/// them, over one array of records.
///
///     queue    head ▶ | 3 | ⇄ | 4 | ⇄ … ⇄ | 2 | ⇄ | 1 | ◀ tail     block 0 closes the ring
///
/// Several blocks may hold the same key: a request that was not allowed to hit a block computes it again, and both
/// stay. They stand in a ring from oldest to newest; the oldest is the one that is hit.
///
///     heads    | · | 5 | · | 7 | · | …      the blocks 5 and 8 have keys of one hash; 5 came last
///                    │
///     chained        5 → 8                  8 is the oldest block of its key
///                        ⇅
///     ring             | 8 | ⇄ | 9 | ⇄ | 2 | ⇄ (8)  9 and 2 hold the same key
///
/// There are four times as many heads as blocks, so that most chains have one block, and a head of 0 is an empty one:
/// block 0 never holds a key. Heads take memory from the first key on, rings from the first repeated one on.
///
/// A value like any other: whoever changes one calls ``makeUnique()`` before, once for all that is done to a block.
/// Arrays would look at who owns them at every single write, which took an eighth of the time of multi-turn
/// chats.
///
/// - Complexity: O(1) for every operation but the lists of blocks, expected over the hashes.
struct BlockRecords: @unchecked Sendable {
  /// The neighbours of a block among those of its key.
  private struct Ring {
    var older: BlockID
    var newer: BlockID
  }

  /// The memory of the four tables, freed with the last value that refers to it.
  private final class Memory {
    let records: UnsafeMutableBufferPointer<BlockRecord>
    var heads: UnsafeMutableBufferPointer<BlockID>
    var chained: UnsafeMutableBufferPointer<BlockID>
    var rings: UnsafeMutableBufferPointer<Ring>

    init(
      records: UnsafeMutableBufferPointer<BlockRecord>, heads: UnsafeMutableBufferPointer<BlockID>,
      chained: UnsafeMutableBufferPointer<BlockID>, rings: UnsafeMutableBufferPointer<Ring>
    ) {
      self.records = records
      self.heads = heads
      self.chained = chained
      self.rings = rings
    }

    deinit {
      records.deallocate()
      heads.deallocate()
      chained.deallocate()
      rings.deallocate()
    }
  }

  private var memory: Memory
  /// The tables in `memory`.
  private var records: UnsafeMutableBufferPointer<BlockRecord>
  private var heads = UnsafeMutableBufferPointer<BlockID>(start: nil, count: 0)
  private var chained = UnsafeMutableBufferPointer<BlockID>(start: nil, count: 0)
  private var rings = UnsafeMutableBufferPointer<Ring>(start: nil, count: 0)
  /// Blocks in the queue.
  private(set) var freeCount: Int
  /// Blocks that hold a key.
  private(set) var cachedCount = 0

  /// Makes a queue of the blocks 1 to `capacity` − 1, in this order.
  init(capacity: Int) {
    let last = Int32(capacity) - 1
    records = .allocate(capacity: capacity)
    for block in 0...last {
      records.initializeElement(
        at: Int(block),
        to: BlockRecord(
          next: block == last ? 0 : block + 1, previous: block == 0 ? last : block - 1))
    }
    memory = Memory(records: records, heads: heads, chained: chained, rings: rings)
    freeCount = capacity - 1
  }

  /// Gives this value tables of its own, if it shares them with a copy.
  @inline(__always)
  mutating func makeUnique() {
    if !isKnownUniquelyReferenced(&memory) { copyTables() }
  }

  private mutating func copyTables() {
    func copy<T>(_ table: UnsafeMutableBufferPointer<T>) -> UnsafeMutableBufferPointer<T> {
      let copy = UnsafeMutableBufferPointer<T>.allocate(capacity: table.count)
      _ = copy.initialize(from: table)
      return copy
    }
    records = copy(records)
    heads = copy(heads)
    chained = copy(chained)
    rings = copy(rings)
    memory = Memory(records: records, heads: heads, chained: chained, rings: rings)
  }

  @inline(__always)
  private func record(_ block: BlockID) -> UnsafeMutablePointer<BlockRecord> {
    // A pool has a block at least.
    records.baseAddress.unsafelyUnwrapped + Int(block)
  }

  func isCached(_ block: BlockID) -> Bool { records[Int(block)].content != .none }

  func references(of block: BlockID) -> Int32 { records[Int(block)].references }

  /// Sets how many references a block has.
  @inline(__always)
  mutating func setReferences(_ references: Int32, of block: BlockID) {
    records[Int(block)].references = references
  }

  /// All blocks that hold a key, by number.
  ///
  /// - Complexity: O(capacity).
  var cachedBlocks: [BlockID] {
    records.indices.filter { records[$0].content != .none }.map { BlockID($0) }
  }

  // MARK: The queue

  /// Takes as many blocks from the head as `taken` has places, each with one reference; who holds a key loses it.
  ///
  /// - Parameter evicted: Gets the blocks that held one, in order.
  /// - Precondition: As many are in the queue.
  mutating func takeFirst(
    into taken: UnsafeMutableBufferPointer<BlockID>, evicted: inout [BlockID]
  ) {
    precondition(
      taken.count <= freeCount, "BlockRecords: \(taken.count) blocks of \(freeCount) free")
    var block = records[0].next
    for place in taken.indices {
      let record = record(block)
      if record.pointee.content != .none {
        removeKey(of: block)
        evicted.append(block)
      }
      record.pointee.references = 1
      taken[place] = block
      block = record.pointee.next
    }
    records[0].next = block
    records[Int(block)].previous = 0
    freeCount -= taken.count
  }

  /// Drops one reference to each of these blocks, last to first; who has none left joins the tail of the queue.
  ///
  /// - Parameter keepsUnhashedFirst: Whether those that hold no key join it at the head instead, the last of them foremost.
  /// - Returns: How many have none left, and how many of those hold a key.
  mutating func release(
    _ released: UnsafeBufferPointer<BlockID>, keepsUnhashedFirst: Bool
  ) -> (freed: Int, cached: Int) {
    var tail = records[0].previous
    var (appended, cached, unhashed) = (0, 0, 0)
    for block in released.reversed() {
      let record = record(block)
      precondition(record.pointee.references > 0, "BlockRecords.release: block \(block) is free")
      record.pointee.references -= 1
      guard record.pointee.references == 0 else { continue }
      if record.pointee.content != .none {
        cached += 1
      } else if keepsUnhashedFirst {
        unhashed += 1
        continue
      }
      records[Int(tail)].next = block
      record.pointee.previous = tail
      tail = block
      appended += 1
    }
    records[Int(tail)].next = 0
    records[0].previous = tail
    freeCount += appended
    // An unhashed block has one holder, so it is free now; prepending from the first on leaves the
    // last one at the head.
    if unhashed > 0 {
      for block in released where records[Int(block)].content == .none { prepend(block) }
    }
    return (appended + unhashed, cached)
  }

  @inline(__always)
  mutating func remove(_ block: BlockID) {
    precondition(freeCount > 0 && block != 0, "BlockRecords.remove: block \(block) is not free")
    let (next, previous) = (records[Int(block)].next, records[Int(block)].previous)
    records[Int(previous)].next = next
    records[Int(next)].previous = previous
    freeCount -= 1
  }

  private mutating func prepend(_ block: BlockID) {
    let next = records[0].next
    records[0].next = block
    records[Int(block)].next = next
    records[Int(block)].previous = 0
    records[Int(next)].previous = block
    freeCount += 1
  }

  /// All blocks of the queue, head first.
  ///
  /// - Complexity: O(blocks in the queue).
  var freeBlocks: [BlockID] {
    var blocks: [BlockID] = []
    blocks.reserveCapacity(freeCount)
    var block = records[0].next
    while block != 0 {
      blocks.append(block)
      block = records[Int(block)].next
    }
    return blocks
  }

  // MARK: The map

  /// The oldest block that holds `key`.
  @inline(__always)
  func block(for key: BlockKey) -> BlockID? {
    guard cachedCount > 0 else { return nil }
    var block = heads[head(of: key)]
    while block != 0, records[Int(block)].key != key { block = chained[Int(block)] }
    return block != 0 ? block : nil
  }

  /// Gives a block that holds no key this one.
  mutating func setKey(_ key: BlockKey, of block: BlockID) {
    if heads.isEmpty { allocateMap() }
    precondition(
      records[Int(block)].content == .none, "BlockRecords: block \(block) holds a key already")
    let oldest = self.block(for: key)
    cachedCount += 1
    records[Int(block)].key = key
    if let oldest { return joinRing(block, of: oldest) }
    let head = head(of: key)
    records[Int(block)].content = .unique
    chained[Int(block)] = heads[head]
    heads[head] = block
  }

  /// Takes the key from a block that holds one.
  mutating func removeKey(of block: BlockID) {
    let record = record(block)
    precondition(record.pointee.content != .none, "BlockRecords: block \(block) holds no key")
    cachedCount -= 1
    let head = head(of: record.pointee.key)
    var successor = chained[Int(block)]
    if record.pointee.content == .repeated {
      let ring = rings[Int(block)]
      rings[Int(ring.older)].newer = ring.newer
      rings[Int(ring.newer)].older = ring.older
      if ring.older == ring.newer { records[Int(ring.newer)].content = .unique }
      if isChained(block, at: head) {
        chained[Int(ring.newer)] = successor
        successor = ring.newer
      }
    }
    record.pointee.content = .none
    unchain(block, at: head, for: successor)
  }

  private func isChained(_ block: BlockID, at head: Int) -> Bool {
    var place = heads[head]
    while place != 0, place != block { place = chained[Int(place)] }
    return place == block
  }

  /// Puts another block, or the end, in the place of one; nothing if that is a younger one of its key, which is in no
  /// chain.
  @inline(__always)
  private mutating func unchain(_ block: BlockID, at head: Int, for successor: BlockID) {
    var place = heads[head]
    if place == block {
      heads[head] = successor
      return
    }
    while place != 0 {
      let next = chained[Int(place)]
      if next == block { chained[Int(place)] = successor }
      place = next == block ? 0 : next
    }
  }

  /// Puts a block behind the newest of the ring that begins with `oldest`.
  private mutating func joinRing(_ block: BlockID, of oldest: BlockID) {
    if rings.isEmpty { allocateRings() }
    if records[Int(oldest)].content == .unique {
      records[Int(oldest)].content = .repeated
      rings[Int(oldest)] = Ring(older: oldest, newer: oldest)
    }
    let newest = rings[Int(oldest)].older
    rings[Int(block)] = Ring(older: newest, newer: oldest)
    rings[Int(newest)].newer = block
    rings[Int(oldest)].older = block
    records[Int(block)].content = .repeated
  }

  private mutating func allocateMap() {
    heads = .allocate(capacity: 1 << (Int.bitWidth - (4 * records.count).leadingZeroBitCount))
    heads.initialize(repeating: 0)
    chained = .allocate(capacity: records.count)
    chained.initialize(repeating: 0)
    memory.heads = heads
    memory.chained = chained
  }

  private mutating func allocateRings() {
    rings = .allocate(capacity: records.count)
    rings.initialize(repeating: Ring(older: -1, newer: -1))
    memory.rings = rings
  }

  @inline(__always)
  private func head(of key: BlockKey) -> Int { Int(key.hash) & (heads.count - 1) }
}
