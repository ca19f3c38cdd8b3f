import CostModel
import Fleet
import KVMemory
import SimulationKernel
import Testing
import Workload

@testable import Serving

/// A nanosecond for each token of the batch, and a few for the iteration.
private final class TokenPrices: IterationCostModel {
  let profile = CostProfile(name: "tokens", isCalibrated: false, error: "none")
  let fixed: Int64
  init(fixed: Int64 = 0) { self.fixed = fixed }
  func duration(of work: IterationWork) -> SimDuration {
    SimDuration(nanoseconds: fixed + Int64(work.batchedTokens))
  }
}

@Suite struct DataParallelTests {
  private typealias Rank = TokenBudgetScheduler<PrefixCachingMemory>

  private func ranks(
    _ count: Int, _ requests: [Request], _ settings: EngineSettings
  ) -> DataParallelScheduler<Rank> {
    DataParallelScheduler(
      (0..<count).map { _ in Rank(requests: requests, settings: settings) }, .leastScore,
      requests: RunRequests(requests), settings: settings)
  }

  /// By request, when its first token came and when it was complete.
  private func times(
    _ system: ServingSystem, _ requests: [Request], _ settings: EngineSettings, fixed: Int64 = 0
  ) throws -> [[Int64?]] {
    try system.serve(
      requests, settings: settings, executor: PricedExecutor(TokenPrices(fixed: fixed))
    ).milestones.map { [$0.firstToken?.nanoseconds, $0.finish?.nanoseconds] }
  }

  private func serve(_ requests: [Request], ranks: Int) throws -> RunRecord {
    var settings = v1Settings(blocks: 40)
    settings.dataParallel = ranks
    return try ServingSystem.vllmV1.serve(
      requests, settings: settings, executor: PricedExecutor(TokenPrices()))
  }

  /// `a` (4 tokens, 3 out) on rank 0, `b` (8 tokens, 2 out) on rank 1.
  ///
  ///     rank 0   |aaaa·····|a|a|
  ///     rank 1   |bbbbbbbb |b|
  ///              0         8 9 10
  @Test func theSlowestRankSetsThePace() throws {
    let load = requests([(4, 3), (8, 2)], arrivalSteps: [0, 0])
    func times(ranks: Int) throws -> [[Int64?]] {
      try serve(load, ranks: ranks).milestones.map {
        [$0.firstToken?.nanoseconds, $0.finish?.nanoseconds]
      }
    }
    #expect(try times(ranks: 2) == [[8, 10], [8, 9]])
    #expect(try times(ranks: 1) == [[12, 15], [12, 14]])
  }

  /// Equal ranks take turns; blocks of rank 1 are numbered behind those of rank 0.
  @Test func equalRanksTakeTurns() {
    let load = requests(Array(repeating: (4, 2), count: 4), arrivalSteps: [0, 0, 0, 0])
    var scheduler = ranks(2, load, v1Settings(blocks: 40))
    for id in 0..<RequestID(4) { scheduler.enqueue(id) }
    var plan = IterationPlan()
    scheduler.schedule(at: .zero, into: &plan)
    #expect(plan.scheduled.map(\.request) == [0, 2, 1, 3])
    #expect((0..<4).map { scheduler.blocks(of: $0)[0] / 40 } == [0, 1, 0, 1])
    #expect((0..<4).map { scheduler.sequences(at: $0, of: plan) } == [[0], [2], [1], [3]])
    #expect(plan.rankWorks.map(\.batchedTokens) == [8, 8])
    #expect(plan.work.batchedTokens == 16)
    #expect(scheduler.queues == QueueLengths(running: 4, waiting: 0, swapped: 0))
  }

  /// Those that a rank has, and six times the waiting ones for the share of its pool above a half.
  @Test func theScoreByHand() {
    var ledger = WasteLedger()
    (ledger.tokenState, ledger.cached, ledger.free) = (6, 1, 1)
    let queues = QueueLengths(running: 1, waiting: 2, swapped: 0)
    #expect(DataParallelScheduler<Rank>.score(queues, ledger) == 3 + 6 * 2 * 0.25)
    (ledger.tokenState, ledger.free) = (2, 5)
    #expect(DataParallelScheduler<Rank>.score(queues, ledger) == 3)
  }

  @Test(arguments: 0..<12 as Range<UInt64>) func oneRankIsThePlainScheduler(seed: UInt64) throws {
    let load = workload(seed)
    // Equal gaps may be counted together.
    func lengths(_ record: RunRecord) -> [Int64] {
      record.tokenGaps.gaps.flatMap { repeatElement($0.nanoseconds, count: Int($0.count)) }.sorted()
    }
    func compare<S: Scheduler>(
      _ system: ServingSystem, _ settings: EngineSettings, _ balance: RankBalance, _ rank: S
    ) throws {
      let executor = PricedExecutor(TokenPrices())
      let plain = try system.serve(load, settings: settings, executor: executor)
      let place = Fleet.Place { run in
        ReplicaInputs(run: run, settings: settings, executor: executor).replica(
          DataParallelScheduler(
            [rank], balance, requests: RunRequests(load), settings: settings),
          executor: DataParallelExecutor(prices: TokenPrices()))
      }
      let one = try Fleet.serve(Fleet.Load(load), on: [place]).record
      #expect(one.milestones == plain.milestones)
      #expect(lengths(one) == lengths(plain))
      #expect(one.prefixCache == plain.prefixCache)
      #expect(one.emittedTokens == plain.emittedTokens)
    }
    let v1 = v1Settings(blocks: 24)
    try compare(.vllmV1, v1, .leastScore, Rank(requests: load, settings: v1))
    let drafting = v1Settings(blocks: 40) {
      $0.speculation = Speculation(draftTokens: 2)
      $0.speculation?.acceptance = AcceptanceDraws(cumulative: [0.7, 0.4], seed: seed)
    }
    try compare(.vllmV1, drafting, .leastScore, Rank(requests: load, settings: drafting))
    let requests = RunRequests(load)
    for overlap in [false, true] {
      let sglang = sglangSettings(pool: 120) { $0.overlap = overlap }
      try compare(
        .sglang05, sglang, .turns, SGLangScheduler(requests: requests, settings: sglang))
    }
    let trtllm = trtllmSettings(blocks: 24)
    try compare(
      .trtllm1, trtllm, .fewestPromptTokens, TRTLLMScheduler(requests: requests, settings: trtllm))
  }

