import CostModel
import Fleet
import KVMemory
import SimulationKernel
import Testing
import Workload

@testable import Serving

@Suite struct V1EngineTests {
  private func admission(
    _ request: Request, _ change: (inout EngineSettings) -> Void = { _ in }
  ) -> Admission {
    var settings = v1Settings(blocks: 5, maxModelLength: 20)
    change(&settings)
    return TokenBudgetScheduler<PrefixCachingMemory>(requests: [request], settings: settings)
      .admission(of: request)
  }

  /// Four usable blocks hold 16 tokens; the 17th is sampled and never computed.
  @Test func whatCanNeverBeServedIsRefusedWithTheNumbers() {
    #expect(admission(Request(promptTokens: 13, outputTokens: 4)) == .possible)
    #expect(
      admission(Request(promptTokens: 13, outputTokens: 5))
        == .never(.blocks, required: 5, capacity: 4))
    #expect(
      admission(Request(promptTokens: 13, outputTokens: 8))
        == .never(.tokens, required: 21, capacity: 20))
    #expect(
      admission(Request(promptTokens: 1, outputTokens: 1, beamWidth: 4))
        == .never(.beams, required: 4, capacity: 0))
    let noChunks = { (settings: inout EngineSettings) in
      settings.maxBatchedTokens = 8
      settings.v1.chunkedPrefill = false
    }
    #expect(admission(Request(promptTokens: 8, outputTokens: 1), noChunks) == .possible)
    #expect(
      admission(Request(promptTokens: 8, outputTokens: 2), noChunks)
        == .never(.prompt, required: 9, capacity: 8))
  }

  /// Two requests of 40 tokens that share 32, and one that shares nothing.
  @Test func hitsAreInTheRecord() throws {
    var contents = PromptContents()
    for (shared, request) in [(32, 0), (32, 1), (0, 2)] {
      contents.append([
        TokenPiece(stream: 1, start: 0, count: Int32(shared)),
        TokenPiece(
          stream: PromptContents.ownStream(of: request), start: 0, count: Int32(40 - shared)),
      ])
    }
    let requests = (0..<3).map { _ in Request(promptTokens: 40, outputTokens: 5) }
    let settings = v1Settings(blocks: 100, budget: 100)
    let record = try ServingSystem.vllmV1.serve(
      requests, settings: settings, executor: PricedExecutor(FixedPrices(nanoseconds: 1_000_000)),
      contents: contents)
    #expect(record.prefixCache?.queriedTokens == 120)
    #expect(record.prefixCache?.hitTokens == 32)
    #expect((0..<3).map { record.cachedTokens(of: $0) } == [0, 32, 0])
    #expect(record.prefixCache?.evictedBlocks == 0)
    #expect(record.emittedTokens == 15)
    #expect(record.milestones.allSatisfy { $0.finish != nil })

    let alone = try ServingSystem.vllmV1.serve(
      requests, settings: settings, executor: PricedExecutor(FixedPrices(nanoseconds: 1_000_000)))
    #expect(alone.prefixCache?.hitTokens == 0)
  }

  /// The same prompt at 0, 10 and 20 s, of which the window sees the second.
  @Test func hitsAreThoseOfTheWindow() throws {
    var contents = PromptContents()
    for _ in 0..<3 { contents.append([TokenPiece(stream: 1, start: 0, count: 40)]) }
    let requests = (0..<3).map { index in
      Request(
        arrival: SimInstant(nanoseconds: Int64(index) * 10_000_000_000), promptTokens: 40,
        outputTokens: 5)
    }
    let window = MeasuringWindow(
      from: SimInstant(nanoseconds: 5_000_000_000), to: SimInstant(nanoseconds: 15_000_000_000))
    let record = try ServingSystem.vllmV1.serve(
      requests, settings: v1Settings(blocks: 100, budget: 100),
      executor: PricedExecutor(FixedPrices(nanoseconds: 1_000_000)), window: window,
      contents: contents)
    #expect(record.prefixCache?.queriedTokens == 40)
    #expect(record.prefixCache?.hitTokens == 36)
    let other = try ServingSystem.vllm02.serve(
      requests, settings: .small(blocks: 100),
      executor: PricedExecutor(FixedPrices(nanoseconds: 1_000_000)))
    #expect(other.prefixCache == nil)
  }

  /// Three samples end together, and every gap between their tokens is one iteration.
  @Test func samplesAreOneRequestInTheRecord() throws {
    let record = try ServingSystem.vllmV1.serve(
      [Request(promptTokens: 9, outputTokens: 4, samples: 3)],
      settings: v1Settings(blocks: 20),
      executor: PricedExecutor(FixedPrices(nanoseconds: 1_000_000)))
    #expect(record.emittedTokens == 12)
    #expect(record.milestones[0].finish == SimInstant(nanoseconds: 4_000_000))
    #expect(record.tokenGaps.gaps.allSatisfy { $0.nanoseconds == 1_000_000 })
    #expect(record.tokenGaps.gaps.reduce(0) { $0 + $1.count } == 9)
  }

  /// Iterations of 1 ms. The one that starts at 1 ms was decided at 0: `b`, which comes at 0.5 ms, is in the next.
  @Test func whatArrivesWaitsForTheIterationAfterTheNext() throws {
    func times(asynchronous: Bool) throws -> [[Int64?]] {
      let requests = [
        Request(promptTokens: 4, outputTokens: 3),
        Request(
          arrival: SimInstant(nanoseconds: 500_000), promptTokens: 4, outputTokens: 2),
      ]
      let record = try ServingSystem.vllmV1.serve(
        requests, settings: v1Settings(blocks: 20) { $0.isAsynchronous = asynchronous },
        executor: PricedExecutor(FixedPrices(nanoseconds: 1_000_000)))
      #expect(record.emittedTokens == 5)
      return record.milestones.map { [$0.firstToken?.nanoseconds, $0.finish?.nanoseconds] }
    }
    #expect(
      try times(asynchronous: false) == [[1_000_000, 3_000_000], [2_000_000, 3_000_000]])
    #expect(
      try times(asynchronous: true) == [[1_000_000, 3_000_000], [3_000_000, 4_000_000]])
  }

  /// Nothing says that drafts are accepted, so that an iteration yields one token, whoever decides it when.
  @Test func tokensOfDraftsAreInTheRecord() throws {
    for asynchronous in [false, true] {
      var settings = v1Settings(blocks: 20) { $0.isAsynchronous = asynchronous }
      settings.v1.speculation = Speculation(draftTokens: 3)
      let record = try ServingSystem.vllmV1.serve(
        [Request(promptTokens: 4, outputTokens: 6), Request(promptTokens: 4, outputTokens: 1)],
        settings: settings, executor: PricedExecutor(FixedPrices(nanoseconds: 1_000_000)))
      #expect(record.emittedTokens == 7)
      #expect(record.milestones[0].finish == SimInstant(nanoseconds: 6_000_000))
    }
  }

  @Test func decodesAreAggregatedAndChunksAreNot() {
    var timeline = V1Timeline(
      v1: [.own("a", prompt: 3, output: 3), .own("b", at: 1, prompt: 12, output: 2)],
      v1Settings(blocks: 9, budget: 8))
    timeline.run(steps: 1)
    timeline.decide()
    let plan = timeline.plan
    #expect(plan.work.decodeSequences == 1)
    #expect(plan.work.decodeContextTokens == 4)
    #expect(plan.work.prefillChunks == [.init(tokens: 7, contextTokens: 0)])
    #expect(plan.work.sampledSequences == 1)
    #expect(plan.scheduled.map(\.emittedTokens) == [1, 0])
    #expect(plan.scheduled.map(\.isPrefill) == [false, true])
  }
}
