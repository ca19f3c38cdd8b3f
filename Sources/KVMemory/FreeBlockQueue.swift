/// The free blocks of a pool with a prefix cache, in the order in which they will be taken; any of them can be fetched
/// back.
///
///     entries   … | · | 7 | 3 | 0 | 4 | · | …      block 2 was fetched back: its entry is 0 until the head passes it
///                       ▲               ▲
///                      head            tail         the first and the last entry are neighbours
///
/// Block 0 is the engine's own and never free. Where the entry of a block is, its owner notes: in what it knows of the
/// block anyway, and only of blocks that may be fetched back.
///
/// - Complexity: O(1) a block, amortised: there are at least twice as many entries as blocks, so that they are closed up
///   once in so many that joined.
struct FreeBlockQueue: Sendable {
  private(set) var entries: PlainRows<BlockID>
  private(set) var head = 0
  private(set) var tail: Int
  /// Entries of blocks that were fetched back.
  private(set) var gapCount = 0

  /// Makes a queue of the blocks 1 to `capacity` − 1, in this order, which nobody fetches back.
  init(capacity: Int) {
    entries = PlainRows(
      zeroed: 0, count: 1 << (Int.bitWidth - (2 * capacity - 1).leadingZeroBitCount))
    for place in 0..<capacity - 1 { entries[place] = BlockID(place + 1) }
    tail = capacity - 1
  }

  /// Gives this value memory of its own.
  mutating func detach() { entries.detach() }

  /// Takes as many blocks from the head as `taken` has places.
  ///
  /// - Precondition: As many are free.
  mutating func removeFirst(into taken: UnsafeMutableBufferPointer<BlockID>) {
    let entries = entries.pointer(to: 0)
    let mask = self.entries.count - 1
    if gapCount == 0 {
      let place = head & mask
      let inOnePiece = min(taken.count, self.entries.count - place)
      copy(entries + place, to: taken.baseAddress, inOnePiece)
      copy(entries, to: taken.baseAddress.map { $0 + inOnePiece }, taken.count - inOnePiece)
      head &+= taken.count
      return
    }
    for index in taken.indices {
      var block = entries[head & mask]
      while block == 0 {
        gapCount &-= 1
        head &+= 1
        block = entries[head & mask]
      }
      taken[index] = block
      head &+= 1
    }
  }

  /// Takes the block at the head.
  ///
  /// - Precondition: One is free.
  @inline(__always)
  mutating func removeFirst() -> BlockID {
    let entries = entries.pointer(to: 0)
    let mask = self.entries.count - 1
    var block = entries[head & mask]
    while block == 0 {
      gapCount &-= 1
      head &+= 1
      block = entries[head & mask]
    }
    head &+= 1
    return block
  }

  /// Fetches a block back from where it was noted.
  @inline(__always)
  mutating func remove(_ block: BlockID, at place: Int32) {
    precondition(
      entries[Int(place)] == block, "FreeBlockQueue.remove: block \(block) is not free")
    entries[Int(place)] = 0
    gapCount += 1
  }

  /// Puts those blocks at the tail that are free, the last one first.
  ///
  /// - Parameters:
  ///   - note: Told where a block is, before it is asked whether it is free; of others too.
  ///   - isFree: Asked once for each block.
  /// - Returns: How many are.
  @inline(__always)
  @discardableResult
  mutating func append(
    lastToFirst blocks: UnsafeBufferPointer<BlockID>, _ note: (BlockID, Int32) -> Void,
    isFree: (BlockID) -> Bool = { _ in true }
  ) -> Int {
    // One place more: a block that is not free is written too, and overwritten by the next.
    makeRoom(for: blocks.count + 1, note)
    let entries = entries.pointer(to: 0)
    let mask = self.entries.count - 1
    var end = tail
    var index = blocks.count
    while index > 0 {
      index &-= 1
      let block = blocks[index]
      entries[end & mask] = block
      note(block, Int32(truncatingIfNeeded: end & mask))
      end &+= isFree(block) ? 1 : 0
    }
    defer { tail = end }
    return end - tail
  }

  /// Puts blocks at the head that nobody will fetch back, the last one foremost.
  ///
  /// - Parameter note: Told where other blocks are that have moved.
  @inline(__always)
  mutating func prepend(
    unfetchedLastToFirst blocks: UnsafeBufferPointer<BlockID>, _ note: (BlockID, Int32) -> Void
  ) {
    makeRoom(for: blocks.count, note)
    let entries = entries.pointer(to: 0)
    let mask = self.entries.count - 1
    for block in blocks {
      head &-= 1
      entries[head & mask] = block
    }
  }

  /// Puts a block at the head that nobody will fetch back.
  @inline(__always)
  mutating func prepend(unfetched block: BlockID, _ note: (BlockID, Int32) -> Void) {
    makeRoom(for: 1, note)
    head &-= 1
    entries.pointer(to: 0)[head & (entries.count - 1)] = block
  }

  /// Drops the entries of blocks that were fetched back, if there are too few left.
  @inline(__always)
  private mutating func makeRoom(for count: Int, _ note: (BlockID, Int32) -> Void) {
    guard tail - head + count > entries.count else { return }
    closeUp()
    for index in head..<tail {
      let place = index & (entries.count - 1)
      note(entries[place], Int32(truncatingIfNeeded: place))
    }
  }

  private mutating func closeUp() {
    let queued = blocks
    for (index, block) in queued.enumerated() {
      entries[(head + index) & (entries.count - 1)] = block
    }
    tail = head + queued.count
    gapCount = 0
  }

  /// All blocks of the queue, head first.
  ///
  /// - Complexity: O(capacity).
  var blocks: [BlockID] {
    (head..<tail).map { entries[$0 & (entries.count - 1)] }.filter { $0 != 0 }
  }

  @inline(__always)
  private func copy(
    _ from: UnsafePointer<BlockID>?, to: UnsafeMutablePointer<BlockID>?, _ count: Int
  ) {
    if let from, let to, count > 0 { to.update(from: from, count: count) }
  }
}
