import CostModel
import SimulationKernel
import Testing
import Workload

@testable import Fleet
@testable import Serving

/// Several replicas behind a router are the engines that one would run by hand.
@Suite struct FleetTests {
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

  private func maker(_ system: ServingSystem, _ nanoseconds: Int64 = 100) -> Fleet.Place {
    Fleet.Place {
      try system.replica(
        $0, settings: settings(system),
        executor: PricedExecutor(FixedPrices(nanoseconds: nanoseconds)))
    }
  }

  private func load(
    _ requests: [Request], window: MeasuringWindow = MeasuringWindow()
  ) -> Fleet.Load {
    var load = Fleet.Load(requests)
    load.window = window
    return load
  }

  /// What a router feeds to one replica gives the record of a run, to the nanosecond, whole or cut by a
  /// window.
  @Test(arguments: systems, 0..<12 as Range<UInt64>)
  func ofOneReplicaIsThatReplica(system: ServingSystem, seed: UInt64) throws {
    let requests = workload(seed: seed)
    let end = SimInstant(nanoseconds: 2000)
    for window in [MeasuringWindow(), MeasuringWindow(to: end)] {
      let alone = try Fleet.serve(load(requests, window: window), on: [maker(system)]).record
      for router in Router.all {
        // The second replica never takes a request that the first does not: nobody is sent there.
        let routed = try Fleet.serve(
          load(requests, window: window), on: [maker(system), maker(system)],
          router: .firstOnly(reads: router.reads)
        ).record
        #expect(routed.milestones == alone.milestones)
        #expect(routed.arrivedCount == alone.arrivedCount)
        #expect(routed.steps.count == alone.steps.count)
        #expect(routed.iterations == alone.iterations)
        #expect(routed.emittedTokens == alone.emittedTokens)
        #expect(routed.end == alone.end)
        #expect(routed.tokenGaps.quantiles([0, 0.5, 1]) == alone.tokenGaps.quantiles([0, 0.5, 1]))
        #expect(routed.replicas[0] == alone.replicas[0])
        #expect(routed.replicas[1].iterations == 0)
      }
    }
  }

  /// Taking turns is cutting the trace in three and running each third by itself.
  @Test(arguments: 0..<12 as Range<UInt64>) func takingTurnsCutsTheTrace(seed: UInt64) throws {
    let requests = workload(seed: seed)
    let whole = try Fleet.serve(
      load(requests), on: Array(repeating: maker(.vllm02), count: 3), router: .roundRobin
    ).record
    for turn in 0..<3 {
      let picked = requests.indices.filter { $0 % 3 == turn }
      let part = try Fleet.serve(load(picked.map { requests[$0] }), on: [maker(.vllm02)]).record
      #expect(picked.map { whole.milestones[$0] } == Array(part.milestones))
    }
  }

  /// Replica 1 is never picked while it has more to do than another.
  @Test func leastOutstandingAvoidsTheBusy() throws {
    let long = Request.at(0, prompt: 4, output: 30)
    let short = { (arrival: Int64) in Request.at(arrival, prompt: 4, output: 1) }
    let requests = [short(0), long, short(0), short(150), short(350), short(550)]
    let record = try Fleet.serve(
      load(requests), on: Array(repeating: maker(.vllm02), count: 3), router: .leastOutstanding
    ).record
    #expect(record.assignment == [0, 1, 2, 0, 2, 0])
  }

  /// To know what replicas have when one of them is visited is to know it when all are brought to each arrival.
  @Test(arguments: systems, 0..<40 as Range<UInt64>)
  func visitsMissNothing(system: ServingSystem, seed: UInt64) throws {
    let requests = workload(seed: seed)
    let makers = (0..<3).map { maker(system, 60 + 35 * Int64($0)) }
    for router in [Router.leastOutstanding, .powerOfTwo, .prefixAware] {
      let naive = Router(
        name: "naive", summary: "looks at all replicas", reads: .held, make: router.make)
      let visited = try Fleet.serve(load(requests), on: makers, router: router, seed: seed).record
      let looked = try Fleet.serve(load(requests), on: makers, router: naive, seed: seed).record
      #expect(visited.assignment == looked.assignment, "\(router.name)")
      #expect(visited.milestones == looked.milestones)
      #expect(visited.replicas == looked.replicas)
      #expect(visited.tokenGaps.quantiles([0, 0.5, 1]) == looked.tokenGaps.quantiles([0, 0.5, 1]))
    }
  }

