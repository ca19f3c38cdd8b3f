import Foundation
import SimulationKernel
import Testing

@testable import KVMemory

/// Seeds of a fuzz test; as many as `KVPLAN_FUZZ_SEEDS` says where that is set (`make fuzz-memories`).
func seeds(_ usual: UInt64) -> Range<UInt64> {
  0..<(ProcessInfo.processInfo.environment["KVPLAN_FUZZ_SEEDS"].flatMap(UInt64.init) ?? usual)
}

/// Random sequences through each manager of `compare --memory`, against what anyone would count.
@Suite struct ManagedMemoryTests {
  static let full = KeptLayers(keeps: .all, layers: 2, bytes: 4)
  static let window = KeptLayers(keeps: .window(tokens: 10), layers: 3, bytes: 6)
  static let state = KeptLayers(keeps: .state, layers: 5, bytes: 50)
  static let sinks = KeptLayers(keeps: .sinks(4, window: 8), layers: 1, bytes: 2)
  static let models = [
    [full], [full, window], [full, state], [full, window, state], [sinks, window],
  ]

  /// A sequence as the naive model knows it.
  struct Naive {
    var lengths: SequenceLengths
    var computed = 0
    var tokens = 0
    /// Bytes that it holds by the naive rule.
    var held = 0

    /// Tokens, one by one, that the iteration reads or writes; a state once.
    func live(_ layers: [KeptLayers]) -> Int {
      layers.reduce(0) { sum, kind in
        if kind.keeps.isState { return sum + (tokens > 0 ? kind.bytes : 0) }
        let skipped = kind.keeps.skipped(computed)
        return sum + (0..<tokens).count { !skipped.contains($0) } * kind.bytes
      }
    }
  }

  /// Starts, grows and ends sequences at random.
  ///
  /// - Parameters:
  ///   - live: Bytes of a sequence that are token state.
  ///   - heldFirst: Bytes that a sequence holds when it has started.
  ///   - held: Bytes that it holds after growing.
  private func fuzz(
    _ memory: some ManagedMemory, seed: UInt64, layers: [KeptLayers],
    live: ((Naive) -> Int)? = nil, heldFirst: (Naive) -> Int = { _ in 0 },
    held: (Naive) -> Int
  ) {
    var memory = memory
    var numbers = RandomStream(seed: seed, label: "managers")
    var sequences: [(number: Int, naive: Naive)] = []
    for step in 0..<120 {
      let choice = numbers.below(8)
      if choice == 0 || sequences.isEmpty {
        let lengths = SequenceLengths(prompt: 1 + numbers.below(40), output: 1 + numbers.below(20))
        guard memory.canHold(lengths), memory.canStart(lengths, keys: []) else { continue }
        let found = memory.start(step, lengths, keys: [])
        #expect(found == 0)
        var naive = Naive(lengths: lengths)
        naive.held = heldFirst(naive)
        sequences.append((step, naive))
      } else if choice == 1 {
        memory.end(sequences.remove(at: numbers.below(sequences.count)).number)
      } else {
        let index = numbers.below(sequences.count)
        var naive = sequences[index].naive
        let left = naive.lengths.prompt - naive.tokens
        guard naive.tokens < naive.lengths.final else { continue }
        naive.computed = naive.tokens
        naive.tokens += left > 0 ? min(left, 1 + numbers.below(16)) : 1
        if memory.grow(sequences[index].number, computed: naive.computed, to: naive.tokens) {
          naive.held = held(naive)
        } else {
          naive.tokens = naive.computed
          naive.held = max(0, min(naive.held, held(naive)))
        }
        sequences[index].naive = naive
      }
      #expect(memory.brokenInvariant == nil, "seed \(seed), step \(step)")
      let ledger = memory.ledger(headIsBlocked: false)
      let blocked = memory.ledger(headIsBlocked: true)
      #expect(ledger.total == memory.bytes && blocked.total == memory.bytes)
      let alive = sequences.reduce(0) { $0 + (live?($1.naive) ?? $1.naive.live(layers)) }
      #expect(ledger.tokenState == alive, "seed \(seed), step \(step)")
      let sum = ledger.tokenState + ledger.reserved + ledger.internalFragmentation
      #expect(sum == sequences.reduce(0) { $0 + $1.naive.held }, "seed \(seed), step \(step)")
    }
  }

