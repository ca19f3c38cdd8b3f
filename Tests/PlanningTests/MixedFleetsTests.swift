import CostModel
import Fleet
import Messages
import Serving
import SimulationKernel
import Testing
import Workload

@testable import Planning

/// Fleets of two devices.
@Suite struct MixedFleetsTests {
  /// Three GPUs that nobody sells, one a replica, and a rate that takes a few of them.
  private func request(seed: UInt64) throws -> (FleetRequest, Trace) {
    var chance = RandomStream(seed: seed, label: "mixed fleet")
    let base = try CapacityTests.scenario()
    let candidates = (0..<3).map { number in
      let speed = [1, 1.4, 1.75][number] * (0.95 + 0.1 * chance.uniform())
      var scenario = base
      scenario.device.name = "gpu-\(number)"
      scenario.device.memoryBandwidth *= speed
      scenario.device.tensorRate *= speed
      scenario.device.price = .init(
        dollarsPerHour: speed * (0.99 + 0.02 * chance.uniform()), source: "test")
      scenario.maxSequences = 12
      return scenario
    }
    var request = FleetRequest(
      candidates: candidates, router: .leastOutstanding, rate: 14 + 26 * chance.uniform(),
      maxGPUs: 7, serviceLevel: try ServiceLevel("ttft.p90<=1s, tpot.p90<=90ms", model: base.model)
    )
    request.seed = seed
    try request.mix()
    return (request, CapacityTests.trace(60, seed: seed))
  }

  /// Pairs of the three, with one to six of the first and as many of the second as are left of seven.
  @Test func everyPairIsACandidate() throws {
    let (request, trace) = try request(seed: 0)
    #expect(request.unmixed == 0..<3)
    #expect(request.mixes.compactMap { $0 }.count == 3 * 6)
    #expect(request.mixes[3] == .init(first: 0, count: 1, second: 1))
    #expect(request.mixes[20] == .init(first: 1, count: 6, second: 2))
    #expect(request.candidates.count == 21 && request.labels.count == 21)
    let kinds = try FleetSearch(request, trace: trace).withMixes().kinds.filter(\.isMixed)
    let kind = try #require(kinds.first { $0.mixed == 2 })
    #expect(kind.maxUnits == 5)
    let fleet = kind.fleet(3).deployment
    #expect(fleet.groups.map(\.count) == [2, 3])
    #expect(abs(kind.cost(3) - (try #require(fleet.dollarsPerHour))) < 1e-9)
  }

  /// The search finds the cheapest of all fleets of one device and of two, which bounds rule none out of.
  @Test func findsTheOptimumOfBruteForce() throws {
    var mixed = 0
    for seed in 0..<6 as Range<UInt64> {
      let (request, trace) = try request(seed: seed)
      let search = try FleetSearch(request, trace: trace)
      var plan = try search.run()
      let alone = try #require(plan.best)
      let whole = try search.addingMixes(to: &plan)
      let best = try #require(plan.best)
      #expect(best.cost <= alone.cost)
      // By brute force, without bounds.
      var cheapest = Double.infinity
      for (first, second) in [(0, 1), (0, 2), (1, 2), (0, 0), (1, 1), (2, 2)] {
        for a in 0...7 {
          for b in 0...(7 - a) where a + b > 0 && (first != second || b == 0) {
            let groups = [(first, a), (second, b)].filter { $0.1 > 0 }.map {
              Deployment.Group(request.candidates[$0.0], count: $0.1)
            }
            let deployment = Deployment(groups: groups, router: request.router)
            let point = try RateProbe(
              try PreparedDeployment(deployment), trace: trace,
              serviceLevel: request.serviceLevel
            ).trial(rate: request.requiredRate, seed: seed)
            guard point.isSustained else { continue }
            let cost = try #require(deployment.dollarsPerHour)
            cheapest = min(cheapest, cost)
            guard groups.count == 2 else { continue }
            let index = try #require(
              request.mixes.firstIndex { $0 == .init(first: first, count: a, second: second) })
            let kind = try #require(
              try search.withMixes().kinds.first { $0.index == index }, "\(deployment.text)")
            #expect(kind.minUnits <= b, "seed \(seed): \(deployment.text)")
          }
        }
      }
      #expect(abs(best.cost - cheapest) < 1e-9, "seed \(seed)")
      if best.deployment.groups.count == 2 { mixed += 1 }
      // Each is looked at once, and what stands in line is more than the best.
      let keys = plan.simulated.map { [$0.candidate, $0.units] }
      #expect(Set(keys).count == keys.count)
      #expect(whole.kinds.count { $0.isMixed } <= 18)
    }
    #expect(mixed > 0)
  }

  /// What is recommended holds with three of four seeds that did not find it.
  @Test func theRecommendationStands() throws {
    let (request, trace) = try request(seed: 1)
    var study = FleetStudy(request: request, trace: trace, isExhaustive: false)
    study.whatIfs = [try WhatIf("rate=x1.2")]
    let answer = try study.run()
    let best = try #require(answer.plan.best)
    #expect(answer.isAtTheEdge || (answer.plan.confirmation?.held ?? 0) >= 3)
    #expect(answer.alternatives.count == 4 && answer.whatIfs.count == 1)
    #expect(answer.plan.front.contains { $0.isSame(as: best) })
  }

  /// It is no less than that of the replicas of either device alone, and grows with both.
  @Test func theBoundIsThatOfBothTogether() throws {
    let request = try request(seed: 2).0
    let trace = CapacityTests.trace(400)
    let parts = try (0..<2).map {
      WorkBound(
        try PreparedDeployment(request.unit(of: $0)).resolved[0], trace: trace)
    }
    let bound = MixedBound(parts[0], parts[1], unitSpan: 399)
    for (a, b) in [(1, 1), (2, 1), (1, 4)] {
      let rate = bound.rateMax(a, b)
      #expect(rate >= parts[0].rateMax(replicas: a, unitSpan: 399) * 0.999)
      #expect(rate >= parts[1].rateMax(replicas: b, unitSpan: 399) * 0.999)
      #expect(rate < bound.rateMax(a + 1, b) && rate < bound.rateMax(a, b + 1))
    }
  }

  @Test func oneDeviceAndFiveCannotBeMixed() throws {
    var (request, _) = try request(seed: 0)
    request.candidates = Array(repeating: request.candidates[0], count: 2)
    #expect(
      throws: UserError(
        "`--mixed` is of fleets of two devices, and only `gpu-0` is given",
        hint: "name more `--devices`, or leave `--mixed` out")
    ) { try request.mix() }
    request.candidates = (0..<5).map { number in
      var scenario = request.candidates[0]
      scenario.device.name = "gpu-\(number)"
      return scenario
    }
    #expect(
      throws: UserError(
        "`--mixed` tries every pair of devices, and 5 are given",
        hint: "name up to 4 with `--devices`")
    ) { try request.mix() }
  }
}
