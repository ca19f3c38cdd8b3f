/// What memories of several groups ask for: keys that do not stand in one piece at the beginning of a table.
extension CachedBlockPool {
  /// The run that stands for keys which nobody looks up; a block is its own place in it.
  private static let privateRun = RunIdentity.root

  /// The blocks that hold the first keys of a span, 0 where none does.
  func cachedBlocks(in span: BlockSpan, count: Int) -> UnsafeBufferPointer<BlockID> {
    UnsafeBufferPointer(start: runs.places(from: BlockKey(run: span.run, index: 0)), count: count)
  }

  /// Gives a held block a key that no look-up asks for: as a free block it queues up with those that can be hit.
  mutating func cachePrivately(_ block: BlockID) {
    let run = enter(Self.privateRun, blocks: capacity)
    cache(1) { _ in (block, BlockKey(run: run, index: block)) }
    leave(run)
  }

  /// Takes the key of a block that one sequence holds.
  mutating func removeKey(of block: BlockID) {
    makeUnique()
    let record = records[Int(block)]
    precondition(
      record.key.run != 0 && record.references == 1,
      "CachedBlockPool.removeKey: block \(block), key \(record.key), "
        + "\(record.references) references")
    dropKey(of: block)
  }

  @inline(__always)
  private mutating func dropKey(of block: BlockID) {
    let record = records.pointer(to: Int(block))
    let key = record.pointee.key
    let place = runs.places(from: key)
    let successor = record.pointee.hasTwin ? leaveRing(block) : 0
    if place.pointee == block { place.pointee = successor }
    record.pointee = Record()
    runs.leave(key.run)
    cachedCount -= 1
  }

  /// Takes the block at the head of the queue, as ``take(into:evicted:)`` does.
  ///
  /// - Precondition: One is free, and the pool shares no memory with a copy (``makeUnique()``).
  @inline(__always)
  mutating func takeOne(evicted: inout [BlockID]) -> BlockID {
    precondition(freeCount > 0, "CachedBlockPool: a block of no free ones")
    let block = queue.removeFirst()
    freeCount -= 1
    if isCached(block) {
      dropKey(of: block)
      unreferencedCachedCount -= 1
      evictionCount += 1
      evicted.append(block)
    }
    return block
  }

  /// Gives back one held block of a table, as ``release(mixed:)`` does.
  ///
  /// - Precondition: The pool shares no memory with a copy (``makeUnique()``).
  @inline(__always)
  mutating func releaseOne(_ block: BlockID) {
    if isCached(block) {
      withUnsafePointer(to: block) {
        _ = release(UnsafeBufferPointer(start: $0, count: 1), cached: 1)
      }
      return
    }
    precondition(heldCount > 0, "CachedBlockPool.release: block \(block), none is held")
    let records = records.pointer(to: 0)
    queue.add(unhashed: block, atHead: freeQueueRule == .unhashedFirst) {
      records[Int($0)].place = $1
    }
    freeCount += 1
  }

  /// Gives back held blocks of a table, given first to last, of which any may hold a key; in the order of
  /// ``release(_:cached:)``.
  ///
  /// - Returns: How many became free.
  @discardableResult
  mutating func release(mixed blocks: UnsafeBufferPointer<BlockID>) -> Int {
    var cached = 0
    while cached < blocks.count, isCached(blocks[cached]) { cached += 1 }
    if !blocks[cached...].contains(where: { isCached($0) }) {
      return release(blocks, cached: cached)
    }
    // Where one queue takes both kinds, they enter it one by one.
    guard freeQueueRule == .unhashedFirst else {
      return blocks.indices.reversed().reduce(0) { freed, index in
        let block = UnsafeBufferPointer(rebasing: blocks[index...index])
        return freed + release(block, cached: isCached(block[0]) ? 1 : 0)
      }
    }
    let withKey = blocks.filter { isCached($0) }
    let table = withKey + blocks.filter { !isCached($0) }
    return table.withUnsafeBufferPointer { release($0, cached: withKey.count) }
  }
}