  /// Closed-loop clients keep no more requests in flight than they are, over all replicas, and lose none.
  @Test(arguments: systems, 0..<12 as Range<UInt64>)
  func clientsWaitForTheirAnswers(system: ServingSystem, seed: UInt64) throws {
    var load = load(workload(seed: seed).map { Request.at(0, prompt: $0.promptTokens, output: 3) })
    load.clients = 4
    let record = try Fleet.serve(
      load, on: [maker(system), maker(system, 170)], router: .leastOutstanding
    ).record
    let spans = zip(record.requests, record.milestones).map { request, milestones in
      (request.arrival, milestones.finish ?? .distantFuture)
    }
    for (start, _) in spans {
      #expect(spans.count { $0.0 <= start && start < $0.1 } <= 4)
    }
    #expect(record.milestones.allSatisfy { $0.finish != nil || $0.isRejected })
    #expect(record.assignment.count == record.requests.count)
  }

  /// Warm-ups leave caches and nothing else, on every replica that they reach.
  @Test func warmupsAreNotRecorded() throws {
    var load = load((0..<6).map { Request.at(Int64($0) * 1000, prompt: 8, output: 2) })
    load.warmups = 3
    let record = try Fleet.serve(load, on: [maker(.vllmV1), maker(.vllmV1)]).record
    #expect(record.requests.count == 6)
    #expect(record.assignment == [1, 0, 1, 0, 1, 0])
    #expect(record.milestones.allSatisfy { $0.finish != nil })
    #expect(record.arrivedCount == 6)
  }

