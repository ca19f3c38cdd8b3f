import CostModel
import KVMemory
import SimulationKernel
import Testing
import Workload

@testable import Serving

@Suite struct OrcaTests {
  private func timeline(
    _ requests: [Request], _ estimator: ReservationEstimator, blocks: Int
  ) -> Timeline<MixedIterationScheduler<OrcaMemory>> {
    let settings = EngineSettings.small(blocks: blocks)
    let memory = OrcaMemory(settings, estimator: estimator)
    return Timeline(
      MixedIterationScheduler(requests: requests, settings: settings, memory: memory),
      requests: requests)
  }

  /// 32 blocks of 4 tokens. Max reserves 64 tokens, 16 blocks: two at a time. Pow2 reserves 4 + 8 = 12
  /// tokens, 3 blocks, rounded to 4; oracle 4 + 5 = 9 tokens, 3 blocks, rounded to 4 as well.
  @Test func reservesByEstimator() {
    let three = requests([(4, 5), (4, 5), (4, 5)], arrivalSteps: [0, 0, 0])
    var max = timeline(three, .max, blocks: 32)
    max.run()
    #expect(
      max.picture == """
        Pdddd
        Pdddd
        .....Pdddd
        """)
    for estimator in [ReservationEstimator.oracle, .pow2] {
      var run = timeline(three, estimator, blocks: 32)
      run.run { if $0.step == 1 { #expect($0.scheduler.blocks.physical == 12) } }
      #expect(
        run.picture == """
          Pdddd
          Pdddd
          Pdddd
          """)
    }
  }

  /// The output is rounded, the prompt is added, the longest sequence caps: 25 → 32, 32 → 32, 1 → 1.
  @Test func estimatesAsInThePaper() {
    let pow2 = [(100, 25), (100, 32), (100, 1), (2000, 40)].map {
      ReservationEstimator.pow2.reservation(
        promptTokens: $0.0, outputTokens: $0.1, maxModelLength: 2048)
    }
    #expect(pow2 == [132, 132, 101, 2048])
    let oracle = ReservationEstimator.oracle.reservation(
      promptTokens: 100, outputTokens: 25, maxModelLength: 2048)
    #expect(oracle == 125)
  }

  /// The paper's pool: no more than seven chunks of 2,048 tokens, and 1,392 slots that nobody can use.
  @Test func maxHoldsSevenInThePapersPool() throws {
    let many = Array(repeating: Request(promptTokens: 10, outputTokens: 20), count: 40)
    let settings = EngineSettings(
      blockSize: 16, deviceBlocks: 983, maxSequences: 256, maxBatchedTokens: 2560,
      maxModelLength: 2048)
    let memory = OrcaMemory(settings, estimator: .max)
    var run = Timeline(
      MixedIterationScheduler(requests: many, settings: settings, memory: memory),
      requests: many)
    var most = 0
    run.run {
      most = max(most, $0.queues.running)
      #expect($0.ledger.total == 15_728)
      if $0.queues.waiting > 0 { #expect($0.ledger.externalFragmentation == 1392) }
    }
    #expect(most == 7)
  }

  @Test func neverAdmitsWhatAnEmptyPoolCannotHold() {
    let settings = EngineSettings.small(blocks: 8)
    let scheduler = MixedIterationScheduler(
      requests: [], settings: settings,
      memory: OrcaMemory(settings, estimator: .oracle))
    #expect(scheduler.admission(of: Request(promptTokens: 20, outputTokens: 12)) == .possible)
    #expect(
      scheduler.admission(of: Request(promptTokens: 20, outputTokens: 13))
        == .never(.blocks, required: 16, capacity: 8))
    #expect(
      scheduler.admission(of: Request(promptTokens: 60, outputTokens: 5))
        == .never(.tokens, required: 65, capacity: 64))
  }
}

@Suite struct StaticBatchTests {
  private func timeline(_ requests: [Request], blocks: Int) -> Timeline<StaticBatchScheduler> {
    Timeline(
      StaticBatchScheduler(requests: requests, settings: .small(blocks: blocks)),
      requests: requests)
  }

  /// Two slots of 64 tokens. The first batch ends with its longest; request 2 waits although a place is
  /// idle, and request 0 is held to the end but emits only its own two tokens.
  @Test func holdsTheBatchUntilItsLongestEnds() {
    var run = timeline(requests([(4, 2), (4, 4), (4, 1)], arrivalSteps: [0, 0, 1]), blocks: 32)
    run.run()
    #expect(
      run.picture == """
        Pddd
        Pddd
         ...P
        """)
    #expect(run.emitted == [2, 4, 1])
    #expect(run.finished == [0, 1, 2])
  }

  /// Padded prompt and longest output must stay 8 below the longest sequence: 40 + 20 do not, 40 + 16 do.
  @Test func batchesWhatFitsTogether() {
    var run = timeline(requests([(40, 4), (4, 20), (4, 16)], arrivalSteps: [0, 0, 0]), blocks: 48)
    run.run()
    let columns = run.picture.split(separator: "\n").map { String($0.prefix(5)) }
    #expect(columns == ["Pddd", "....P", "....P"])
  }

  /// A request that is too long for any batch runs alone.
  @Test func runsALongHeadAlone() {
    var run = timeline(requests([(60, 4), (4, 1)], arrivalSteps: [0, 0]), blocks: 32)
    run.run()
    #expect(
      run.picture == """
        Pddd
        ....P
        """)
  }

  /// Everyone is computed at the padded length for as long as the batch runs.
  @Test func pricesThePadding() {
    var run = timeline(requests([(4, 3), (8, 1)], arrivalSteps: [0, 0]), blocks: 32)
    var shapes: [[Int]] = []
    run.run {
      shapes.append([
        $0.plan.work.prefillChunks.reduce(0) { $0 + $1.tokens }, $0.plan.work.decodeSequences,
        $0.plan.work.decodeContextTokens,
      ])
    }
    #expect(shapes == [[16, 0, 0], [0, 2, 18], [0, 2, 20]])
  }
}
