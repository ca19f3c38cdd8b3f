import Fleet
import KVMemory
import SimulationKernel
import Testing
import Workload

@testable import Serving

/// Random workloads with drafts, and with iterations that are decided ahead: what must be true of any of them.
@Suite struct V1AheadPropertyTests {
  private struct Draw {
    var requests: [DrawnRequest] = []
    var settings: EngineSettings

    init(seed: Int, groups drawsGroups: Bool) {
      var random = RandomStream(seed: UInt64(seed), label: "v1 ahead")
      let blockSize = 1 + random.below(6)
      let count = 4 + random.below(10)
      var longest = 0
      for id in 0..<count {
        var prompt: [[Int]] = []
        if random.below(2) == 0 { prompt.append([random.below(2), 0, 1 + random.below(24)]) }
        if prompt.isEmpty || random.below(2) == 0 {
          prompt.append([100 + id, 0, 1 + random.below(16)])
        }
        var request = DrawnRequest(
          name: "r\(id)", at: random.below(2 * count), prompt: prompt,
          output: 1 + random.below(20), priority: random.below(3))
        request.accepted = (0..<1 + random.below(5)).map { _ in random.below(4) }
        request.proposed = (0..<random.below(4)).map { _ in random.below(4) }
        longest = max(longest, prompt.reduce(request.output) { $0 + $1[2] })
        requests.append(request)
      }
      requests.sort { $0.at < $1.at }
      settings = EngineSettings(
        blockSize: blockSize, deviceBlocks: 1, maxSequences: 1 + random.below(8),
        // A budget below one token, its drafts and their slot never admits a prompt that is padded.
        maxBatchedTokens: 6 + random.below(40), maxModelLength: longest + random.below(8))
      settings.v1.isAsynchronous = random.below(2) == 0
      settings.v1.prefixCaching = random.below(4) > 0
      settings.v1.policy = random.below(2) == 0 ? .priority : .firstComeFirstServed
      settings.v1.reserveFullISL = random.below(2) == 0
      settings.v1.countsInFlight = random.below(2) == 0
      if !settings.v1.isAsynchronous || random.below(2) == 0 {
        var speculation = Speculation(draftTokens: 1 + random.below(4))
        speculation.lookaheadSlots = random.below(2) == 0 ? speculation.draftTokens : 0
        speculation.draftSlots = random.below(2)
        if !drawsGroups || random.below(2) == 0 {
          speculation.caching.keyLookahead = random.below(2)
        } else {
          speculation.caching.dropsLastHit = true
        }
        settings.v1.speculation = speculation
      }
      settings.v1.groups = [BlockGroup(keeps: .all, blockTokens: blockSize)]
      let needed = (longest + 8 + blockSize - 1) / blockSize + 1
      settings.deviceBlocks = 1 + needed + random.below(needed + 1)
      guard drawsGroups else { return }
      settings.v1.groups += drawnWindows(blockSize, &random)
      settings.v1.retention = [.dense, .boundaries, .every(tokens: 4 * blockSize)][random.below(3)]
      settings.deviceBlocks = 1 + (settings.deviceBlocks + 4) * settings.v1.groups.count
    }

    /// Windows, and states where they may be cached or need not be.
    private func drawnWindows(_ blockSize: Int, _ random: inout RandomStream) -> [BlockGroup] {
      (0..<1 + random.below(2)).map { _ in
        guard random.below(3) == 0 else {
          let keeps = KVGroupKind.window(tokens: 2 + random.below(20))
          return BlockGroup(keeps: keeps, blockTokens: blockSize * (1 + random.below(2)))
        }
        let drafts = settings.v1.speculation?.draftTokens ?? 0
        return settings.v1.prefixCaching
          ? BlockGroup(keeps: .state(blocks: 2 + drafts, drafts: drafts), blockTokens: blockSize)
          : BlockGroup(
            keeps: .state(blocks: 1 + drafts, drafts: drafts),
            blockTokens: settings.maxModelLength)
      }
    }
  }

  @Test(arguments: 1...200)
  func servesEveryTokenOnceAndConservesBlocks(seed: Int) {
    let draw = Draw(seed: seed, groups: seed % 2 == 0)
    _ = serve(draw, seed, HybridMemory.self)
  }

  /// Where all layers keep every token, both memories decide the same.
  @Test(arguments: 1...100)
  func memoriesAgree(seed: Int) {
    let draw = Draw(seed: 1000 + seed, groups: false)
    let several = serve(draw, 1000 + seed, HybridMemory.self)
    let one = serve(draw, 1000 + seed, PrefixCachingMemory.self)
    #expect(one == several, "seed \(1000 + seed)")
  }

  /// - Returns: The log.
  private func serve<Memory: V1Memory>(_ draw: Draw, _ seed: Int, _: Memory.Type) -> String {
    var timeline = Timeline<TokenBudgetScheduler<Memory>>(v1: draw.requests, draw.settings)
    timeline.free = { $0.memory.pool.freeQueue }
    let slots = draw.settings.v1.speculation?.draftSlots ?? 0
    timeline.run(limit: 5000) { timeline in
      let what = "seed \(seed), step \(timeline.step)"
      if let broken = timeline.scheduler.memory.brokenInvariant {
        Issue.record("\(what): \(broken)")
      }
      let budget = timeline.plan.scheduled.reduce(0) { $0 + Int($1.tokens) + slots }
      #expect(budget <= draw.settings.maxBatchedTokens, "\(what)")
    }
    #expect(
      timeline.finished.sorted() == Array(0..<RequestID(draw.requests.count)), "seed \(seed)")
    #expect(timeline.emitted == draw.requests.map(\.output), "seed \(seed)")
    #expect(timeline.scheduler.memory.pool.heldCount == 0, "seed \(seed)")
    return timeline.log
  }
}
