import Fleet
import Messages
import SimulationKernel
import Testing
import Workload

@testable import Serving

/// `--max-concurrency` and `--num-warmups`: who sends when, drawn by hand at 10 ns an iteration.
@Suite struct ClosedLoopTests {
  private static let systems: [ServingSystem] = [
    .vllmSOSP23, .vllm02, .vllmV1, .orcaOracle, .orcaPow2, .orcaMax, .fasterTransformer,
    .vattention,
  ]

  private func settings(_ system: ServingSystem, _ stepping: Stepping = .event) -> EngineSettings {
    var settings = EngineSettings(
      blockSize: 4, deviceBlocks: 100, maxSequences: 8, maxBatchedTokens: 64, maxModelLength: 64)
    settings.stepping = stepping
    return settings
  }

  private func nanoseconds(_ record: RunRecord) -> [[Int64]] {
    record.requests.indices.map { id in
      [record.requests[id].arrival, record.milestones[id].firstToken, record.milestones[id].finish]
        .map { $0?.nanoseconds ?? -1 }
    }
  }

  /// Two clients, five requests of 2, 4, 1, 1 and 1 tokens:
  ///
  ///     iteration   0   10   20   30   40   50
  ///     client 0    |─ 0: 2 ─|─ wait ─|2|        2 is sent at 20 and misses the iteration that starts
  ///     client 1    |── 1: 4 ────────|           then; 3 and 4 likewise at 40
  @Test func aClientSendsWhenItHasItsAnswer() throws {
    let requests = [2, 4, 1, 1, 1].map { Request(promptTokens: 4, outputTokens: $0) }
    let record = try ServingSystem.vllmV1.serve(
      requests, settings: settings(.vllmV1), executor: PricedExecutor(FixedPrices(nanoseconds: 10)),
      maxConcurrency: 2)
    #expect(
      nanoseconds(record) == [
        [0, 10, 20], [0, 10, 40], [20, 40, 40], [40, 50, 50], [40, 50, 50],
      ])
  }

  /// With a rate too, requests are due when they are due, and wait for a client if none is free:
  ///
  ///     due      0    5    7                  100
  ///     sent     0         30 (0 done), 60    100          one client, three tokens each
  @Test func requestsThatAreDueWaitForAClient() throws {
    let requests = [0, 5, 7, 100].map { Request.at($0, prompt: 4, output: 3) }
    let record = try ServingSystem.vllmV1.serve(
      requests, settings: settings(.vllmV1), executor: PricedExecutor(FixedPrices(nanoseconds: 10)),
      maxConcurrency: 1)
    #expect(
      nanoseconds(record) == [[0, 10, 30], [30, 40, 60], [60, 70, 90], [100, 110, 130]])
  }

  @Test func aRefusedRequestFreesItsClientAtOnce() throws {
    let requests = [
      Request(promptTokens: 60, outputTokens: 60), Request(promptTokens: 4, outputTokens: 1),
    ]
    let record = try ServingSystem.vllmV1.serve(
      requests, settings: settings(.vllmV1), executor: PricedExecutor(FixedPrices(nanoseconds: 10)),
      maxConcurrency: 1)
    #expect(record.milestones[0].isRejected)
    #expect(nanoseconds(record)[1] == [0, 10, 10])
  }

  @Test func aWarmUpThatCannotBeServedIsTheFirstRequest() {
    let requests = [Request(promptTokens: 60, outputTokens: 60)]
    #expect(
      throws: RunFailure.oversized(0, .never(.tokens, required: 120, capacity: 64))
    ) {
      try ServingSystem.vllmV1.serve(
        requests, settings: settings(.vllmV1),
        executor: PricedExecutor(FixedPrices(nanoseconds: 10)),
        oversized: .fail, maxConcurrency: 1, warmups: 2)
    }
  }

  /// Three copies of the first request through two clients take 60 ns; then the clock starts again.
  @Test(arguments: systems)
  func warmUpsLeaveTheRecordAsItWas(system: ServingSystem) throws {
    let requests = [3, 2, 5].map { Request(promptTokens: 4, outputTokens: $0) }
    func run(_ warmups: Int) throws -> RunRecord {
      try system.serve(
        requests, settings: settings(system),
        executor: PricedExecutor(FixedPrices(nanoseconds: 10)),
        maxConcurrency: 2, warmups: warmups)
    }
    let (cold, warm) = (try run(0), try run(3))
    #expect(nanoseconds(warm) == nanoseconds(cold))
    #expect(warm.integrals == cold.integrals || system == .vllmV1)
    #expect(warm.emittedTokens == 10)
    #expect(warm.arrivedCount == 3)
    #expect(warm.iterations == cold.iterations)
    #expect(warm.end == cold.end)
  }

  /// The warm-ups are the first request, word for word: its full blocks are cached when it comes. Of 9
  /// tokens in blocks of 4 all but the last block can be found.
  @Test func warmUpsWarmThePrefixCache() throws {
    var contents = PromptContents()
    for id in 0..<2 {
      contents.append([
        TokenPiece(stream: PromptContents.ownStream(of: id), start: 0, count: 9)
      ])
    }
    let requests = [2, 2].map { Request(promptTokens: 9, outputTokens: $0) }
    func hits(_ warmups: Int) throws -> Int? {
      try ServingSystem.vllmV1.serve(
        requests, settings: settings(.vllmV1),
        executor: PricedExecutor(FixedPrices(nanoseconds: 10)),
        contents: contents, maxConcurrency: 1, warmups: warmups
      ).prefixCache?.hitTokens
    }
    #expect(try hits(0) == 0)
    #expect(try hits(2) == 8)
  }

  /// Random requests, clients and warm-ups: both ways of stepping record the same, and never are more
  /// requests in flight than there are clients.
  @Test(arguments: systems)
  func eventAndIterationSteppingAgree(system: ServingSystem) throws {
    for seed in 0..<40 as Range<UInt64> {
      var chance = RandomStream(seed: seed, label: "closed loop")
      let clients = 1 + chance.below(6)
      let warmups = chance.below(3)
      var due: Int64 = 0
      let requests = (0..<(1 + chance.below(25))).map { _ in
        due += chance.below(3) == 0 ? Int64(chance.below(300)) : 0
        return Request.at(
          due, prompt: Int32(1 + chance.below(20)), output: Int32(1 + chance.below(30)))
      }
      let records = try [Stepping.event, .iteration].map {
        try system.serve(
          requests, settings: settings(system, $0),
          executor: PricedExecutor(FixedPrices(nanoseconds: 10)),
          maxConcurrency: clients, warmups: warmups)
      }
      #expect(nanoseconds(records[0]) == nanoseconds(records[1]), "seed \(seed)")
      #expect(records[0].integrals == records[1].integrals, "seed \(seed)")
      let sent = records[0].requests.map(\.arrival)
      for (id, time) in sent.enumerated() {
        let inFlight = sent.indices.count { other in
          guard let finish = records[0].milestones[other].finish else { return false }
          return sent[other] <= time && finish > time && other <= id
        }
        #expect(inFlight <= clients, "seed \(seed), request \(id)")
        #expect(time >= requests[id].arrival)
      }
    }
  }
}
