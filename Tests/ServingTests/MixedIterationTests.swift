import CostModel
import Fleet
import KVMemory
import Messages
import SimulationKernel
import Testing
import Workload

@testable import Serving

/// The paper's scheduler, drawn: each picture can be checked by hand against the rules.
@Suite struct MixedIterationTests {
  private func timeline(
    _ requests: [Request], _ settings: EngineSettings
  ) -> Timeline<MixedIterationScheduler<PagedMemory>> {
    Timeline(MixedIterationScheduler(paged: requests, settings), requests: requests)
  }

  /// The first token comes from the prompt; a prompt runs beside the decodes of others.
  @Test func mixesPromptsWithDecodes() {
    var run = timeline(
      requests([(4, 3), (4, 2), (4, 1)], arrivalSteps: [0, 1, 1]), .small(blocks: 16))
    run.run()
    #expect(
      run.picture == """
        Pdd
         Pd
         P
        """)
    #expect(run.emitted == [3, 2, 1])
  }

  /// Request 1 needs four blocks and three are free: request 2, which would fit, waits behind it.
  @Test func neverSkipsTheHeadOfTheQueue() {
    var run = timeline(
      requests([(8, 2), (16, 1), (4, 1)], arrivalSteps: [0, 0, 0]), .small(blocks: 5))
    run.run()
    #expect(
      run.picture == """
        Pd
        ..P
        ..P
        """)
  }

  /// Five blocks: both requests fill two and need a third at step 1. The younger makes way, and computes
  /// its prompt again, with the token it had, when the older is done.
  @Test func recomputesTheYoungest() {
    var run = timeline(requests([(8, 3), (8, 3)], arrivalSteps: [0, 0]), .small(blocks: 5))
    var preempted: [[Int]] = []
    run.run { preempted += $0.plan.preempted.map { [Int($0.request), $0.blocks] } }
    #expect(
      run.picture == """
        Pdd
        Pr.Pd
        """)
    #expect(preempted == [[1, 2]])
    #expect(run.emitted == [3, 3])
  }

  /// The same with swapping: the younger comes back without a prompt, once two blocks and one to grow in
  /// are free.
  @Test func swapsTheYoungest() {
    var settings = EngineSettings.small(blocks: 5, host: 4)
    settings.preemptionMode = .swap
    var run = timeline(requests([(8, 3), (8, 3)], arrivalSteps: [0, 0]), settings)
    run.run()
    #expect(
      run.picture == """
        Pdd
        Ps~id
        """)
  }

  /// While request 1 is out on the host, request 2 is not admitted although it would fit.
  @Test func admitsNobodyWhileSomethingIsSwappedOut() {
    var settings = EngineSettings.small(blocks: 5, host: 4)
    settings.preemptionMode = .swap
    var run = timeline(requests([(8, 3), (8, 3), (4, 1)], arrivalSteps: [0, 0, 1]), settings)
    run.run()
    #expect(
      run.picture == """
        Pdd
        Ps~id
         ..P
        """)
  }

  /// The token budget holds the second prompt back; decodes count one token for each sequence.
  @Test func keepsTheTokenBudget() {
    var settings = EngineSettings.small(blocks: 16)
    settings.maxBatchedTokens = 12
    var run = timeline(requests([(8, 3), (8, 2), (4, 1)], arrivalSteps: [0, 0, 0]), settings)
    run.run()
    #expect(
      run.picture == """
        Pdd
        .Pd
        ..P
        """)
  }

  @Test func keepsTheSequenceCap() {
    var settings = EngineSettings.small(blocks: 16)
    settings.maxSequences = 2
    var run = timeline(requests([(4, 2), (4, 2), (4, 1)], arrivalSteps: [0, 0, 0]), settings)
    run.run()
    #expect(
      run.picture == """
        Pd
        Pd
        ..P
        """)
  }

  /// One hundred blocks have a watermark of one: the third prompt would leave none.
  @Test func keepsTheWatermarkWhenAdmitting() {
    var settings = EngineSettings.small(blocks: 100)
    settings.maxModelLength = 400
    var run = timeline(
      requests([(196, 1), (196, 1), (8, 1)], arrivalSteps: [0, 0, 0]), settings)
    run.run()
    #expect(
      run.picture == """
        P
        P
        .P
        """)
  }

  /// Two samples share the prompt's blocks; at the first decode one copies the partial block.
  @Test func sharesThePromptAmongSamples() {
    let request = Request(promptTokens: 6, outputTokens: 2, samples: 2)
    var run = timeline([request], .small(blocks: 8))
    var copies: [Int] = []
    var held: [Int] = []
    run.run {
      copies.append($0.plan.copies.count)
      held.append($0.plan.work.prefillChunks.count)
    }
    #expect(copies == [0, 1])
    #expect(held == [1, 0])
    #expect(run.emitted == [4])
  }

  /// A request alone that the conservative test would turn away goes on; the artifact preempts it.
  @Test func aRequestAloneNeedsOnlyWhatItTakes() {
    let request = Request(promptTokens: 6, outputTokens: 3, samples: 2)
    var sane = timeline([request], .small(blocks: 3, host: 8))
    sane.run()
    #expect(sane.picture == "Pdd")
    var settings = EngineSettings.small(blocks: 3, host: 8)
    settings.repeatsEngineDefects = true
    var plan = IterationPlan()
    var scheduler = MixedIterationScheduler(paged: [request], settings)
    var finished: [RequestID] = []
    scheduler.enqueue(0)
    scheduler.schedule(into: &plan)
    scheduler.complete(&plan, finished: &finished)
    plan.removeAll()
    scheduler.schedule(into: &plan)
    #expect(plan.preempted == [.init(request: 0, mode: .swap, blocks: 2)])
  }

  @Test func saysWhenTheHostIsFull() {
    var settings = EngineSettings.small(blocks: 5, host: 1)
    settings.preemptionMode = .swap
    let pair = requests([(8, 3), (8, 3)], arrivalSteps: [0, 0])
    #expect(
      throws: RunFailure.swapSpaceExhausted(
        .init(request: 1, blocksNeeded: 2, blocksFree: 1), at: SimInstant(nanoseconds: 10))
    ) {
      try ServingSystem.vllmSOSP23.serve(
        pair, settings: settings, executor: PricedExecutor(FixedPrices(nanoseconds: 10)))
    }
  }
}

/// Every iteration takes the same time.
final class FixedPrices: IterationCostModel {
  let profile = CostProfile(name: "fixed", isCalibrated: false, error: "none")
  let nanoseconds: Int64
  init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
  func duration(of work: IterationWork) -> SimDuration { SimDuration(nanoseconds: nanoseconds) }
}
