/// KV memory in fixed blocks with a cache of prefixes: a full block can be found again by what it
/// holds, by requests that begin alike, while it is held and as long as nothing else has taken it
/// afterwards.
///
///     tokens   0        16        32        resident = 40, blockSize = 16
///     blocks   |── b0 ──|── b1 ──|── b2 ─░░|
///              |─ full, cached ──|         one partial block at most, and it is never shared
///
/// There is no copy-on-write and no swap space: what is shared is full, and a preempted request
/// computes again what it does not find in the cache.
///
/// Questions that are asked all the time are `mutating` although they change nothing: a method that is not gets a copy of
/// the whole value from another module.
///
/// - Source: vLLM V1 (one group of full-attention layers).
public struct PrefixCachingMemory: Sendable {
  /// Token slots in a block.
  public let blockSize: Int
  public internal(set) var pool: CachedBlockPool
  public internal(set) var tables: BlockTables
  var contents = ResidentRows(blank: Contents())
  @usableFromInline var tokenSlots = 0
  @usableFromInline var unusableSlots = 0

  /// What a sequence consists of.
  struct Contents: Sendable {
    /// Blocks of it, from its first, that hold a key.
    var cachedBlocks: Int32 = 0
    /// In which runs of tokens its full blocks end, those that it will have too.
    var spans: [BlockSpan] = []
    /// The last of them: a sequence that decodes is in it.
    var last = BlockSpan(run: 0, first: 0, count: 0)

    /// The key of the next block that gets one, which is in the last span.
    @inline(__always)
    var nextKey: BlockKey {
      precondition(
        cachedBlocks >= last.first && cachedBlocks < last.first + last.count,
        "PrefixCachingMemory: block \(cachedBlocks) is not in the last run of its sequence")
      return last.key(ofBlock: Int(cachedBlocks))
    }
  }

  /// Makes an empty memory.
  ///
  /// - Parameters:
  ///   - deviceBlocks: Blocks of the pool, at least 1; block 0 is the engine's own.
  public init(
    blockSize: Int, deviceBlocks: Int, freeQueueRule: FreeQueueRule,
    evictionPolicy: EvictionPolicy = .lru
  ) {
    precondition(blockSize > 0, "PrefixCachingMemory: block size \(blockSize)")
    self.blockSize = blockSize
    pool = CachedBlockPool(
      capacity: deviceBlocks, freeQueueRule: freeQueueRule, evictionPolicy: evictionPolicy)
    tables = BlockTables()
  }

  /// Blocks that `tokens` tokens fill, the last perhaps in part.
  @inlinable
  public func blockCount(forTokens tokens: Int) -> Int { (tokens + blockSize - 1) / blockSize }

  /// Tokens of a sequence that have a slot.
  public func residentTokens(of sequence: Int) -> Int {
    Int(tables[sequence].count) * blockSize - Int(tables[sequence].emptySlots)
  }

  // MARK: What sequences consist of

  /// Whether it is known what a sequence consists of.
  public mutating func knows(_ sequence: Int) -> Bool {
    contents.with(sequence) { !$0.spans.isEmpty }
  }

  /// Gives a run of tokens a number for a sequence that it is part of, the same one for every such sequence.
  ///
  /// - Parameter blocks: Blocks of the sequence that end in it.
  public mutating func enter(_ identity: RunIdentity, blocks: Int) -> Int32 {
    pool.enter(identity, blocks: blocks)
  }

  /// Tells what a sequence consists of until ``forget(_:)``: which runs, entered for it, its full blocks end in, those
  /// that it will have too.
  public mutating func setContents(of sequence: Int, _ spans: [BlockSpan]) {
    guard let last = spans.last else { return }
    contents[sequence].spans = spans
    contents[sequence].last = last
  }

  /// Lets go of what was told of a sequence, which holds no blocks.
  public mutating func forget(_ sequence: Int) {
    let count = contents.with(sequence) { $0.spans.count }
    if count == 0 { return }
    for index in 0..<count { pool.leave(contents.with(sequence) { $0.spans[index].run }) }
    contents.close(sequence)
  }

  /// The key of a full block of a sequence of which is known what it consists of.
  public mutating func key(ofBlock block: Int, of sequence: Int) -> BlockKey {
    contents.with(sequence) { contents in
      let span = contents.spans.last { $0.first <= block }
      precondition(span != nil, "PrefixCachingMemory: block \(block) of sequence \(sequence)")
      return span.unsafelyUnwrapped.key(ofBlock: block)
    }
  }

  /// Whether one of these full blocks of a sequence has this key.
  public mutating func hasKey(_ key: BlockKey, in blocks: Range<Int>, of sequence: Int) -> Bool {
    contents.with(sequence) { contents in
      contents.spans.contains {
        $0.run == key.run && $0.blocks(in: blocks).contains(Int($0.first + key.index))
      }
    }
  }

  /// Finds the longest run of cached blocks from the beginning of a sequence.
  ///
  /// - Parameters:
  ///   - limit: Most blocks that may be hit.
  ///   - hits: Emptied, then filled with the blocks found.
  /// - Returns: How many of them are free. They leave the queue of free blocks when they are taken,
  ///   so a caller has to count them as if they were new.
  /// - Complexity: O(blocks found).
  public mutating func lookUp(_ sequence: Int, limit: Int, hits: inout [BlockID]) -> Int {
    pool.lookUp(contents[sequence].spans, limit: limit, hits: &hits)
  }