  /// Blocks with a token that the group keeps, looked at one by one.
  private func blocks(_ group: PagedGroup, _ naive: Naive) -> Int {
    if group.keeps.isState { return naive.tokens > 0 ? 1 : 0 }
    let skipped = group.keeps.skipped(naive.computed)
    return (0..<(naive.tokens + group.blockTokens - 1) / group.blockTokens).count { block in
      let tokens = block * group.blockTokens..<(block + 1) * group.blockTokens
      return !tokens.allSatisfy { skipped.contains($0) }
    }
  }

  private func typed(_ layers: [KeptLayers]) -> [PagedGroup] {
    layers.map {
      PagedGroup(parts: [$0], keeps: $0.keeps, blockTokens: $0.keeps.isState ? 1 << 40 : 4)
    }
  }

  @Test(arguments: seeds(15)) func pagesOfOneSize(seed: UInt64) {
    let layers = Self.models[Int(seed) % 5]
    let groups = typed(layers)
    // The largest block, and the greatest common divisor.
    for unit in [groups.map(\.contentBytes).max() ?? 1, 2] {
      let units = groups.map { ($0.contentBytes + unit - 1) / unit }
      let store = UnitPool(bytes: 1501, unitBytes: unit, unitsOfPage: units)
      fuzz(PagedGroups(groups, store: store, inFlight: 16), seed: seed, layers: layers) { naive in
        zip(groups, units).reduce(0) { $0 + blocks($1.0, naive) * $1.1 * unit }
      }
    }
  }

  @Test(arguments: seeds(12)) func pagesOfJenga(seed: UInt64) {
    let layers = Self.models[Int(seed) % 4]
    let groups = typed(layers)
    let store = JengaPool(bytes: 7003, smallBytes: groups.map(\.contentBytes))
    fuzz(PagedGroups(groups, store: store, inFlight: 16), seed: seed, layers: layers) { naive in
      groups.reduce(0) { $0 + blocks($1, naive) * $1.contentBytes }
    }
  }

  /// A window beside full layers in one block table is kept whole.
  @Test(arguments: seeds(8)) func twoStores(seed: UInt64) {
    let layers = Self.models[3]
    let groups = [
      PagedGroup(parts: [Self.full, Self.window], keeps: .all, blockTokens: 4),
      PagedGroup(parts: [Self.state], keeps: .state, blockTokens: 1 << 40),
    ]
    let store = SplitUnits(
      bytes: 3001, kvBytes: 40, stateBytes: 50, stateShare: 0.5, isDynamic: seed % 2 == 0)
    fuzz(PagedGroups(groups, store: store, inFlight: 16), seed: seed, layers: layers) { naive in
      groups.reduce(0) { $0 + blocks($1, naive) * $1.contentBytes }
    }
  }

  @Test(arguments: seeds(8)) func contiguousChunks(seed: UInt64) {
    let layers = Self.models[Int(seed) % 4]
    let context = WholeContext(layers)
    let memory = ContiguousManager(
      bytes: 3001, layers: layers, blockTokens: 4, longest: 64,
      reservation: { $0.prompt + $0.output })
    func reserved(_ naive: Naive) -> Int {
      context.slots(naive.lengths.prompt + naive.lengths.output) * context.slotBytes
    }
    fuzz(memory, seed: seed, layers: layers, heldFirst: reserved, held: reserved)
  }

  @Test(arguments: seeds(8)) func mappedGroups(seed: UInt64) {
    let layers = Self.models[Int(seed) % 4]
    let context = WholeContext(layers)
    func groups(_ tokens: Int) -> Int { (tokens + 7) / 8 * 8 * context.slotBytes }
    let vAttention = MappedManager<PageGroups>(bytes: 3001, layers: layers, groupTokens: 8) {
      PageGroups(groupTokens: 8, capacity: $0)
    }
    fuzz(vAttention, seed: seed, layers: layers) { groups(context.slots($0.tokens)) }
    let vTensor = MappedManager<VTensorSlots>(bytes: 9001, layers: layers, groupTokens: 8) {
      VTensorSlots(groupTokens: 8, capacity: $0)
    }
    fuzz(vTensor, seed: seed, layers: layers) { naive in
      let ahead = naive.computed < naive.lengths.prompt ? VTensorSlots.lookAheadTokens : 0
      return max(naive.held, groups(context.slots(naive.tokens) + ahead))
    }
  }