  @Test func picksFollowTheirPolicies() {
    let requests = (0..<200).map { Request.at(Int64($0), prompt: 4, output: 4) }
    func picks(_ router: Router, _ members: FakeFleet, among open: [Int]) -> [Int] {
      var policy = router.make(RoutedRun(requests: requests, seed: 7))
      return requests.indices.map { policy.pick(RequestID($0), in: members.view(open)) }
    }
    let members = FakeFleet([(9, 0.9), (3, 0.5), (5, 0.1), (4, 1)])
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
    let members = FakeFleet([(2, 0.5), (2, 0.5), (2, 0.5)])
    for router in [Router.leastOutstanding, .leastKV, .prefixAware] {
      var policy = router.make(RoutedRun(requests: requests, seed: 7))
      let picks = requests.indices.map {
        policy.pick(RequestID($0), in: members.view([0, 1, 2]))
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
    var policy = Router.prefixAware.make(
      RoutedRun(requests: requests, contents: contents, seed: 7))
    var members = FakeFleet([(0, 0), (0, 0), (0, 0)])
    func pick(_ request: RequestID) -> Int {
      policy.pick(request, in: members.view([0, 1, 2]))
    }
    #expect((0..<5).map { pick($0) } == [0, 1, 0, 1, 2])
    members = FakeFleet([(80, 0), (0, 0), (10, 0)])
    #expect(pick(5) == 1)
  }

  /// A session stays where it began although its prompts are not described.
  @Test func sessionsStay() {
    let requests = [5, 6, 5, 6, 5].map { session in
      Request(promptTokens: 4, outputTokens: 4, session: session)
    }
    var policy = Router.prefixAware.make(RoutedRun(requests: requests, seed: 7))
    let members = FakeFleet([(0, 0), (0, 0)])
    let picks = requests.indices.map { policy.pick(RequestID($0), in: members.view([0, 1])) }
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
    let (record, steps, replicaSeconds) = try Fleet.serve(
      load(requests), autoscaler: autoscaler, replica: maker(.vllm02).make, router: .roundRobin)
    #expect(record.milestones.allSatisfy { $0.finish != nil })
    #expect(steps.map(\.arrived) == [0, 2, 6, 6, 0, 0, 0])
    #expect(steps.map(\.launched) == [1, 1, 3, 3, 3, 1, 1])
    #expect(steps.map(\.ready) == [1, 1, 1, 1, 3, 1, 1])
    // The first replica to the end at 6,600 ns; two from 2,000 to their retirement at 5,000 ns.
    #expect(abs(replicaSeconds - (6600 + 2 * 3000) * 1e-9) < 1e-12)
  }
}

/// Routers of autoscaled fleets.
extension FleetTests {
  /// A router that takes turns is asked while there is one replica too, whatever it reads: it remembers whose turn it is when
  /// the second takes requests.
  @Test func aRouterIsAskedWhileThereIsOneReplica() throws {
    let requests = (0..<12).map { Request.at(Int64($0) * 300, prompt: 4, output: 1) }
    let autoscaler = Autoscaler(
      minReplicas: 1, maxReplicas: 2, interval: SimDuration(nanoseconds: 1000),
      startUp: SimDuration(nanoseconds: 0), targetRate: 2e6, patience: 1)
    for reads in [Router.Reads.nothing, .outstanding, .held] {
      let router = Router(
        name: "turns", summary: "round robin", reads: reads, make: Router.roundRobin.make)
      let record = try Fleet.serve(
        load(requests), autoscaler: autoscaler, replica: maker(.vllmV1).make, router: router
      ).record
      #expect(record.assignment == [0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0])
    }
  }
}

/// The fewest requests that a router was told to wait at a replica.
private final class Watch: @unchecked Sendable { var least = Int.max }

private struct Watching: RoutingPolicy {
  let watch: Watch

  mutating func pick(_ request: RequestID, in fleet: borrowing FleetView) -> Int {
    for replica in fleet.open { watch.least = min(watch.least, fleet.waiting(replica)) }
    return fleet.loads.least(from: 0)
  }
}

extension FleetTests {
  /// A client may send at the instant at which another replica has just decided: who came there before does not wait any
  /// more, and is not counted out twice.
  @Test(arguments: 0..<20 as Range<UInt64>) func noQueueIsShorterThanNone(seed: UInt64) throws {
    let watch = Watch()
    let router = Router(name: "watching", summary: "sees queues", reads: .held) { _ in
      Watching(watch: watch)
    }
    var load = load(workload(seed: seed))
    load.clients = 12
    _ = try Fleet.serve(load, on: [maker(.vllmV1), maker(.vllmV1, 50)], router: router)
    #expect(watch.least == 0)
  }
}

/// What a router sees of replicas that do nothing.
private struct FakeFleet {
  private var loads = LoadTree()
  private let heldShares: [Double]

  init(_ replicas: [(outstanding: Int, heldShare: Double)]) {
    heldShares = replicas.map(\.heldShare)
    for (number, replica) in replicas.enumerated() {
      loads.append()
      loads.set(number, to: replica.outstanding)
    }
  }

  func view(_ open: [Int]) -> FleetView {
    var loads = loads
    for number in heldShares.indices where !open.contains(number) { loads.close(number) }
    return FleetView(open: open, loads: loads) { heldShares[$0] }
  }
}

extension Router {
  /// Sends everything to the first replica, looking at the fleet as another router does.
  fileprivate static func firstOnly(reads: Reads) -> Router {
    Router(name: "first-only", summary: "the first replica", reads: reads) { _ in FirstOnly() }
  }
}

private struct FirstOnly: RoutingPolicy {
  mutating func pick(_ request: RequestID, in fleet: borrowing FleetView) -> Int { 0 }
}

/// The tree of loads against a plain list.
@Suite struct LoadTreeTests {
  @Test(arguments: 0..<20 as Range<UInt64>) func findsWhatAListFinds(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "loads")
    var tree = LoadTree()
    var list: [Int?] = []
    for step in 0..<600 {
      if list.isEmpty || chance.below(20) == 0 {
        tree.append()
        tree.set(list.count, to: 0)
        list.append(0)
      }
      let number = chance.below(list.count)
      if chance.below(12) == 0, list.count(where: { $0 != nil }) > 1 {
        tree.close(number)
        list[number] = nil
      } else {
        list[number] = chance.below(5)
        tree.set(number, to: list[number] ?? 0)
      }
      guard let least = list.compactMap({ $0 }).min() else { continue }
      let start = chance.below(list.count + 2)
      let from = list.indices.first { $0 >= start && list[$0] == least }
      let expected = from ?? list.firstIndex(of: least)
      #expect(tree.least(from: start) == expected, "seed \(seed), step \(step)")
    }
  }
}
