import Serving
import SimulationKernel
import Testing
import Workload

@testable import Fleet

/// Fleets whose autoscaler looks at replicas while they run.
@Suite struct AutoscaledFleetTests {
  private func place(nanoseconds: Int64 = 100, sequences: Int = 5) -> Fleet.Place {
    var settings = EngineSettings(
      blockSize: 4, deviceBlocks: 200, hostBlocks: 1000, maxSequences: sequences,
      maxBatchedTokens: 60, maxModelLength: 56)
    settings.stepping = .event
    return Fleet.Place { [settings] in
      try ServingSystem.vllmV1.replica(
        $0, settings: settings, executor: PricedExecutor(FixedPrices(nanoseconds: nanoseconds)))
    }
  }

  private func at(_ nanoseconds: Int64) -> SimInstant { SimInstant(nanoseconds: nanoseconds) }

  /// Decides what it was told, and keeps what it reads.
  private final class Script: @unchecked Sendable {
    var decisions: [Int]
    var readings: [FleetReading] = []
    init(_ decisions: [Int]) { self.decisions = decisions }
  }

  private struct Scripted: ScalingPolicy {
    let script: Script

    func replicas(_ fleet: FleetReading, of autoscaler: Autoscaler) -> Int {
      script.readings.append(fleet)
      return script.decisions.isEmpty ? fleet.present : script.decisions.removeFirst()
    }
  }

  private func autoscaler(
    _ script: Script, _ replicas: ClosedRange<Int>, reports: Int = 1,
    removal: ScalingRule.Removal = .drain
  ) -> Autoscaler {
    let rule = ScalingRule(
      name: "scripted", summary: "does what it is told", period: 1e-6, reads: .reports(reports),
      removal: removal, make: { Scripted(script: script) })
    return Autoscaler(
      minReplicas: replicas.lowerBound, maxReplicas: replicas.upperBound,
      interval: SimDuration(nanoseconds: 1000), startUp: .zero, targetRate: 1, patience: 0,
      rule: rule)
  }

