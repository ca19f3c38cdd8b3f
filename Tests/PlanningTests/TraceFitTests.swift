import CostModel
import KVMemory
import Messages
import SimulationKernel
import Testing
import Workload

@testable import Planning

/// How many requests of a trace's lengths fit.
@Suite struct TraceFitTests {
  private func capacity(_ kinds: [KVGroupKind], blocks: Int = 100) -> KVCapacity {
    let cache = KVCacheSpec(
      pooling: kinds.map { KVGroup(layers: 2, blockTokens: 16, blockBytes: 1 << 20, keeps: $0) },
      countsNullBlock: kinds.count > 1, cachesBlocks: true)
    return KVCapacity(blocks: blocks, of: cache, inFlight: 16)
  }

  private func trace(_ lengths: [(Int32, Int32)], samples: Int32 = 1) -> Trace {
    Trace(
      name: "t.csv",
      requests: lengths.map { .init(promptTokens: $0, outputTokens: $1, samples: samples) },
      hasArrivals: false)
  }

  /// 32 tokens take 2 blocks and 49 take 4; half of their outputs done, 24 take 2 and 44 take 3.
  @Test func blocksAreAveraged() throws {
    let fit = try TraceFit(
      trace([(16, 16), (40, 9)]), capacity: capacity([.all]), modelLength: 4096)
    #expect(fit.rows.map(\.name) == ["mean, half of the output", "mean", "p50", "p90", "max"])
    #expect(fit.rows.map(\.tokens) == [34, 40.5, 32, 49, 49])
    #expect(fit.rows.map(\.blocks) == [2.5, 3, 2, 4, 4])
    #expect(fit.rows.map(\.sequences) == [40, 100.0 / 3, 50, 25, 25])
    #expect(fit.requests == 2 && fit.tooLong == 0 && fit.forking == 0)
  }

  /// Of a window of 32 with 16 tokens in flight at most ⌈(31 + 16)/16⌉ + 1 = 4 blocks; one block of the pool stands for none.
  @Test func groupsAreCountedByThemselves() throws {
    let fit = try TraceFit(
      trace([(160, 160)]), capacity: capacity([.all, .window(tokens: 32)]), modelLength: 4096)
    let mean = try #require(fit.rows.first { $0.name == "mean" })
    #expect(mean.groupBlocks == [20, 4] && mean.blocks == 24 && mean.sequences == 99.0 / 24)
    // 240 computed: 15 blocks; of the last 31, tokens 209 to 239, the blocks 13 and 14.
    #expect(fit.rows[0].groupBlocks == [15, 2])
  }

  @Test func whatIsNotCountedIsSaid() throws {
    let long = trace([(100, 100), (10, 10)], samples: 2)
    let fit = try TraceFit(long, capacity: capacity([.all]), modelLength: 64)
    #expect(
      fit.warnings(long, modelLength: 64) == [
        "1 of 2 requests of `t.csv` are longer than `--max-model-len` 64: the engine refuses them, the "
          + "figures count them",
        "2 of 2 requests of `t.csv` have several sequences: each counts as one",
      ])
    #expect(throws: UserError("`t.csv` has no requests")) {
      try TraceFit(trace([]), capacity: capacity([.all]), modelLength: 64)
    }
  }

  @Test(arguments: 0..<40)
  func meansAreThoseOfEachRequest(_ seed: Int) throws {
    var random = RandomStream(seed: UInt64(seed), label: "trace fit")
    let lengths = (0..<(1 + random.below(50))).map { _ in
      (Int32(1 + random.below(300)), Int32(1 + random.below(300)))
    }
    let kinds: [KVGroupKind] =
      random.below(2) == 0 ? [.all] : [.all, .window(tokens: 1 + random.below(200))]
    let pool = capacity(kinds, blocks: 2 + random.below(1000))
    let fit = try TraceFit(trace(lengths), capacity: pool, modelLength: 1000)
    let blocks = lengths.map { pool.blocksReserved(forTokens: Int($0.0 + $0.1)) }
    #expect(
      fit.rows[1].blocks * Double(lengths.count) == Double(blocks.reduce(0, +)).rounded()
        || abs(fit.rows[1].blocks * Double(lengths.count) - Double(blocks.reduce(0, +))) < 1e-6)
    #expect(fit.rows[4].blocks == Double(blocks.max() ?? 0))
    #expect(fit.rows[2].tokens <= fit.rows[3].tokens && fit.rows[3].tokens <= fit.rows[4].tokens)
    for row in fit.rows {
      #expect(abs(row.sequences * row.blocks - Double(pool.usableBlocks)) < 1e-6)
    }
  }
}
