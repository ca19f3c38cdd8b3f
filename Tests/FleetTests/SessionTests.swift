import Serving
import SimulationKernel
import Testing
import Workload

@testable import Fleet

/// Sessions whose turns wait for the answer before: who is sent when, and by what the rest of a run follows from it.
@Suite struct SessionTests {
  private func place(
    _ system: ServingSystem = .vllmV1, nanoseconds: Int64 = 10, blocks: Int = 100,
    role: ReplicaRole = .both, _ stepping: Stepping = .event
  ) -> Fleet.Place {
    var settings = EngineSettings(
      blockSize: 4, deviceBlocks: blocks, maxSequences: 5, maxBatchedTokens: 60, maxModelLength: 56)
    settings.stepping = stepping
    var place = Fleet.Place { [settings] in
      try system.replica(
        $0, settings: settings, executor: PricedExecutor(FixedPrices(nanoseconds: nanoseconds)))
    }
    place.role = role
    place.kvBytes = { tokens, _ in 10 * tokens }
    return place
  }

  private func turn(_ session: Int32?, at due: Int64 = 0, output: Int32) -> Request {
    var request = Request.at(due, prompt: 4, output: output)
    request.session = session
    return request
  }

  private func load(_ requests: [Request], thinking nanoseconds: [Int64]) -> Fleet.Load {
    var load = Fleet.Load(requests)
    load.turns = SessionTurns(requests, thinkTimes: nanoseconds)
    return load
  }

  private func nanoseconds(_ record: RunRecord) -> [[Int64]] {
    record.requests.indices.map { id in
      [record.requests[id].arrival, record.milestones[id].firstToken, record.milestones[id].finish]
        .map { $0?.nanoseconds ?? -1 }
    }
  }

  /// Requests 0 and 1 are a session with 5 ns of thinking, 2 comes by itself.
  ///
  ///     iteration   0    10   20   30   40
  ///     session     |─ 0 ────|  |· 1 ─|            1 is sent at 25, whatever its arrival says
  ///     request 2         |· ─────────|            sent at 12, prompt from 20 on
  @Test func aTurnIsSentWhenItsSessionHasTheAnswer() throws {
    let requests = [turn(0, output: 2), turn(0, at: 3, output: 1), turn(nil, at: 12, output: 2)]
    let record = try Fleet.serve(load(requests, thinking: [-1, 5, -1]), on: [place()]).record
    #expect(nanoseconds(record) == [[0, 10, 20], [25, 40, 40], [12, 30, 40]])
    #expect(record.arrivedCount == 3 && record.outcomes().finished == 3)
  }

  /// One client has one session at a time: 0 and 1 with 5 ns of thinking, then 2.
  ///
  ///     client   |─ 0 ─| 5 |─ 1 ─|─ 2 ─|
  ///              0    10  15    25    35
  @Test func aClientHasOneSessionToItsEnd() throws {
    let requests = [turn(0, output: 1), turn(0, output: 1), turn(1, output: 1)]
    var load = load(requests, thinking: [-1, 5, -1])
    load.clients = 1
    let record = try Fleet.serve(load, on: [place()]).record
    #expect(nanoseconds(record) == [[0, 10, 10], [15, 25, 25], [25, 35, 35]])
  }

  /// The first turn can never be served: the next is sent after its think time all the same.
  @Test func aSessionGoesOnWhereATurnIsTurnedAway() throws {
    let requests = [turn(0, output: 60), turn(0, output: 1)]
    let record = try Fleet.serve(load(requests, thinking: [-1, 7]), on: [place()]).record
    #expect(record.milestones[0].isRejected)
    #expect(nanoseconds(record)[1] == [7, 17, 17])
  }

  /// Prompts of 8 tokens take 10 ns, their 80 bytes 8 ns more; the last token of each is computed again where it decodes.
  ///
  ///     turn 0   prefill 10 · read 18 · decode 28
  ///     turn 1   sent 31 · prefill 41 · read 49 · decode 59
  @Test func turnsWaitWherePrefillAndDecodeAreApart() throws {
    let requests = [turn(0, output: 1), turn(0, output: 1)].map {
      var request = $0
      request.promptTokens = 8
      return request
    }
    let record = try Fleet.serve(
      load(requests, thinking: [-1, 3]), on: [place(role: .prefill), place(role: .decode)],
      link: KVLink(latency: .zero, bandwidth: 1e10)
    ).record
    #expect(nanoseconds(record) == [[0, 28, 28], [31, 59, 59]])
  }

  /// A run that ends while turns are still to be sent counts those that were.
  @Test func turnsThatWereNotSentDoNotCount() throws {
    var load = load(
      [turn(0, output: 1), turn(0, output: 1), turn(1, output: 9)], thinking: [-1, 99, -1])
    load.window = MeasuringWindow(to: SimInstant(nanoseconds: 50))
    let record = try Fleet.serve(load, on: [place(), place()]).record
    #expect(Array(record.arrived) == [0, 2] && record.arrivedCount == 2)
    #expect(record.outcomes().finished == 1 && record.outcomes().unfinished == 1)
    #expect(record.assignment == [0, -1, 1])
  }

  /// Random sessions, some of one turn and some requests of none, of which no two arrive together.
  private struct Drawn {
    var requests: [Request] = []
    var thinkTimes: [Int64] = []

