import CostModel
import SimulationKernel
import Testing
import Workload

@testable import Serving

/// Several replicas behind a router are the engines that one would run by hand.
@Suite struct ClusterTests {
  private static let systems: [ServingSystem] = [
    .vllmSOSP23, .vllm02, .vllmV1, .orcaOracle, .fasterTransformer,
  ]

  /// Clumped arrivals, some of them at one instant and some at the end of an iteration.
  private func workload(seed: UInt64) -> [Request] {
    var chance = RandomStream(seed: seed, label: "cluster")
    var arrival: Int64 = 0
    return (0..<40).map { _ in
      arrival += chance.below(2) == 0 ? Int64(chance.below(40)) * 10 : 0
      return .at(
        arrival, prompt: Int32(1 + chance.below(24)), output: Int32(1 + chance.below(32)))
    }
  }

  private func settings(_ system: ServingSystem) -> EngineSettings {
    var settings = EngineSettings(
      blockSize: 4, deviceBlocks: system.capabilities.isPaged ? 24 : 90, hostBlocks: 1000,
      maxSequences: 5,
      maxBatchedTokens: 60, maxModelLength: 56)
    settings.stepping = .event
    return settings
  }

  private func replica(
    _ system: ServingSystem, _ requests: [Request], window: MeasuringWindow = MeasuringWindow()
  ) throws -> any Replica {
    try system.replica(
      requests, settings: settings(system), executor: FixedExecutor(nanoseconds: 100),
      window: window)
  }

  private func cluster(
    _ requests: [Request], _ router: Router, window: MeasuringWindow = MeasuringWindow()
  ) -> Cluster {
    Cluster(requests: requests, window: window, router: router, seed: 1)
  }

  /// What a router feeds to one replica gives the record of a run, to the nanosecond, whole or cut by a
  /// window.
  @Test(arguments: systems, 0..<12 as Range<UInt64>)
  func ofOneReplicaIsThatReplica(system: ServingSystem, seed: UInt64) throws {
    let requests = workload(seed: seed)
    let end = SimInstant(nanoseconds: 2000)
    for window in [MeasuringWindow(), MeasuringWindow(to: end)] {
      let alone = try replica(system, requests, window: window).run()
      for router in Router.allCases {
        var cluster = cluster(requests, router, window: window)
        let routed = try cluster.serve([replica(system, requests, window: window)])
        #expect(routed.milestones == alone.milestones)
        #expect(routed.arrivedCount == alone.arrivedCount)
        #expect(routed.integrals == alone.integrals)
        #expect(routed.steps == alone.steps)
        #expect(routed.iterations == alone.iterations)
        #expect(routed.emittedTokens == alone.emittedTokens)
        #expect(routed.end == alone.end)
        #expect(routed.tokenGaps.quantiles([0, 0.5, 1]) == alone.tokenGaps.quantiles([0, 0.5, 1]))
        #expect(cluster.replicaSeconds == alone.end.seconds)
      }
    }
  }

  /// Taking turns is cutting the trace in three and running each third by itself.
  @Test(arguments: 0..<12 as Range<UInt64>) func takingTurnsCutsTheTrace(seed: UInt64) throws {
    let requests = workload(seed: seed)
    var cluster = cluster(requests, .roundRobin)
    let whole = try cluster.serve((0..<3).map { _ in try replica(.vllm02, requests) })
    for turn in 0..<3 {
      let picked = requests.indices.filter { $0 % 3 == turn }
      let part = try replica(.vllm02, picked.map { requests[$0] }).run()
      #expect(picked.map { whole.milestones[$0] } == part.milestones)
    }
  }

  /// Replica 1 is never picked while it has more to do than another.
  @Test func leastOutstandingAvoidsTheBusy() throws {
    let long = Request.at(0, prompt: 4, output: 30)
    let short = { (arrival: Int64) in Request.at(arrival, prompt: 4, output: 1) }
    let requests = [short(0), long, short(0), short(150), short(350), short(550)]
    var cluster = cluster(requests, .leastOutstanding)
    let replicas = try (0..<3).map { _ in try replica(.vllm02, requests) }
    _ = try cluster.serve(replicas)
    #expect(cluster.assignment == [0, 1, 2, 0, 2, 0])
  }

  @Test func picksFollowTheirPolicies() {
    let requests = (0..<200).map { Request.at(Int64($0), prompt: 4, output: 4) }
    func picks(_ router: Router, _ members: [FakeReplica], among open: [Int]) -> [Int] {
      var state = RoutingState(router, requests: requests, contents: nil, seed: 7)
      return requests.indices.map { index in
        state.pick(RequestID(index), among: open) { members[$0] }
      }
    }
    let members = [
      FakeReplica(9, 0.9), FakeReplica(3, 0.5), FakeReplica(5, 0.1), FakeReplica(4, 1),
    ]
    #expect(picks(.roundRobin, members, among: [0, 2, 3]).prefix(7) == [0, 2, 3, 0, 2, 3, 0])
    #expect(Set(picks(.leastOutstanding, members, among: [0, 1, 2, 3])) == [1])
    #expect(Set(picks(.leastKV, members, among: [0, 1, 2, 3])) == [2])
    #expect(Set(picks(.leastKV, members, among: [0, 1])) == [1])
    // Of two that are drawn the busier is never taken, so that the busiest of all never is; with four
    // replicas the idlest is in half of the pairs, and the next in a third.
    let drawn = picks(.powerOfTwo, members, among: [0, 1, 2, 3])
    #expect(!drawn.contains(0))
    #expect(drawn.count { $0 == 1 } > drawn.count { $0 == 3 })
    #expect(drawn.count { $0 == 3 } > drawn.count { $0 == 2 })
    #expect(drawn.contains(2))
  }

