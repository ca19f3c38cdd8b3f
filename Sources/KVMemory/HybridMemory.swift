/// KV memory of groups of layers that keep different parts of a sequence: one pool of blocks, a block table for each
/// group, and a prefix cache in which every group has to find what it needs.
///
///     full       | b1 | b2 | b3 | b4 | b9 |
///     window     |  0 |  0 | b6 | b7 | b8 |      0: the null block, where one was given back or was never needed
///     state      |  0 |  0 |  0 | b5 |
///
/// Any group may take any block: all have as many bytes. A block is found again by the group that it served and by what
/// it holds. What a group needs of a beginning to go on behind it follows from what it skips by then
/// (``KVGroupKind/skipped``): everything, the last blocks, one state.
///
/// Slots of the ledger are ``blockSize`` to a block, of every group: a token takes as many as there are groups, or more
/// where blocks hold fewer tokens than ``blockSize``.
///
/// - Source: the coordinators and managers of vLLM 0.33's hybrid KV cache, by the rules beside its recorded step traces.
public struct HybridMemory: Sendable {
  public let groups: [BlockGroup]
  /// By group, what is asked of it all the time.
  let layouts: [Layout]
  /// Whether all groups keep everything or a window, in blocks of ``blockSize``.
  let hasPlainLayouts: Bool
  /// Whether no block behind the last boundary of a sequence gets a key where a kind is keyed by need.
  let keysBoundariesOnly: Bool
  /// By group, the tokens that nothing to come attends to: ``KVGroupKind/skipped``.
  let skipped: [@Sendable (_ computed: Int) -> Range<Int>]
  /// Tokens in whose multiples hits come: the least common multiple of the groups' blocks.
  public let blockSize: Int
  /// The greatest common divisor of the groups' blocks.
  let hashBlockSize: Int
  let isCaching: Bool
  /// Which blocks of kinds that are keyed by need get a key; see ``Retention``.
  let retention: Retention
  let drafting: DraftRules
  /// The groups of each kind and block size, those that keep everything first: they are looked up together.
  let classes: [[Int]]
  /// Slots of the ledger that a token takes in all groups; states take whole blocks.
  public let slotsOfToken: Int
  /// See ``busyPhases(of:isSkipping:isCaching:)``.
  public let busyPhases: [Int]
  /// See ``skippingPhases(of:blockSize:isCaching:upTo:)``.
  public let isSkipping: [Bool]
  public internal(set) var pool: CachedBlockPool
  /// By ``row(_:_:)``.
  public internal(set) var tables = BlockTables()
  var parts = ResidentRows(blank: Part())
  var wholes = ResidentRows(blank: Whole())
  /// By sequence and group: in which runs of tokens its full blocks end, those that it will have too.
  var contents = ResidentRows<[[BlockSpan]]>(blank: [])
  /// By block: what its key says, while it has one.
  var labels: [Label]
  /// Blocks of states that got their key in this iteration, whose content is not there yet.
  var keyedStates: [BlockID] = []
  /// Slots of held blocks that hold no token yet.
  @usableFromInline var emptySlots = 0
  /// Those of them that no token will ever fill.
  @usableFromInline var unusableSlots = 0
  /// Table entries without a block.
  @usableFromInline var nullEntries = 0

  /// Which blocks get a key where a kind is keyed by need.
  ///
  /// - Source: `prefix_cache_retention_interval` of vLLM 0.33.
  public enum Retention: Equatable, Sendable {
    /// All that some hit could use.
    case dense
    /// What a resend of the prompt needs, and what the next request needs that shares a beginning known to be shared. The
    /// default of vLLM from 0.29 on.
    case boundaries
    /// The same, and what hits at multiples of so many tokens need.
    case every(tokens: Int)
  }

  /// What is asked of a group without its rules.
  struct Layout: BitwiseCopyable, Sendable {
    let blockTokens: Int
    /// Slots of the ledger that a token takes.
    let slotsOfToken: Int
    let keepsAll: Bool
    let isKeyedByNeed: Bool
    let isState: Bool
    /// Whether its table is a chain of states, of which few have a block: states that can be found again.
    let isChain: Bool
    /// See ``KVGroupKind/attendedMax``.
    let window: Int?
    /// Of a state: blocks behind it for the states after its drafts.
    let draftStates: Int

