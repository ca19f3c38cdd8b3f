import CostModel
import Fleet
import Messages
import Metrics
import Serving
import SimulationKernel
import Testing
import Workload

@testable import Planning

/// Plans of sessions whose turns wait for the answer before.
@Suite struct PlannedLoadTests {
  private static func scenario(
    _ thinkTime: ThinkTime?, _ change: (inout Scenario) -> Void = { _ in }
  ) throws -> Scenario {
    try CapacityTests.scenario {
      $0.system = .vllmV1
      $0.device = try! DeviceCatalogue.find("a100-40gb")
      $0.maxModelLength = 1024
      $0.thinkTime = thinkTime
      change(&$0)
    }
  }

  /// Requests of random lengths in sessions of up to `turns`, which take turns in the trace.
  private static func trace(_ count: Int, turns: Int, seed: UInt64) -> Trace {
    var trace = CapacityTests.trace(count, seed: seed)
    let sessions = max(count / turns, 1)
    for index in trace.requests.indices {
      trace.requests[index].session = Int32(index % sessions)
      trace.requests[index].arrival = SimInstant(nanoseconds: Int64(index) * 500_000_000)
    }
    trace.hasArrivals = true
    return trace
  }

  private static func probe(
    _ thinkTime: ThinkTime?, _ trace: Trace, _ slo: String, replicas: Int = 1,
    router: Router = .leastOutstanding, _ change: (inout Scenario) -> Void = { _ in }
  ) throws -> RateProbe {
    let scenario = try Self.scenario(thinkTime, change)
    return RateProbe(
      try PreparedDeployment(Deployment(scenario, replicas: replicas, router: router)),
      trace: try scenario.thinking(trace),
      serviceLevel: try ServiceLevel(slo, model: scenario.model))
  }

  private static let seconds = 1_000_000_000 as Int64

  /// Six requests: sessions 0 (turns 0, 2, 5) and 1 (turns 1, 3), and request 4 of none. Three come at the rate, with the gaps
  /// of the first three requests at that rate; think times before the three others stay.
  @Test func aRateCountsSessions() throws {
    let sessions: [Int32?] = [0, 1, 0, 1, nil, 0]
    var trace = CapacityTests.trace(6)
    for (index, session) in sessions.enumerated() { trace.requests[index].session = session }
    trace.notes.thinkTimes = [-1, -1, 2, 3, -1, 4].map { $0 * Self.seconds }
    let load = PlannedLoad(trace, thinkTime: .trace)
    #expect(load.countsSessions && load.unit == "sessions/s" && load.starters == "sessions")
    #expect(load.startCount == 3 && load.requestsPerStart == 2 && load.lastStart == 4)
    #expect(load.thinkSecondsPerStart == 3)
    let timed = try load.timed(rate: 5, seed: 7)
    let alone = try CapacityTests.trace(3).retimed(poissonRate: 5, seed: 7)
    #expect([0, 1, 4].map { timed.requests[$0].arrival } == alone.requests.map(\.arrival))
    #expect(timed.notes.thinkTimes == trace.notes.thinkTimes)
    #expect(load.starting().requests == [0, 1, 4].map { load.trace.requests[$0] })
    let span = alone.requests[2].arrival - alone.requests[0].arrival
    #expect(abs(try load.unitSpan(seed: 7) - span.seconds * 5) < 1e-8)

    let open = PlannedLoad(trace, thinkTime: nil)
    #expect(!open.countsSessions && open.unit == "req/s" && open.starters == "requests")
    #expect(open.startCount == 6 && open.requestsPerStart == 1 && open.lastStart == 5)
    #expect(open.thinkSecondsPerStart == 0)
    #expect(open.starting().requests == open.trace.requests)
  }

  /// Think times that are drawn are others for each seed, and the same at every rate; all others stay.
  @Test func drawnThinkTimesAreDrawnForEachSeed() throws {
    let trace = Self.trace(40, turns: 4, seed: 1)
    func times(_ thinkTime: ThinkTime, rate: Double, seed: UInt64) throws -> [Int64] {
      let load = PlannedLoad(try trace.thinking(thinkTime, seed: 3), thinkTime: thinkTime)
      return try load.timed(rate: rate, seed: seed).notes.thinkTimes
    }
    let drawn = ThinkTime.exponential(mean: 2)
    let first = try times(drawn, rate: 1, seed: 3)
    #expect(try first == trace.thinking(drawn, seed: 3).notes.thinkTimes)
    #expect(try times(drawn, rate: 9, seed: 3) == first)
    #expect(try times(drawn, rate: 1, seed: 4) != first)
    #expect(try times(.gaps, rate: 1, seed: 3) == times(.gaps, rate: 2, seed: 4))
  }

