import CostModel
import Fleet
import Messages
import Metrics
import Serving
import SimulationKernel
import Testing
import Workload

@testable import Planning

/// A search that simulates little finds what simulating everything finds.
@Suite struct FleetTests {
  /// GPUs that nobody sells, in sizes of up to four, and a rate that takes a handful of them.
  private func request(
    seed: UInt64, objective: FleetRequest.Objective = .cost
  ) throws -> (FleetRequest, Trace) {
    var chance = RandomStream(seed: seed, label: "fleet")
    let base = try CapacityTests.scenario()
    let candidates = (0..<4).flatMap { kind -> [Scenario] in
      var device = base.device
      device.memoryBandwidth *= 0.4 + 2 * chance.uniform()
      device.tensorRate *= 0.4 + 2 * chance.uniform()
      device.price = .init(dollarsPerHour: 1 + 4 * chance.uniform(), source: "test")
      device.tdpWatts = 200 + 500 * chance.uniform()
      device.idlePower = kind == 0 ? nil : .init(watts: device.tdpWatts * 0.2, source: "test")
      return [1, 2].map { size in
        var scenario = base
        scenario.device = device
        scenario.tensorParallel = size
        scenario.maxSequences = 4 + chance.below(60)
        return scenario
      }
    }
    var request = FleetRequest(
      candidates: candidates, router: .leastOutstanding, rate: 5 + 10 * chance.uniform(),
      maxGPUs: 24,
      serviceLevel: try ServiceLevel("ttft.p90<=1s, tpot.p90<=60ms", model: base.model))
    request.objective = objective
    request.seed = seed
    return (request, CapacityTests.trace(60, seed: seed))
  }

  @Test(arguments: 0..<3 as Range<UInt64>) func findsTheOptimumOfBruteForce(seed: UInt64) throws {
    let objectives: [FleetRequest.Objective] = [.cost, .gpus, .energy]
    let (request, trace) = try request(seed: seed, objective: objectives[Int(seed) % 3])
    let search = try FleetSearch(request, trace: trace)
    let found = try search.run()
    let all = try search.exhaustively()
    #expect(found.best?.cost == all.best?.cost)
    #expect(all.best != nil)
    #expect(found.simulated.count * 5 <= all.simulated.count)
    // Every deployment is looked at once.
    let keys = found.simulated.map { [$0.candidate, $0.deployment.replicas] }
    #expect(Set(keys).count == keys.count)
    // What was ruled out by a bound is not sustained either.
    for point in all.simulated where point.isFeasible {
      #expect(!found.ruledOut.contains { $0.candidate == point.candidate })
    }
  }

  /// Of those that sustain the rate, none on the front is as dear and as slow as another or more, however few of its requests
  /// miss targets that are met; and what is not on the front is beaten.
  @Test func theFrontIsTheFront() throws {
    let (request, trace) = try request(seed: 11)
    let search = try FleetSearch(request, trace: trace)
    var plan = try search.run()
    let known = plan.simulated.count
    plan.simulated += try search.field(known: plan.simulated)
    #expect(plan.simulated.count > known)
    #expect(plan.front.first?.cost == plan.best?.cost)
    // As if each missed a few requests more than the one before.
    for index in plan.simulated.indices {
      plan.simulated[index].trial.point?.assessment.attainment = 1 - Double(index) / 1e4
    }
    let feasible = plan.simulated.filter(\.isFeasible)
    func beats(_ other: FleetPoint, _ point: FleetPoint) -> Bool {
      other.cost <= point.cost && other.meanLatency <= point.meanLatency
        && (other.cost < point.cost || other.meanLatency < point.meanLatency)
    }
    for point in feasible {
      let isOnFront = plan.front.contains {
        $0.isSame(as: point)
      }
      #expect(isOnFront == !feasible.contains { beats($0, point) })
    }
    // The smallest fleet of each kind is there, and one replica less does not sustain the rate.
    for candidate in Set(plan.simulated.filter(\.isFeasible).map(\.candidate)) {
      let points = plan.simulated.filter { $0.candidate == candidate }
      let least = try #require(points.filter(\.isFeasible).map(\.deployment.replicas).min())
      let below = points.filter { $0.deployment.replicas == least - 1 }
      #expect(below.allSatisfy { !$0.isFeasible })
    }
  }

  /// By brute force: of all fleets that sustain the rate with the search's seed and with three of four others the
  /// cheapest, of equals the fastest; if there is none, the search's own favourite, at the edge.
  @Test func recommendsWhatHoldsWithOtherSeeds() throws {
    var replaced = 0
    for seed in 0..<6 as Range<UInt64> {
      var (request, trace) = try request(seed: seed)
      request.maxGPUs = 8
      let search = try FleetSearch(request, trace: trace)
      var plan = try search.run()
      let favourite = try #require(plan.best)
      try search.confirm(&plan)
      let best = try #require(plan.best)
      let confirmed = try search.exhaustively().simulated.filter(\.isFeasible).filter { point in
        let probe = RateProbe(
          try PreparedDeployment(point.deployment), trace: trace,
          serviceLevel: request.serviceLevel)
        return try (1...4 as ClosedRange<UInt64>).count {
          try probe.point(rate: request.requiredRate, seed: seed + $0).isSustained
        } >= 3
      }
      let cheapest = confirmed.min { ($0.cost, $0.meanLatency) < ($1.cost, $1.meanLatency) }
      #expect(plan.isAtTheEdge == (cheapest == nil))
      #expect(best.isSame(as: cheapest ?? favourite))
      #expect(plan.rejected.allSatisfy { !$0.confirmation.stands && $0.point.cost <= best.cost })
      if !best.isSame(as: favourite) {
        #expect(plan.rejected.first.map { $0.point.isSame(as: favourite) } == true)
        replaced += 1
      }
    }
    // Otherwise nothing was tested.
    #expect(replaced > 0)
  }