  @Test(arguments: seeds(8)) func pagesOfKVCached(seed: UInt64) {
    let layers = Self.models[Int(seed) % 4]
    let context = WholeContext(layers)
    // Blocks of four tokens in one tensor; a page of three and a half.
    let memory = KVCachedManager(
      bytes: 6001, layers: layers, blockTokens: 4, pageBytes: 14 * context.slotBytes, tensors: 1)
    fuzz(memory, seed: seed, layers: layers) { naive in
      let blocks = naive.tokens == 0 ? 0 : (context.slots(naive.tokens) + 3) / 4
      return blocks * 4 * context.slotBytes
    }
  }

  @Test(arguments: seeds(8)) func cappedTokens(seed: UInt64) {
    let cap: TokenCap.Rule = { $1 <= $0.prompt ? $1 : min($1, 12) }
    let whole: TokenCap.Rule = { _, tokens in tokens }
    let inPlace = seed % 2 == 1
    let memory = CappedManager(
      bytes: 1501,
      groups: [.init(Self.full, TokenCap(resident: cap, held: inPlace ? whole : nil))],
      stateBytes: 50, blockTokens: 4)
    func live(_ naive: Naive) -> Int {
      naive.tokens == 0 ? 0 : 50 + cap(naive.lengths, naive.tokens) * 4
    }
    fuzz(memory, seed: seed, layers: [], live: live) { naive in
      let tokens = inPlace ? naive.tokens : cap(naive.lengths, naive.tokens)
      return naive.tokens == 0 ? 0 : 50 + (tokens + 3) / 4 * 16
    }
  }

  /// Sinks and a window: what is resident is bounded, whatever the length.
  @Test func sinksAndWindow() {
    let keeps = KVGroupKind.sinks(4, window: 8)
    let group = PagedGroup(
      parts: [KeptLayers(keeps: keeps, layers: 1, bytes: 1)], keeps: keeps, blockTokens: 4)
    var memory = PagedGroups(
      [group], store: UnitPool(bytes: 40, unitBytes: 4, unitsOfPage: [1]), inFlight: 1)
    _ = memory.start(0, SequenceLengths(prompt: 1, output: 100), keys: [])
    var held: [Int] = []
    for tokens in 1...100 {
      let isGrown = memory.grow(0, computed: tokens - 1, to: tokens)
      #expect(isGrown)
      held.append(memory.usedPages[0])
    }
    // One block of sinks, and a window of 8 tokens that lies in two or three blocks.
    #expect(Array(held[..<16]) == [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 3])
    #expect(Set(held[16...]) == [3, 4])
    #expect(memory.ledger(headIsBlocked: false).tokenState == 12)
  }
}