    init(_ group: BlockGroup, blockSize: Int, isCaching: Bool) {
      blockTokens = group.blockTokens
      keepsAll = group.keeps == .all
      isKeyedByNeed = group.keeps.isKeyedByNeed
      isState = group.keeps.isState
      isChain = isState && isCaching
      window = group.keeps.attendedMax
      draftStates = group.keeps.draftStates
      slotsOfToken = isState ? 0 : blockSize / blockTokens
    }

    /// Blocks of `tokens` tokens and `ahead` slots behind them; where they are states, of the state and of those after
    /// drafts.
    @inline(__always)
    func blocks(of tokens: Int, ahead: Int = 0) -> Int {
      let slots = isState ? tokens : tokens + ahead
      return (slots + blockTokens - 1) / blockTokens + draftStates
    }
  }

  /// What a group knows of a sequence.
  struct Part: Sendable {
    /// The last run in which full blocks of it end: a sequence that decodes is in it.
    var last = BlockSpan(run: 0, first: 0, count: 0)
    /// Entries, from the first, that were looked at for a key.
    var seen: Int32 = 0
    /// Entries that were given back or never taken.
    var nulls: Range<Int32> = 0..<0
    /// Of a state.
    var state = State()
  }

  /// What is known of a sequence as a whole.
  struct Whole: Sendable {
    var promptTokens: Int32 = 0
    /// Prompt and output so far, as of the last look-up.
    var length: Int32 = 0
    /// Tokens that have a slot.
    var tokens: Int32 = 0
    /// Where a longer hit of some groups ended at the last look-up, 0 for none: others share the text up to there.
    var junction: Int32 = 0
  }

  /// What the key of a block says.
  public struct Label: Equatable, Sendable {
    public var group = 0
    /// Tokens from the first of the sequence to the end of what it holds.
    public var tokens = 0
  }

  /// What the key of a block that has one says.
  public func label(of block: BlockID) -> Label { labels[Int(block)] }

  /// Makes an empty memory.
  ///
  /// - Parameters:
  ///   - groups: At least one.
  ///   - deviceBlocks: Blocks of the pool, at least 1; block 0 is the null block.
  ///   - longestSequence: No sequence has more tokens.
  public init(
    groups: [BlockGroup], deviceBlocks: Int, isCaching: Bool, retention: Retention,
    freeQueueRule: FreeQueueRule, evictionPolicy: EvictionPolicy = .lru, longestSequence: Int,
    drafting: DraftRules = DraftRules()
  ) {
    precondition(!groups.isEmpty, "HybridMemory without groups")
    self.groups = groups
    blockSize = Self.blockSize(of: groups, isCaching: isCaching)
    hashBlockSize = groups.reduce(0) { greatestCommonDivisor($0, $1.blockTokens) }
    self.isCaching = isCaching
    self.retention = retention
    self.drafting = drafting
    var classes: [[Int]] = []
    for group in groups.indices {
      if let known = classes.firstIndex(where: { groups[$0[0]] == groups[group] }) {
        classes[known].append(group)
      } else {
        classes.append([group])
      }
    }
    self.classes =
      classes.filter { groups[$0[0]].keeps == .all }
      + classes.filter { groups[$0[0]].keeps != .all }
    let blockSize = blockSize
    layouts = groups.map { Layout($0, blockSize: blockSize, isCaching: isCaching) }
    hasPlainLayouts = layouts.allSatisfy {
      ($0.keepsAll || $0.window != nil) && !$0.isState && $0.blockTokens == blockSize
    }
    keysBoundariesOnly = retention == .boundaries && !drafting.dropsLastHit
    skipped = groups.map { $0.keeps.skipped }
    slotsOfToken = layouts.reduce(0) { $0 + $1.slotsOfToken }
    isSkipping = Self.skippingPhases(
      of: groups, blockSize: blockSize, isCaching: isCaching, upTo: longestSequence)
    busyPhases = Self.busyPhases(of: groups, isSkipping: isSkipping, isCaching: isCaching)
    pool = CachedBlockPool(
      capacity: deviceBlocks, freeQueueRule: freeQueueRule, evictionPolicy: evictionPolicy)
    labels = Array(repeating: Label(), count: deviceBlocks)
  }

