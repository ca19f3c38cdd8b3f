import CostModel
import Fleet
import Messages
import Metrics
import Serving
import SimulationKernel
import Testing
import Workload

@testable import Planning

/// The highest rate of a deployment is where a fine grid of simulations says that it is.
@Suite struct CapacityTests {
  static func trace(_ count: Int, seed: UInt64 = 1) -> Trace {
    var chance = RandomStream(seed: seed, label: "planning trace")
    let requests = (0..<count).map { _ in
      Request(
        promptTokens: Int32(1 + chance.below(400)), outputTokens: Int32(1 + chance.below(120)))
    }
    return Trace(name: "random", requests: requests, hasArrivals: false)
  }

  static func scenario(_ change: (inout Scenario) -> Void = { _ in }) throws -> Scenario {
    var scenario = Scenario(
      system: .vllm02, model: try ModelCatalogue.find("opt-13b"),
      device: try DeviceCatalogue.find("a100-40gb@2023"))
    change(&scenario)
    return scenario
  }

  private func probe(
    _ deployment: Deployment, _ slo: String, requests: Int = 120
  ) throws -> RateProbe {
    RateProbe(
      try PreparedDeployment(deployment), trace: Self.trace(requests),
      serviceLevel: try ServiceLevel(slo, model: deployment.groups[0].scenario.model))
  }

  /// The bracket of the search is one step of the grid: below it everything is sustained, above it
  /// nothing. (The grid is as fine as the tolerance and spans a factor of two around.)
  @Test(arguments: [
    "ttft.p90<=1s, tpot.p90<=80ms", "normalized_latency.mean<=0.05s", "e2e.p50<=10min",
  ])
  func agreesWithAFineGrid(slo: String) throws {
    let probe = try probe(Deployment(Self.scenario()), slo)
    let found = try CapacitySearch(probe, firstGuess: 1, tolerance: 0.05).run(seeds: [3])
    #expect(found.rate > 0)
    var grid: [(rate: Double, isSustained: Bool)] = []
    var rate = found.rate / 1.6
    while rate < found.rate * 1.6 {
      rate *= 1.05
      grid.append((rate, try probe.point(rate: rate, seed: 3).isSustained))
    }
    let best = try #require(grid.last { $0.isSustained })
    #expect(best.rate <= found.rate * 1.06)
    #expect(best.rate * 1.05 >= found.rate)
    let limiting = try #require(found.limiting)
    #expect(!limiting.isSustained)
    #expect(limiting.rate <= found.rate * 1.051)
  }

  /// Replicas that take turns sustain no less the more there are.
  @Test func moreReplicasNeverSustainLess() throws {
    var last = 0.0
    for replicas in 1...4 {
      let deployment = Deployment(try Self.scenario(), replicas: replicas)
      let probe = try probe(deployment, "ttft.p90<=1s, tpot.p90<=80ms", requests: 160)
      let rate = try CapacitySearch(probe, firstGuess: 2, tolerance: 0.05).run(seeds: [3]).rate
      #expect(rate >= last)
      last = rate
    }
    #expect(last > 0)
  }

  /// No rate is sustained where a single request takes longer than it may.
  @Test func saysZeroWhereNothingIsSustained() throws {
    let probe = try probe(Deployment(Self.scenario()), "ttft.p50<=1us")
    let found = try CapacitySearch(probe, firstGuess: 1).run(seeds: [3, 4])
    #expect(found.bySeed == [0, 0])
    #expect(found.best == nil)
    #expect(found.limiting?.assessment.missed.map(\.name) == ["ttft.p50"])
  }

