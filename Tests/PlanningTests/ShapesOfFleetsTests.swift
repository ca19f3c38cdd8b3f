import CostModel
import Fleet
import Messages
import Metrics
import Serving
import SimulationKernel
import Testing
import Workload

@testable import Planning

/// Plans whose fleets may have prefill and decode apart, or lose replicas.
@Suite struct ShapesOfFleetsTests {
  /// Two GPUs that nobody sells, each with replicas that do both and three splits.
  private func request(seed: UInt64) throws -> (FleetRequest, Trace) {
    var chance = RandomStream(seed: seed, label: "shapes")
    let base = try CapacityTests.scenario { $0.system = .vllmV1 }
    let candidates = (0..<2).map { _ -> Scenario in
      var scenario = base
      scenario.device.memoryBandwidth *= 0.4 + 2 * chance.uniform()
      scenario.device.price = .init(dollarsPerHour: 1 + 4 * chance.uniform(), source: "test")
      return scenario
    }
    var request = FleetRequest(
      candidates: candidates, router: .leastOutstanding, rate: 5 + 10 * chance.uniform(),
      maxGPUs: 12,
      serviceLevel: try ServiceLevel("ttft.p90<=1s, tpot.p90<=60ms", model: base.model))
    request.seed = seed
    return (request, CapacityTests.trace(60, seed: seed))
  }

  @Test(arguments: 0..<3 as Range<UInt64>) func splitsAreSearchedToo(seed: UInt64) throws {
    var (request, trace) = try request(seed: seed)
    request.link = KVLink(latency: .zero, bandwidth: 50e9)
    request.split(into: [(1, 2), (1, 1), (2, 1)].map { .init(prefill: $0.0, decode: $0.1) })
    #expect(request.candidates.count == 8 && request.splits.count { $0 == nil } == 2)
    let search = try FleetSearch(request, trace: trace)
    let found = try search.run()
    let all = try search.exhaustively()
    let best = try #require(all.best)
    #expect(found.best?.cost == best.cost)
    #expect(all.simulated.contains { $0.isFeasible && $0.deployment.handsOff })
    #expect(found.simulated.count < all.simulated.count)
    let other = try search.other(than: best, known: found.simulated)
    let others = all.simulated.filter {
      $0.isFeasible && $0.deployment.handsOff != best.deployment.handsOff
    }
    #expect(other.best?.cost == others.map(\.cost).min())
  }

  /// No rate that a simulation sustains lies above the bound of a split.
  @Test func boundsOfSplitsHold() throws {
    var (request, _) = try request(seed: 5)
    let trace = CapacityTests.trace(300)
    for index in request.candidates.indices { request.candidates[index].maxSequences = 8 }
    request.link = .free
    request.split(into: [.init(prefill: 1, decode: 1), .init(prefill: 1, decode: 3)])
    let timed = try trace.retimed(poissonRate: 1, seed: request.seed)
    let span = (timed.requests[299].arrival - timed.requests[0].arrival).seconds
    for index in request.candidates.indices where request.splits[index] != nil {
      let unit = try PreparedDeployment(request.unit(of: index))
      var bounds = PhaseBounds(request, trace: trace, newTokens: nil, unitSpan: span)
      let most = bounds.rateMax(unit, split: request.splits[index])(1)
      let probe = RateProbe(unit, trace: trace, serviceLevel: request.serviceLevel)
      #expect(most.isFinite)
      #expect(try !probe.point(rate: most * 1.001, seed: request.seed).isSustained)
    }
  }

  /// A fleet that loses a replica halfway has more of them, and the search finds what simulating everything finds.
  @Test(arguments: 0..<2 as Range<UInt64>) func lostReplicasAreSimulated(seed: UInt64) throws {
    var (request, trace) = try request(seed: seed)
    let whole = try #require(try FleetSearch(request, trace: trace).run().best)
    request.losses = 1
    let search = try FleetSearch(request, trace: trace)
    let found = try #require(try search.run().best)
    #expect(found.cost == (try search.exhaustively().best?.cost))
    #expect(found.cost > whole.cost)
    #expect(found.point?.summary.failures.map(\.failures).reduce(0, +) == 1)
  }

  /// Fleets with prefill and decode apart have to stand the loss of a replica of either role, of each of which they have
  /// more.
  @Test func eitherRoleMayBeLost() throws {
    var (request, trace) = try request(seed: 0)
    request.link = .free
    request.candidates.removeLast()
    (request.labels, request.splits) = ([""], [nil])
    request.split(into: [(2, 1), (1, 1)].map { .init(prefill: $0.0, decode: $0.1) })
    (request.losses, request.maxGPUs) = (1, 6)
    #expect(request.candidates.indices.map(request.fewestUnits) == [2, 2, 2])
    let fleet = try PreparedDeployment(request.unit(of: 1)).with(counts: [4, 2])
    let ways = try request.failing(fleet, starts: 60)
    let lost = ways.map { way -> [Int] in
      guard case .listed(let outages)? = way.deployment.failures else { return [] }
      return outages.map(\.replica)
    }
    #expect(lost == [[0], [4]])
    let search = try FleetSearch(request, trace: trace)
    let all = try search.exhaustively()
    #expect(all.simulated.map(\.units).min() == 2)
    #expect(
      all.simulated.allSatisfy { $0.point?.summary.failures.map(\.failures).reduce(0, +) == 1 })
    #expect(try search.run().best?.cost == all.best?.cost)
  }

  /// Replicas that decode may share the model among more GPUs than those that prefill: each side has its own bound, and the
  /// search finds what simulating everything finds.
  @Test func bothSidesMayDifferInSize() throws {
    var (request, trace) = try request(seed: 1)
    request.link = .free
    request.candidates.removeLast()
    (request.labels, request.splits) = ([""], [nil])
    request.split(into: [nil, 2].map { .init(prefill: 1, decode: 1, decodeTensorParallel: $0) })
    let unlike = request.unit(of: 2)
    #expect(unlike.groups.map(\.scenario.tensorParallel) == [1, 2] && unlike.gpus == 3)
    let search = try FleetSearch(request, trace: trace)
    let all = try search.exhaustively()
    #expect(all.simulated.contains { $0.candidate == 2 && $0.deployment.gpus == 3 * $0.units })
    #expect(try search.run().best?.cost == all.best?.cost)
    // Over more GPUs a replica that decodes sustains more, and the other is the same: so does the bound.
    var bounds = PhaseBounds(request, trace: trace, newTokens: nil, unitSpan: 60)
    let most = try [1, 2].map { index in
      let unit = try PreparedDeployment(request.unit(of: index))
      return bounds.rateMax(unit, split: request.splits[index])(1)
    }
    #expect(most[1] >= most[0])
  }

  @Test func tooFewToLoseIsSaid() throws {
    var (request, trace) = try request(seed: 0)
    request.link = .free
    request.split(into: [.init(prefill: 2, decode: 1)])
    (request.losses, request.maxGPUs) = (4, 8)
    let reasons = try FleetSearch(request, trace: trace).exhaustively().ruledOut.map(\.reason)
    #expect(reasons.contains("4 replicas that prefill and 2 that decode cannot lose 4 of either"))
  }

  @Test func lossesAreWordsOfAWhatIf() throws {
    #expect(try WhatIf("lose=1 replica").losses == 1 && WhatIf("lose=2").losses == 2)
    let error = #expect(throws: UserError.self) { try WhatIf("lose=all") }
    #expect(error?.message == "`--what-if lose=` takes a number of replicas, found `all`")
  }
}