  /// Tokens in whose multiples hits come. A state that is not cached has a block as long as the longest sequence, which
  /// nothing has to align with.
  public static func blockSize(of groups: [BlockGroup], isCaching: Bool) -> Int {
    groups.reduce(1) {
      $1.keeps.isState && !isCaching ? $0 : leastCommonMultiple($0, $1.blockTokens)
    }
  }

  /// Where what a group knows of a sequence stands.
  func row(_ sequence: Int, _ group: Int) -> Int { sequence * layouts.count + group }

  /// Blocks that a sequence holds, all groups.
  public func blockCount(of sequence: Int) -> Int {
    groups.indices.reduce(0) { count, group in
      count + tables.blocks(of: row(sequence, group)).count { $0 != 0 }
    }
  }

  /// Tokens of a sequence that have a slot.
  public func tokens(of sequence: Int) -> Int { wholes.with(sequence) { Int($0.tokens) } }

  /// Entries of the table of a group.
  public mutating func entryCount(of sequence: Int, group: Int) -> Int {
    Int(tables[row(sequence, group)].count)
  }

  /// The table of a group, the null block where it holds none.
  public func blocks(of sequence: Int, group: Int) -> [BlockID] {
    Array(tables.blocks(of: row(sequence, group)))
  }

  /// The most blocks that a sequence holds while it grows to `tokens` tokens, in iterations of at most `inFlight`.
  public func blocksMax(forTokens tokens: Int, inFlight: Int) -> Int {
    groups.reduce(0) {
      $0 + $1.keeps.blocksMax(forTokens: tokens, inFlight: inFlight, blockTokens: $1.blockTokens)
    }
  }

  /// Forgets what holds for one iteration only.
  public mutating func beginIteration() { keyedStates.removeAll(keepingCapacity: true) }

  // MARK: What sequences consist of

  /// Whether it is known what a sequence consists of.
  public func knows(_ sequence: Int) -> Bool { wholes.with(sequence) { $0.promptTokens > 0 } }

  /// Gives a run of tokens a number for a group of a sequence that it is part of, the same one for every such sequence.
  ///
  /// - Parameter blocks: Blocks of the group that end in it.
  public mutating func enter(_ identity: RunIdentity, blocks: Int, group: Int) -> Int32 {
    pool.enter(identity.of(group: group), blocks: blocks)
  }

  /// Gives the runs that were entered for the first group numbers for another one, whose blocks end in the same ones.
  public mutating func enter(alike spans: [BlockSpan], group: Int) -> [BlockSpan] {
    spans.map { span in
      let identity = pool.runs.runs[Int(span.run)].identity.of(group: group)
      return BlockSpan(
        run: pool.enter(identity, blocks: Int(span.count)), first: span.first, count: span.count)
    }
  }

  /// Tells what a sequence consists of until ``forget(_:)``.
  ///
  /// - Parameter spans: By group.
  public mutating func setContents(of sequence: Int, promptTokens: Int, _ spans: [[BlockSpan]]) {
    wholes[sequence].promptTokens = Int32(promptTokens)
    for group in layouts.indices {
      if let last = spans[group].last { parts[row(sequence, group)].last = last }
    }
    contents[sequence] = spans
  }

  /// Lets go of what was told of a sequence, which holds no blocks.
  public mutating func forget(_ sequence: Int) {
    contents.with(sequence) { contents in
      for spans in contents {
        for span in spans { pool.leave(span.run) }
      }
    }
    for group in layouts.indices { parts.close(row(sequence, group)) }
    contents.close(sequence)
    wholes.close(sequence)
  }

  /// The key of a full block of a sequence.
  public mutating func key(ofBlock block: Int, of sequence: Int, _ group: Int) -> BlockKey {
    let last = parts.with(row(sequence, group)) { $0.last }
    if block >= last.first { return last.key(ofBlock: block) }
    let spans = contents.with(sequence) { $0[group] }
    guard let span = spans.last(where: { $0.first <= block }) else {
      preconditionFailure("HybridMemory: block \(block) stands before \(spans)")
    }
    return span.key(ofBlock: block)
  }

  // MARK: Giving back

  /// Gives back the blocks of a sequence that nothing to come attends to, in each group the last one first.
  ///
  /// It has blocks for more when it goes on, so that the saving comes an iteration late.
  ///
  /// - Parameter inFlight: The newest tokens of the sequence, which may not be computed yet; the others are.
  public mutating func dropSkipped(_ sequence: Int, inFlight: Int = 0) {
    dropSkipped(sequence, computed: wholes.with(sequence) { Int($0.tokens) } - inFlight)
  }

