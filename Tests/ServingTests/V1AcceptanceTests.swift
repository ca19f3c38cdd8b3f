import CostModel
import Fleet
import KVMemory
import SimulationKernel
import Testing
import Workload

@testable import Serving

/// Drafts whose acceptance is drawn.
@Suite struct V1AcceptanceTests {
  private func drafting(
    _ shares: [Double], maxSequences: Int = 8, seed: UInt64 = 0
  ) -> EngineSettings {
    v1Settings(blocks: 400, budget: 200, maxSequences: maxSequences, maxModelLength: 400) {
      $0.speculation = Speculation(draftTokens: shares.count)
      $0.speculation?.acceptance = AcceptanceDraws(cumulative: shares, seed: seed)
    }
  }

  private func served(_ requests: [Request], _ settings: EngineSettings) throws -> RunRecord {
    try ServingSystem.vllmV1.serve(
      requests, settings: settings, executor: PricedExecutor(FixedPrices(nanoseconds: 1_000_000)))
  }

  /// Two of three drafts are accepted each time: 1, 3, 3 and 2 tokens, the last verification a token too many.
  @Test func certainSharesGiveTheSameTokensEachTime() {
    let text = v1Log([.own("a", prompt: 4, output: 9)], drafting([1, 1, 0]))
    #expect(
      text == """
        0: a 0+4
        1: a 4+4 | draft a3/2
        2: a 7+4 | draft a3/2
        3: a 10+4 | draft a3/2 | done a

        """)
  }

  private func drafting(byBatch ranges: [[Int]], _ shares: [Double]) throws -> EngineSettings {
    var settings = drafting(shares)
    settings.v1.speculation?.byBatch = try DraftsByBatch(ranges, name: "ranges")
    return settings
  }

  /// Three drafts behind an iteration of one sequence, one behind those of two; what was drafted before b came is verified
  /// beside it.
  @Test func draftsFollowTheBatch() throws {
    let text = v1Log(
      [.own("a", prompt: 4, output: 6), .own("b", at: 2, prompt: 4, output: 2)],
      try drafting(byBatch: [[1, 1, 3], [2, 8, 1]], [0, 0, 0]))
    #expect(
      text == """
        0: a 0+4
        1: a 4+4 | draft a3/0
        2: a 5+4 b 0+4 | draft a3/0
        3: a 6+2 b 4+2 | draft a1/0 b1/0 | done b
        4: a 7+2 | draft a1/0
        5: a 8+4 | draft a3/0 | done a

        """)
  }

  @Test func noDraftsForABatchAreNone() throws {
    let text = v1Log(
      [.own("a", prompt: 4, output: 3)], try drafting(byBatch: [[1, 1, 0], [2, 2, 2]], [1, 1]))
    #expect(
      text == """
        0: a 0+4
        1: a 4+1
        2: a 5+1 | done a

        """)
  }

  /// Tables that say the same of every batch are that number; others give each sequence its tokens all the same.
  @Test(arguments: 1...20 as ClosedRange<UInt64>, [false, true])
  func everySequenceGetsItsTokens(seed: UInt64, isAsynchronous: Bool) throws {
    var random = RandomStream(seed: seed, label: "drafts by batch")
    let requests = (0..<12).map { _ in
      Request(
        promptTokens: Int32(1 + random.below(40)), outputTokens: Int32(1 + random.below(60)))
    }
    let shares = [0.9, 0.5, 0.1]
    func record(_ ranges: [[Int]]?) throws -> RunRecord {
      var settings = try ranges.map { try drafting(byBatch: $0, shares) } ?? drafting(shares)
      settings.v1.isAsynchronous = isAsynchronous
      return try served(requests, settings)
    }
    let fixed = try record(nil)
    let same = try record([[1, 3, 3], [6, 6, 3]])
    #expect(same.sums.drafts == fixed.sums.drafts && same.iterations == fixed.iterations)
    let varied = try record([
      [1, 1, random.below(4)], [2, 3, random.below(4)], [5, 8, random.below(4)],
    ])
    for record in [fixed, varied] {
      #expect(record.emittedTokens == requests.reduce(0) { $0 + Int($1.outputTokens) })
      #expect((0..<12).allSatisfy { record.milestones[$0].finish != nil })
    }
  }

  /// The same run in numbers: a client hears four times, and gaps are between those.
  @Test func acceptedDraftsComeWithoutGaps() throws {
    let record = try served([Request(promptTokens: 4, outputTokens: 9)], drafting([1, 1, 0]))
    let drafts = record.sums.drafts
    #expect((drafts.verifications, drafts.drafts, drafts.accepted) == (3, 9, 6))
    #expect(drafts.acceptedAt == [3, 3, 0])
    #expect((drafts.yields, drafts.tokens) == (3, 8))
    #expect(record.emittedTokens == 9 && record.iterations == 4)
    #expect(record.tokenGaps.count == 3 && record.tokenGaps.mean == 0.001)
  }

  /// Keys and values of a sequence are read once for its token and its drafts.
  @Test func draftsAreVerifiedBesideTheirToken() {
    var timeline = Timeline<TokenBudgetScheduler<PrefixCachingMemory>>(
      v1: [.own("a", prompt: 4, output: 5), .own("b", prompt: 7, output: 5)], drafting([0, 0]))
    var works: [IterationWork] = []
    timeline.run { works.append($0.plan.work) }
    #expect(works[0].prefillChunks.map(\.tokens) == [4, 7] && works[0].draftTokens == 0)
    #expect(works[1].prefillChunks.isEmpty && works[1].decodeSequences == 2)
    #expect(works[1].draftTokens == 4 && works[1].batchedTokens == 6)
    #expect(works[1].sampledSequences == 6)
    #expect(works[1].decodeContextTokens == (4 + 3) + (7 + 3))
  }

  /// 40,000 verifications: a draw accepts 0, 1, 2 or 3 with 0.2, 0.2, 0.3 and 0.3, mean 1.7 and variance 1.21, so that the
  /// standard error of the mean is 0.0055. Four of them are allowed.
  @Test(arguments: [0, 7, 99] as [UInt64])
  func sharesComeOut(seed: UInt64) {
    let draws = AcceptanceDraws(cumulative: [0.8, 0.6, 0.3], seed: seed)
    var counts = [0, 0, 0, 0]
    for sequence in 0..<200 {
      for time in 0..<200 { counts[Int(draws.accepted(Int32(sequence), time: Int32(time)))] += 1 }
    }
    let mean = Double(counts[1] + 2 * counts[2] + 3 * counts[3]) / 40_000
    #expect(abs(mean - 1.7) < 4 * 0.0055, "seed \(seed): \(counts)")
    for (count, share) in zip(counts, [0.2, 0.2, 0.3, 0.3]) {
      let error = (share * (1 - share) / 40_000).squareRoot()
      #expect(abs(Double(count) / 40_000 - share) < 4 * error, "seed \(seed): \(counts)")
    }
  }

  /// Alone or in a batch, a sequence accepts the same drafts and gets exactly its tokens.
  @Test(arguments: 1...20)
  func theBatchChangesNothingOfIt(seed: UInt64) throws {
    var random = RandomStream(seed: seed, label: "acceptance tests")
    let requests = (0..<12).map { _ in
      Request(
        promptTokens: Int32(1 + random.below(40)), outputTokens: Int32(1 + random.below(60)))
    }
    let shares = [0.9, 0.5, 0.1]
    let alone = try served(requests, drafting(shares, maxSequences: 1, seed: seed))
    let together = try served(requests, drafting(shares, maxSequences: 8, seed: seed))
    for record in [alone, together] {
      #expect(record.emittedTokens == requests.reduce(0) { $0 + Int($1.outputTokens) })
      #expect((0..<12).allSatisfy { record.milestones[$0].finish != nil })
    }
    #expect(alone.sums.drafts.acceptedAt == together.sums.drafts.acceptedAt, "seed \(seed)")
    #expect(alone.sums.drafts.verifications == together.sums.drafts.verifications)
    let other = try served(requests, drafting(shares, maxSequences: 8, seed: seed + 1000))
    #expect(other.sums.drafts != together.sums.drafts, "seed \(seed)")
  }
}