  /// Equals take turns, so that an idle cluster does not send everything to its first replica.
  @Test func equalsTakeTurns() {
    let requests = (0..<6).map { Request.at(Int64($0), prompt: 4, output: 4) }
    let members = (0..<3).map { _ in FakeReplica(2, 0.5) }
    for router in [Router.leastOutstanding, .leastKV, .prefixAware] {
      var state = RoutingState(router, requests: requests, contents: nil, seed: 7)
      let picks = requests.indices.map { index in
        state.pick(RequestID(index), among: [0, 1, 2]) { members[$0] }
      }
      #expect(picks == [0, 1, 2, 0, 1, 2])
    }
  }

  /// Prompts of 200 tokens that share their first 100, or nothing. A prompt goes where enough of it is
  /// known, unless that replica is far busier than another.
  @Test func prefixesAreFollowedUntilLoadsAreUneven() {
    var contents = PromptContents()
    let families: [Int64] = [1, 2, 1, 2, 3, 1]
    for (request, family) in families.enumerated() {
      contents.append([
        TokenPiece(stream: family, start: 0, count: 100),
        TokenPiece(stream: PromptContents.ownStream(of: request), start: 0, count: 100),
      ])
    }
    let requests = families.indices.map { Request.at(Int64($0), prompt: 200, output: 4) }
    var state = RoutingState(.prefixAware, requests: requests, contents: contents, seed: 7)
    var members = (0..<3).map { _ in FakeReplica(0, 0) }
    func pick(_ request: RequestID) -> Int {
      state.pick(request, among: [0, 1, 2]) { members[$0] }
    }
    #expect((0..<5).map { pick($0) } == [0, 1, 0, 1, 2])
    members[0] = FakeReplica(80, 0)
    members[2] = FakeReplica(10, 0)
    #expect(pick(5) == 1)
  }

  /// A session stays where it began although its prompts are not described.
  @Test func sessionsStay() {
    let requests = [5, 6, 5, 6, 5].map { session in
      Request(promptTokens: 4, outputTokens: 4, session: session)
    }
    var state = RoutingState(.prefixAware, requests: requests, contents: nil, seed: 7)
    let members = [FakeReplica(0, 0), FakeReplica(0, 0)]
    let picks = requests.indices.map { index in
      state.pick(RequestID(index), among: [0, 1]) { members[$0] }
    }
    #expect(picks == [0, 1, 0, 1, 0])
  }

  /// Iterations of 100 ns, one request each at a time; decisions every 1,000 ns for 1 request in 500 ns.
  ///
  ///     arrivals per interval   2   6   6   0   0 …
  ///     replicas asked for      1   3   3   1   1
  ///     launched                1   3   3   3   1        (two decisions in a row ask for fewer)
  ///     ready, 1,500 ns later   1   1   1   3   1
  @Test func autoscalesLateUpAndPatientlyDown() throws {
    let arrivals: [Int64] =
      [100, 600, 1100, 1200, 1300, 1400, 1500, 1600, 2100, 2200, 2300, 2400, 2500, 2600] + [6500]
    let requests = arrivals.map { Request.at($0, prompt: 4, output: 1) }
    let autoscaler = Autoscaler(
      minReplicas: 1, maxReplicas: 4, interval: SimDuration(nanoseconds: 1000),
      startUp: SimDuration(nanoseconds: 1500), targetRate: 2e6, patience: 1)
    var cluster = cluster(requests, .roundRobin)
    let (record, steps) = try cluster.serve(autoscaler) { try replica(.vllm02, requests) }
    #expect(record.milestones.allSatisfy { $0.finish != nil })
    #expect(steps.map(\.arrived) == [0, 2, 6, 6, 0, 0, 0])
    #expect(steps.map(\.launched) == [1, 1, 3, 3, 3, 1, 1])
    #expect(steps.map(\.ready) == [1, 1, 1, 1, 3, 1, 1])
    // The first replica to the end at 6,600 ns; two from 2,000 to their retirement at 5,000 ns.
    #expect(abs(cluster.replicaSeconds - (6600 + 2 * 3000) * 1e-9) < 1e-12)
  }
}

/// A replica that only says how busy it is.
private final class FakeReplica: Replica {
  let outstanding: Int
  let heldShare: Double

  init(_ outstanding: Int, _ heldShare: Double) {
    self.outstanding = outstanding
    self.heldShare = heldShare
  }

  func run() throws -> RunRecord { fatalError("not asked for") }
  func advance(to limit: SimInstant) throws {}
  func submit(_ request: RequestID, at time: SimInstant) throws {}
  func drain() throws -> SimInstant { .zero }
  func close(at end: SimInstant) -> RunRecord { fatalError("not asked for") }
}
