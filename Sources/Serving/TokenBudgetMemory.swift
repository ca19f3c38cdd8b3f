import KVMemory

/// What the ``TokenBudgetScheduler`` asks of a memory with a prefix cache: ``PrefixCachingMemory`` where all layers keep
/// every token, ``HybridMemory`` where some keep less.
///
/// Questions are `mutating` although they change nothing: a method that is not gets a copy of the whole value from
/// another module.
package protocol TokenBudgetMemory: Sendable {
  /// What a look-up finds of a sequence.
  associatedtype Found: FoundPrefix

  /// Tokens in whose multiples hits come.
  var blockSize: Int { get }
  var pool: CachedBlockPool { get }
  var ledger: WasteLedger { get }
  var logicalBlockCount: Int { get }

  /// Forgets what holds for one iteration only.
  mutating func beginIteration()

  /// The most blocks that a sequence holds while it grows to `tokens` tokens, in iterations of at most `inFlight`.
  func blocksMax(forTokens tokens: Int, inFlight: Int) -> Int

  /// Blocks that a sequence holds.
  func blockCount(of sequence: Int) -> Int

  /// The block table of its first group.
  func blocks(of sequence: Int) -> [BlockID]

  // MARK: Contents and look-ups

  /// Whether it is known what a sequence consists of.
  mutating func knows(_ sequence: Int) -> Bool

  /// Tells what a sequence consists of.
  ///
  /// - Parameter spans: The runs in which its full blocks of so many tokens end, each with the number that the memory
  ///   gives it for its identity and count of blocks.
  mutating func tell(
    _ sequence: Int, promptTokens: Int,
    _ spans: (_ blockTokens: Int, _ enter: (RunIdentity, Int) -> Int32) -> [BlockSpan])

  /// Lets go of what was told of a sequence, which holds no blocks.
  mutating func forget(_ sequence: Int)

  /// Finds what is cached of the beginning of a sequence of `length` tokens, the last of which is always computed.
  mutating func lookUp(_ sequence: Int, length: Int, _ found: inout Found)

  // MARK: Taking and giving blocks

  /// Whether a waiting sequence finds room.
  ///
  /// - Parameters:
  ///   - external: Tokens behind those found that come from elsewhere; they are among those of `total`.
  ///   - whole: Tokens that have to fit before it may begin, in iterations of at most `inFlight`; 0 for no such rule.
  ///   - total: Tokens that it would have computed with this iteration.
  ///   - ahead: Slots that it takes behind them.
  ///   - spared: Blocks that stay free.
  ///   - reserved: Blocks that stay free besides when it begins.
  mutating func canBegin(
    _ sequence: Int, with found: Found, external: Int, whole: Int, inFlight: Int, total: Int,
    ahead: Int, sparing spared: Int, reserving reserved: Int
  ) -> Bool

  /// Gives an empty sequence what was found of it.
  ///
  /// - Parameter finalTokens: Tokens of the sequence that will have a slot in the end.
  mutating func begin(_ sequence: Int, with found: Found, finalTokens: Int)

  /// The same, with blocks for `external` tokens behind it that come from elsewhere; they have no keys yet.
  mutating func begin(
    _ sequence: Int, with found: Found, external: Int, finalTokens: Int, evicted: inout [BlockID])

  /// The tokens of a chunk that begins behind `computed` of a sequence's `length` tokens, at most `tokens`; perhaps none
  /// yet.
  ///
  /// - Parameter limit: The most tokens that any chunk may have.
  mutating func cut(
    _ sequence: Int, from computed: Int, tokens: Int, length: Int, limit: Int
  ) -> Int

  /// Gives back the blocks of a running sequence that nothing to come attends to.
  ///
  /// - Parameter inFlight: Its newest tokens, which may not be computed yet.
  mutating func dropSkipped(_ sequence: Int, inFlight: Int)

  /// Blocks that a running sequence has to take for `tokens` more tokens, and `ahead` slots behind them.
  mutating func missingBlocks(of sequence: Int, for tokens: Int, ahead: Int) -> Int

  /// Whether `tokens` more tokens of a running sequence find room, and `ahead` slots behind them.
  mutating func canExtend(_ sequence: Int, by tokens: Int, ahead: Int) -> Bool

  /// Gives a sequence room for `tokens` more tokens, all of which are computed in this iteration, and for `ahead` behind
  /// them.
  ///
  /// - Parameter evicted: Gets the blocks whose cached content is lost, in order.
  mutating func extend(_ sequence: Int, by tokens: Int, ahead: Int, evicted: inout [BlockID])

  /// Takes back the newest tokens of a running sequence, drafts that were not accepted; it keeps their slots.
  mutating func retract(_ sequence: Int, by tokens: Int)

  /// Gives the full blocks of a sequence, of which is known what it consists of, their keys.
  ///
  /// - Parameter missing: The key at which the look-up of the head ended, if it rests on one.
  /// - Returns: Whether that look-up would find more now.
  mutating func cacheFullBlocks(of sequence: Int, missing: BlockKey?) -> Bool

  /// Gives the full blocks of its first `tokens` tokens their keys, of a sequence of which `known` tokens are known.
  mutating func cacheFullBlocks(
    of sequence: Int, tokens: Int, known: Int, missing: BlockKey?
  ) -> Bool

  /// Gives up all blocks of a sequence; what is cached stays until its block is taken.
  mutating func free(_ sequence: Int)

  /// The same, the blocks of all groups together.
  mutating func freeAtOnce(_ sequence: Int)

  // MARK: What KV connectors look at

  var groupCount: Int { get }

  /// Blocks of all groups that keep tokens, for so many tokens.
  func blocksBehind(_ tokens: Int) -> Int

  /// The block table of a group, the null block where it holds none.
  func blocks(of sequence: Int, group: Int) -> [BlockID]

  /// The last block of the table of its first group, of a sequence that holds some.
  mutating func lastBlock(of sequence: Int) -> BlockID

  /// Entries of the block table of a group.
  mutating func entryCount(of sequence: Int, group: Int) -> Int

  /// What a full block of a sequence holds, of which is known what it consists of.
  mutating func contentKey(ofBlock block: Int, of sequence: Int, group: Int) -> ContentKey

  /// What some full blocks of a sequence hold, which are in order.
  mutating func contentKeys(ofBlocks blocks: [Int], of sequence: Int, group: Int) -> [ContentKey]

  /// Whether a full block of a sequence is worth keeping for hits of multiples of `alignment` tokens.
  mutating func isKept(_ block: Int, of sequence: Int, group: Int, alignment: Int) -> Bool

  /// Blocks that a sequence which holds some takes until it holds `tokens`, in iterations of at most `inFlight`.
  mutating func missingBlocks(of sequence: Int, upTo tokens: Int, inFlight: Int) -> Int

  // MARK: Cruising

  /// Blocks that a sequence takes while it decodes ``blockSize`` tokens, at most.
  var blocksOfUnit: Int { get }
  /// Slots of the ledger that a token takes.
  var slotsOfToken: Int { get }
  /// Whether sequences that decode only ever take blocks: who finds none free now finds none next either.
  static var onlyTakes: Bool { get }

  /// Uses a slot for each of `sequences` sequences, which are not named.
  mutating func cruise(sequences: Int)

  /// Sets how many tokens a sequence holds that has cruised until now.
  mutating func settle(_ sequence: Int, tokens: Int)

  /// How far an iteration has come with the cruising sequences.
  associatedtype Growth: CruisingGrowth where Growth.Memory == Self
}

