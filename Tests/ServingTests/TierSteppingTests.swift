import CostModel
import Fleet
import KVMemory
import SimulationKernel
import Testing
import Workload

@testable import Serving

/// `vllm-v1` beside a tier advances by events exactly as it does iteration by iteration.
@Suite struct TierSteppingTests {
  /// A workload, a tiny pool and a tier drawn from one seed; a link so slow that copies and loads last for iterations.
  private struct Draw {
    let requests: [Request]
    let contents: PromptContents
    var settings: EngineSettings

    init(seed: UInt64) {
      var chance = RandomStream(seed: seed, label: "tier stepping")
      let load = DrawnLoad(upTo: 30, short: 4, &chance)
      (requests, contents) = (load.requests, load.contents)
      let longest = load.longest
      let blockSize = 1 + chance.below(4)
      let needed = (longest - 1 + blockSize - 1) / blockSize
      settings = EngineSettings(
        blockSize: blockSize, deviceBlocks: 1 + needed + chance.below(3 * needed),
        maxSequences: 1 + chance.below(12), maxBatchedTokens: 4 + chance.below(40),
        maxModelLength: longest + chance.below(3))
      settings.v1.longPrefillTokenThreshold = chance.below(3) == 0 ? 1 + chance.below(10) : 0
      settings.v1.watermarkFraction = chance.below(3) == 0 ? 0.1 : 0
      settings.v1.reserveFullISL = chance.below(2) == 0
      settings.v1.offloading = Self.tier(settings, &chance)
    }

    private static func tier(
      _ settings: EngineSettings, _ chance: inout RandomStream
    ) -> OffloadingSettings {
      let bytes = 16 * settings.blockSize
      let bandwidth = [1e9, 20e9, 1e12][chance.below(3)]
      var tier = OffloadingSettings(
        chunks: 4 + chance.below(60), link: HostLink(blockBytes: bytes, bandwidth: bandwidth))
      tier.options.policy = [.lru, .arc][chance.below(2)]
      tier.options.storeThreshold = chance.below(3)
      tier.options.synchronousBytes = chance.below(3) == 0 ? 8 * bytes : 0
      tier.options.bytesPerToken = 16
      switch chance.below(4) {
      case 0:
        tier.options.chunksBelow = tier.options.chunks + 1 + chance.below(60)
        tier.disk = DiskLink(
          chunkBytes: bytes, readBandwidth: bandwidth / 2, writeBandwidth: bandwidth / 4,
          latency: SimDuration(nanoseconds: 500))
      case 1:
        tier.options.copiesInStep = true
        tier.options.blocksPerChunk = 2
        tier.options.waitsForLoads = false
      case 2:
        tier.restoring = RestoreRule.allCases[chance.below(4)]
        tier.prices = RestorePrices(
          compute: PrefillTable(chunkTokens: settings.blockSize, upTo: 512) {
            Double($0 + 20) * 2e-9
          }, loadSeconds: 16 / bandwidth)
      default: break
      }
      return tier
    }

    func record(_ stepping: Stepping) throws -> RunRecord {
      var settings = settings
      settings.stepping = stepping
      return try ServingSystem.vllmV1.serve(
        requests, settings: settings, executor: PricedExecutor(WorkPrices()),
        window: MeasuringWindow(from: SimInstant(nanoseconds: 5_000)), contents: contents)
    }
  }

  @Test(arguments: 0..<400 as Range<UInt64>) func recordsAreEqual(seed: UInt64) throws {
    let draw = Draw(seed: seed)
    let event = try draw.record(.event)
    let iteration = try draw.record(.iteration)
    #expect(event.milestones == iteration.milestones, "seed \(seed)")
    for id in draw.requests.indices {
      #expect(event.cachedTokens(of: id) == iteration.cachedTokens(of: id), "seed \(seed)")
      #expect(event.tierTokens(of: id) == iteration.tierTokens(of: id), "seed \(seed)")
      #expect(event.recomputedTokens(of: id) == iteration.recomputedTokens(of: id), "seed \(seed)")
    }
    #expect(event.history == iteration.history, "seed \(seed)")
    #expect(event.steps == iteration.steps, "seed \(seed)")
    #expect(event.tokenGaps.gaps == iteration.tokenGaps.gaps, "seed \(seed)")
    #expect(event.prefixCache == iteration.prefixCache, "seed \(seed)")
    #expect(event.iterations == iteration.iterations, "seed \(seed)")
    #expect(event.preemptionsRecompute == iteration.preemptionsRecompute, "seed \(seed)")
    #expect(event.end == iteration.end, "seed \(seed)")
  }

  /// The suite would prove nothing if nothing came back from the tiers, if no iteration waited, or if nobody was preempted.
  @Test func everythingHappens() throws {
    var (host, disk, computed, flushed, preempted) = (0, 0, 0, Int64(0), 0)
    for seed in UInt64(0)..<400 {
      let record = try Draw(seed: seed).record(.event)
      let cache = try #require(record.prefixCache)
      host += cache.tier?.hitTokens ?? 0
      disk += cache.disk?.hitTokens ?? 0
      computed += cache.tier?.computedTokens ?? 0
      flushed += cache.tier?.flushNanoseconds ?? 0
      preempted += record.preemptionsRecompute
    }
    #expect(host > 10_000)
    #expect(disk > 500)
    #expect(computed > 500)
    #expect(flushed > 10_000)
    #expect(preempted > 1000)
  }
}