  /// A rate of a plan is the `--request-rate` of a simulation.
  @Test(arguments: [ThinkTime.fixed(0.5), .exponential(mean: 1), .gaps])
  func aRateIsThatOfASimulation(thinkTime: ThinkTime) throws {
    let trace = Self.trace(120, turns: 5, seed: 2)
    let scenario = try Self.scenario(thinkTime) {
      $0.requestRate = 1.5
      $0.seed = 4
    }
    let run = try Simulation.run(scenario, trace: trace).result
    let probe = RateProbe(
      try PreparedDeployment(Deployment(scenario)), trace: try scenario.thinking(trace),
      serviceLevel: try ServiceLevel("ttft.p90<=1s", model: scenario.model))
    let point = try probe.point(rate: 1.5, seed: 4)
    #expect(point.summary.ttft == run.summary.ttft && point.summary.tpot == run.summary.tpot)
    #expect(point.summary.e2el == run.summary.e2el)
    #expect(point.summary.duration == run.summary.duration)
    #expect(point.startCount == 24 && point.requestsPerStart == 5)
    #expect(point.goodput == 7.5 * point.assessment.attainment)
    // One request of each session at most is in flight.
    let last = try #require(run.requests[..<24].map(\.arrival).max())
    let waiting = run.requests.filter { request in
      request.arrival < last && request.firstScheduled.map { $0 > last } ?? true
    }
    #expect(point.backlog == waiting.count)
    #expect(Set(waiting.map { $0.index % 24 }).count == waiting.count)
  }