  /// One sequence at a time, iterations of 100 ns, four reports in 1,000 ns, each before what happens at its instant.
  ///
  ///     request 0   |p |d |d |d |d |d |d |d |              4 tokens and the answer's up to the running iteration's
  ///     request 1            · waits        |p |d |        6 tokens
  ///                 0     250   500   750   1000
  @Test func replicasReportBetweenDecisions() throws {
    let requests = [
      Request.at(0, prompt: 4, output: 8), .at(300, prompt: 6, output: 2),
      .at(1100, prompt: 4, output: 1),
    ]
    for router in Router.plain {
      let script = Script([])
      _ = try Fleet.serve(
        Fleet.Load(requests), autoscaler: autoscaler(script, 1...1, reports: 4),
        replica: place(sequences: 1).make, router: router)
      let reading = try #require(script.readings.first)
      #expect(script.readings.count == 1 && reading.arrived == 2 && reading.present == 1)
      let reports = reading.reports.map { $0[0] }
      #expect(
        reading.reports.allSatisfy { $0.count == 1 } && reports.allSatisfy { $0.replica == 0 })
      #expect(reports.map(\.running) == [1, 1, 1, 1])
      #expect(reports.map(\.waiting) == [0, 1, 1, 0])
      #expect(reports.map(\.heldTokens) == [6, 8, 11, 7])
      #expect(reports.map(\.waitingTokens) == [0, 6, 6, 0])
      #expect(reports.allSatisfy { $0.heldShare > 0 && $0.heldShare < 0.05 })
      #expect(
        reading.answered == AnsweredRequests(count: 1, promptTokens: 4, outputTokens: 8))
    }
  }

  /// The second replica is there from 1,000 ns on, and let go at 2,000 while it serves request 1 for 3,000 ns.
  ///
  ///     replica 1   |─ request 1 ─✗                        killed: begins again at once
  ///     replica 0                 |──────── request 1 ────────|
  ///                 1100          2000                       5000
  @Test func aReplicaIsKilledOrDrains() throws {
    let requests = [
      Request.at(0, prompt: 4, output: 1), .at(1100, prompt: 4, output: 30),
      .at(2500, prompt: 4, output: 1),
    ]
    func serve(_ removal: ScalingRule.Removal) throws -> (RunRecord, [ScalingStep], Double) {
      try Fleet.serve(
        Fleet.Load(requests), autoscaler: autoscaler(Script([2, 1]), 1...2, removal: removal),
        replica: place().make, router: .roundRobin)
    }
    let (killed, steps, seconds) = try serve(.kill)
    #expect(killed.milestones[1].firstToken == at(2100))
    #expect(killed.milestones[1].finish == at(5000))
    #expect(killed.assignment == [0, 0, 0] && killed.arrivedCount == 3)
    #expect(steps.map(\.launched) == [1, 2, 1] && steps.map(\.restarted) == [0, 0, 1])
    #expect(abs(seconds - (5000 + 1000) * 1e-9) < 1e-15)
    let (drained, drainSteps, drainSeconds) = try serve(.drain)
    #expect(drained.milestones[1].finish == at(4100) && drained.assignment == [0, 1, 0])
    #expect(drainSteps.map(\.launched) == [1, 2, 1] && drainSteps.allSatisfy { $0.restarted == 0 })
    #expect(abs(drainSeconds - (4100 + 3100) * 1e-9) < 1e-15)
  }

  private func clumps(_ count: Int, gap: Int, _ chance: inout RandomStream) -> [Request] {
    var arrival: Int64 = 0
    return (0..<count).map { _ in
      arrival += chance.below(2) == 0 ? Int64(chance.below(gap)) : 0
      return .at(arrival, prompt: Int32(1 + chance.below(20)), output: Int32(1 + chance.below(20)))
    }
  }

  /// Looking changes nothing: an autoscaler that has no choice is a fleet that stays, whatever the router reads and whoever
  /// sends.
  @Test(arguments: 0..<60 as Range<UInt64>) func lookingChangesNothing(seed: UInt64) throws {
    var chance = RandomStream(seed: seed, label: "looking")
    var load = Fleet.Load(clumps(40, gap: 600, &chance))
    if chance.below(3) == 0 { load.clients = 1 + chance.below(8) }
    var router = Router.all[chance.below(Router.all.count)]
    if chance.below(2) == 0 { router.loadPeriod = SimDuration(nanoseconds: 170) }
    let fixed = try Fleet.serve(
      load, on: [place(), place(), place()], router: router, seed: seed
    ).record
    let script = Script([])
    let scaled = try Fleet.serve(
      load, autoscaler: autoscaler(script, 3...3, reports: 1 + chance.below(4), removal: .kill),
      replica: place().make, router: router, seed: seed
    ).record
    #expect(scaled.milestones == fixed.milestones, "\(router.name)")
    #expect(scaled.assignment == fixed.assignment && scaled.end == fixed.end, "\(router.name)")
    // What was reported adds up: whoever came was answered, or is with a replica.
    var (came, left) = (0, 0)
    for reading in script.readings {
      came += reading.arrived
      left += reading.answered.count
      #expect(came - left == reading.now.reduce(0) { $0 + $1.running + $1.waiting })
    }
  }

  /// Random fleets under each rule, replicas that fail and replicas that are killed: no request is lost or answered twice, and
  /// no decision leaves the bounds.
  @Test(arguments: 0..<120 as Range<UInt64>) func nothingIsLost(seed: UInt64) throws {
    var chance = RandomStream(seed: seed, label: "autoscaled by reports")
    var load = Fleet.Load(clumps(1 + chance.below(150), gap: 60_000_000_000, &chance))
    if chance.below(4) == 0 { load.clients = 1 + chance.below(20) }
    let rule = ScalingRule.all[Int(seed) % ScalingRule.all.count]
    var autoscaler = Autoscaler(
      minReplicas: 1 + chance.below(2), maxReplicas: 2 + chance.below(6),
      interval: SimDuration(rounding: rule.period),
      startUp: SimDuration(rounding: Double(chance.below(90))), targetRate: 0.02, patience: 2,
      rule: rule)
    autoscaler.limits = ReplicaLimits(kvTokens: 80, maxBatchedTokens: 60, maxSequences: 5)
    autoscaler.removal = chance.below(2) == 0 ? .kill : .drain
    let router = Router.all[chance.below(Router.all.count)]
    let (record, steps, _) = try Fleet.serve(
      load, autoscaler: autoscaler, replica: place(nanoseconds: 2_000_000_000).make,
      router: router,
      failures: chance.below(3) == 0 ? .drawn(meanUp: 900, meanDown: 60) : nil, seed: seed)
    #expect(record.arrivedCount == load.requests.count)
    for milestones in record.milestones {
      #expect(try #require(milestones.firstToken) <= #require(milestones.finish))
    }
    #expect(
      steps.allSatisfy {
        $0.launched >= autoscaler.minReplicas && $0.launched <= autoscaler.maxReplicas
      })
    if autoscaler.removal == .drain { #expect(steps.allSatisfy { $0.restarted == 0 }) }
  }
}
