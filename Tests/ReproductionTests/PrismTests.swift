import CostModel
import KVMemory
import SimulationKernel
import Testing

@testable import Reproduction

@Suite struct PrismRuleTests {
  private func places(
    _ currents: [Int?], threshold: Double, weights: [Int] = [20, 20, 20]
  ) -> [Int?] {
    let models = zip([10.0, 30, 20], zip(weights, currents)).map {
      KVPressure.Model(demand: $0, weightBytes: $1.0, current: $1.1)
    }
    return KVPressure.place(models, gpus: 2, capacity: 100, threshold: threshold)
  }

  /// By demand 30, 20, 10: the first to GPU 0, which then has 30 ⁄ 80; the second to GPU 1, 20 ⁄ 80; the third to GPU 1.
  @Test func modelsGoWherePressureIsLeast() {
    #expect(places([nil, nil, nil], threshold: 0) == [1, 0, 1])
    // On GPU 0 the pressure is 0.125 higher: worth a move, or not.
    #expect(places([0, nil, nil], threshold: 0.1) == [1, 0, 1])
    #expect(places([0, nil, nil], threshold: 0.2) == [0, 0, 1])
    // At first both GPUs have no pressure: nobody moves.
    #expect(places([nil, 1, 1], threshold: 0) == [0, 1, 0])
    #expect(places([nil, nil, nil], threshold: 0, weights: [100, 20, 20]) == [nil, 0, 1])
  }

  private func order(_ jobs: [(Double, Double)]) -> [Int] {
    DeadlineOrder.order(jobs.map { .init(deadline: $0, seconds: $1) }, now: 0)
  }

  /// The second would be late: of 2 and 3 seconds the longer one goes to the end.
  @Test func theLongestIsLeftOut() {
    #expect(order([(3, 2), (4, 3), (6, 1)]) == [0, 2, 1])
    #expect(order([(6, 1), (3, 2), (4, 1)]) == [1, 2, 0])
    #expect(order([(1, 2), (1, 2)]) == [0, 1])
    #expect(order([]) == [])
  }

  /// As many are in time as in the best of all subsets.
  @Test(arguments: seeds(30)) func noOrderIsBetter(seed: UInt64) {
    var draws = RandomStream(seed: seed, label: "deadlines")
    let jobs = (0..<1 + draws.below(7)).map { _ in
      (Double(1 + draws.below(20)), Double(1 + draws.below(6)))
    }
    func inTime(_ order: [Int]) -> Int {
      var time = 0.0
      return order.count { index in
        time += jobs[index].1
        return time <= jobs[index].0
      }
    }
    let best = (0..<1 << jobs.count).reduce(0) { best, mask in
      let chosen = jobs.indices.filter { mask >> $0 & 1 == 1 }.sorted { jobs[$0].0 < jobs[$1].0 }
      return inTime(chosen) == chosen.count ? max(best, chosen.count) : best
    }
    #expect(inTime(order(jobs)) == best, "seed \(seed)")
  }
}

@Suite struct PrismReplayTests {
  private static let mib = 1 << 20

  /// Every iteration takes a second.
  private final class Seconds: IterationCostModel {
    let profile = CostProfile(name: "seconds", isCalibrated: false, error: "none")
    func duration(of work: IterationWork) -> SimDuration { SimDuration(rounding: 1) }
  }

  /// A token of 1 MiB, two in a page.
  private func models(_ count: Int, weights: Int = 2) -> [PrismModel] {
    let model = PrismModel(
      costModel: Seconds(), weightBytes: weights * Self.mib, blockTokens: 1, blockBytes: Self.mib,
      tensors: 1, activationSeconds: 0.5, ttft: 2, tpot: 1)
    return Array(repeating: model, count: count)
  }

  private func requests(_ rows: [(at: Double, model: Int, prompt: Int, output: Int)])
    -> [PrismRequest]
  {
    rows.enumerated().map {
      .init(
        number: $0.offset, arrival: $0.element.at, model: $0.element.model,
        prompt: $0.element.prompt, output: $0.element.output)
    }
  }

