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
/// - Source: vLLM V1 (one group of full-attention layers).
public struct PrefixCachingMemory: Sendable {
  /// Token slots in a block.
  public let blockSize: Int
  public private(set) var pool: CachedBlockPool
  public private(set) var tables: BlockTables
  /// Blocks of each sequence, from its first, that hold a key.
  private var cachedBlocks = ResidentRows<Int32>(blank: 0)
  private var tokenSlots = 0
  private var unusableSlots = 0

  /// Makes an empty memory.
  ///
  /// - Parameters:
  ///   - deviceBlocks: Blocks of the pool, at least 1; block 0 is the engine's own.
  ///   - sequenceCount: Sequences are numbered `0..<sequenceCount`.
  public init(
    blockSize: Int, deviceBlocks: Int, freeQueueRule: FreeQueueRule, sequenceCount: Int
  ) {
    precondition(blockSize > 0, "PrefixCachingMemory: block size \(blockSize)")
    self.blockSize = blockSize
    pool = CachedBlockPool(capacity: deviceBlocks, freeQueueRule: freeQueueRule)
    tables = BlockTables(sequenceCount: sequenceCount)
  }

  /// Blocks that `tokens` tokens fill, the last perhaps in part.
  public func blockCount(forTokens tokens: Int) -> Int { (tokens + blockSize - 1) / blockSize }

  /// Tokens of a sequence that have a slot.
  public func residentTokens(of sequence: Int) -> Int {
    Int(tables[sequence].count) * blockSize - Int(tables[sequence].emptySlots)
  }

  // MARK: Looking up

  /// Finds the longest run of cached blocks from the beginning of a sequence.
  ///
  /// - Parameters:
  ///   - keys: Keys of the sequence's full blocks, first to last; at least `limit`.
  ///   - limit: Most blocks that may be hit.
  ///   - hits: Emptied, then filled with the blocks found.
  /// - Returns: How many of them are free. They leave the queue of free blocks when they are taken,
  ///   so a caller has to count them as if they were new.
  /// - Complexity: O(blocks found).
  public func lookUp(_ keys: [BlockKey], limit: Int, hits: inout [BlockID]) -> Int {
    hits.removeAll(keepingCapacity: true)
    return withUnsafeTemporaryAllocation(of: BlockID.self, capacity: limit) { blocks in
      let (found, free) = keys[..<limit].withUnsafeBufferPointer { pool.lookUp($0, hits: blocks) }
      hits += blocks[..<found]
      return free
    }
  }

  // MARK: Taking and giving blocks

  /// Gives an empty sequence the cached blocks that it begins with, perhaps none.
  ///
  /// - Parameter finalTokens: Tokens of the sequence that will have a slot in the end.
  public mutating func begin(_ sequence: Int, with hits: [BlockID], finalTokens: Int) {
    precondition(
      tables[sequence].count == 0, "PrefixCachingMemory.begin: sequence \(sequence) holds blocks")
    cachedBlocks[sequence] = Int32(hits.count)
    tables.reserve(blockCount(forTokens: finalTokens), for: sequence)
    tables.setFinalTokens(finalTokens, of: sequence)
    guard !hits.isEmpty else { return }
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
    let left = Int(tables[sequence].emptySlots) - tokens
    if left >= 0 {
      tables.setEmptySlots(left, of: sequence)
      return
    }
    let added = blockCount(forTokens: -left)
    unusableSlots -= unusableSlots(of: sequence)
    tables.append(added, to: sequence) { pool.take(into: $0, evicted: &evicted) }
    unusableSlots += unusableSlots(of: sequence)
    tables.setEmptySlots(left + added * blockSize, of: sequence)
  }

  /// Full blocks of a sequence, from its first, that hold no key yet; nearly always none.
  public func uncachedFullBlocks(of sequence: Int) -> Range<Int> {
    let table = tables[sequence]
    let full = table.emptySlots > 0 ? table.count - 1 : table.count
    return Int(cachedBlocks[sequence])..<Int(full)
  }

  /// Gives the full blocks of a sequence their keys.
  ///
  /// - Parameter keys: Keys of the sequence's full blocks, first to last.
  public mutating func cacheFullBlocks(of sequence: Int, keys: [BlockKey]) {
    let uncached = uncachedFullBlocks(of: sequence)
    tables.blocks(of: sequence).withUnsafeBufferPointer { blocks in
      keys.withUnsafeBufferPointer { keys in
        pool.cache(.init(rebasing: blocks[uncached]), keys: .init(rebasing: keys[uncached]))
      }
    }
    cachedBlocks[sequence] = Int32(uncached.upperBound)
  }