  /// Sessions of one turn are requests: every rate has the same verdict and figures, and the search finds the same.
  @Test func sessionsOfOneTurnAreTheOpenLoop() throws {
    let trace = Self.trace(150, turns: 1, seed: 5)
    var waiting = trace
    waiting.notes.thinkTimes = trace.requests.map { _ in -1 }
    let slo = "ttft.p90<=1s, tpot.p90<=80ms"
    let open = try Self.probe(nil, trace, slo)
    let closed = RateProbe(
      try PreparedDeployment(Deployment(Self.scenario(.fixed(1)))), trace: waiting,
      serviceLevel: open.serviceLevel)
    for rate in [0.5, 4, 16, 64] {
      var (a, b) = (try open.point(rate: rate, seed: 1), try closed.point(rate: rate, seed: 1))
      #expect(a.backlog == b.backlog && a.startCount == b.startCount && a.goodput == b.goodput)
      #expect(a.assessment == b.assessment && a.isSustained == b.isSustained)
      // The scenario says that turns wait.
      b.summary.provenance = a.summary.provenance
      // What stretches is not known of think times.
      (a.ifOff, b.ifOff) = ([], [])
      #expect(a.summary == b.summary, "\(rate)")
      #expect(
        try open.trial(rate: rate, seed: 1).isSustained
          == closed.trial(rate: rate, seed: 1).isSustained)
    }
    func found(_ probe: RateProbe) throws -> [Double] {
      try CapacitySearch(probe, firstGuess: 3, tolerance: 0.02).run(seeds: [1, 2]).bySeed
    }
    #expect(try found(open) == found(closed))
  }

  /// So far apart that each request is alone, it does not matter whether turns wait: latencies are those of the open loop.
  @Test func farApartBothAreTheSame() throws {
    let trace = Self.trace(60, turns: 3, seed: 6)
    let slo = "ttft.p99<=1s, tpot.p99<=80ms, e2e.mean<=9s"
    let open = try Self.probe(nil, trace, slo).point(rate: 1e-5, seed: 1)
    let closed = try Self.probe(.fixed(0), trace, slo).point(rate: 1e-5, seed: 1)
    #expect(open.summary.meanWaitingRequests == 0 && closed.summary.meanWaitingRequests == 0)
    #expect(open.assessment == closed.assessment)
    #expect(open.summary.ttft == closed.summary.ttft && open.summary.e2el == closed.summary.e2el)
  }

  /// Lost runs of sessions end early, with the verdict of the whole run.
  @Test func theVerdictIsThatOfTheWholeRun() throws {
    let slos = [
      "ttft.p90<=1s, tpot.p90<=80ms", "ttft<=1s, tpot<=80ms, attainment>=0.9", "e2e.p50<=4s",
      "scheduling_delay.p99<=300ms",
    ]
    var (early, whole) = (0, 0)
    for seed in 0..<12 as Range<UInt64> {
      var chance = RandomStream(seed: seed, label: "sessions end early")
      let sequences = 4 + chance.below(30)
      let thinkTime: ThinkTime = seed % 3 == 0 ? .exponential(mean: 1) : .fixed(chance.uniform())
      let trace = Self.trace(160, turns: 2 + chance.below(4), seed: seed)
      let probe = try Self.probe(
        thinkTime, trace, slos[Int(seed) % slos.count], replicas: 1 + chance.below(2),
        router: chance.below(2) == 0 ? .roundRobin : .leastOutstanding
      ) {
        $0.system = seed % 4 == 3 ? .sglang05 : .vllmV1
        if seed % 4 != 3 { $0.maxSequences = sequences }
      }
      for rate in [1.0, 4, 16] {
        let (trial, point) = (
          try probe.trial(rate: rate, seed: seed), try probe.point(rate: rate, seed: seed)
        )
        #expect(trial.isSustained == point.isSustained, "seed \(seed), \(rate) sessions/s")
        #expect(trial.point == nil || trial.point == point, "seed \(seed), \(rate) sessions/s")
        if trial.point == nil { early += 1 } else { whole += 1 }
      }
    }
    #expect(early > 5 && whole > 5)
  }

  /// The bound rests on first turns, and no rate above it is steady.
  @Test func noRateAboveTheBoundIsSustained() throws {
    for seed in 0..<6 as Range<UInt64> {
      let trace = Self.trace(200, turns: 1 + Int(seed), seed: seed)
      let thinkTime = seed == 0 ? nil : ThinkTime.fixed(0)
      let probe = try Self.probe(thinkTime, trace, "e2e.p50<=100min") { $0.maxSequences = 8 }
      let found = try CapacitySearch(probe, firstGuess: 2, tolerance: 0.05).run(seeds: [seed])
      let bound = WorkBound(probe.prepared.resolved[0], trace: probe.load.starting()).rateMax(
        replicas: 1, unitSpan: try probe.load.unitSpan(seed: seed))
      #expect(found.rate > 0 && found.rate <= bound, "seed \(seed): \(found.rate), \(bound)")
    }
  }

  /// Ten sessions of four turns that think for 100 s: one lasts 300 s and its answers, and they start within seconds.
  @Test func tooFewSessionsForASteadyStateAreSaid() throws {
    let trace = Self.trace(40, turns: 4, seed: 3)
    let scenario = try Self.scenario(.fixed(100))
    var study = CapacityStudy(
      Deployment(scenario), trace: try scenario.thinking(trace),
      serviceLevel: try ServiceLevel("ttft.p50<=60ms", model: scenario.model), seeds: [1],
      tolerance: 0.5)
    study.explains = false
    let answer = try study.run()
    let point = try #require(answer.capacity.best)
    let rate = (point.rate * 100).rounded() / 100
    let span = (10 / point.rate).rounded()
    let lasts = (300 + 4 * (try #require(point.summary.e2el.mean)) / 1000).rounded()
    #expect(
      answer.warnings.contains(
        "at \(plainNumber(rate)) sessions/s the 10 sessions come in \(plainNumber(span)) s, and one lasts "
          + "\(plainNumber(lasts)) s: too few to see a steady state; give more with `--num-prompts`"
      ),
      "\(answer.warnings)")
    #expect(answer.servedIntervals.isEmpty && answer.prepared.latencyErrors == nil)
  }

  /// A plan of a fleet for sessions finds what simulating every fleet finds.
  @Test func aFleetForSessionsIsThatOfBruteForce() throws {
    let trace = Self.trace(120, turns: 4, seed: 9)
    let base = try Self.scenario(.fixed(0.2)) { $0.maxSequences = 12 }
    let candidates = [(1.0, 1.0), (0.4, 0.35), (1.8, 2.2)].map { speed, dollars in
      var scenario = base
      scenario.device.memoryBandwidth *= speed
      scenario.device.tensorRate *= speed
      scenario.device.price = .init(dollarsPerHour: dollars, source: "test")
      return scenario
    }
    var request = FleetRequest(
      candidates: candidates, router: .leastOutstanding, rate: 3, maxGPUs: 12,
      serviceLevel: try ServiceLevel("ttft.p90<=1s, tpot.p90<=60ms", model: base.model))
    request.seed = 2
    let search = try FleetSearch(request, trace: try base.thinking(trace))
    let (found, all) = (try search.run(), try search.exhaustively())
    #expect(found.best != nil && found.best?.cost == all.best?.cost)
    for point in all.simulated where point.isFeasible {
      let kind = try #require(search.kinds.first { $0.index == point.candidate })
      #expect(kind.minUnits <= point.units)
    }
  }
}
