import CostModel
import Fleet
import KVMemory
import SimulationKernel
import Testing
import Workload

@testable import Serving

/// A nanosecond for each token of the batch.
private final class TokenPrices: IterationCostModel {
  let profile = CostProfile(name: "tokens", isCalibrated: false, error: "none")
  func duration(of work: IterationWork) -> SimDuration {
    SimDuration(nanoseconds: Int64(work.batchedTokens))
  }
}

@Suite struct DataParallelTests {
  private typealias Rank = TokenBudgetScheduler<PrefixCachingMemory>

  private func ranks(
    _ count: Int, _ requests: [Request], _ settings: EngineSettings
  ) -> DataParallelScheduler<Rank> {
    DataParallelScheduler(
      (0..<count).map { _ in Rank(requests: requests, settings: settings) },
      requests: RunRequests(requests), settings: settings)
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
    let settings = v1Settings(blocks: 24)
    let executor = PricedExecutor(TokenPrices())
    let plain = try ServingSystem.vllmV1.serve(load, settings: settings, executor: executor)
    let place = Fleet.Place { run in
      ReplicaInputs(run: run, settings: settings, executor: executor).replica(
        ranks(1, load, settings), executor: DataParallelExecutor(prices: TokenPrices()))
    }
    let one = try Fleet.serve(Fleet.Load(load), on: [place]).record
    #expect(one.milestones == plain.milestones)
    #expect(one.tokenGaps.gaps == plain.tokenGaps.gaps)
    #expect(one.prefixCache == plain.prefixCache)
    #expect(one.emittedTokens == plain.emittedTokens)
  }

  /// Nothing is lost or served twice, and the ranks' pools add up, preemptions included.
  @Test(arguments: 0..<12 as Range<UInt64>) func ranksLoseNothing(seed: UInt64) {
    let load = workload(seed)
    let count = 2 + Int(seed % 3)
    let scheduler = ranks(count, load, v1Settings(blocks: 18))
    let pool = count * Rank(requests: load, settings: v1Settings(blocks: 18)).ledger.total
    var run = Timeline(scheduler, requests: load)
    run.run { #expect($0.ledger.total == pool) }
    #expect(run.finished.sorted() == Array(0..<RequestID(load.count)))
    #expect(run.emitted == load.map { Int($0.outputTokens) })
    #expect(run.scheduler.blocks.physical == 0)
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