  /// Searches that begin with what the plan has found recommend what searches anew do, with fewer simulations.
  @Test func alternativesAreThoseOfSearchesAnew() throws {
    var (moved, informed, anew) = (0, 0, 0)
    for seed in 0..<3 as Range<UInt64> {
      // So many replicas that 10 % more or less work takes another number of them.
      var (request, _) = try request(seed: seed)
      let trace = CapacityTests.trace(240, seed: seed)
      request.rate *= 3
      request.maxGPUs = 64
      let answer = try FleetStudy(request: request, trace: trace, isExhaustive: false).run()
      let best = try #require(answer.plan.best)
      let cases: [(kernels: Double, outputs: Double)] = [(1.1, 1), (0.9, 1), (1, 1.1), (1, 0.9)]
      #expect(answer.alternatives.count == cases.count)
      for (alternative, (kernels, outputs)) in zip(answer.alternatives, cases) {
        var changed = request
        changed.kernelTimeScale = kernels
        let search = try FleetSearch(
          changed, trace: outputs == 1 ? trace : trace.scaled(prompts: 1, outputs: outputs))
        var plan = try search.run()
        try search.confirm(&plan)
        let found = try #require(alternative.best)
        #expect(plan.best.map(found.isSame) == true, "seed \(seed), \(alternative.change)")
        #expect(alternative.isAtTheEdge == plan.isAtTheEdge)
        moved += found.isSame(as: best) ? 0 : 1
        informed += alternative.simulated
        anew += plan.simulated.count
      }
    }
    #expect(moved > 0 && informed * 2 <= anew, "\(moved) moved, \(informed) of \(anew)")
  }

  @Test func lowLatencyTakesTheFastestAtItsLargest() throws {
    let (request, trace) = try request(seed: 5, objective: .latency)
    let search = try FleetSearch(request, trace: trace)
    let found = try search.run()
    let best = try #require(found.best)
    for point in found.simulated where point.isFeasible {
      #expect(best.meanLatency <= point.meanLatency)
      #expect(point.deployment.gpus <= 24)
    }
  }

  @Test func saysWhyNothingFits() throws {
    var (request, trace) = try request(seed: 1)
    trace.name = "of no matter"
    request.candidates = try [1, 2].map { size in
      try CapacityTests.scenario {
        $0.model = try! ModelCatalogue.find("opt-66b")
        $0.tensorParallel = size
      }
    }
    let plan = try FleetSearch(request, trace: trace).run()
    #expect(plan.best == nil)
    #expect(plan.simulated.isEmpty)
    #expect(
      plan.ruledOut.map(\.reason) == [
        "the model does not fit: weights need 131.4 GB but 1 × `a100-40gb@2023` leaves 38.1 GB after "
          + "the 10 % reserve",
        "the model does not fit: weights need 131.5 GB but 2 × `a100-40gb@2023` leaves 76.1 GB after "
          + "the 10 % reserve",
      ])
  }

  /// Two of 60 requests do not fit into 25 blocks of 16 tokens: too many for p99, few enough for p90.
  @Test func aCacheTooSmallForTheTraceIsRuledOut() throws {
    var (request, _) = try request(seed: 1)
    request.candidates = [try CapacityTests.scenario { $0.deviceBlocksOverride = 25 }]
    request.labels = [""]
    request.rate = 0.1
    let lengths = Array(repeating: 300 as Int32, count: 57) + [302, 303, 350]
    let trace = Trace(
      name: "lengths",
      requests: lengths.map { Request(promptTokens: $0, outputTokens: 99) }, hasArrivals: false)
    request.serviceLevel = try ServiceLevel("ttft.p99<=9s", model: request.candidates[0].model)
    let strict = try FleetSearch(request, trace: trace).run()
    #expect(strict.simulated.isEmpty)
    #expect(
      strict.ruledOut.map(\.reason) == [
        "2 of 60 requests are longer than the 400 tokens that the KV cache of one replica holds"
      ])
    request.serviceLevel = try ServiceLevel("ttft.p90<=9s", model: request.candidates[0].model)
    let lax = try FleetSearch(request, trace: trace).run()
    #expect(lax.ruledOut.isEmpty)
    #expect(lax.best?.point?.summary.rejected == 2)
  }

  @Test func aPriceIsNeededForCost() throws {
    var (request, trace) = try request(seed: 1)
    request.candidates[0].device.price = nil
    #expect(
      throws: UserError(
        "the price of `a100-40gb@2023` is not known", hint: "give it: `--price a100-40gb@2023=2.50`"
      )
    ) { try FleetSearch(request, trace: trace) }
    request.objective = .gpus
    trace.name = "priced by count"
    #expect(try FleetSearch(request, trace: trace).run().best != nil)
  }
}
