import SimulationKernel
import Testing

@testable import KVMemory

/// Sequences of which parts are given back while they run, against lists of tokens.
@Suite struct KeptBlocksTests {
  /// Every sequence begins with a part of one text, and goes on with its own.
  private struct Sequence {
    let number: Int
    let shared: Int
    let total: Int
    var resident = 0
    /// Blocks before which nothing was there to be looked at: given back, or never taken.
    var dropped: Range<Int> = 0..<0

    func tokens(_ count: Int) -> [Int] {
      (0..<count).map { $0 < shared ? $0 : 1000 * (number + 1) + $0 }
    }
  }

  private func tell(_ memory: inout PrefixCachingMemory, _ sequence: Sequence) {
    var builder = RunBuilder()
    var spans: [BlockSpan] = []
    var end = 0
    for (stream, count) in [
      (Int64(0), sequence.shared), (Int64(sequence.number + 1), sequence.total - sequence.shared),
    ] where count > 0 {
      _ = builder.add(stream: stream, start: end, count: count)
      let first = end / memory.blockSize
      end += count
      let blocks = end / memory.blockSize - first
      guard blocks > 0 else { continue }
      let run = memory.enter(builder.identity, blocks: blocks)
      spans.append(BlockSpan(run: run, first: Int32(first), count: Int32(blocks)))
    }
    memory.setContents(of: sequence.number, spans)
  }

  private static func kind(_ chance: inout RandomStream) -> KVGroupKind {
    let tokens = 1 + chance.below(14)
    switch chance.below(4) {
    case 0: return .chunk(tokens: tokens)
    case 1:
      // The first tokens stay too: what is skipped does not begin with the sequence.
      let first = 1 + chance.below(9)
      return KVGroupKind(
        name: "first and last", skipped: { first..<max(first, $0 - tokens + 1) },
        mostBlocks: { inFlight, size in
          (first + size - 1) / size + (tokens - 1 + inFlight + size - 1) / size + 1
        })
    default: return .window(tokens: tokens)
    }
  }

  /// Blocks all of whose tokens are skipped, token by token.
  private func gone(_ kind: KVGroupKind, _ computed: Int, _ size: Int) -> [Int] {
    (0..<computed / size + 1).filter { block in
      (block * size..<(block + 1) * size).allSatisfy { kind.skipped(computed).contains($0) }
    }
  }

  @Test(arguments: 0..<24 as Range<UInt64>)
  func keepsWhatIsLookedAtAndFindsIt(seed: UInt64) throws {
    var chance = RandomStream(seed: seed, label: "kept blocks")
    let size = 1 + chance.below(4)
    let kind = Self.kind(&chance)
    var memory = PrefixCachingMemory(
      blockSize: size, deviceBlocks: 20 + chance.below(40),
      freeQueueRule: FreeQueueRule.allCases[chance.below(2)], keeps: kind)
    var flying: [Int: Sequence] = [:]
    /// What each cached block holds, and all before it.
    var prefixes: [BlockID: [Int]] = [:]
    var (hitCount, droppedCount) = (0, 0)
    for number in 0..<90 {
      if flying.count < 4 {
        // All or a part of the text, then own tokens: another length is another run.
        let shared = [0, 24, 24, 24][chance.below(4)]
        var begun = Sequence(number: number, shared: shared, total: 26 + chance.below(20))
        tell(&memory, begun)
        let limit = (begun.total - 1) / size
        var hits: [BlockID] = []
        let free = memory.lookUp(number, limit: limit, hits: &hits)
        let found = Set(prefixes.values)
        let expected =
          (0...limit).last { count in
            let gone = gone(kind, count * size, size)
            return (0..<count).allSatisfy {
              gone.contains($0) || found.contains(begun.tokens(($0 + 1) * size))
            }
          } ?? 0
        try #require(hits.count == expected, "seed \(seed), sequence \(number)")
        let skipped = gone(kind, expected * size, size)
        for (index, block) in hits.enumerated() {
          try #require((block == 0) == skipped.contains(index), "seed \(seed)")
          if block != 0 { #expect(prefixes[block] == begun.tokens((index + 1) * size)) }
        }
        #expect(free == hits.count { $0 != 0 && memory.pool.referenceCount(of: $0) == 0 })
        memory.begin(number, with: hits, finalTokens: begun.total)
        begun.resident = hits.count * size
        hitCount += hits.count
        flying[number] = begun
        try #require(memory.brokenInvariant() == nil, "seed \(seed), \(number) begins")
      }
      for other in flying.keys.sorted() {
        guard var sequence = flying[other] else { continue }
        memory.dropSkipped(other, computed: sequence.resident)
        try #require(memory.brokenInvariant() == nil, "seed \(seed), \(other) drops")
        let held = memory.tables.blocks(of: other)
        let gone = gone(kind, sequence.resident, size)
        for (index, block) in held.enumerated() {
          try #require((block == 0) == gone.contains(index), "seed \(seed), block \(index)")
        }
        let most = kind.blocksMax(forTokens: 1000, inFlight: 6, blockTokens: size)
        droppedCount += held.count { $0 == 0 }
        let tokens = min(sequence.total - sequence.resident, 1 + chance.below(6))
        if tokens == 0 || !memory.canExtend(other, by: tokens) || chance.below(15) == 0 {
          memory.free(other)
          try #require(memory.brokenInvariant() == nil, "seed \(seed), \(other) is freed")
          memory.forget(other)
          flying[other] = nil
          continue
        }
        var evicted: [BlockID] = []
        memory.extend(other, by: tokens, evicted: &evicted)
        sequence.resident += tokens
        for block in evicted { prefixes[block] = nil }
        let cached = memory.cacheFullBlocks(of: other)
        let blocks = Array(memory.tables.blocks(of: other))
        for index in cached { prefixes[blocks[index]] = sequence.tokens((index + 1) * size) }
        flying[other] = sequence
        #expect(blocks.count { $0 != 0 } <= most, "seed \(seed), \(kind.name), blocks of \(size)")
        try #require(memory.brokenInvariant() == nil, "seed \(seed), \(other) grows")
        try #require(memory.pool.cachedBlocks == prefixes.keys.sorted(), "seed \(seed)")
      }
    }
    for other in flying.keys.sorted() { memory.free(other) }
    #expect(memory.pool.heldCount == 0 && memory.logicalBlockCount == 0, "seed \(seed)")
    #expect(hitCount > 20 && droppedCount > 20, "seed \(seed): hardly anything was found or freed")
  }
}