/// Prefixes that are found again.
@Suite struct ManagedPrefixTests {
  /// What is found is the longest prefix of whole blocks of which every group has what the next token reads.
  @Test(arguments: seeds(16)) func longestPrefixOfAllGroups(seed: UInt64) {
    var numbers = RandomStream(seed: seed, label: "prefixes")
    let groups = [
      PagedGroup(
        parts: [ManagedMemoryTests.full], keeps: .all, blockTokens: 4, isKeyed: true),
      PagedGroup(
        parts: [ManagedMemoryTests.window], keeps: .window(tokens: 10), blockTokens: 4,
        isKeyed: true),
      PagedGroup(
        parts: [ManagedMemoryTests.state], keeps: .state(blocks: 2), blockTokens: 8, isKeyed: true),
    ]
    let store = UnitPool(bytes: 3600, unitBytes: 2, unitsOfPage: [8, 12, 25])
    var memory = PagedGroups(groups, store: store, inFlight: 16)
    var running: [(number: Int, lengths: SequenceLengths, tokens: Int)] = []
    var hits = 0
    for step in 0..<150 {
      if numbers.below(3) == 0 || running.isEmpty {
        let lengths = SequenceLengths(prompt: 9 + numbers.below(40), output: 1 + numbers.below(9))
        // Two texts, the one a turn of the other from some token on.
        let text = UInt64(numbers.below(2))
        let keys = groups.map { group in
          (0..<lengths.final / group.blockTokens).map { block -> UInt64 in
            let end = (block + 1) * group.blockTokens
            return UInt64(end) * 10 + (end > 16 ? text : 0)
          }
        }
        let expected = stride(from: (lengths.prompt - 1) / 8 * 8, to: 0, by: -8).first { tokens in
          groups.indices.allSatisfy { index in
            let block = groups[index].blockTokens
            let skipped = groups[index].keeps.skippedBlocks(tokens, blockTokens: block)
            return (0..<tokens / block).allSatisfy {
              skipped.contains($0)
                || memory.pages[.init(group: index, hash: keys[index][$0])] != nil
            }
          }
        }
        guard memory.canHold(lengths), memory.canStart(lengths, keys: keys) else { continue }
        let found = memory.start(step, lengths, keys: keys)
        #expect(found == expected ?? 0, "seed \(seed), step \(step)")
        hits += found > 0 ? 1 : 0
        running.append((step, lengths, found))
      } else {
        let index = numbers.below(running.count)
        let (number, lengths, tokens) = running[index]
        let left = lengths.prompt - tokens
        // Parts of a prompt end at blocks of the state.
        let end = left > 8 ? (tokens / 8 + 1) * 8 : left > 0 ? lengths.prompt : tokens + 1
        if tokens < lengths.final, numbers.below(12) > 0,
          memory.grow(number, computed: tokens, to: end)
        {
          running[index].tokens = end
        } else {
          memory.end(number)
          running.remove(at: index)
        }
      }
      #expect(memory.brokenInvariant == nil, "seed \(seed), step \(step)")
    }
    #expect(hits > 0, "seed \(seed)")
  }
}

extension ManagedPrefixTests {
  /// Blocks of 4: three of a prompt of 14 are named with the first iteration after it, though its token finds room in the
  /// last block.
  @Test func fullBlocksAreNamedInTheNextIteration() {
    let group = PagedGroup(
      parts: [ManagedMemoryTests.full], keeps: .all, blockTokens: 4, isKeyed: true)
    var memory = PagedGroups(
      [group], store: UnitPool(bytes: 1600, unitBytes: 16, unitsOfPage: [1]), inFlight: 16)
    let lengths = SequenceLengths(prompt: 14, output: 9)
    let keys: [[UInt64]] = [[1, 2, 3, 4, 5]]
    _ = memory.start(0, lengths, keys: keys)
    var found: [Int] = []
    for (computed, tokens) in [(0, 14), (14, 15), (15, 16), (16, 17)] {
      let isGrown = memory.grow(0, computed: computed, to: tokens)
      #expect(isGrown)
      found.append(memory.found(SequenceLengths(prompt: 21, output: 1), keys))
    }
    #expect(found == [0, 12, 12, 16])
  }
}

/// The rules of kvcached and vTensor, case by case.
@Suite struct VirtualPageTests {
  /// What can be taken with so many pages mapped for it is the most for which no more pages have to be mapped.
  @Test(arguments: seeds(20)) func blocksByPagesToMap(seed: UInt64) {
    var numbers = RandomStream(seed: seed, label: "pages to map")
    var pages = KVCachedPages(pages: 14, pageBytes: 10, blockBytes: 2 + numbers.below(4))
    var held: [Int] = []
    for step in 0..<60 {
      if numbers.below(2) == 0 {
        held += pages.take(1 + numbers.below(6)) ?? []
        if numbers.below(2) == 0 { pages.refill(limit: numbers.below(4)) }
      } else {
        let given = (0..<min(held.count, numbers.below(8))).map { _ in
          held.remove(at: numbers.below(held.count))
        }
        pages.give(given)
      }
      for limit in 0..<4 {
        let most = (0...pages.availableBlocks).last { (pages.pagesToMap(for: $0) ?? 99) <= limit }
        #expect(pages.availableBlocks(mapping: limit) == most, "seed \(seed), step \(step)")
      }
    }
  }