/// How the cruising sequences of a memory get their token, by iteration: in running order, and between those that do not
/// cruise.
package protocol CruisingGrowth {
  associatedtype Memory: TokenBudgetMemory where Memory.Growth == Self

  /// An iteration begins.
  init()

  /// Lets those grow that run before `rank`, as far as they find blocks.
  mutating func grow(
    _ scheduler: inout TokenBudgetScheduler<Memory>, before rank: Int32,
    _ plan: inout IterationPlan)

  /// Tells the memory the tokens of those that it was not told of.
  func finish(_ scheduler: inout TokenBudgetScheduler<Memory>)

  /// See ``Scheduler/scheduleSteady(_:_:)``.
  static func scheduleSteady(
    _ scheduler: inout TokenBudgetScheduler<Memory>, _ count: Int, _ growth: inout SteadyGrowth
  ) -> Int
}

/// What a look-up found of a sequence.
package protocol FoundPrefix: Sendable {
  /// Nothing.
  init()
  /// Tokens of it.
  var tokens: Int { get }
  /// Blocks of it that nobody references.
  var freeHits: Int { get }
  /// The key of the first block not found, if all rests on that one and the limit has not ended the search.
  var missing: BlockKey? { get }
  func contains(_ block: BlockID) -> Bool
}

// MARK: All layers keep every token

/// The longest run of cached blocks from the beginning of a sequence.
///
///     keys   | k0 | k1 | k2 | k3 | …       limit = 4
///     hits   | b7 | b2 |  ?                missing = k2
package struct CachedBeginning: FoundPrefix {
  var hits: [BlockID] = []
  package fileprivate(set) var freeHits = 0
  package fileprivate(set) var missing: BlockKey?
  fileprivate var blockSize = 0

  package init() {}

  package var tokens: Int { hits.count * blockSize }
  package func contains(_ block: BlockID) -> Bool { hits.contains(block) }
}