    init(_ chance: inout RandomStream) {
      let sessions = 1 + chance.below(8)
      var due: Int64 = 0
      for _ in 0..<1 + chance.below(40) {
        due += 1 + Int64(chance.below(900))
        var request = Request.at(
          due, prompt: Int32(1 + chance.below(20)), output: Int32(1 + chance.below(20)))
        if chance.below(4) > 0 { request.session = Int32(chance.below(sessions)) }
        requests.append(request)
        thinkTimes.append(Int64(chance.below(2000)))
      }
    }
  }

  private enum Shape: CaseIterable { case plain, failing, scaled, apart }

  /// Each turn is sent at its session's answer and the think time, and a run with requests that arrive by themselves at just
  /// those instants is the same run: on any fleet, behind any router, whoever fails, and both ways of stepping.
  @Test func theSameArrivalsAreTheSameRun() throws {
    let systems: [ServingSystem] = [
      .vllmV1, .sglang05, .trtllm1, .orcaOracle, .orcaMax, .fasterTransformer,
    ]
    for seed in 0..<240 as Range<UInt64> {
      var chance = RandomStream(seed: seed, label: "sessions")
      let drawn = Drawn(&chance)
      let shape = Shape.allCases[chance.below(Shape.allCases.count)]
      let system = shape == .apart ? .vllmV1 : systems[chance.below(systems.count)]
      // A router that reads nothing does not count what went to an autoscaled replica while it was alone.
      let routers = (system == .vllmV1 && shape != .failing ? Router.all : Router.plain).filter {
        shape != .scaled || $0.reads != .nothing
      }
      let router = routers[chance.below(routers.count)]
      let blocks = system.capabilities.isPaged ? 24 : 90
      let replicas = 1 + chance.below(4)
      let stepping: Stepping = chance.below(2) == 0 ? .event : .iteration
      func serve(_ load: Fleet.Load) throws -> RunRecord {
        let places = (0..<replicas).map {
          place(system, nanoseconds: 60 + 35 * Int64($0), blocks: blocks, stepping)
        }
        switch shape {
        case .plain: return try Fleet.serve(load, on: places, router: router, seed: seed).record
        case .failing:
          return try Fleet.serve(
            load, on: places, router: router, failures: .drawn(meanUp: 9e-6, meanDown: 300e-9),
            seed: seed
          ).record
        case .scaled:
          let autoscaler = Autoscaler(
            minReplicas: 1, maxReplicas: 4, interval: SimDuration(nanoseconds: 1000),
            startUp: SimDuration(nanoseconds: 500), targetRate: 2e6, patience: 1)
          return try Fleet.serve(
            load, autoscaler: autoscaler, replica: places[0].make, router: router, seed: seed
          ).record
        case .apart:
          let apart =
            [place(nanoseconds: 100, role: .prefill)]
            + (0..<replicas).map { place(nanoseconds: 60 + 35 * Int64($0), role: .decode) }
          return try Fleet.serve(
            load, on: apart, router: router, link: KVLink(latency: .zero, bandwidth: 1e9),
            seed: seed
          ).record
        }
      }
      let closed = try serve(load(drawn.requests, thinking: drawn.thinkTimes))
      #expect(closed.arrivedCount == drawn.requests.count, "seed \(seed)")
      var answered: [Int32: SimInstant] = [:]
      for (id, request) in closed.requests.enumerated() {
        let finish = try #require(closed.milestones[id].finish, "seed \(seed)")
        guard let session = request.session else {
          #expect(request.arrival == drawn.requests[id].arrival, "seed \(seed)")
          continue
        }
        let due = answered[session].map { $0 + SimDuration(nanoseconds: drawn.thinkTimes[id]) }
        #expect(request.arrival == due ?? drawn.requests[id].arrival, "seed \(seed)")
        answered[session] = finish
      }
      let order = closed.requests.indices.sorted {
        closed.requests[$0].arrival < closed.requests[$1].arrival
      }
      // Which of two comes first at one instant is not told by when they come.
      guard Set(closed.requests.map(\.arrival.nanoseconds)).count == order.count else { continue }
      let open = try serve(Fleet.Load(order.map { closed.requests[$0] }))
      #expect(
        Array(open.milestones) == order.map { closed.milestones[$0] },
        "seed \(seed): \(system.name), \(router.name), \(shape)")
      #expect(open.end == closed.end, "seed \(seed)")
    }
  }

  /// Where no session has two turns, turns that wait change nothing: nor do they leave another record.
  @Test func sessionsOfOneTurnChangeNothing() throws {
    let requests = (0..<30).map { number -> Request in
      var request = Request.at(Int64(number) * 70, prompt: 9, output: 7)
      if number % 3 > 0 { request.session = Int32(number) }
      return request
    }
    for router in Router.all {
      func record(_ load: Fleet.Load) throws -> RunRecord {
        try Fleet.serve(load, on: [place(), place(nanoseconds: 95)], router: router).record
      }
      let open = try record(Fleet.Load(requests))
      let closed = try record(load(requests, thinking: requests.map { _ in -1 }))
      #expect(closed.requests == open.requests, "\(router.name)")
      #expect(closed.milestones == open.milestones, "\(router.name)")
      #expect(closed.assignment == open.assignment && closed.sums == open.sums, "\(router.name)")
    }
  }
}