  /// Five requests that come at once are served within any hour: there is no highest rate, which is said.
  @Test func tooFewRequestsHaveNoCapacity() throws {
    let scenario = try Self.scenario()
    let level = try ServiceLevel("e2e.p50<=60min", model: scenario.model)
    let probe = RateProbe(
      try PreparedDeployment(Deployment(scenario)), trace: Self.trace(5), serviceLevel: level)
    #expect(try CapacitySearch(probe, firstGuess: 1).run(seeds: [3]).isUnlimited)
    let study = CapacityStudy(
      Deployment(scenario), trace: Self.trace(5), serviceLevel: level, seeds: [3], tolerance: 0.02)
    #expect(
      throws: UserError(
        "the 5 requests of `random` meet e2e.p50<=3600s even if all come at once: there is no highest rate",
        hint: "give more requests with `--num-prompts`, or bound a latency more tightly")
    ) { try study.run() }
  }

  /// Two runs of one search are the same, whatever the cores do; other seeds give other answers.
  @Test func isDeterministic() throws {
    let probe = try probe(Deployment(Self.scenario(), replicas: 2, router: .powerOfTwo), "vidur")
    let search = CapacitySearch(probe, firstGuess: 2, tolerance: 0.05)
    let found = try search.run(seeds: [1, 2, 3])
    #expect(try search.run(seeds: [1, 2, 3]) == found)
    #expect(Set(found.bySeed).count > 1)
    let mean = found.bySeed.reduce(0, +) / 3
    let spread = found.bySeed.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / 2
    let confidence = try #require(found.confidence)
    #expect(abs(confidence - 4.303 * (spread / 3).squareRoot()) < 1e-9)
  }

  /// No sustained rate lies above the bound, whatever the deployment and however lax the targets.
  @Test(arguments: 0..<8 as Range<UInt64>) func theBoundIsNeverBelowWhatIsSustained(seed: UInt64)
    throws
  {
    var chance = RandomStream(seed: seed, label: "bounds")
    let systems: [ServingSystem] = [.vllmSOSP23, .vllm02, .vllmV1, .orcaOracle]
    let scenario = try Self.scenario {
      $0.system = systems[chance.below(systems.count)]
      $0.deviceBlocksOverride = 140 + chance.below(900)
      $0.maxSequences = 1 + chance.below(60)
      $0.maxModelLength = 1024
      if $0.system == .vllmV1 { $0.maxBatchedTokens = 64 + chance.below(1000) }
      $0.device.memoryBandwidth *= 0.5 + 2 * chance.uniform()
      $0.device.tensorRate *= 0.5 + 2 * chance.uniform()
    }
    let replicas = 1 + chance.below(3)
    let trace = Self.trace(60 + chance.below(100), seed: seed)
    let prepared = try PreparedDeployment(
      Deployment(scenario, replicas: replicas, router: .leastOutstanding))
    let probe = RateProbe(
      prepared, trace: trace,
      serviceLevel: try ServiceLevel("e2e.p50<=100min", model: scenario.model))
    let unit = try trace.retimed(poissonRate: 1, seed: seed).requests.map(\.arrival)
    let span = try #require(unit.last) - unit[0]
    let bound = WorkBound(prepared.resolved[0], trace: trace)
      .rateMax(replicas: replicas, unitSpan: span.seconds)
    let found = try CapacitySearch(probe, firstGuess: 1, tolerance: 0.05).run(seeds: [seed])
    #expect(found.rate <= bound, "\(scenario.system.name)")
  }

  /// Over a link of 0.1 GB/s two GPUs sustain less than one, and the answer says why.
  @Test func moreGPUsThatGiveLessAreExplained() throws {
    let scenario = try Self.scenario {
      $0.system = .vllmV1
      $0.device = try! DeviceCatalogue.find("l4")
      $0.device.pcieBandwidth = 1e8
      $0.model = try! ModelCatalogue.find("llama-3.1-8b")
      $0.maxModelLength = 1024
    }
    let study = CapacityStudy(
      Deployment(scenario), trace: Self.trace(120),
      serviceLevel: try ServiceLevel("tpot.p90<=200ms", model: scenario.model), seeds: [1],
      tolerance: 0.05)
    let answer = try study.run()
    let setback = try #require(answer.setbacks.first)
    #expect(answer.setbacks.count == 1)
    #expect(setback.variation.flag == "--tensor-parallel-size 2")
    #expect(setback.variation.rate < answer.capacity.rate)
    #expect(setback.reason.hasPrefix("an iteration of "))
    #expect(setback.reason.contains(" ms on 2 GPUs and "))
    #expect(!answer.levers.contains { $0.flag == setback.variation.flag })
  }

  /// And it is of some use: within a small factor of what a busy replica serves.
  @Test func theBoundIsNotFarAbove() throws {
    let scenario = try Self.scenario { $0.maxSequences = 16 }
    let prepared = try PreparedDeployment(Deployment(scenario))
    let trace = Self.trace(300)
    let bound = WorkBound(prepared.resolved[0], trace: trace).rateMax(replicas: 1, unitSpan: 299)
    let probe = RateProbe(
      prepared, trace: trace,
      serviceLevel: try ServiceLevel("e2e.p50<=100min", model: scenario.model))
    let found = try CapacitySearch(probe, firstGuess: 2, tolerance: 0.05).run(seeds: [1])
    #expect(bound > found.rate)
    #expect(bound < 2 * found.rate)
  }
}