  /// - Parameter computed: Tokens of the sequence.
  public mutating func dropSkipped(_ sequence: Int, computed: Int) {
    for group in layouts.indices where !layouts[group].keepsAll {
      if layouts[group].isChain {
        dropStates(sequence, group, computed: computed)
      } else {
        drop(row(sequence, group), skippedBlocks(of: group, computed))
      }
    }
  }

  /// Blocks of a sequence all of whose tokens are skipped.
  @inline(__always)
  func skippedBlocks(of group: Int, _ computed: Int) -> Range<Int> {
    KVGroupKind.wholeBlocks(skipped[group](computed), blockTokens: layouts[group].blockTokens)
  }

  private mutating func drop(_ row: Int, _ skipped: Range<Int>) {
    let known = parts.with(row) { $0.nulls }
    let first = known.isEmpty ? skipped.lowerBound : Int(known.upperBound)
    let end = min(skipped.upperBound, Int(tables[row].count))
    guard first < end else { return }
    _ = tables.look(row) { pool.release(mixed: UnsafeBufferPointer(rebasing: $0[first..<end])) }
    for index in first..<end { tables.replaceBlock(at: index, of: row, with: 0) }
    nullEntries += end - first
    parts[row].nulls = (known.isEmpty ? Int32(first) : known.lowerBound)..<Int32(end)
  }

  // MARK: Taking blocks

  /// Blocks that a sequence which holds some has to take for `tokens` more tokens, and `ahead` slots behind them; states
  /// need none there.
  public mutating func missingBlocks(of sequence: Int, for tokens: Int, ahead: Int = 0) -> Int {
    missingBlocks(
      of: sequence, from: wholes.with(sequence) { Int($0.tokens) }, for: tokens, ahead: ahead)
  }

  /// - Parameter computed: Tokens of the sequence that have a slot.
  public mutating func missingBlocks(
    of sequence: Int, from computed: Int, for tokens: Int, ahead: Int = 0
  ) -> Int {
    let total = computed + tokens
    return layouts.indices.reduce(0) { sum, group in
      let layout = layouts[group]
      if layout.isChain {
        return sum + missingStates(sequence, group, from: computed, known: 0, upTo: total)
      }
      return sum
        + max(0, layout.blocks(of: total, ahead: ahead) - Int(tables[row(sequence, group)].count))
    }
  }

  /// Whether `tokens` more tokens of a sequence find room, and `ahead` slots behind them.
  public mutating func canExtend(_ sequence: Int, by tokens: Int, ahead: Int = 0) -> Bool {
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
    let computed = wholes.with(sequence) { Int($0.tokens) }
    let total = computed + tokens
    for group in layouts.indices {
      let layout = layouts[group]
      if layout.isChain {
        extendStates(sequence, group, from: computed, upTo: total, &evicted)
      } else {
        let row = row(sequence, group)
        append(
          layout.blocks(of: total, ahead: ahead) - Int(tables[row].count), to: row, &evicted)
        setEmpty(
          layout.isState ? 0 : Int(tables[row].count) * layout.blockTokens - total, of: row, group)
      }
    }
    wholes[sequence].tokens = Int32(total)
  }

  /// Takes back the newest tokens of a sequence, which keeps their slots.
  public mutating func retract(_ sequence: Int, by tokens: Int) {
    guard tokens > 0 else { return }
    wholes[sequence].tokens -= Int32(tokens)
    for group in layouts.indices where !layouts[group].isState {
      let row = row(sequence, group)
      setEmpty(Int(tables[row].emptySlots) + tokens, of: row, group)
    }
  }

  mutating func append(_ count: Int, to row: Int, _ evicted: inout [BlockID]) {
    guard count > 0 else { return }
    let group = row % layouts.count
    unusableSlots -= unusableSlots(of: tables[row], group)
    tables.append(count, to: row) { pool.take(into: $0, evicted: &evicted) }
    unusableSlots += unusableSlots(of: tables[row], group)
  }

  mutating func setEmpty(_ tokens: Int, of row: Int, _ group: Int) {
    emptySlots += slots(of: tokens - Int(tables[row].emptySlots), group)
    tables.setEmptySlots(tokens, of: row)
  }
}
