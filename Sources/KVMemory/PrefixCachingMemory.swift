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
  /// See ``DraftRules/keyLookahead``.
  let keyLookahead: Int
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
  ///   - keyLookahead: See ``DraftRules/keyLookahead``.
  public init(
    blockSize: Int, deviceBlocks: Int, freeQueueRule: FreeQueueRule,
    evictionPolicy: EvictionPolicy = .lru, keyLookahead: Int = 0
  ) {
    self.keyLookahead = keyLookahead
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

  /// Blocks that a sequence has to take for `tokens` more tokens, and `ahead` slots behind them.
  public func missingBlocks(of sequence: Int, for tokens: Int, ahead: Int = 0) -> Int {
    blockCount(forTokens: max(0, tokens + ahead - Int(tables[sequence].emptySlots)))
  }

  /// Whether `tokens` more tokens of a sequence find room, and `ahead` slots behind them.
  public func canExtend(_ sequence: Int, by tokens: Int, ahead: Int = 0) -> Bool {
    missingBlocks(of: sequence, for: tokens, ahead: ahead) <= pool.freeCount
  }

  /// Gives a sequence room for `tokens` more tokens, all of which are computed in this iteration, and for `ahead` more
  /// behind them.
  ///
  /// - Parameter evicted: Gets the blocks whose cached content is lost, in order.
  /// - Precondition: ``canExtend(_:by:ahead:)``.
  public mutating func extend(
    _ sequence: Int, by tokens: Int, ahead: Int = 0, evicted: inout [BlockID]
  ) {
    tokenSlots += tokens
    let table = tables[sequence]
    let left = Int(table.emptySlots) - tokens
    if left >= ahead {
      tables.setEmptySlots(left, of: sequence)
      return
    }
    let added = blockCount(forTokens: ahead - left)
    unusableSlots -= unusableSlots(of: table)
    tables.append(added, to: sequence) { pool.take(into: $0, evicted: &evicted) }
    unusableSlots += unusableSlots(of: tables[sequence])
    tables.setEmptySlots(left + added * blockSize, of: sequence)
  }

  /// Takes back the newest tokens of a sequence, which keeps their slots.
  public mutating func retract(_ sequence: Int, by tokens: Int) {
    tokenSlots -= tokens
    tables.setEmptySlots(Int(tables[sequence].emptySlots) + tokens, of: sequence)
  }

  /// Gives the full blocks of a sequence their keys; it is known what it consists of, and all its slots but those of the
  /// last block are filled.
  ///
  /// - Returns: Those that had none, counted from the first of the sequence; nearly always nobody.
  public mutating func cacheFullBlocks(of sequence: Int) -> Range<Int> {
    let table = tables[sequence]
    return cacheBlocks(
      of: sequence, upTo: Int(table.emptySlots > 0 ? table.count - 1 : table.count))
  }

  /// Gives those full blocks of a sequence their keys that lie in its first `tokens` tokens, of which `known` are known.
  public mutating func cacheFullBlocks(
    of sequence: Int, tokens: Int, known: Int
  ) -> Range<Int> {
    cacheBlocks(of: sequence, upTo: max(0, min(tokens, known - keyLookahead)) / blockSize)
  }

  /// Gives the first `full` blocks of a sequence their keys.
  private mutating func cacheBlocks(of sequence: Int, upTo full: Int) -> Range<Int> {
    let cached = Int(contents.with(sequence) { $0.cachedBlocks })
    let uncached = cached..<max(cached, full)
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