  /// Two models of 2 MiB, and 16 MiB for pages: 12 tokens do not fit in half of them.
  @Test func partsAreTooSmallForWhatSharedPagesHold() throws {
    let one = requests([(0, 0, 10, 2)])
    #expect(
      PrismReplay(.partition, models(2), one, gpus: 1, capacity: 20 * Self.mib) == nil)
    var replay = try #require(
      PrismReplay(.shared, models(2), one, gpus: 1, capacity: 20 * Self.mib))
    let outcome = replay.run()
    #expect(outcome.firstToken == 1 && outcome.whole == 2 && outcome.attainment == 1)
  }

  /// Iterations of two models take turns: prompts first, then one decode each.
  ///
  ///     s        1    2    3    4    5
  ///     model    a p  b p  b    a    b…
  @Test func modelsTakeTurns() throws {
    var replay = try #require(
      PrismReplay(
        .shared, models(2), requests([(0, 0, 2, 2), (0, 1, 2, 3)]), gpus: 1,
        capacity: 40 * Self.mib))
    let outcome = replay.run()
    #expect(outcome.firstToken == 1.5)
    // Both end in five iterations; the last one ends with the fifth.
    #expect(outcome.whole > 3 && outcome.whole <= 4.5)
  }

  /// Two models of 6 MiB leave 8 MiB for pages, and a prompt of 10 tokens of 1 MiB lacks some. Asked at 60 s, the other
  /// model was idle for 59 s and leaves at once; asked at 30 s, it leaves with the look at 50 s, the first after 45 s of
  /// idleness. The second model and, at 100 s, the first one come in half a second.
  @Test(arguments: [(at: 60.0, waits: 0.0), (at: 30, waits: 19.5)])
  func idleModelsLeaveWhereMemoryIsShort(at: Double, waits: Double) throws {
    var replay = try #require(
      PrismReplay(
        .prism, models(2, weights: 6), requests([(0, 0, 2, 1), (at, 1, 10, 1), (100, 0, 2, 1)]),
        gpus: 1, capacity: 20 * Self.mib))
    let outcome = replay.run()
    #expect(outcome.activations == 2)
    #expect(abs(outcome.firstToken - (1 + (1.5 + waits) + 1.5) / 3) < 1e-9)
  }

  /// Memory is enough: nobody leaves, however long.
  @Test func idleModelsStayWhereMemoryIsEnough() throws {
    var replay = try #require(
      PrismReplay(
        .prism, models(2), requests([(0, 0, 2, 1), (200, 1, 10, 1), (400, 0, 2, 1)]), gpus: 1,
        capacity: 40 * Self.mib))
    let outcome = replay.run()
    #expect(outcome.activations == 0 && outcome.firstToken == 1)
  }

  /// Weights of 12 MiB on a GPU of 20: the idle model makes way for the other at once.
  @Test func anIdleModelMakesWay() throws {
    var replay = try #require(
      PrismReplay(
        .prism, models(2, weights: 12), requests([(0, 0, 2, 1), (4, 1, 2, 1)]), gpus: 1,
        capacity: 20 * Self.mib))
    let outcome = replay.run()
    #expect(outcome.activations == 1 && outcome.firstToken == 1.25)
  }

  /// Of 8 pages of 2 tokens model 1 holds 4 and more. The head of model 0's line needs 6, the request behind it one: both
  /// wait, and model 1 decodes on.
  @Test func aShortRequestDoesNotPassTheHead() throws {
    var replay = try #require(
      PrismReplay(
        .shared, models(2), requests([(0, 1, 8, 4), (1, 0, 12, 1), (1, 0, 2, 1)]), gpus: 1,
        capacity: 20 * Self.mib))
    let outcome = replay.run()
    // Model 1 to 4 s; then both prompts of model 0 in one iteration.
    #expect(outcome.preemptions == 0)
    #expect(abs(outcome.firstToken - (1 + 4 + 4) / 3) < 1e-9)
  }

  /// Parts of 7 pages of 2 tokens: the second sequence of model 0 makes way in the second iteration, and waits until the
  /// first one ends. Model 1 starts meanwhile, in its own part.
  @Test func aShortageOfOnePartIsItsOwn() throws {
    var replay = try #require(
      PrismReplay(
        .partition, models(2), requests([(0, 0, 6, 6), (0, 0, 6, 6), (3, 1, 2, 1)]), gpus: 1,
        capacity: 34 * Self.mib))
    let outcome = replay.run()
    #expect(outcome.preemptions == 1 && outcome.firstToken == 1)
  }

  /// Under every policy all requests end, bytes never exceed the GPU, and each sequence has the blocks of its tokens.
  @Test(arguments: PrismReplay.Policy.allCases, seeds(6))
  func bytesAreThoseOfTheSequences(policy: PrismReplay.Policy, seed: UInt64) throws {
    let stretches = PrismWorkload.onAndOff(
      models: 5, seconds: 200, on: 30, off: 60, rate: 0.3, seed: seed)
    let all = PrismWorkload.requests(
      stretches, .init(prompts: 1..<8, outputs: 1..<10), seed: seed)
    let capacity = 110 * Self.mib
    var replay = try #require(
      PrismReplay(policy, models(5), all, gpus: 2, capacity: capacity))
    let outcome = replay.run { gpu in
      var bytes = 0
      for engine in gpu.engines {
        let held = engine.running.reduce(0) { $0 + $1.pages.count }
        #expect(engine.pages.heldBlocks == held)
        #expect(engine.running.allSatisfy { $0.pages.count >= $0.computed })
        bytes += 2 * Self.mib + engine.pages.mappedPages * 2 * Self.mib
        // Blocks never lie in more than the mapped pages, of two blocks each.
        #expect(held <= 2 * engine.pages.mappedPages)
      }
      #expect(bytes == gpu.usedBytes && bytes <= capacity)
    }
    #expect(outcome.whole.isFinite && outcome.firstToken <= outcome.whole)
  }

  /// Both requests of a model that finds no room beside a busy one wait until that one is idle.
  @Test func requestsOfAModelWithoutRoomWait() throws {
    var replay = try #require(
      PrismReplay(
        .prism, models(2, weights: 12), requests([(0, 0, 2, 4), (1, 1, 2, 1), (1.5, 1, 2, 1)]),
        gpus: 1, capacity: 20 * Self.mib))
    let outcome = replay.run()
    // The first model is there after half a second and serves to 4.5 s; then the other is activated, and both of its
    // prompts are in one iteration, to 6 s.
    #expect(outcome.activations == 2)
    #expect(abs(outcome.firstToken - (1.5 + 5 + 4.5) / 3) < 1e-9)
  }
}