extension PrefixCachingMemory: TokenBudgetMemory {
  /// The memory of a `vllm-v1` all of whose layers keep every token.
  package init(_ settings: EngineSettings) {
    self.init(
      blockSize: settings.blockSize, deviceBlocks: settings.deviceBlocks,
      freeQueueRule: settings.v1.freeQueueRule, evictionPolicy: settings.v1.eviction,
      keyLookahead: settings.v1.speculation?.caching.keyLookahead ?? 0)
  }

  package typealias Growth = LastBlockGrowth
  package static var onlyTakes: Bool { true }
  package var blocksOfUnit: Int { 1 }
  package var slotsOfToken: Int { 1 }

  @inline(__always)
  package mutating func beginIteration() {}

  @inline(__always)
  package func blocksMax(forTokens tokens: Int, inFlight: Int) -> Int {
    blockCount(forTokens: tokens)
  }

  package func blockCount(of sequence: Int) -> Int { Int(tables[sequence].count) }

  package func blocks(of sequence: Int) -> [BlockID] { Array(tables.blocks(of: sequence)) }

  package mutating func tell(
    _ sequence: Int, promptTokens: Int,
    _ spans: (_ blockTokens: Int, _ enter: (RunIdentity, Int) -> Int32) -> [BlockSpan]
  ) {
    setContents(of: sequence, spans(blockSize) { enter($0, blocks: $1) })
  }

  package mutating func lookUp(_ sequence: Int, length: Int, _ found: inout CachedBeginning) {
    let limit = (length - 1) / blockSize
    found.blockSize = blockSize
    found.freeHits = lookUp(sequence, limit: limit, hits: &found.hits)
    let count = found.hits.count
    found.missing = count < limit ? key(ofBlock: count, of: sequence) : nil
  }

  @inline(__always)
  package mutating func canBegin(
    _ sequence: Int, with found: CachedBeginning, external: Int, whole: Int, inFlight: Int,
    total: Int, ahead: Int, sparing spared: Int, reserving reserved: Int
  ) -> Bool {
    // Hits that are free leave the queue like new blocks; the others cost nothing.
    let held = found.hits.count + Int(tables[sequence].count)
    let wanted = max(
      blockCount(forTokens: whole), blockCount(forTokens: total + ahead) + reserved)
    return wanted + found.freeHits - held + spared <= pool.freeCount
  }

  @inline(__always)
  package mutating func begin(_ sequence: Int, with found: CachedBeginning, finalTokens: Int) {
    begin(sequence, with: found.hits, finalTokens: finalTokens)
  }

  package mutating func begin(
    _ sequence: Int, with found: CachedBeginning, external: Int, finalTokens: Int,
    evicted: inout [BlockID]
  ) {
    begin(sequence, with: found.hits, finalTokens: finalTokens)
    extend(sequence, by: external, evicted: &evicted)
  }

  @inline(__always)
  package mutating func cut(
    _ sequence: Int, from computed: Int, tokens: Int, length: Int, limit: Int
  ) -> Int { tokens }

  @inline(__always)
  package mutating func dropSkipped(_ sequence: Int, inFlight: Int) {}

  @inline(__always)
  package mutating func cacheFullBlocks(of sequence: Int, missing: BlockKey?) -> Bool {
    let blocks = cacheFullBlocks(of: sequence)
    guard let missing else { return false }
    return hasKey(missing, in: blocks, of: sequence)
  }

  package mutating func cacheFullBlocks(
    of sequence: Int, tokens: Int, known: Int, missing: BlockKey?
  ) -> Bool {
    let blocks = cacheFullBlocks(of: sequence, tokens: tokens, known: known)
    return missing.map { hasKey($0, in: blocks, of: sequence) } ?? false
  }

  // MARK: What KV connectors look at

  package var groupCount: Int { 1 }

  package func blocksBehind(_ tokens: Int) -> Int { blockCount(forTokens: tokens) }

  package func blocks(of sequence: Int, group: Int) -> [BlockID] { blocks(of: sequence) }

  package mutating func lastBlock(of sequence: Int) -> BlockID { tables.lastBlock(of: sequence) }

  package mutating func entryCount(of sequence: Int, group: Int) -> Int {
    Int(tables[sequence].count)
  }

  package mutating func contentKey(ofBlock block: Int, of sequence: Int, group: Int) -> ContentKey {
    pool.contentKey(of: key(ofBlock: block, of: sequence))
  }

  package mutating func contentKeys(
    ofBlocks blocks: [Int], of sequence: Int, group: Int
  ) -> [ContentKey] { contentKeys(ofBlocks: blocks, of: sequence) }

  package mutating func isKept(
    _ block: Int, of sequence: Int, group: Int, alignment: Int
  ) -> Bool { true }

  package mutating func missingBlocks(of sequence: Int, upTo tokens: Int, inFlight: Int) -> Int {
    max(0, blockCount(forTokens: tokens) - Int(tables[sequence].count))
  }

  package mutating func freeAtOnce(_ sequence: Int) { free(sequence) }
}
