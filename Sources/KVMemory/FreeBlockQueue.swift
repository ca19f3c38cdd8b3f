/// The free blocks of a pool with a prefix cache, in the order in which they will be taken; any of them can be fetched
/// back.
///
///     entries   … | · | 7 | 3 | 0 | 4 | · | …      block 2 was fetched back: its entry is 0 until the head passes it
///                       ▲               ▲
///                      head            tail         the first and the last entry are neighbours
///
/// Block 0 is the engine's own and never free.
///
/// - Complexity: O(1) a block, amortised: there are at least twice as many entries as blocks, so that they are closed up
///   once in so many that joined.
struct FreeBlockQueue: Sendable {
  private var entries: PlainRows<BlockID>
  /// Where the entry of each free block is that may be fetched back.
  private var places: PlainRows<Int32>
  private var head = 0
  private var tail = 0
  /// Entries of blocks that were fetched back.
  private var gapCount = 0

  /// Makes a queue of the blocks 1 to `capacity` − 1, in this order.
  init(capacity: Int) {
    entries = PlainRows(
      repeating: 0, count: 1 << (Int.bitWidth - (2 * capacity - 1).leadingZeroBitCount))
    places = PlainRows(repeating: 0, count: capacity)
    Array(1..<BlockID(capacity)).withUnsafeBufferPointer { put($0, at: 0) }
    tail = capacity - 1
  }

  /// Gives this value memory of its own.
  mutating func detach() {
    entries.detach()
    places.detach()
  }

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

  /// Fetches a block back.
  @inline(__always)
  mutating func remove(_ block: BlockID) {
    let place = Int(places[Int(block)])
    precondition(entries[place] == block, "FreeBlockQueue.remove: block \(block) is not free")
    entries[place] = 0
    gapCount += 1
  }

  /// Puts those blocks at the tail that are free, the last one first.
  ///
  /// - Returns: How many are.
  @inline(__always)
  @discardableResult
  mutating func append(
    lastToFirst blocks: UnsafeBufferPointer<BlockID>, _ isFree: (BlockID) -> Bool
  ) -> Int {
    // One place more: a block that is not free is written too, and overwritten by the next.
    makeRoom(for: blocks.count + 1)
    let (entries, places) = (entries.pointer(to: 0), places.pointer(to: 0))
    let mask = self.entries.count - 1
    var end = tail
    var index = blocks.count
    while index > 0 {
      index &-= 1
      let block = blocks[index]
      entries[end & mask] = block
      places[Int(block)] = Int32(truncatingIfNeeded: end & mask)
      end &+= isFree(block) ? 1 : 0
    }
    defer { tail = end }
    return end - tail
  }

  /// Puts blocks at the head that nobody will fetch back, the last one foremost.
  mutating func prepend(unfetchedLastToFirst blocks: UnsafeBufferPointer<BlockID>) {
    makeRoom(for: blocks.count)
    let entries = entries.pointer(to: 0)
    let mask = self.entries.count - 1
    for block in blocks {
      head &-= 1
      entries[head & mask] = block
    }
  }

  @inline(__always)
  private func copy(
    _ from: UnsafePointer<BlockID>?, to: UnsafeMutablePointer<BlockID>?, _ count: Int
  ) {
    if let from, let to, count > 0 { to.update(from: from, count: count) }
  }

  @inline(__always)
  private mutating func put(_ blocks: UnsafeBufferPointer<BlockID>, at place: Int) {
    let (entries, places) = (entries.pointer(to: 0), places.pointer(to: 0))
    let mask = self.entries.count - 1
    for index in blocks.indices {
      let entry = (place &+ index) & mask
      entries[entry] = blocks[index]
      places[Int(blocks[index])] = Int32(truncatingIfNeeded: entry)
    }
  }

  /// Drops the entries of blocks that were fetched back, if there are too few left.
  private mutating func makeRoom(for count: Int) {
    guard tail - head + count > entries.count else { return }
    let queued = blocks
    queued.withUnsafeBufferPointer { put($0, at: head) }
    tail = head + queued.count
    gapCount = 0
  }

  /// All blocks of the queue, head first.
  ///
  /// - Complexity: O(capacity).
  var blocks: [BlockID] {
    (head..<tail).map { entries[$0 & (entries.count - 1)] }.filter { $0 != 0 }
  }
}
