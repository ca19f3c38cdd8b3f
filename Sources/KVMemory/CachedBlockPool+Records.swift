/// What the pool writes down of its blocks.
extension CachedBlockPool {
  /// What the pool knows of a block. One that holds no key is free or has one holder: nobody else can find it.
  struct Record: BitwiseCopyable {
    /// Of a block that holds no key, run 0.
    var key = BlockKey(run: 0, index: 0)
    /// Where in the queue it is, if it holds a key and is free.
    var place: Int32 = 0
    /// Of a block that holds a key: twice its references, and one more if another block may hold the same key, whose
    /// ring is then looked at.
    private var state: UInt32 = 0

    init() {}

    init(heldWith key: BlockKey) {
      self.key = key
      state = 2
    }

    var references: Int { Int(state &>> 1) }

    var hasTwin: Bool { state & 1 != 0 }

    mutating func addReference() {
      state &+= 2
    }

    mutating func dropReference() {
      state &-= 2
    }

    mutating func noteTwin() {
      state |= 1
    }
  }

  /// The neighbours of a block among those of its key: itself, if it is the only one.
  struct Ring: BitwiseCopyable {
    var older: BlockID
    var newer: BlockID
  }

  /// Blocks that hold a key, by number.
  public var cachedBlocks: [BlockID] {
    records.indices.filter { records[$0].key.run != 0 }.map { BlockID($0) }
  }
  /// What a key of a run that has its number says elsewhere.
  public func contentKey(of key: BlockKey) -> ContentKey {
    ContentKey(run: runs.runs[Int(key.run)].identity, index: key.index)
  }

  /// Runs of tokens that have a number.
  var runCount: Int { runs.count }

  /// Takes the keys of blocks that were free.
  mutating func removeKeys(
    of taken: UnsafeMutableBufferPointer<BlockID>, _ evicted: inout [BlockID]
  ) {
    let records = records.pointer(to: 0)
    var lost = 0
    // Those that held a key and are not told yet stand between the two.
    var told = 0
    var index = 0
    func tell(_ end: Int) {
      guard end > told else { return }
      lost += end - told
      evicted.append(
        contentsOf: UnsafeBufferPointer(rebasing: taken[told..<end]))
    }
    while index < taken.count {
      // They queue up as they stood in their sequence: many of one run, one behind the other.
      let run = records[Int(taken[index])].key.run
      guard run != 0 else {
        tell(index)
        index &+= 1
        told = index
        continue
      }
      let places = runs.places(from: BlockKey(run: run, index: 0))
      let first = index
      while index < taken.count {
        let block = taken[index]
        let record = records + Int(block)
        guard record.pointee.key.run == run else { break }
        let place = places + Int(record.pointee.key.index)
        let hasTwin = record.pointee.hasTwin
        record.pointee = Record()
        if hasTwin {
          let successor = leaveRing(block)
          if place.pointee == block { place.pointee = successor }
        } else {
          place.pointee = 0
        }
        index &+= 1
      }
      runs.leave(run, times: index - first)
    }
    tell(index)
    cachedCount -= lost
    unreferencedCachedCount -= lost
    evictionCount += lost
  }

  /// Gives `count` held blocks keys, each that which `held` names.
  @inline(__always)
  mutating func cache(_ count: Int, _ held: (Int) -> (block: BlockID, key: BlockKey)) {
    makeUnique()
    for index in 0..<count {
      let (block, key) = held(index)
      setKey(key, of: block, at: runs.places(from: key))
      runs.hold(key.run, times: 1)
    }
    cachedCount += count
  }

  /// Puts a block behind the newest of the ring that begins with `oldest`.
  mutating func joinRing(_ block: BlockID, of oldest: BlockID) {
    if rings.count == 0 {
      rings.grow(to: capacity, with: Ring(older: 0, newer: 0))
      for block in 0..<BlockID(capacity) { rings[Int(block)] = Ring(older: block, newer: block) }
    }
    let newest = rings[Int(oldest)].older
    rings[Int(block)] = Ring(older: newest, newer: oldest)
    rings[Int(newest)].newer = block
    rings[Int(oldest)].older = block
    records[Int(block)].noteTwin()
    records[Int(oldest)].noteTwin()
  }

  /// - Returns: The block that is the oldest one of the key if this one was; 0 if it was the only one.
  @inline(__always)
  mutating func leaveRing(_ block: BlockID) -> BlockID {
    let ring = rings[Int(block)]
    guard ring.newer != block else { return 0 }
    rings[Int(ring.older)].newer = ring.newer
    rings[Int(ring.newer)].older = ring.older
    rings[Int(block)] = Ring(older: block, newer: block)
    return ring.newer
  }
}
