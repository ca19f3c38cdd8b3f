/// The free blocks of a pool with a prefix cache: in the engine's own queue, or by what an ``EvictionPolicy`` says that
/// they are worth.
struct FreeBlocks: Sendable {
  private(set) var queue: FreeBlockQueue
  /// Used in place of the queue where there is one.
  private var byWorth: WorthQueue?

  init(capacity: Int, policy: EvictionPolicy) {
    queue = FreeBlockQueue(capacity: policy.worth == nil ? capacity : 1)
    byWorth = policy.worth.map { WorthQueue(capacity: capacity, worth: $0) }
  }

  /// Gives this value memory of its own.
  mutating func detach() { queue.detach() }

  /// Takes as many blocks from the head as `taken` has places.
  ///
  /// - Precondition: As many are free.
  @inline(__always)
  mutating func removeFirst(into taken: UnsafeMutableBufferPointer<BlockID>) {
    if byWorth == nil { queue.removeFirst(into: taken) } else { byWorth?.removeFirst(into: taken) }
  }

  /// Takes the block at the head.
  ///
  /// - Precondition: One is free.
  @inline(__always)
  mutating func removeFirst() -> BlockID {
    if byWorth == nil { return queue.removeFirst() }
    var block: BlockID = 0
    withUnsafeMutablePointer(to: &block) {
      byWorth?.removeFirst(into: UnsafeMutableBufferPointer(start: $0, count: 1))
    }
    return block
  }

  /// Notes a hit of a cached block, and fetches it back if it is free.
  @inline(__always)
  mutating func hit(_ block: BlockID, isFree: Bool, at place: Int32) {
    if byWorth == nil {
      if isFree { queue.remove(block, at: place) }
    } else {
      byWorth?.noteHit(block)
      if isFree { byWorth?.remove(block) }
    }
  }

  /// Takes in blocks that hold no key, the last one first: before all others, or in the engine's queue behind them.
  @inline(__always)
  mutating func add(
    unhashed blocks: UnsafeBufferPointer<BlockID>, atHead: Bool, _ note: (BlockID, Int32) -> Void
  ) {
    if byWorth != nil {
      byWorth?.add(unhashed: blocks)
    } else if atHead {
      queue.prepend(unfetchedLastToFirst: blocks, note)
    } else {
      queue.append(lastToFirst: blocks, note)
    }
  }

  /// Takes in one block that holds no key, as ``add(unhashed:atHead:_:)`` does.
  @inline(__always)
  mutating func add(
    unhashed block: BlockID, atHead: Bool, _ note: (BlockID, Int32) -> Void
  ) {
    if byWorth == nil, atHead { return queue.prepend(unfetched: block, note) }
    withUnsafePointer(to: block) {
      add(unhashed: UnsafeBufferPointer(start: $0, count: 1), atHead: atHead, note)
    }
  }

  /// Takes in those cached blocks of a sequence that are free, the last one first.
  ///
  /// - Parameters:
  ///   - note: Told where a block is in the engine's queue.
  ///   - isFree: Asked once for each block.
  /// - Returns: How many are.
  @inline(__always)
  mutating func add(
    cached blocks: UnsafeBufferPointer<BlockID>, _ note: (BlockID, Int32) -> Void,
    isFree: (BlockID) -> Bool
  ) -> Int {
    if byWorth == nil { return queue.append(lastToFirst: blocks, note, isFree: isFree) }
    return byWorth?.add(cached: blocks, isFree: isFree) ?? 0
  }

  /// Whether a cached block is free, and can be fetched back from where it was noted.
  func holds(_ block: BlockID, at place: Int32) -> Bool {
    byWorth?.holds(block) ?? queue.holds(block, at: place)
  }

  /// All free blocks, in the order in which they will be taken.
  var blocks: [BlockID] { byWorth?.blocks ?? queue.blocks }
}
