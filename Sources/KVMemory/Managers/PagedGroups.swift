/// Blocks of groups of layers over a store of pages: who keeps what of a sequence, which pages that takes, and what is found
/// again.
///
///     group 0   |b0|b1|b2|b3|b4|▷          keeps all
///     group 1    ·  ·  ·|b3|b4|▷           keeps a window: what lies behind it is given back an iteration later
///     group 2             |s ▷|            a state: the one that the next token reads
///
/// A block of a group is a page of the group's type, so the store decides what it costs (``PageStore``): pages of one size,
/// of several, in one pool or in two. The rules of vLLM's groups, Jenga's types, and the pools of AVMP differ in nothing
/// else here.
///
/// A prompt starts behind the longest prefix of whole blocks of which every group has what the next token reads: of all
/// tokens the blocks from the beginning on, of a window those in it, of a state the one at the prefix's end. Full blocks
/// get an identity once they are computed; a block that nobody holds is cached, and evicted as the store says.
///
/// - Complexity: O(groups) a token, O(blocks) a prompt.
/// - Source: vLLM's hybrid KV cache manager and Jenga (arXiv 2503.18292, §4), as far as one loop drives both: no retention
///   intervals, no junctions, no drafts.
package struct PagedGroups<Store: PageStore>: ManagedMemory {
  struct Key: Hashable, Sendable {
    var group: Int
    var hash: UInt64
  }

  /// What a sequence holds in a group: a page for each block, `nil` for one that was given back or never taken.
  struct Held: Sendable {
    var pages: [Store.Page?] = []
    var count = 0
    /// Blocks that were given back, or that a prefix started behind.
    var skipped = 0..<0
    /// Blocks from the beginning that have an identity if they can have one.
    var keyed = 0
  }

  struct Sequence: Sendable {
    var lengths: SequenceLengths
    var keys: [[UInt64]]
    var held: [Held]
    /// Tokens that are resident before the iteration, and after it.
    var computed = 0
    var tokens = 0
    var account = Account()
    /// Tokens up to which a token more takes no block, gives none back and names none.
    var steadyEnd = 0
  }

  package let groups: [PagedGroup]
  /// Tokens of a prompt that an iteration computes at most.
  let inFlight: Int
  package private(set) var store: Store
  private(set) var sequences = SequenceRows<Sequence>()
  /// The page of each identity, the identity of each page, and how many sequences hold the page.
  private(set) var pages: [Key: Store.Page] = [:]
  private(set) var identities: [Store.Page: (key: Key, holders: Int)] = [:]
  /// Pages in use, by group.
  private(set) var usedPages: [Int]
  private var clock = 0

  package init(_ groups: [PagedGroup], store: Store, inFlight: Int) {
    self.groups = groups
    self.store = store
    self.inFlight = inFlight
    let behind = groups.flatMap(\.sparse)
    sparse = behind.sparse
    tokenBytes = groups.reduce(0) { $0 + ($1.isState ? 0 : $1.tokenBytes) }
    isCaching = groups.allSatisfy(\.isKeyed)
    usedPages = groups.map { _ in 0 }
  }

  package var bytes: Int { store.bytes }

  /// States that can be found again stand at the ends of blocks.
  package var chunkTokens: Int {
    isCaching && groups.contains(where: \.isState) ? alignment : 1
  }

  package var keyedBlocks: [Int] { isCaching ? groups.map(\.blockTokens) : [] }

  private let isCaching: Bool
  /// Layers of all groups that do not read every token.
  let sparse: [KeptLayers]
  /// Of a token in all groups.
  let tokenBytes: Int

  /// Tokens of the shortest prefix that every group has in whole blocks.
  private var alignment: Int { groups.reduce(1) { leastCommonMultiple($0, $1.blockTokens) } }

  /// The page of each block of a sequence, by group; `nil` for one that was given back or never taken.
  package func pages(of sequence: Int) -> [[Store.Page?]] { sequences[sequence].held.map(\.pages) }

  // MARK: Room

  package func canHold(_ lengths: SequenceLengths) -> Bool {
    store.holds(groups.map { blocksMax($0, tokens: lengths.final) })
  }

  package func canStart(_ lengths: SequenceLengths, keys: [[UInt64]]) -> Bool {
    let found = found(lengths, keys)
    return store.canTake(
      groups.indices.map { index in
        let group = groups[index]
        let blocks = found / group.blockTokens
        let skipped = group.keeps.skippedBlocks(found, blockTokens: group.blockTokens)
        let prefix = (0..<blocks).filter { !skipped.contains($0) }
        let idle = prefix.count { holders(Key(group: index, hash: keys[index][$0])) == 0 }
        return max(0, blocksMax(group, tokens: lengths.prompt) - prefix.count) + idle
      })
  }

  private func blocksMax(_ group: PagedGroup, tokens: Int) -> Int {
    group.keeps.blocksMax(forTokens: tokens, inFlight: inFlight, blockTokens: group.blockTokens)
  }

  private func holders(_ key: Key) -> Int { pages[key].flatMap { identities[$0]?.holders } ?? 0 }

  // MARK: The prefix

  /// Tokens of a prompt that need not be computed.
  func found(_ lengths: SequenceLengths, _ keys: [[UInt64]]) -> Int {
    guard isCaching, !keys.isEmpty else { return 0 }
    let step = alignment
    // The last token is always computed.
    var tokens = (lengths.prompt - 1) / step * step
    for index in groups.indices where groups[index].keepsAll {
      let lead = keys[index].prefix { pages[Key(group: index, hash: $0)] != nil }.count
      tokens = min(tokens, lead * groups[index].blockTokens / step * step)
    }
    search: while tokens > 0 {
      for index in groups.indices where !groups[index].keepsAll {
        let block = groups[index].blockTokens
        let first = groups[index].keeps.skippedBlocks(tokens, blockTokens: block).upperBound
        let missing = (first..<tokens / block).last {
          pages[Key(group: index, hash: keys[index][$0])] == nil
        }
        if let missing {
          tokens = missing * block / step * step
          continue search
        }
      }
      return tokens
    }
    return 0
  }

  package mutating func start(
    _ sequence: Int, _ lengths: SequenceLengths, keys: [[UInt64]]
  ) -> Int {
    let tokens = found(lengths, keys)
    var held = groups.map { _ in Held() }
    for (index, group) in groups.enumerated() where tokens > 0 {
      let blocks = tokens / group.blockTokens
      let skipped = group.keeps.skippedBlocks(tokens, blockTokens: group.blockTokens)
      held[index].pages = (0..<blocks).map { block in
        skipped.contains(block) ? nil : hold(Key(group: index, hash: keys[index][block]))
      }
      held[index].count = blocks - skipped.count
      held[index].skipped = skipped
      held[index].keyed = blocks
    }
    var entry = Sequence(
      lengths: lengths, keys: keys, held: held, computed: tokens, tokens: tokens)
    entry.account = account(entry)
    sequences.open(sequence, entry)
    return tokens
  }

  /// Takes the page of an identity, cached or in use.
  private mutating func hold(_ key: Key) -> Store.Page {
    guard let page = pages[key], let identity = identities[page] else {
      preconditionFailure("PagedGroups: \(key) has no page")
    }
    if identity.holders == 0 {
      store.reuse(page, type: key.group)
      usedPages[key.group] += 1
    }
    identities[page]!.holders += 1
    return page
  }

  // MARK: Growth

  /// - Complexity: O(1) where the tokens lie in blocks that the sequence has.
  package mutating func grow(_ sequence: Int, computed: Int, to tokens: Int) -> Bool {
    clock += 1
    let place = sequences.place(sequence)
    if tokens <= sequences.rows[place].steadyEnd, sequences.rows[place].tokens == computed {
      sequences.rows[place].computed = computed
      sequences.rows[place].tokens = tokens
      return true
    }
    // Moved out and back, so that its arrays are changed where they are.
    var entry = Sequence(lengths: SequenceLengths(prompt: 0, output: 0), keys: [], held: [])
    swap(&entry, &sequences.rows[place])
    let isGrown = grow(&entry, sequence, computed: computed, to: tokens)
    entry.steadyEnd = isGrown ? steadyEnd(entry) : 0
    entry.account = account(entry)
    swap(&entry, &sequences.rows[place])
    return isGrown
  }

  private mutating func grow(
    _ entry: inout Sequence, _ sequence: Int, computed: Int, to tokens: Int
  ) -> Bool {
    entry.computed = computed
    entry.tokens = min(entry.tokens, computed)
    var counts: [Int]?
    for index in groups.indices {
      identify(&entry, index)
      giveSkipped(&entry, index)
      let short = missing(entry.held[index].pages.count, index, tokens).count
      guard short > 0 else { continue }
      counts = counts ?? groups.map { _ in 0 }
      counts?[index] = short
    }
    if let counts {
      guard store.canTake(counts), take(&entry, sequence, to: tokens) else { return false }
    }
    entry.tokens = tokens
    return true
  }

  /// The end of the blocks that a sequence has in every group, or an earlier one up to which no group gives one back; 0 if
  /// a block is still to be named.
  ///
  /// What is skipped only grows, so that it is the same in between if it is the same at both ends.
  private func steadyEnd(_ entry: Sequence) -> Int {
    var end = Int.max
    for index in groups.indices {
      let block = groups[index].blockTokens
      if isCaching, !entry.keys.isEmpty,
        min(entry.tokens / block, entry.keys[index].count) > entry.held[index].keyed
      {
        return 0
      }
      end = min(end, entry.held[index].pages.count * block)
      guard !groups[index].keepsAll else { continue }
      let skipped = groups[index].keeps.skippedBlocks(entry.computed, blockTokens: block)
      while end > entry.tokens,
        groups[index].keeps.skippedBlocks(end - 1, blockTokens: block) != skipped
      { end = (end + entry.tokens) / 2 }
    }
    return end
  }

  /// Blocks that the tokens of the iteration need and the sequence does not hold.
  private func missing(_ known: Int, _ index: Int, _ tokens: Int) -> Range<Int> {
    let blocks = max(known, (tokens + groups[index].blockTokens - 1) / groups[index].blockTokens)
    return groups[index].isState ? max(known, blocks - 1)..<blocks : known..<blocks
  }

  /// Takes what is missing, or nothing.
  private mutating func take(_ entry: inout Sequence, _ sequence: Int, to tokens: Int) -> Bool {
    // A closure: in generic code a key path is made anew each time.
    let known = entry.held.map { $0.pages.count }
    var taken: [(page: Store.Page, type: Int)] = []
    for index in groups.indices {
      for block in missing(entry.held[index].pages.count, index, tokens) {
        guard let (page, evicted) = store.take(index, for: Int32(truncatingIfNeeded: sequence))
        else {
          for (page, type) in taken.reversed() {
            store.give(page, type: type, age: nil)
            entry.held[type].count -= 1
          }
          for (type, count) in known.enumerated() {
            entry.held[type].pages.removeSubrange(count...)
          }
          return false
        }
        for page in evicted { forget(page) }
        taken.append((page, index))
        let gap = block - entry.held[index].pages.count
        entry.held[index].pages += Array(repeating: nil, count: gap)
        entry.held[index].pages.append(page)
        entry.held[index].count += 1
      }
    }
    for (_, type) in taken { usedPages[type] += 1 }
    return true
  }

  private mutating func forget(_ page: Store.Page) {
    guard let identity = identities.removeValue(forKey: page) else {
      preconditionFailure("PagedGroups: \(page) was cached without an identity")
    }
    pages[identity.key] = nil
  }

  /// Gives full blocks that are computed their identity, unless another page has it.
  private mutating func identify(_ entry: inout Sequence, _ index: Int) {
    guard isCaching, !entry.keys.isEmpty else { return }
    let group = groups[index]
    let full = min(entry.computed / group.blockTokens, entry.keys[index].count)
    let blocks = entry.held[index].keyed..<max(full, entry.held[index].keyed)
    guard !blocks.isEmpty else { return }
    entry.held[index].keyed = full
    for block in blocks where block < entry.held[index].pages.count {
      // A state has the identity of its block if it was written at the block's end.
      let isWhole =
        !group.isState || entry.tokens == (block + 1) * group.blockTokens
      let key = Key(group: index, hash: entry.keys[index][block])
      guard isWhole, let page = entry.held[index].pages[block], pages[key] == nil else { continue }
      pages[key] = page
      identities[page] = (key, 1)
    }
  }

  /// Gives back the blocks that no token to come reads.
  private mutating func giveSkipped(_ entry: inout Sequence, _ index: Int) {
    if groups[index].keepsAll { return }
    let skipped = groups[index].keeps.skippedBlocks(
      entry.computed, blockTokens: groups[index].blockTokens)
    let already = entry.held[index].skipped
    let new =
      max(skipped.lowerBound, already.upperBound)..<max(skipped.upperBound, already.upperBound)
    guard !new.isEmpty else { return }
    give(&entry.held[index], index, blocks: new)
    entry.held[index].skipped = skipped
  }

  private mutating func give(_ held: inout Held, _ index: Int, blocks: Range<Int>) {
    for block in blocks.clamped(to: 0..<held.pages.count).reversed() {
      guard let page = held.pages[block] else { continue }
      held.pages[block] = nil
      held.count -= 1
      if let identity = identities[page] {
        identities[page]!.holders -= 1
        guard identity.holders == 1 else { continue }
      }
      usedPages[index] -= 1
      let prefix = (block + 1) * groups[index].blockTokens
      let age = identities[page].map { _ in PageAge(lastAccess: clock, prefixTokens: prefix) }
      store.give(page, type: index, age: age)
    }
  }

  package mutating func end(_ sequence: Int) {
    clock += 1
    var entry = sequences.close(sequence)
    entry.computed = entry.tokens
    for index in groups.indices {
      identify(&entry, index)
      give(&entry.held[index], index, blocks: 0..<entry.held[index].pages.count)
    }
  }
}