  // MARK: Sequences that only decode

  /// Uses one slot of the last block of each of `sequences` sequences, which are not named.
  ///
  /// Until ``settle(_:tokens:)`` only the ledger knows: a sequence's own count of tokens stands
  /// still. The last block is not full, so nobody shares it.
  public mutating func cruise(sequences: Int) { tokenSlots += sequences }

  /// Gives cruising sequences, whose last blocks are full, the next one each, in order.
  ///
  /// - Parameter evicted: Gets the blocks whose cached content is lost, in order.
  /// - Returns: Slots of the blocks that no token will ever fill.
  /// - Precondition: As many blocks are free.
  @discardableResult
  public mutating func extendCruising(
    _ sequences: ArraySlice<Int32>, evicted: inout [BlockID]
  ) -> Int {
    let blockSize = blockSize
    var unusable = 0
    withUnsafeTemporaryAllocation(of: BlockID.self, capacity: sequences.count) { taken in
      pool.take(into: taken, evicted: &evicted)
      tables.appendSome { tables in
        var next = 0
        for sequence in sequences {
          let table = tables.append(taken[next], to: Int(sequence))
          let behind = Int(table.count) * blockSize - Int(table.finalTokens)
          unusable += max(0, behind) - max(0, behind - blockSize)
          next += 1
        }
      }
    }
    unusableSlots += unusable
    return unusable
  }

  /// Gives the last blocks of cruising sequences, which this iteration fills, their keys, one each.
  public mutating func cacheLastBlocks(
    of sequences: UnsafeBufferPointer<Int32>, keys: UnsafeBufferPointer<BlockKey>
  ) {
    withUnsafeTemporaryAllocation(of: BlockID.self, capacity: sequences.count) { blocks in
      cachedBlocks.withRows { rows in
        for index in sequences.indices {
          let sequence = Int(sequences[index])
          let (block, count) = tables.lastBlockAndCount(of: sequence)
          blocks[index] = block
          rows.update(sequence) { cached in
            cached += 1
            precondition(
              cached == count,
              "PrefixCachingMemory: sequence \(sequence) has full blocks without a key")
          }
        }
      }
      pool.cache(UnsafeBufferPointer(blocks), keys: keys)
    }
  }

  /// Sets how many tokens a sequence holds that has cruised until now.
  public mutating func settle(_ sequence: Int, tokens: Int) {
    let slots = Int(tables[sequence].count) * blockSize
    precondition(
      tokens <= slots && slots - tokens < blockSize,
      "PrefixCachingMemory.settle: \(tokens) tokens of sequence \(sequence) in \(slots) slots")
    tables.setEmptySlots(slots - tokens, of: sequence)
  }

  // MARK: Giving everything back

  /// Gives up everything a sequence holds; what is cached stays until its block is taken.
  public mutating func free(_ sequence: Int) {
    let emptySlots = Int(tables[sequence].emptySlots)
    unusableSlots -= unusableSlots(of: sequence)
    // A block with empty slots belongs to nobody else, so it is among those that become free.
    tokenSlots -= pool.release(tables.blocks(of: sequence)) * blockSize - emptySlots
    tables.clear(sequence)
    cachedBlocks.close(sequence)
  }

  // MARK: The ledger

  /// Slots of a sequence's last block that no token will ever fill.
  private func unusableSlots(of sequence: Int) -> Int {
    max(0, Int(tables[sequence].count) * blockSize - Int(tables[sequence].finalTokens))
  }

  /// Where the slots of the pool are, shared blocks counted once.
  ///
  /// The null block is held and never used, so its slots are internal fragmentation: the classes
  /// add up to every block that the device has.
  ///
  /// - Complexity: O(1).
  public var ledger: WasteLedger {
    var ledger = WasteLedger()
    ledger.tokenState = tokenSlots
    ledger.internalFragmentation = unusableSlots + blockSize
    ledger.reserved = pool.heldCount * blockSize - tokenSlots - unusableSlots
    ledger.cached = pool.unreferencedCachedCount * blockSize
    ledger.free = pool.freeCount * blockSize - ledger.cached
    return ledger
  }

  /// Blocks as the resident sequences count them, shared ones once for each.
  public var logicalBlockCount: Int { tables.entryCount }
}
