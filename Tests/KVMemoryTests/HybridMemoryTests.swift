import SimulationKernel
import Testing

@testable import KVMemory

/// Sequences in groups that keep different parts of them, against lists of tokens.
@Suite struct HybridMemoryTests {
  /// Every sequence begins with a part of one text, and goes on with its own.
  private struct Sequence {
    let number: Int
    let shared: Int
    let total: Int
    var resident = 0

    func tokens(_ count: Int) -> [Int] {
      (0..<count).map { $0 < shared ? $0 : 1000 * (number + 1) + $0 }
    }
  }

  /// What a group found of a sequence in blocks, up to the end of a block.
  private struct Content: Hashable {
    let group: Int
    let tokens: [Int]
  }

  private func tell(_ memory: inout HybridMemory, _ sequence: Sequence) {
    let spans = memory.groups.enumerated().map { group, value in
      var spans = SpanBuilder(blockTokens: value.blockTokens, runs: 2)
      let enter = { memory.enter($0, blocks: $1, group: group) }
      spans.add(stream: 0, start: 0, count: sequence.shared, enter)
      spans.add(
        stream: Int64(sequence.number + 1), start: sequence.shared,
        count: sequence.total - sequence.shared, enter)
      spans.close(enter)
      return spans.spans
    }
    memory.setContents(of: sequence.number, promptTokens: sequence.total, spans)
  }

  private static func kind(_ chance: inout RandomStream) -> KVGroupKind {
    let tokens = 1 + chance.below(14)
    switch chance.below(5) {
    case 0: return .chunk(tokens: tokens)
    case 1:
      // The first tokens stay too: what is skipped does not begin with the sequence.
      let first = 1 + chance.below(9)
      return KVGroupKind(
        name: "first \(first) and last \(tokens)", skipped: { first..<max(first, $0 - tokens + 1) },
        mostBlocks: { inFlight, size in
          (first + size - 1) / size + (tokens - 1 + inFlight + size - 1) / size + 1
        })
    case 2: return .all
    default: return .window(tokens: tokens)
    }
  }

  /// Blocks all of whose tokens are skipped, token by token.
  private func gone(_ group: BlockGroup, _ computed: Int) -> [Int] {
    let size = group.blockTokens
    return (0..<computed / size + 1).filter { block in
      (block * size..<(block + 1) * size).allSatisfy { group.keeps.skipped(computed).contains($0) }
    }
  }

  /// The longest beginning, in whole `unit`s, behind which every group can go on.
  private func expected(
    _ sequence: Sequence, _ groups: [BlockGroup], _ found: Set<Content>, unit: Int
  ) -> Int {
    (0...(sequence.total - 1) / unit).last { count in
      groups.enumerated().allSatisfy { number, group in
        let end = count * unit
        let gone = gone(group, end)
        return (0..<end / group.blockTokens).allSatisfy {
          gone.contains($0)
            || found.contains(
              Content(group: number, tokens: sequence.tokens(($0 + 1) * group.blockTokens)))
        }
      }
    }! * unit
  }

