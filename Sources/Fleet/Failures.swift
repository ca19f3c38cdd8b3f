import Serving
import SimulationKernel
import Workload

/// How the replicas of a fleet fail and return.
package enum Failures: Equatable, Sendable {
  /// At instants that are given; no two outages of one replica overlap.
  case listed([Outage])
  /// Each replica for itself: it runs and then is down for times that are drawn, in turn, from exponential distributions
  /// with these means, seconds.
  case drawn(meanUp: Double, meanDown: Double)

  /// One replica is down: from its start on it takes nothing, at its end it takes requests again.
  package struct Outage: Equatable, Sendable {
    package var replica: Int
    package var start: SimInstant
    /// `nil` for one that does not return.
    package var length: SimDuration?

    package init(replica: Int, start: SimInstant, length: SimDuration? = nil) {
      self.replica = replica
      self.start = start
      self.length = length
    }

    package var end: SimInstant { length.map { start + $0 } ?? .distantFuture }
  }
}

/// The failures of a run, and the requests that no replica takes meanwhile.
struct Faults {
  enum Change { case returns, fails }

  private let failures: Failures?
  private let window: MeasuringWindow
  private var changes = EventQueue<(replica: Int, change: Change)>()
  /// By replica: where its times come from.
  private var chances: [RandomStream] = []
  /// By replica: since when it is down; `nil` while it runs.
  private var downSince: [SimInstant?] = []
  /// By replica: how often it is to return.
  private var returns: [Int] = []
  /// By replica: the requests that it was given since it runs, those that ended too, and how often each had begun again.
  private var given: [[(request: RequestID, restarts: Int)]] = []
  /// Requests at the router, in the order in which they came to it.
  var waiting: [RequestID] = []
  private(set) var totals: [ReplicaFailures] = []
  /// How often each began again.
  private var restarts: [RequestID: Int] = [:]
  /// So often a request may begin again. One that ends in one of a thousand attempts has long been given up.
  private static let restartsMax = 1000

  init(_ failures: Failures?, window: MeasuringWindow) {
    self.failures = failures
    self.window = window
  }

  /// Whether replicas of the run can fail.
  var areOn: Bool { failures != nil }

  /// When a replica fails or returns next.
  var nextTime: SimInstant { changes.nextTime }

  /// Whether one of these replicas will run again, which are all down.
  func willReturn(_ replicas: some Sequence<Int>) -> Bool { replicas.contains { returns[$0] > 0 } }

  /// Whether a replica is down; none is while a fleet is warmed up, before ``begin(replicas:seed:)``.
  func isDown(_ replica: Int) -> Bool { replica < downSince.count && downSince[replica] != nil }

  /// The run begins with so many replicas.
  mutating func begin(replicas: Int, seed: UInt64) {
    for _ in 0..<replicas { add(ready: .zero, seed: seed) }
    guard case .listed(let outages)? = failures else { return }
    for outage in outages {
      plan(.fails, of: outage.replica, at: outage.start)
      if outage.length != nil { plan(.returns, of: outage.replica, at: outage.end) }
    }
  }

  /// There is one replica more, which runs from `ready` on.
  mutating func add(ready: SimInstant, seed: UInt64) {
    guard let failures else { return }
    let replica = downSince.count
    downSince.append(nil)
    returns.append(0)
    given.append([])
    totals.append(ReplicaFailures())
    guard case .drawn(let meanUp, _) = failures else { return }
    chances.append(RandomStream(seed: seed, label: "failures of replica \(replica)"))
    draw(.fails, of: replica, after: ready, mean: meanUp)
  }

  /// At one instant replicas return before others fail.
  private mutating func plan(_ change: Change, of replica: Int, at time: SimInstant) {
    if change == .returns { returns[replica] += 1 }
    changes.insert((replica, change), at: time, rank: change == .returns ? 0 : 1)
  }

  private mutating func draw(
    _ change: Change, of replica: Int, after now: SimInstant, mean: Double
  ) {
    let seconds = chances[replica].exponential(mean: mean)
    plan(change, of: replica, at: now + SimDuration(rounding: seconds))
  }

  mutating func popFirst() -> (time: SimInstant, replica: Int, change: Change)? {
    changes.popFirst().map { ($0.time, $0.event.replica, $0.event.change) }
  }

  mutating func gave(_ request: RequestID, to replica: Int) {
    if replica < given.count { given[replica].append((request, restarts[request, default: 0])) }
  }

  /// Whether a request was lost before.
  func hasRestarted(_ request: RequestID) -> Bool { restarts[request] != nil }

  /// A replica fails.
  ///
  /// - Returns: The requests that it was given since it ran and that did not begin again elsewhere.
  mutating func failed(_ replica: Int, at now: SimInstant) -> [RequestID] {
    downSince[replica] = now
    if case .drawn(_, let meanDown)? = failures {
      draw(.returns, of: replica, after: now, mean: meanDown)
    }
    if window.contains(now) { totals[replica].failures += 1 }
    defer { given[replica] = [] }
    return given[replica].filter { $0.restarts == restarts[$0.request, default: 0] }
      .map(\.request)
  }

  mutating func lost(_ requests: Int, tokens: Int, of replica: Int, at now: SimInstant) {
    guard window.contains(now) else { return }
    totals[replica].retriedRequests += requests
    totals[replica].lostTokens += tokens
  }

  /// - Throws: ``RunFailure/neverEnds(_:restarts:at:)``.
  mutating func restarts(_ request: RequestID, at now: SimInstant) throws {
    restarts[request, default: 0] += 1
    guard restarts[request, default: 0] < Self.restartsMax else {
      throw RunFailure.neverEnds(request, restarts: Self.restartsMax, at: now)
    }
  }

  mutating func returned(_ replica: Int, at now: SimInstant) {
    returns[replica] -= 1
    addDown(replica, to: now)
    if case .drawn(let meanUp, _)? = failures {
      draw(.fails, of: replica, after: now, mean: meanUp)
    }
  }

  /// The run is over.
  mutating func close(at end: SimInstant) {
    for replica in downSince.indices { addDown(replica, to: end) }
  }

  private mutating func addDown(_ replica: Int, to now: SimInstant) {
    guard let since = downSince[replica] else { return }
    downSince[replica] = nil
    let (from, to) = (max(since, window.from), min(now, window.to ?? now))
    if from < to { totals[replica].down = totals[replica].down + (to - from) }
  }
}