@Suite struct PrismCountTests {
  /// Each model has the rate of its rank, and no two have one.
  @Test(arguments: seeds(3)) func ratesFallWithTheRootOfTheRank(seed: UInt64) {
    let stretches = PrismCounts.stretches(18, seed: seed)
    let rates = Dictionary(grouping: stretches, by: \.model).mapValues { Set($0.map(\.rate)) }
    #expect(rates.values.allSatisfy { $0.count == 1 })
    let ranks = rates.values.flatMap(\.self).map { (32 / $0) * (32 / $0) }
    #expect(ranks.allSatisfy { abs($0 - $0.rounded()) < 1e-9 && (1...18).contains($0.rounded()) })
    #expect(Set(ranks.map { $0.rounded() }).count == rates.count && rates.count > 9)
  }

  @Test func countsAreTheFirstThatAreEnough() {
    func row(_ policy: PrismReplay.Policy, _ draw: UInt64, _ gpus: Int, _ share: Double?)
      -> PrismCounts.Row
    {
      var row = PrismCounts.Row(draw: draw, policy: policy, gpus: gpus)
      row.outcome = share.map { PrismReplay.Outcome(attainment: $0) }
      return row
    }
    let rows = [
      row(.partition, 0, 2, nil), row(.partition, 0, 3, 0.98), row(.partition, 0, 4, 0.99),
      row(.prism, 0, 2, 1), row(.partition, 1, 10, 0.5), row(.prism, 1, 2, 0.9),
      row(.prism, 1, 3, 1),
    ]
    #expect(PrismCounts.needed(.partition, 0, rows) == 4)
    #expect(PrismCounts.needed(.prism, 1, rows) == 3)
    #expect(PrismCounts.needed(.partition, 1, rows) == nil)
  }
}
