import SimulationKernel
import Testing

@testable import KVMemory

/// Sequences with shared beginnings in a small memory, against lists of tokens.
@Suite struct PrefixCachingPropertyTests {
  /// A sequence in flight: its tokens, of which `resident` have a slot.
  private struct Sequence {
    var tokens: [Int]
    var resident = 0
    /// Streams and lengths of the runs that the tokens are.
    var runs: [(stream: Int64, count: Int)]
  }

  /// One to three runs; the first ones are often those of other sequences.
  private func sequence(_ chance: inout RandomStream, _ number: Int) -> Sequence {
    var runs: [(stream: Int64, count: Int)] = []
    for place in 0..<1 + chance.below(3) {
      let isShared = chance.below(4) > 0
      let stream = isShared ? place * 2 + chance.below(2) : 100 + number * 3 + place
      // A run that others follow must end alike, or those are others.
      runs.append((Int64(stream), isShared ? 7 + place : 1 + chance.below(20)))
    }
    let tokens = runs.flatMap { run in (0..<run.count).map { Int(run.stream) * 1000 + $0 } }
    return Sequence(tokens: tokens, runs: runs)
  }

  /// Tells the memory what a sequence consists of: each full block ends in one of its runs.
  private func tell(_ memory: inout PrefixCachingMemory, _ number: Int, _ sequence: Sequence) {
    var spans = SpanBuilder(blockTokens: memory.blockSize, runs: sequence.runs.count)
    for run in sequence.runs {
      spans.add(stream: run.stream, start: 0, count: run.count) { memory.enter($0, blocks: $1) }
    }
    spans.close { memory.enter($0, blocks: $1) }
    memory.setContents(of: number, spans.spans)
  }

  @Test(arguments: FreeQueueRule.allCases, 0..<15 as Range<UInt64>)
  func findsWhatTokensSay(rule: FreeQueueRule, seed: UInt64) throws {
    var chance = RandomStream(seed: seed, label: "prefix caching memory")
    let size = 1 + chance.below(5)
    var memory = PrefixCachingMemory(
      blockSize: size, deviceBlocks: 12 + chance.below(40), freeQueueRule: rule)
    var flying: [Int: Sequence] = [:]
    /// The tokens of a cached block, and all before them.
    var prefixes: [BlockID: [Int]] = [:]
    var hitCount = 0
    for number in 0..<150 {
      var evicted: [BlockID] = []
      if flying.count < 5 {
        let begun = sequence(&chance, number)
        tell(&memory, number, begun)
        try #require(memory.brokenInvariant() == nil, "seed \(seed), sequence \(number) is told")
        var hits: [BlockID] = []
        let limit = (begun.tokens.count - 1) / size
        let free = memory.lookUp(number, limit: limit, hits: &hits)
        let found = Set(prefixes.values)
        let expected = (0..<limit).prefix {
          found.contains(Array(begun.tokens[..<(($0 + 1) * size)]))
        }
        try #require(hits.count == expected.count, "seed \(seed), sequence \(number)")
        for (index, block) in hits.enumerated() {
          #expect(prefixes[block] == Array(begun.tokens[..<((index + 1) * size)]), "seed \(seed)")
        }
        #expect(free == hits.count { memory.pool.referenceCount(of: $0) == 0 })
        memory.begin(number, with: hits, finalTokens: begun.tokens.count)
        flying[number] = begun
        flying[number]?.resident = hits.count * size
        hitCount += hits.count
        try #require(memory.brokenInvariant() == nil, "seed \(seed), sequence \(number) begins")
      }
      for other in flying.keys.sorted() {
        guard var sequence = flying[other] else { continue }
        let left = sequence.tokens.count - sequence.resident
        let tokens = min(left, 1 + chance.below(8))
        if tokens == 0 || !memory.canExtend(other, by: tokens) || chance.below(12) == 0 {
          memory.free(other)
          try #require(memory.brokenInvariant() == nil, "seed \(seed), sequence \(other) is freed")
          memory.forget(other)
          flying[other] = nil
        } else {
          memory.extend(other, by: tokens, evicted: &evicted)
          sequence.resident += tokens
          flying[other] = sequence
          for block in evicted { prefixes[block] = nil }
          evicted.removeAll()
          let cached = memory.cacheFullBlocks(of: other)
          let blocks = Array(memory.tables.blocks(of: other))
          for index in cached {
            prefixes[blocks[index]] = Array(sequence.tokens[..<((index + 1) * size)])
          }
          #expect(memory.residentTokens(of: other) == sequence.resident)
        }
        try #require(memory.brokenInvariant() == nil, "seed \(seed), sequence \(other)")
        try #require(memory.pool.cachedBlocks == prefixes.keys.sorted(), "seed \(seed)")
      }
    }
    #expect(hitCount > 20, "seed \(seed): hardly anything was found")
  }

  /// Cruising sequences take blocks by phase and fill them; what they took in is settled in the end.
  @Test(arguments: 0..<20 as Range<UInt64>) func keepsItsLawsInACruise(seed: UInt64) throws {
    var chance = RandomStream(seed: seed, label: "cruise")
    let size = 2 + chance.below(4)
    var memory = PrefixCachingMemory(
      blockSize: size, deviceBlocks: 200, freeQueueRule: .unhashedFirst)
    var due = PhasedSequences(phaseCount: size)
    var evicted: [BlockID] = []
    let prompts = (0..<6).map { _ in 1 + chance.below(20) }
    let steps = 1 + chance.below(40)
    for (number, prompt) in prompts.enumerated() {
      let sequence = Sequence(tokens: [], runs: [(Int64(number), prompt + steps + size)])
      tell(&memory, number, sequence)
      memory.begin(number, with: [], finalTokens: prompt + steps + chance.below(size))
      memory.extend(number, by: prompt, evicted: &evicted)
      _ = memory.cacheFullBlocks(of: number)
      // Step s takes in token prompt + s, which opens a block where the tokens before it fill theirs.
      due.insert(Int32(number), (size - prompt % size) % size) { Int32(number) < $0 }
    }
    func tokens(after step: Int) -> [Int: Int] {
      Dictionary(uniqueKeysWithValues: prompts.enumerated().map { ($0, $1 + step) })
    }
    for step in 0..<steps {
      let taking = due.count(step % size)
      if taking > 0 {
        memory.extendCruising(&due, step % size, 0..<taking, evicted: &evicted)
      }
      memory.cruise(sequences: prompts.count)
      try #require(
        memory.brokenInvariant(cruising: tokens(after: step + 1)) == nil,
        "seed \(seed), step \(step)")
      let filling = (step + 1) % size
      memory.cacheLastBlocks(of: &due, filling, 0..<due.count(filling))
      try #require(
        memory.brokenInvariant(cruising: tokens(after: step + 1)) == nil,
        "seed \(seed), step \(step) has filled blocks")
    }
    for (number, prompt) in prompts.enumerated() { memory.settle(number, tokens: prompt + steps) }
    #expect(memory.brokenInvariant() == nil, "seed \(seed)")
    #expect((0..<6).map { memory.residentTokens(of: $0) } == prompts.map { $0 + steps })
    for number in prompts.indices {
      memory.free(number)
      memory.forget(number)
    }
    #expect(memory.brokenInvariant() == nil && memory.pool.heldCount == 0, "seed \(seed)")
  }
}
