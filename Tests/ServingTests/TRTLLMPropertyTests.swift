import KVMemory
import SimulationKernel
import Testing
import Workload

@testable import Serving

/// Random workloads with shared beginnings through TensorRT-LLM's scheduler, held against what must be true of any of them.
@Suite struct TRTLLMPropertyTests {
  /// A workload and an engine drawn from one seed.
  private struct Draw {
    var requests: [DrawnRequest] = []
    var settings: EngineSettings

    init(seed: UInt64, _ policies: [TRTLLMPolicy] = TRTLLMPolicy.allCases) {
      var chance = RandomStream(seed: seed, label: "trtllm")
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
        requests.append(
          DrawnRequest(
            name: "r\(id)", at: chance.below(2 * count), prompt: prompt,
            output: 1 + chance.below(30)))
      }
      requests.sort { $0.at < $1.at }
      let block = 1 + chance.below(6)
      let limit = chance.below(3) == 0 ? 1 + chance.below(40) : nil
      let longest = requests.reduce(0) { longest, request in
        max(longest, request.prompt.reduce(max(request.output, limit ?? 0)) { $0 + $1[2] })
      }
      let needed = (longest + block - 1) / block
      let chunked = chance.below(2) == 0
      settings = trtllmSettings(
        blocks: needed + chance.below(needed + 4), block: block,
        tokens: chunked ? block + chance.below(40) : longest + chance.below(40),
        batch: 1 + chance.below(8), length: longest
      ) { options in
        options.policy = policies[chance.below(policies.count)]
        options.managerV2 = options.policy == .maxUtilization && chance.below(2) == 0
        options.blockReuse = chance.below(4) > 0
        options.chunkedContext = chunked
        options.clientMaxTokens = limit
      }
    }
  }

  /// Each request gets its tokens, once; blocks and ledger are conserved after every iteration; no iteration is larger than
  /// it may be, and nobody runs twice in one.
  @Test(arguments: 0..<300 as Range<UInt64>)
  func servesEveryTokenOnce(seed: UInt64) throws {
    let draw = Draw(seed: seed)
    var timeline = Timeline(trtllm: draw.requests, draw.settings)
    let pool = timeline.scheduler.ledger.total
    for step in 0..<5000 where !timeline.isDone {
      timeline.decide()
      let scheduler = timeline.scheduler
      let broken = scheduler.memory.brokenInvariant(cruising: [:])
      try #require(broken == nil, "seed \(seed), step \(step)")
      for sequence in scheduler.active {
        let held = scheduler.memory.blockCount(of: Int(sequence))
        #expect(Int(scheduler.standings[Int(sequence)].blocks) == held, "seed \(seed)")
      }
      let ledger = timeline.ledger
      try #require(ledger.total == pool, "seed \(seed), step \(step)")
      try #require(ledger.free >= 0 && ledger.cached >= 0, "seed \(seed), step \(step)")
      let rows = timeline.plan.scheduled
      try #require(Set(rows.map(\.request)).count == rows.count, "seed \(seed), step \(step)")
      #expect(rows.count <= draw.settings.maxSequences, "seed \(seed), step \(step)")
      let tokens = rows.reduce(0) { $0 + Int($1.tokens) }
      #expect(tokens <= draw.settings.maxBatchedTokens, "seed \(seed), step \(step)")
      timeline.complete()
    }
    try #require(timeline.isDone, "seed \(seed): not done\n\(timeline.picture)")
    #expect(timeline.emitted == draw.requests.map(\.output), "seed \(seed)")
    #expect(
      timeline.finished.sorted() == Array(0..<RequestID(draw.requests.count)), "seed \(seed)")
    #expect(timeline.scheduler.blocks.physical == 0, "seed \(seed)")
    #expect(timeline.ledger.total == pool, "seed \(seed)")
  }

  /// With guaranteed no evict nobody makes way, and what is kept for those that run is there.
  @Test(arguments: 0..<150 as Range<UInt64>)
  func nobodyIsEvicted(seed: UInt64) {
    let draw = Draw(seed: seed, [.guaranteedNoEvict, .staticBatch])
    var timeline = Timeline(trtllm: draw.requests, draw.settings)
    timeline.run(limit: 5000) { timeline in
      let scheduler = timeline.scheduler
      #expect(timeline.plan.preempted.isEmpty, "seed \(seed)")
      let kept = scheduler.active.filter { scheduler.standings[Int($0)].stage != .waits }
        .reduce(0) { $0 + scheduler.blocksToCome($1) }
      #expect(kept <= scheduler.memory.pool.freeCount, "seed \(seed)")
    }
  }

  /// One after the other, in order of arrival, as long as nobody waits for blocks that are being made: what began and is
  /// not complete are the first of those that are active.
  @Test(arguments: 0..<100 as Range<UInt64>)
  func thoseThatRunAreTheFirst(seed: UInt64) {
    var draw = Draw(seed: seed)
    draw.settings.trtllm.blockReuse = false
    draw.settings.trtllm.chunkedContext = false
    draw.settings.maxBatchedTokens = 4000
    var timeline = Timeline(trtllm: draw.requests, draw.settings)
    timeline.run(limit: 5000) { timeline in
      let scheduler = timeline.scheduler
      let begun = scheduler.active.map { scheduler.standings[Int($0)].stage != .waits }
      #expect(begun == begun.sorted { $0 && !$1 }, "seed \(seed)")
    }
  }
}
