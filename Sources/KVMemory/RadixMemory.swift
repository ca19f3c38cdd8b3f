/// The KV memory of SGLang: a pool of token slots, of which running sequences hold whole blocks of their own, and the
/// prefix index (``RadixTree``) all others.
///
///     pool   |── free ──|── own blocks of sequences ──|── tree: protected ──|── tree: evictable ──|
///
/// What a sequence computed is its own until it is handed to the tree (``checkpoint(_:_:upTo:promptTokens:)``); from then
/// on the sequence locks it there.
///
/// - Source: SGLang 0.5.23, by the rules beside its recorded step traces.
package struct RadixMemory: Sendable {
  /// What a sequence has of the pool.
  ///
  ///     0              cachedTokens         tokens      reach
  ///     |── in the tree ──|── own blocks ──────|── drafts ──|░░|
  package struct Hold: Equatable, Sendable {
    /// Tokens that have a slot.
    package fileprivate(set) var tokens = 0
    /// Tokens that there are slots for: beyond ``tokens`` those of drafts, which may come to nothing.
    package fileprivate(set) var reach = 0
    /// Of ``tokens``, those in the tree, whole blocks; the sequence locks ``node``.
    package fileprivate(set) var cachedTokens = 0
    package fileprivate(set) var node: RadixTree.NodeID = 0
    /// Tokens that will have a slot when the sequence is complete, and drafts beside them.
    @usableFromInline var finalTokens = 0

    package init() {}
  }

  package let blockSize: Int
  package let poolTokens: Int
  /// Whether computed tokens are kept to be found again.
  package let isCaching: Bool
  package private(set) var tree: RadixTree
  package private(set) var free: Int
  /// Tokens of running sequences in blocks of their own.
  package private(set) var ownTokens = 0
  /// Slots of such blocks that will never be used.
  package private(set) var wastedSlots = 0
  /// Blocks as the sequences count them, shared ones once for each.
  package private(set) var logicalBlockCount = 0
  /// Tokens that were evicted so far.
  package private(set) var evictedTokens = 0
  /// What was evicted since this was last emptied; `nil` unless somebody wants to know.
  package var evictions: [RadixTree.Evicted]?

  package init(
    blockSize: Int, poolTokens: Int, isCaching: Bool = true, host: RadixHost? = nil
  ) {
    self.blockSize = blockSize
    self.poolTokens = poolTokens
    self.isCaching = isCaching
    tree = RadixTree(blockSize: blockSize, host: host)
    free = poolTokens
  }

  /// Slots of the blocks that `tokens` tokens need.
  @inlinable @inline(__always)
  package func slots(for tokens: Int) -> Int {
    (tokens + blockSize - 1) / blockSize * blockSize
  }

  // MARK: The prefix index

  /// What is cached of a text's first `limit` tokens. Looking touches what is found.
  package mutating func match(_ text: TokenText, limit: Int) -> RadixTree.Place {
    isCaching ? tree.walk(text, limit: limit) : .root
  }

  /// Keeps a found beginning from being evicted.
  package mutating func lock(_ node: RadixTree.NodeID) { tree.lock(node) }

  package mutating func unlock(_ node: RadixTree.NodeID) { tree.unlock(node) }

  /// Gives what was found of a text on the host alone slots on the device, all of it or nothing, and locks it.
  ///
  /// - Returns: Its tokens; 0 if they are too few, or there is no room.
  package mutating func loadBack(_ place: RadixTree.Place) -> Int {
    let device = tree.onDevice(place)
    let tokens = place.tokens - device.tokens
    guard tokens >= RadixHost.loadedMin else { return 0 }
    tree.lock(device.node)
    defer { tree.unlock(device.node) }
    guard tokens <= free + tree.evictable else { return 0 }
    tree.bringBack(place.node)
    tree.lock(place.node)
    free -= tokens
    evict(toFree: 0)
    return tokens
  }

  /// Takes the copies to the host that have been decided since this was last asked.
  package mutating func takeCopies() -> [RadixHost.Copy] { tree.takeCopies() }

  /// Evicts until at least `tokens` slots are free, as far as there is something to evict.
  @inlinable @inline(__always)
  package mutating func evict(toFree tokens: Int) {
    if free < tokens { evictSome(toFree: tokens) }
  }

  @usableFromInline
  mutating func evictSome(toFree tokens: Int) {
    let gone = tree.evict(tokens - free, log: &evictions)
    free += gone
    evictedTokens += gone
  }

  // MARK: What sequences hold

  /// Gives an empty sequence what was found of it, which is locked already.
  ///
  /// - Parameter finalTokens: Tokens of the sequence that will have a slot in the end.
  package mutating func begin(_ hold: inout Hold, at place: RadixTree.Place, finalTokens: Int) {
    hold.tokens = place.tokens
    hold.reach = place.tokens
    hold.cachedTokens = place.tokens
    hold.node = place.node
    hold.finalTokens = finalTokens
    logicalBlockCount += place.tokens / blockSize
  }

  /// Slots that a sequence takes to grow to `tokens` tokens.
  @inlinable @inline(__always)
  package func missing(_ hold: Hold, for tokens: Int) -> Int {
    slots(for: max(tokens, hold.reach)) - slots(for: hold.reach)
  }

  /// Lets a sequence grow to `tokens` tokens.
  ///
  /// - Precondition: The slots are free.
  package mutating func extend(_ hold: inout Hold, to tokens: Int) {
    reserve(&hold, upTo: tokens)
    fill(&hold, to: tokens)
  }

  /// Gives a sequence slots for `tokens` tokens, more than it has yet; those that it has stay.
  ///
  /// - Precondition: The slots are free.
  package mutating func reserve(_ hold: inout Hold, upTo tokens: Int) {
    let taken = missing(hold, for: tokens)
    precondition(taken <= free, "RadixMemory.reserve: \(taken) slots of \(free) free")
    free -= taken
    logicalBlockCount += taken / blockSize
    wastedSlots -= wasted(hold)
    hold.reach = max(hold.reach, tokens)
    hold.finalTokens = max(hold.finalTokens, tokens)
    wastedSlots += wasted(hold)
  }

  /// Puts tokens into slots that a sequence has.
  package mutating func fill(_ hold: inout Hold, to tokens: Int) {
    precondition(tokens <= hold.reach, "RadixMemory.fill: \(tokens) tokens, \(hold.reach) slots")
    ownTokens += tokens - hold.tokens
    hold.tokens = tokens
  }

  /// Blocks that a sequence holds, shared ones included.
  package func blocks(of hold: Hold) -> Int { slots(for: hold.reach) / blockSize }

  /// Slots behind the last token or draft that the sequence will ever have, once it has taken their block.
  private func wasted(_ hold: Hold) -> Int {
    hold.reach > 0 ? max(0, slots(for: hold.reach) - hold.finalTokens) : 0
  }

  /// Lets sequences grow by a token each whose ``Hold`` is put right later (``settle(_:tokens:)``).
  ///
  /// - Parameters:
  ///   - blocks: Of them, those that take a block.
  ///   - unusableSlots: Slots of these blocks that they will never use.
  /// - Precondition: The slots are free.
  package mutating func cruise(sequences: Int, blocks: Int, unusableSlots: Int) {
    precondition(blocks * blockSize <= free, "RadixMemory.cruise: \(blocks) blocks, \(free) free")
    free -= blocks * blockSize
    ownTokens += sequences
    logicalBlockCount += blocks
    wastedSlots += unusableSlots
  }

  /// Slots that a sequence will never use of the block that it takes for a token.
  ///
  /// - Parameter tokens: With that token.
  @inlinable @inline(__always)
  package func unusableSlots(_ hold: Hold, taking tokens: Int) -> Int {
    max(0, slots(for: tokens) - hold.finalTokens)
  }

  /// Sets how many tokens a sequence holds that grew by ``cruise(sequences:blocks:unusableSlots:)``.
  package func settle(_ hold: inout Hold, tokens: Int) {
    hold.tokens = tokens
    hold.reach = tokens
  }

  /// Hands the whole blocks of a sequence's first `upTo` tokens to the tree, and keeps them locked there.
  ///
  /// What the tree had already is freed. The answer becomes a node of its own behind the prompt, so that it is evicted
  /// without the prompt and before it.
  ///
  /// - Parameters:
  ///   - upTo: At most the tokens that have a slot.
  ///   - isUse: See ``RadixTree/insert(_:limit:isUse:)``.
  package mutating func checkpoint(
    _ hold: inout Hold, _ text: TokenText, upTo: Int, promptTokens: Int, isUse: Bool = true
  ) {
    guard isCaching else { return }
    let count = upTo / blockSize * blockSize
    var node: RadixTree.NodeID = 0
    let had = tree.insert(text, limit: count, isUse: isUse, end: &node)
    let prompt = promptTokens / blockSize * blockSize
    if prompt > 0 && prompt < count { tree.cut(above: node, at: prompt) }
    tree.touch(node)
    tree.lock(node)
    tree.unlock(hold.node)
    hold.node = node
    free += max(0, had - hold.cachedTokens)
    ownTokens -= count - hold.cachedTokens
    hold.cachedTokens = count
  }

  /// Gives up all that a sequence holds; what is in the tree stays there, unlocked.
  package mutating func release(_ hold: inout Hold) {
    let slots = slots(for: hold.reach)
    free += slots - hold.cachedTokens
    ownTokens -= hold.tokens - hold.cachedTokens
    logicalBlockCount -= slots / blockSize
    wastedSlots -= wasted(hold)
    tree.unlock(hold.node)
    hold = Hold()
  }

  // MARK: What is where

  /// Slots of blocks that sequences hold for themselves.
  @inlinable @inline(__always)
  package var ownSlots: Int { poolTokens - free - tree.size }

  @inlinable @inline(__always)
  package var ledger: WasteLedger {
    var ledger = WasteLedger()
    ledger.tokenState = ownTokens + tree.protected
    ledger.internalFragmentation = wastedSlots
    ledger.reserved = ownSlots - ownTokens - wastedSlots
    ledger.cached = tree.evictable
    ledger.free = free
    return ledger
  }
}