  /// Nothing is lost or served twice, and the ranks' pools add up, preemptions included.
  @Test(arguments: 0..<12 as Range<UInt64>) func ranksLoseNothing(seed: UInt64) {
    let load = workload(seed)
    let requests = RunRequests(load)
    let count = 2 + Int(seed % 3)
    func check<S: Scheduler>(
      _ settings: EngineSettings, _ balance: RankBalance, _ rank: () -> S
    ) {
      let pool = count * rank().ledger.total
      var run = Timeline(
        DataParallelScheduler(
          (0..<count).map { _ in rank() }, balance, requests: requests, settings: settings),
        requests: load)
      run.run { #expect($0.ledger.total == pool) }
      #expect(run.finished.sorted() == Array(0..<RequestID(load.count)))
      #expect(run.emitted == load.map { Int($0.outputTokens) })
      #expect(run.scheduler.blocks.physical == 0)
    }
    let v1 = v1Settings(blocks: 18)
    check(v1, .leastScore) { Rank(requests: load, settings: v1) }
    let sglang = sglangSettings(pool: 72) { $0.overlap = seed % 2 == 0 }
    check(sglang, .turns) { SGLangScheduler(requests: requests, settings: sglang) }
    let trtllm = trtllmSettings(blocks: 18)
    check(trtllm, .fewestPromptTokens) { TRTLLMScheduler(requests: requests, settings: trtllm) }
  }

  /// SGLang's ranks get requests in turn; one may compute a prompt while the other decodes.
  ///
  ///     rank 0   |aaaaaaaacccc|a|·   |
  ///     rank 1   |bbbb········|b|b   |
  ///              0           12 13  14
  @Test func sglangTakesTurns() throws {
    var settings = sglangSettings(pool: 128)
    settings.dataParallel = 2
    let load = requests([(8, 2), (4, 3), (4, 1)], arrivalSteps: [0, 0, 0])
    #expect(try times(.sglang05, load, settings) == [[12, 13], [12, 14], [12, 12]])
    settings.dataParallel = 1
    #expect(try times(.sglang05, load, settings) == [[16, 18], [16, 19], [16, 16]])
  }

  /// A chunk of 8 is one of 4 for each of two ranks, and of two requests that may run each rank has one: a prompt of 8
  /// takes two iterations, and what comes to the same rank waits.
  @Test func sglangSharesItsLimits() throws {
    var settings = sglangSettings(pool: 128, chunk: 8, running: 2)
    settings.dataParallel = 2
    let load = requests([(8, 1), (4, 1), (4, 1)], arrivalSteps: [0, 0, 0])
    // |aaaa bbbb|aaaa|cccc| at 100 and the tokens of the longer one.
    #expect(
      try times(.sglang05, load, settings, fixed: 100) == [[208, 208], [104, 104], [312, 312]])
  }

  /// TensorRT-LLM: as many requests on each rank, and of those with a place the one with the fewest prompt tokens.
  @Test(arguments: [
    ([(0, 0), (0, 0)], 0), ([(1, 50), (1, 40)], 1), ([(2, 10), (1, 900)], 1),
    ([(2, 30), (1, 900), (1, 800)], 2), ([(3, 3), (3, 3), (3, 2)], 2), ([(1, 7), (2, 7)], 0),
  ])
  func trtllmSpreadsRequestsThenTokens(_ loads: [(Int, Int)], _ rank: Int) {
    let loads = loads.map { RankLoad(requests: $0.0, promptTokens: $0.1) }
    #expect(RankBalance.fewestPromptTokens(loads) == rank)
  }

  /// What is complete is no load any more: `c` goes to the rank that `a` has left.
  @Test func trtllmForgetsWhatIsComplete() {
    let load = requests([(20, 1), (4, 9), (4, 9)], arrivalSteps: [0, 0, 3])
    let settings = trtllmSettings(blocks: 40)
    var run = Timeline(
      DataParallelScheduler(
        (0..<2).map { _ in TRTLLMScheduler(requests: RunRequests(load), settings: settings) },
        .fewestPromptTokens, requests: RunRequests(load), settings: settings), requests: load)
    var rankOfC: Set<BlockID> = []
    run.run { timeline in
      guard let block = timeline.scheduler.blocks(of: 2).first else { return }
      rankOfC.insert(block / BlockID(settings.deviceBlocks))
    }
    #expect(rankOfC == [0])
  }

  private func workload(_ seed: UInt64) -> [Request] {
    var chance = RandomStream(seed: seed, label: "data-parallel")
    var step = 0
    return (0..<40).map { _ in
      step += chance.below(3) == 0 ? chance.below(20) : 0
      return .at(
        Int64(step), prompt: Int32(1 + chance.below(30)), output: Int32(1 + chance.below(30)))
    }
  }
}
