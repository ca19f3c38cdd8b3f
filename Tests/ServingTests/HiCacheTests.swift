import KVMemory
import SimulationKernel
import Testing
import Workload

@testable import Serving

/// SGLang's scheduler with a tier in the host's memory.
@Suite struct HiCacheTests {
  /// A token takes `nanoseconds` over the link.
  private func settings(
    pool: Int, host: Int, _ policy: RadixHost.WritePolicy = .writeThrough, nanoseconds: Int = 1
  ) -> EngineSettings {
    sglangSettings(pool: pool) {
      $0.hiCache = HiCacheSettings(
        tokens: host, policy: policy,
        link: HostLink(blockBytes: nanoseconds, bandwidth: 1e9), layers: 4)
    }
  }

  /// `b` takes the pool, and `c` is `a` again: of its 12 tokens, all but the last come back.
  private let three: [DrawnRequest] = [
    DrawnRequest(name: "a", at: 0, prompt: [[1, 0, 12]], output: 2),
    DrawnRequest(name: "b", at: 30, prompt: [[2, 0, 16]], output: 2),
    DrawnRequest(name: "c", at: 90, prompt: [[1, 0, 12]], output: 2),
  ]

  /// 11 tokens of 2 ns each from 90 on. Without the tier `c` computes 12.
  @Test func whatTheTreeEvictsComesBack() throws {
    var timeline = Timeline(sglang: three, settings(pool: 24, host: 60, nanoseconds: 2))
    var loads: [LayeredLoad] = []
    timeline.run { if let load = $0.plan.load { loads.append(load) } }
    let start = SimInstant(nanoseconds: 90)
    let end = SimInstant(nanoseconds: 90 + 22)
    #expect(loads == [LayeredLoad(start: start, end: end, layers: 4)])
    #expect(timeline.log.contains("90: c 11+1"))
    let cache = try #require(timeline.scheduler.prefixCache)
    #expect(cache.hitTokens == 0 && cache.queriedTokens == 12 + 16 + 12)
    let tier = try #require(cache.tier)
    #expect(tier.hitTokens == 11 && tier.loads == 1 && tier.loadNanoseconds == 22)
    // The prompts and the first token of each answer, but for what `c` found: 13 + 17 tokens, 2 bytes each.
    #expect(tier.loadedBytes == 22 && tier.storedBytes >= 2 * (13 + 17))
  }

  /// Nothing is copied until `b` needs room: 13 slots of `a` for its 16 tokens beside 11 free ones. The batch waits for it.
  @Test func writeBackWaitsForTheCopy() throws {
    var timeline = Timeline(sglang: three, settings(pool: 24, host: 60, .writeBack, nanoseconds: 3))
    var ready: [Int: SimInstant] = [:]
    timeline.run { if let at = $0.plan.readyAt { ready[$0.step] = at } }
    let waits = ready.sorted { $0.key < $1.key }
    #expect(waits.first?.value == SimInstant(nanoseconds: 30 + 3 * 13))
    let tier = try #require(timeline.scheduler.prefixCache?.tier)
    #expect(tier.flushNanoseconds >= 39 && tier.hitTokens == 11)
  }

  /// `b` waits for what `w` leaves when it is complete at 24, and runs next. Where that is being copied then, it stays until it
  /// has been.
  ///
  ///     w      |────────────|
  ///     b      ·············|─|          without a tier, and with `write_back`
  ///     b      ·············|copy|─|     with `write_through`
  @Test func whatIsBeingCopiedMakesNoRoom() throws {
    let drawn = [
      DrawnRequest(name: "w", at: 0, prompt: [[1, 0, 4]], output: 24),
      DrawnRequest(name: "a", at: 0, prompt: [[2, 0, 12]], output: 3),
      DrawnRequest(name: "b", at: 1, prompt: [[3, 0, 16]], output: 2),
    ]
    let policies: [RadixHost.WritePolicy?] = [nil, .writeBack, .writeThrough]
    let starts = policies.map { policy in
      let settings =
        policy.map { self.settings(pool: 44, host: 200, $0) } ?? sglangSettings(pool: 44)
      var timeline = Timeline(sglang: drawn, settings)
      timeline.run()
      let line = timeline.log.split(separator: "\n").first { $0.contains("b 0+16") }
      return line?.split(separator: ":").first.flatMap { Int($0) }
    }
    #expect(starts.prefix(2) == [25, 25])
    #expect(starts[2] ?? 0 > 25)
  }

  /// Each layer in its turn, against the two bounds.
  @Test(arguments: 0..<200 as Range<UInt64>) func layersWaitForTheirOwn(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "layers")
    let layers = 1 + chance.below(60)
    let (load, compute) = (Int64(chance.below(1000)), Int64(chance.below(1000)))
    let begin = SimInstant(nanoseconds: Int64(chance.below(5000)))
    let start = SimInstant(nanoseconds: Int64(chance.below(40_000)))
    let loading = LayeredLoad(
      start: begin, end: begin + SimDuration(nanoseconds: load * Int64(layers)), layers: layers)
    var end = start
    for layer in 1...layers {
      let there = begin + SimDuration(nanoseconds: load * Int64(layer))
      end = max(end, there) + SimDuration(nanoseconds: compute)
    }
    let computing = SimDuration(nanoseconds: compute * Int64(layers))
    #expect(loading.end(of: computing, from: start) == end)
  }

  /// Random workloads: each request gets its tokens, slots are conserved on both sides, and what is copied or loaded is not
  /// evicted meanwhile.
  @Test(arguments: 0..<80 as Range<UInt64>) func servesEveryTokenOnce(seed: UInt64) throws {
    var chance = RandomStream(seed: seed, label: "hicache")
    let page = [1, 1, 4][chance.below(3)]
    let count = 4 + chance.below(16)
    var drawn: [DrawnRequest] = []
    for id in 0..<count {
      var prompt = [[chance.below(3), 0, 1 + chance.below(60)]]
      if chance.below(2) == 0 { prompt.append([100 + id, 0, 1 + chance.below(20)]) }
      drawn.append(
        DrawnRequest(
          name: "r\(id)", at: chance.below(12 * count), prompt: prompt,
          output: 1 + chance.below(20)))
    }
    drawn.sort { $0.at < $1.at }
    let pool = page * (120 / page + chance.below(60))
    let policy = RadixHost.WritePolicy.allCases[chance.below(3)]
    let settings = sglangSettings(pool: pool, page: page, chunk: page * (2 + chance.below(24))) {
      $0.overlap = chance.below(2) == 0
      $0.policy = SGLangPolicy.allCases[chance.below(4)]
      $0.hiCache = HiCacheSettings(
        tokens: page * (pool / page + 1 + chance.below(200)), policy: policy,
        link: HostLink(blockBytes: page, bandwidth: [1e8, 1e9, 1e10][chance.below(3)]), layers: 4)
    }
    var timeline = Timeline(sglang: drawn, settings)
    for step in 0..<20_000 where !timeline.isDone {
      timeline.decide()
      if case .poolExhausted = timeline.plan.failure { return }
      let scheduler = timeline.scheduler
      let broken = scheduler.memory.brokenInvariant(
        scheduler.holds, moving: scheduler.hiCache?.movingNodes ?? [])
      try #require(broken == nil, "seed \(seed), step \(step)")
      timeline.complete()
    }
    #expect(timeline.emitted == drawn.map(\.output), "seed \(seed)")
    let tier = try #require(timeline.scheduler.prefixCache?.tier)
    #expect(tier.loadedBytes == tier.hitTokens && tier.hitTokens.isMultiple(of: page))
  }
}
