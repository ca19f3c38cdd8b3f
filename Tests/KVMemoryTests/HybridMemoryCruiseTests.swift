import SimulationKernel
import Testing

@testable import KVMemory

/// Sequences that decode together, visited where something happens to their blocks, against the plain loop.
@Suite struct HybridMemoryCruiseTests {
  private static func memory(_ groups: [BlockGroup], isCaching: Bool) -> HybridMemory {
    // Hardly more than six sequences of 160 tokens take, so that blocks with keys are taken.
    let whole = groups.first { $0.keeps == .all }?.blockTokens ?? 1
    return HybridMemory(
      groups: groups, deviceBlocks: 6 * 160 / whole + 40, isCaching: isCaching,
      retention: .boundaries,
      freeQueueRule: .unhashedFirst, longestSequence: 300)
  }

  private static func begin(
    _ memory: inout HybridMemory, _ sequence: Int, promptTokens: Int, total: Int
  ) {
    if memory.isCaching {
      let spans = memory.groups.enumerated().map { group, value in
        var spans = SpanBuilder(blockTokens: value.blockTokens, runs: 2)
        let enter = { memory.enter($0, blocks: $1, group: group) }
        spans.add(stream: Int64(sequence), start: 0, count: promptTokens, enter)
        spans.add(stream: -1 - Int64(sequence), start: 0, count: total - promptTokens, enter)
        spans.close(enter)
        return spans.spans
      }
      memory.setContents(of: sequence, promptTokens: promptTokens, spans)
    }
    memory.begin(sequence, with: HybridMemory.Found(), finalTokens: total)
    var evicted: [BlockID] = []
    memory.extend(sequence, by: promptTokens, evicted: &evicted)
    if memory.isCaching { memory.cacheFullBlocks(of: sequence) }
  }

  /// Both end with the same tables, keys, queue and evictions; groups of blocks of one size are those that are decoded with
  /// one look at the storage, the last case is not.
  @Test(
    arguments: [
      [
        BlockGroup(keeps: .all, blockTokens: 8),
        BlockGroup(keeps: .window(tokens: 20), blockTokens: 8),
      ],
      [
        BlockGroup(keeps: .window(tokens: 9), blockTokens: 4),
        BlockGroup(keeps: .all, blockTokens: 4),
      ],
      [
        BlockGroup(keeps: .all, blockTokens: 8),
        BlockGroup(keeps: .window(tokens: 6), blockTokens: 4),
      ],
    ], [true, false])
  func visitsAreThePlainLoop(groups: [BlockGroup], isCaching: Bool) throws {
    var evictions = 0
    for seed in 1...20 as ClosedRange<UInt64> {
      var chance = RandomStream(seed: seed, label: "visits")
      var visited = Self.memory(groups, isCaching: isCaching)
      let count = 2 + chance.below(5)
      var computed = (0..<count).map { _ in 1 + chance.below(40) }
      for sequence in 0..<count {
        Self.begin(&visited, sequence, promptTokens: computed[sequence], total: 280)
      }
      var plain = visited
      let unit = visited.blockSize
      for iteration in 0..<120 {
        let haveJoined = iteration == 0
        let visits = (0..<count).filter {
          haveJoined || visited.busyPhases.contains(computed[$0] % unit)
        }.map {
          HybridMemory.Visit(
            sequence: Int32($0), computed: Int32(computed[$0]), rank: Int32($0))
        }
        var lost: [BlockID] = []
        visited.cruise(sequences: count)
        visited.decode(visits, 0..<visits.count, haveJoined: haveJoined, evicted: &lost)
        var expected: [BlockID] = []
        for sequence in 0..<count {
          plain.dropSkipped(sequence)
          plain.extend(sequence, by: 1, evicted: &expected)
          if isCaching { plain.cacheFullBlocks(of: sequence) }
          computed[sequence] += 1
        }
        try #require(lost == expected, "seed \(seed), iteration \(iteration)")
        try #require(visited.ledger == plain.ledger, "seed \(seed), iteration \(iteration)")
        // One leaves and begins again, so that blocks with keys are taken for something else.
        guard chance.below(6) == 0 else { continue }
        let sequence = chance.below(count)
        visited.settle(sequence, tokens: computed[sequence])
        computed[sequence] = 1 + chance.below(40)
        for isVisited in [true, false] {
          var memory = isVisited ? visited : plain
          memory.free(sequence)
          if isCaching { memory.forget(sequence) }
          Self.begin(&memory, sequence, promptTokens: computed[sequence], total: 280)
          // What its prompt skips goes back now: only who has just joined is visited for it.
          memory.dropSkipped(sequence)
          if isVisited { visited = memory } else { plain = memory }
        }
      }
      for sequence in 0..<count { visited.settle(sequence, tokens: computed[sequence]) }
      for sequence in 0..<count {
        for group in groups.indices {
          #expect(
            visited.blocks(of: sequence, group: group) == plain.blocks(of: sequence, group: group),
            "seed \(seed), sequence \(sequence)")
        }
      }
      #expect(visited.pool.freeQueue == plain.pool.freeQueue, "seed \(seed)")
      #expect(visited.pool.cachedBlocks == plain.pool.cachedBlocks, "seed \(seed)")
      #expect(visited.brokenInvariant == nil, "seed \(seed)")
      evictions += visited.pool.evictionCount
    }
    #expect(evictions > 0 || !isCaching, "nothing was evicted")
  }
}