  /// Pages of 10 bytes and blocks of 4: a block that straddles pages is never used.
  @Test func blocksThatStraddle() {
    let pages = KVCachedPages(pages: 4, pageBytes: 10, blockBytes: 4)
    // Blocks 0, 1 | 3, 4 | 5, 6 | 8, 9; 2 and 7 straddle.
    #expect((0..<4).map(pages.blocks(of:)) == [2, 2, 2, 2])
    #expect(KVCachedPages(pages: 3, pageBytes: 12, blockBytes: 5).blocks(of: 1) == 1)
    #expect(pages.availableBlocks == 8)
  }

  /// Best fit over pages in use: the fewest free blocks that are enough, else the most; then the head of the list.
  @Test(
    arguments: [
      // What is taken one after the other, what is given back of pages, what is asked for, the pages that come.
      ([3, 3], [0, 1, 1], 1, [0]),
      ([3, 3], [0, 1, 1], 2, [1, 1]),
      ([3, 3], [0, 1, 1], 3, [1, 1, 0]),
      ([3, 3], [0, 1, 1], 4, [1, 1, 0, 2]),
      ([3], [], 2, [1, 1]),
    ]) func bestFit(taken: [Int], given: [Int], asked: Int, expected: [Int])
  {
    var pages = KVCachedPages(pages: 3, pageBytes: 12, blockBytes: 4)
    for count in taken { _ = pages.take(count) }
    pages.give(given)
    let answer = pages.take(asked)
    #expect(answer == expected)
  }

  /// Ten emptied pages stay mapped, further ones go to the end of the free list; five are mapped ahead.
  @Test func reservedPages() {
    var pages = KVCachedPages(pages: 14, pageBytes: 4, blockBytes: 4)
    pages.refill()
    #expect(pages.reserved == [0, 1, 2, 3, 4] && pages.free.first == 5)
    let taken = pages.take(12)
    #expect(taken == Array(0..<12))
    #expect(pages.reserved == [] && pages.free == [12, 13])
    pages.give(Array(0..<12))
    #expect(pages.reserved == Array(0..<10) && pages.free == [12, 13, 10, 11])
    let all = pages.take(14)
    #expect(all?.suffix(4) == [12, 13, 10, 11])
    let none = pages.take(1)
    #expect(none == nil)
  }

  /// A prompt has memory for a hundred tokens more; a decode grows by a chunk when it runs short; a slot keeps chunks.
  @Test func vTensorSlots() {
    var slots = VTensorSlots(groupTokens: 64, capacity: 10, retained: 1)
    let first = slots.takeSlot(tokens: 50)
    var isMapped = slots.map(first, tokens: 50, isPrompt: true)
    // ⌈150 / 64⌉
    #expect(isMapped && slots.heldGroups(first) == 3 && slots.freeCount == 7)
    isMapped = slots.map(first, tokens: 192, isPrompt: false)
    #expect(isMapped && slots.heldGroups(first) == 3)
    isMapped = slots.map(first, tokens: 193, isPrompt: false)
    #expect(isMapped && slots.heldGroups(first) == 4)
    // ⌈(400 + 100) / 64⌉ = 8 chunks are not there.
    #expect(!slots.canTakeSlot(tokens: 400) && slots.canTakeSlot(tokens: 284))
    let second = slots.takeSlot(tokens: 400)
    isMapped = slots.map(second, tokens: 400, isPrompt: true)
    #expect(!isMapped && second == 1 && slots.heldGroups(second) == 0)
    slots.giveSlot(first)
    #expect(slots.freeCount == 9 && slots.retainedGroups == 1)
    // The lowest idle slot, with what it kept.
    let third = slots.takeSlot(tokens: 10)
    #expect(third == first && slots.heldGroups(first) == 1)
  }
}
