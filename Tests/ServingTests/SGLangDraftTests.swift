import CostModel
import Fleet
import KVMemory
import SimulationKernel
import Testing
import Workload

@testable import Serving

/// SGLang's scheduler where decodes verify drafts, each rule as a log that was worked out by hand.
@Suite struct SGLangDraftTests {
  /// As many drafts as shares.
  private func drafting(
    _ shares: [Double], pool: Int = 64, page: Int = 1, chunk: Int = 64, keyLookahead: Int = 0,
    _ change: (inout SGLangOptions) -> Void = { _ in }
  ) -> EngineSettings {
    sglangSettings(pool: pool, page: page, chunk: chunk) {
      var speculation = Speculation(draftTokens: shares.count)
      speculation.acceptance = AcceptanceDraws(cumulative: shares, seed: 3)
      speculation.caching.keyLookahead = keyLookahead
      $0.speculation = speculation
      change(&$0)
    }
  }

  /// One of two drafts is accepted each time: 1, 2, 2 and 1 tokens, the last verification a token too many.
  @Test func verificationsAdvanceByWhatIsAccepted() {
    let text = sglangLog([.own("a", prompt: 4, output: 6)], drafting([1, 0]))
    #expect(
      text == """
        0: a 0+4
        1: a 4+3 | draft a2/1
        2: a 6+3 | draft a2/1
        3: a 8+3 | draft a2/1 | done a

        """)
  }

  /// Each decode has slots for two verifications of 1 + k tokens behind what is committed. What was accepted is kept up to
  /// the end of the answer, 4 + 6 tokens; with keys of pairs the last of them has none.
  @Test(arguments: [0, 1])
  func slotsAreTakenForTwoVerifications(keyLookahead: Int) {
    var timeline = Timeline(
      sglang: [.own("a", prompt: 4, output: 6)], drafting([1, 0], keyLookahead: keyLookahead))
    var free: [Int] = []
    var committed: [Int] = []
    while !timeline.isDone {
      timeline.decide()
      free.append(timeline.scheduler.memory.free)
      committed.append(timeline.ledger.tokenState)
      timeline.complete()
    }
    #expect(free == [60, 64 - (4 + 6), 64 - (6 + 6), 64 - (8 + 6)])
    #expect(committed == [4, 4, 6, 8])
    #expect(timeline.scheduler.memory.tree.size == 10 - keyLookahead)
    #expect(timeline.scheduler.memory.free == 64 - (10 - keyLookahead))
  }

  /// All drafts are accepted: 1 + k tokens a step, 13 = 1 + 3 × 4 in three.
  @Test func allAcceptedGivesAllTokens() throws {
    let settings = drafting([1, 1, 1])
    let record = try ServingSystem.sglang05.serve(
      [Request(promptTokens: 4, outputTokens: 13)], settings: settings,
      executor: PricedExecutor(FixedPrices(nanoseconds: 1_000_000)))
    #expect(record.iterations == 4 && record.emittedTokens == 13)
    let drafts = record.sums.drafts
    #expect((drafts.verifications, drafts.drafts, drafts.accepted) == (3, 9, 9))
    #expect((drafts.yields, drafts.tokens) == (3, 12))
    // A client hears of a verification's tokens together.
    #expect(record.tokenGaps.count == 3 && record.tokenGaps.mean == 0.001)
  }

  /// With the overlap loop it is seen late that `a` ended by luck of its drafts: it is launched once more, and gets nothing.
  /// A last token that is sure to come is foreseen.
  @Test func withOverlapALuckyEndIsSeenLate() {
    let requests: [DrawnRequest] = [
      .own("a", prompt: 4, output: 5), .own("b", prompt: 4, output: 9),
    ]
    #expect(
      sglangLog(requests, drafting([1, 0]) { $0.overlap = true }) == """
        0: a 0+4 b 0+4
        1: a 4+3 b 4+3 | draft a2/1 b2/1
        2: a 6+3 b 6+3 | draft a2/1 b2/1 | done a
        3: a 6+3 b 8+3 | draft b2/1
        4: b 10+3 | draft b2/1 | done b

        """)
  }

  /// Beside a prompt a request gets one token, without drafts.
  @Test func mixedChunksDecodeOneToken() {
    let requests: [DrawnRequest] = [
      .own("a", prompt: 4, output: 4), .own("b", at: 1, prompt: 3, output: 2),
    ]
    #expect(
      sglangLog(requests, drafting([1, 0], chunk: 16) { $0.mixedChunk = true }) == """
        0: a 0+4
        1: b 0+3 a 4+1
        2: b 3+3 a 5+3 | draft b2/1 a2/1 | done b a

        """)
    // With the overlap loop the prompt is decided while the first verification runs: where `a` stands is known behind it.
    let longer: [DrawnRequest] = [
      .own("a", prompt: 4, output: 6), .own("b", at: 1, prompt: 3, output: 2),
    ]
    let settings = drafting([1, 0], chunk: 16) {
      $0.mixedChunk = true
      $0.overlap = true
    }
    #expect(
      sglangLog(longer, settings) == """
        0: a 0+4
        1: a 4+3 | draft a2/1
        2: b 0+3 a 6+1
        3: b 3+3 a 7+3 | draft b2/1 a2/1 | done b a

        """)
  }

  /// Two answers of 8 + 6 tokens fit a pool of 31, and with the slots of drafts they do not: with 12 tokens each, 2 × (12 + 4)
  /// slots are wanted. `b` makes way, and computes its tokens again.
  @Test func slotsOfDraftsRetract() {
    let requests: [DrawnRequest] = [
      .own("a", prompt: 8, output: 6), .own("b", prompt: 8, output: 6),
    ]
    let plain = sglangLog(requests, sglangSettings(pool: 31))
    #expect(plain.hasSuffix("5: a 12+1 b 12+1 | done a b\n"), "\(plain)")
    let drafted = sglangLog(requests, drafting([0], pool: 31))
    #expect(
      drafted.hasSuffix(
        """
        4: a 11+2 b 11+2 | draft a1/0 b1/0
        5: a 12+2 | draft a1/0 | out b12 | done a
        6: b 0+13 | done b

        """), "\(drafted)")
  }

  /// Where keys are pairs of tokens, the last token that two prompts share is not found, as little as the last but one of
  /// the whole prompt.
  @Test(arguments: [(0, 9, 6), (1, 8, 5)])
  func keysOfPairsFindATokenLess(keyLookahead: Int, whole: Int, part: Int) {
    let settings = drafting([0], keyLookahead: keyLookahead)
    func hits(_ second: [[Int]]) -> String {
      sglangLog(
        [
          DrawnRequest(name: "a", prompt: [[7, 0, 6], [8, 0, 4]], output: 1),
          DrawnRequest(name: "b", at: 1, prompt: second, output: 1),
        ], settings)
    }
    #expect(hits([[7, 0, 6], [8, 0, 4]]).contains("hit b\(whole)"))
    #expect(hits([[7, 0, 6], [9, 0, 4]]).contains("hit b\(part)"))
  }

  /// In pages of four, 8 shared tokens are two pages, and 7 pairs are one.
  @Test func pagesOfPairsAreWhole() {
    let requests = [
      DrawnRequest(name: "a", prompt: [[7, 0, 8], [8, 0, 4]], output: 1),
      DrawnRequest(name: "b", at: 1, prompt: [[7, 0, 8], [9, 0, 4]], output: 1),
    ]
    #expect(sglangLog(requests, drafting([0], page: 4)).contains("hit b8"))
    #expect(sglangLog(requests, drafting([0], page: 4, keyLookahead: 1)).contains("hit b4"))
  }

  /// An answer whose last decode has no room for drafts is refused: alone it would be aborted. 8 + 6 − 2 + 2 × (1 + 3) = 20.
  @Test func anAnswerWithoutRoomForDraftsIsRefused() {
    let request = Request(promptTokens: 8, outputTokens: 6)
    func admission(pool: Int) -> Admission {
      SGLangScheduler(
        requests: RunRequests([request]), settings: drafting([0, 0, 0], pool: pool)
      ).admission(of: request)
    }
    #expect(admission(pool: 20) == .possible)
    #expect(admission(pool: 19) == .never(.blocks, required: 20, capacity: 19))
  }

  /// Random workloads under pressure: each request gets its tokens once, by its own draws in their order, and the pool and
  /// its ledger are conserved, retractions included.
  @Test(arguments: 0..<200 as Range<UInt64>)
  func servesEveryTokenOnce(seed: UInt64) throws {
    var draw = SGLangPropertyTests.Draw(seed: seed)
    var chance = RandomStream(seed: seed, label: "drafts")
    let shares = (0..<(1 + chance.below(4))).map { pow(0.7, $0 + 1) }
    let draws = AcceptanceDraws(cumulative: shares, seed: seed)
    var speculation = Speculation(draftTokens: shares.count)
    speculation.acceptance = draws
    speculation.caching.keyLookahead = chance.below(2)
    draw.settings.sglang.speculation = speculation
    let page = draw.settings.blockSize
    draw.settings.deviceBlocks += (2 * (1 + shares.count) + page - 1) / page
    var timeline = Timeline(sglang: draw.requests, draw.settings, asks: draw.asks)
    let pool = timeline.scheduler.ledger.total
    var verified = [Int32](repeating: 0, count: draw.requests.count)
    for step in 0..<5000 where !timeline.isDone {
      timeline.decide()
      if case .poolExhausted(let missing, _) = timeline.plan.failure {
        #expect(missing > 0 && draw.settings.sglang.chunkedPrefill, "seed \(seed)")
        return
      }
      let broken = timeline.scheduler.memory.brokenInvariant(timeline.scheduler.holds)
      try #require(broken == nil, "seed \(seed), step \(step): \(broken ?? "")")
      #expect(timeline.ledger.total == pool, "seed \(seed), step \(step)")
      for drafted in timeline.plan.drafted {
        let time = verified[Int(drafted.request)]
        #expect(drafted.accepted == draws.accepted(drafted.request, time: time), "seed \(seed)")
        verified[Int(drafted.request)] += 1
      }
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
    #expect(scheduler.blocks.physical == 0 && scheduler.ledger.tokenState == 0, "seed \(seed)")
    #expect(scheduler.memory.free + scheduler.memory.tree.evictable == pool, "seed \(seed)")
  }

  private func pow(_ base: Double, _ exponent: Int) -> Double {
    (0..<exponent).reduce(1) { product, _ in product * base }
  }
}
