import KVMemory
import SimulationKernel
import Testing
import Workload

@testable import Serving

/// Random workloads with shared beginnings through SGLang's scheduler, held against what must be true of any of them.
@Suite struct SGLangPropertyTests {
  /// A workload and an engine drawn from one seed.
  struct Draw {
    var requests: [DrawnRequest] = []
    var asks: [SGLangAsk] = []
    var settings: EngineSettings

    init(seed: UInt64) {
      var chance = RandomStream(seed: seed, label: "sglang")
      let page = [1, 1, 2, 4, 8][chance.below(5)]
      let count = 4 + chance.below(20)
      for id in 0..<count {
        var prompt: [[Int]] = []
        if chance.below(3) > 0 { prompt.append([chance.below(2), 0, 1 + chance.below(50)]) }
        if id > 0, chance.below(3) == 0 {
          prompt.append([1_000_000 + chance.below(id), 0, 1 + chance.below(8)])
        }
        if prompt.isEmpty || chance.below(2) == 0 {
          prompt.append([100 + id, 0, 1 + chance.below(20)])
        }
        let output = 1 + chance.below(30)
        requests.append(
          DrawnRequest(
            name: "r\(id)", at: chance.below(2 * count), prompt: prompt, output: output))
        let ignores = chance.below(3) == 0
        asks.append(
          SGLangAsk(
            maxNewTokens: Int32(ignores ? output : output + chance.below(40)), ignoresEOS: ignores,
            priority: chance.below(4) == 0 ? nil : chance.below(20)))
      }
      requests.sort { $0.at < $1.at }
      // Room for any prompt with any answer that a client asks for without an end of its own.
      let longest = 31 + (requests.map { $0.prompt.reduce(0) { $0 + $1[2] } }.max() ?? 1)
      settings = sglangSettings(
        pool: (longest / page + 3 + chance.below(2 * longest / page + 8)) * page, page: page,
        chunk: page * (1 + chance.below(24)), running: 1 + chance.below(8), length: 512
      ) { options in
        options.chunkedPrefill = chance.below(4) > 0
        options.maxPrefillTokens = chance.below(3) == 0 ? 20 + chance.below(60) : 16_384
        options.prefillMaxRequests = chance.below(5) == 0 ? 1 + chance.below(3) : nil
        options.policy = SGLangPolicy.allCases[chance.below(4)]
        options.mixedChunk = chance.below(3) == 0
        options.radixCache = chance.below(4) > 0
        options.conservativeness = [1, 0.3, 0.02, 1.4][chance.below(4)]
        options.overlap = chance.below(2) == 0
        options.priorityScheduling = chance.below(3) == 0
        options.lowPriorityFirst = chance.below(2) == 0
        options.preemptionThreshold = chance.below(10)
        options.disablePreemption = chance.below(2) == 0
        options.retraction = SGLangRetraction.allCases[chance.below(2)]
        options.receiveInterval = [1, 1, 2, 7][chance.below(4)]
      }
    }
  }

  /// Each request gets the tokens that it asks for, once; the pool and its ledger are conserved after every iteration; what
  /// is found is what others have computed. A pool that runs out is a failure only where the engine has no way to make room:
  /// a prompt that goes on is not stopped.
  @Test(arguments: 0..<250 as Range<UInt64>)
  func servesEveryTokenOnce(seed: UInt64) throws {
    let draw = Draw(seed: seed)
    var timeline = Timeline(sglang: draw.requests, draw.settings, asks: draw.asks)
    let pool = timeline.scheduler.ledger.total
    for step in 0..<5000 where !timeline.isDone {
      timeline.decide()
      if case .poolExhausted(let missing, _) = timeline.plan.failure {
        #expect(missing > 0 && draw.settings.sglang.chunkedPrefill, "seed \(seed)")
        return
      }
      let broken = timeline.scheduler.memory.brokenInvariant(timeline.scheduler.holds)
      try #require(broken == nil, "seed \(seed), step \(step)")
      #expect(timeline.ledger.total == pool, "seed \(seed), step \(step)")
      let rows = timeline.plan.scheduled.map(\.request)
      try #require(Set(rows).count == rows.count, "seed \(seed), step \(step): \(rows)")
      timeline.complete()
    }
    try #require(timeline.isDone, "seed \(seed): not done\n\(timeline.picture)")
    let scheduler = timeline.scheduler
    let wanted = draw.requests.indices.map { index in
      let prompt = draw.requests[index].prompt.reduce(0) { $0 + $1[2] }
      let most = scheduler.clippedMaxNew(Int(draw.asks[index].maxNewTokens), promptTokens: prompt)
      return draw.asks[index].ignoresEOS ? most : min(most, draw.requests[index].output)
    }
    #expect(timeline.emitted == wanted, "seed \(seed)")
    #expect(timeline.finished.sorted() == Array(0..<RequestID(wanted.count)), "seed \(seed)")
    #expect(scheduler.blocks.physical == 0 && scheduler.ledger.tokenState == 0, "seed \(seed)")
    #expect(scheduler.memory.free + scheduler.memory.tree.evictable == pool, "seed \(seed)")
  }

  /// The same through the engine: whatever the loop, the same tokens come, and with a prefix tree no fewer are found than
  /// without.
  @Test(arguments: 0..<40 as Range<UInt64>)
  func overlapChangesTimesAndNoTokens(seed: UInt64) {
    var draw = Draw(seed: seed)
    draw.settings.sglang.mixedChunk = false
    let totals = [false, true].map { overlap in
      draw.settings.sglang.overlap = overlap
      var timeline = Timeline(sglang: draw.requests, draw.settings, asks: draw.asks)
      timeline.run()
      return timeline.plan.failure == nil ? timeline.emitted : nil
    }
    if let one = totals[0], let other = totals[1] { #expect(one == other, "seed \(seed)") }
  }
}