  // MARK: Taking and giving blocks

  /// Gives an empty sequence the cached blocks that it begins with, perhaps none.
  ///
  /// - Parameter finalTokens: Tokens of the sequence that will have a slot in the end.
  public mutating func begin(_ sequence: Int, with hits: [BlockID], finalTokens: Int) {
    precondition(
      tables[sequence].count == 0, "PrefixCachingMemory.begin: sequence \(sequence) holds blocks")
    tables.reserve(blockCount(forTokens: finalTokens), for: sequence, finalTokens: finalTokens)
    guard !hits.isEmpty else { return }
    contents[sequence].cachedBlocks = Int32(hits.count)
    tokenSlots += pool.hit(hits) * blockSize
    tables.append(hits.count, to: sequence) { _ = $0.update(fromContentsOf: hits) }
  }

  /// Blocks that a sequence has to take for `tokens` more tokens.
  public func missingBlocks(of sequence: Int, for tokens: Int) -> Int {
    blockCount(forTokens: max(0, tokens - Int(tables[sequence].emptySlots)))
  }

  /// Whether `tokens` more tokens of a sequence find room.
  public func canExtend(_ sequence: Int, by tokens: Int) -> Bool {
    missingBlocks(of: sequence, for: tokens) <= pool.freeCount
  }

  /// Gives a sequence room for `tokens` more tokens, all of which are computed in this iteration.
  ///
  /// - Parameter evicted: Gets the blocks whose cached content is lost, in order.
  /// - Precondition: ``canExtend(_:by:)``.
  public mutating func extend(_ sequence: Int, by tokens: Int, evicted: inout [BlockID]) {
    tokenSlots += tokens
    let table = tables[sequence]
    let left = Int(table.emptySlots) - tokens
    if left >= 0 {
      tables.setEmptySlots(left, of: sequence)
      return
    }
    let added = blockCount(forTokens: -left)
    unusableSlots -= unusableSlots(of: table)
    tables.append(added, to: sequence) { pool.take(into: $0, evicted: &evicted) }
    unusableSlots += unusableSlots(of: tables[sequence])
    tables.setEmptySlots(left + added * blockSize, of: sequence)
  }

  /// Full blocks of a sequence, from its first, that hold no key yet.
  @inline(__always)
  private func uncachedFullBlocks(of sequence: Int) -> Range<Int> {
    let table = tables[sequence]
    let full = table.emptySlots > 0 ? table.count - 1 : table.count
    return Int(contents.with(sequence) { $0.cachedBlocks })..<Int(full)
  }

  /// Gives the full blocks of a sequence their keys; it is known what it consists of.
  ///
  /// - Returns: Those that had none, counted from the first of the sequence; nearly always nobody.
  public mutating func cacheFullBlocks(of sequence: Int) -> Range<Int> {
    let uncached = uncachedFullBlocks(of: sequence)
    guard !uncached.isEmpty else { return uncached }
    tables.look(sequence) { blocks in
      for span in contents[sequence].spans {
        let range = span.blocks(in: uncached)
        guard !range.isEmpty else { continue }
        pool.cache(
          UnsafeBufferPointer(rebasing: blocks[range]), from: span.key(ofBlock: range.lowerBound))
      }
    }
    contents[sequence].cachedBlocks = Int32(uncached.upperBound)
    return uncached
  }

  // MARK: Giving everything back

  /// Gives up all blocks of a sequence; what is cached stays until its block is taken.
  public mutating func free(_ sequence: Int) {
    let table = tables[sequence]
    unusableSlots -= unusableSlots(of: table)
    let cached = contents.with(sequence) { Int($0.cachedBlocks) }
    // A block with empty slots belongs to nobody else, so it is among those that become free.
    let freed = tables.clear(sequence) { pool.release($0, cached: cached) }
    tokenSlots -= freed * blockSize - Int(table.emptySlots)
    if cached > 0 { contents[sequence].cachedBlocks = 0 }
  }

  // MARK: The ledger

  /// Slots of a table's last block that no token will ever fill.
  @inline(__always)
  private func unusableSlots(of table: BlockTable) -> Int {
    max(0, Int(table.count) * blockSize - Int(table.finalTokens))
  }

  /// Where the slots of the pool are, shared blocks counted once.
  ///
  /// The null block is held and never used, so its slots are internal fragmentation: the classes
  /// add up to every block that the device has.
  ///
  /// - Complexity: O(1).
  @inlinable public var ledger: WasteLedger {
    var ledger = WasteLedger()
    ledger.tokenState = tokenSlots
    ledger.internalFragmentation = unusableSlots + blockSize
    ledger.reserved = pool.heldCount * blockSize - tokenSlots - unusableSlots
    ledger.cached = pool.unreferencedCachedCount * blockSize
    ledger.free = pool.freeCount * blockSize - ledger.cached
    return ledger
  }

  /// Blocks as the resident sequences count them, shared ones once for each.
  @inlinable public var logicalBlockCount: Int { tables.entryCount }
}