  @Test(arguments: 0..<24 as Range<UInt64>)
  func keepsWhatIsLookedAtAndFindsIt(seed: UInt64) throws {
    var chance = RandomStream(seed: seed, label: "hybrid memory")
    let size = 1 + chance.below(4)
    let groups = (0..<1 + chance.below(4)).map { _ in
      BlockGroup(keeps: Self.kind(&chance), blockTokens: size * (1 + chance.below(2)))
    }
    let rule = FreeQueueRule.allCases[chance.below(2)]
    var memory = HybridMemory(
      groups: groups, deviceBlocks: 30 * groups.count + chance.below(40), isCaching: true,
      retention: .dense, freeQueueRule: rule, longestSequence: 1000)
    let unit = memory.blockSize
    var flying: [Int: Sequence] = [:]
    /// What each cached block holds, and all before it.
    var contents: [BlockID: Content] = [:]
    var (hitCount, droppedCount) = (0, 0)
    for number in 0..<60 {
      if flying.count < 4 {
        // All or a part of the text, then own tokens: another length is another run.
        let shared = [0, 24, 24, 24][chance.below(4)]
        var begun = Sequence(number: number, shared: shared, total: 26 + chance.below(20))
        tell(&memory, begun)
        var found = HybridMemory.Found()
        memory.lookUp(number, length: begun.total, &found)
        let expected = expected(begun, groups, Set(contents.values), unit: unit)
        try #require(found.tokens == expected, "seed \(seed), sequence \(number)")
        for (group, hits) in found.tables.enumerated() {
          let skipped = gone(groups[group], expected)
          for (index, block) in hits.enumerated() {
            try #require((block == 0) == skipped.contains(index), "seed \(seed)")
            let tokens = begun.tokens((index + 1) * groups[group].blockTokens)
            if block != 0 { #expect(contents[block] == Content(group: group, tokens: tokens)) }
          }
        }
        let free = found.tables.joined().count {
          $0 != 0 && memory.pool.referenceCount(of: $0) == 0
        }
        #expect(found.freeHits == free)
        memory.begin(number, with: found, finalTokens: begun.total)
        begun.resident = found.tokens
        hitCount += found.tokens
        flying[number] = begun
        try #require(memory.brokenInvariant == nil, "seed \(seed), \(number) begins")
      }
      for other in flying.keys.sorted() {
        guard var sequence = flying[other] else { continue }
        memory.dropSkipped(other)
        try #require(memory.brokenInvariant == nil, "seed \(seed), \(other) drops")
        for (group, value) in groups.enumerated() {
          let gone = gone(value, sequence.resident)
          for (index, block) in memory.blocks(of: other, group: group).enumerated() {
            try #require((block == 0) == gone.contains(index), "seed \(seed), block \(index)")
            if block == 0 { droppedCount += 1 }
          }
        }
        let tokens = min(sequence.total - sequence.resident, 1 + chance.below(6))
        let missing = memory.missingBlocks(of: other, for: tokens)
        if tokens == 0 || missing > memory.pool.freeCount || chance.below(15) == 0 {
          memory.free(other)
          try #require(memory.brokenInvariant == nil, "seed \(seed), \(other) is freed")
          memory.forget(other)
          flying[other] = nil
          continue
        }
        let before = memory.pool.freeCount
        var evicted: [BlockID] = []
        memory.extend(other, by: tokens, evicted: &evicted)
        #expect(before - memory.pool.freeCount == missing, "seed \(seed)")
        sequence.resident += tokens
        for block in evicted { contents[block] = nil }
        memory.cacheFullBlocks(of: other)
        for (group, value) in groups.enumerated() {
          let blocks = memory.blocks(of: other, group: group)
          // Blocks become findable up to whole units, and partly filled ones for hashes nobody asks for.
          let end = groups.count == 1 ? sequence.resident : sequence.resident / unit * unit
          for index in 0..<end / value.blockTokens
          where blocks[index] != 0 && memory.pool.isCached(blocks[index]) {
            let tokens = sequence.tokens((index + 1) * value.blockTokens)
            contents[blocks[index]] = Content(group: group, tokens: tokens)
          }
          let most = value.keeps.blocksMax(
            forTokens: 1000, inFlight: 6, blockTokens: value.blockTokens)
          // The engine's cap of chunks holds where they end with blocks.
          if !value.keeps.name.hasPrefix("chunk") {
            #expect(blocks.count { $0 != 0 } <= most, "seed \(seed), \(value.keeps.name)")
          }
        }
        flying[other] = sequence
        try #require(memory.brokenInvariant == nil, "seed \(seed), \(other) grows")
      }
    }
    for other in flying.keys.sorted() { memory.free(other) }
    #expect(memory.pool.heldCount == 0 && memory.logicalBlockCount == 0, "seed \(seed)")
    #expect(hitCount > 0, "seed \(seed): nothing was found")
    let keepsAll = groups.allSatisfy { $0.keeps == .all }
    #expect(droppedCount > 0 || keepsAll, "seed \(seed): nothing was given back")
  }

  /// Windows of 32 tokens beside full layers, blocks of 16: what a resend of a prompt of 113 tokens needs is kept, and
  /// nothing else (`a03` of the recorded step traces: 112 is the boundary, blocks 5 and 6 lie before it).
  @Test func windowsKeepWhatAResendNeeds() {
    var memory = HybridMemory(
      groups: [
        BlockGroup(keeps: .all, blockTokens: 16),
        BlockGroup(keeps: .window(tokens: 32), blockTokens: 16),
      ], deviceBlocks: 80, isCaching: true, retention: .boundaries, freeQueueRule: .unhashedFirst,
      longestSequence: 200)
    let sequence = Sequence(number: 0, shared: 0, total: 113)
    tell(&memory, sequence)
    memory.begin(0, with: HybridMemory.Found(), finalTokens: 113)
    var evicted: [BlockID] = []
    memory.extend(0, by: 113, evicted: &evicted)
    memory.cacheFullBlocks(of: 0)
    let keyed = memory.groups.indices.map { group in
      memory.blocks(of: 0, group: group).map { memory.pool.isCached($0) ? 1 : 0 }
    }
    #expect(keyed == [[1, 1, 1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 1, 1, 0]])
    memory.dropSkipped(0)
    #expect(memory.blocks(of: 0, group: 1) == [0, 0, 0, 0, 0, 14, 15, 16])
  }
}
