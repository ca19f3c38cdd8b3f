import Fleet
import Metrics
import SimulationKernel
import Workload

/// Answers whether a deployment sustains a rate: one simulation.
package struct RateProbe: Sendable {
  package let prepared: PreparedDeployment
  package let load: PlannedLoad
  package let serviceLevel: ServiceLevel
  /// Of served latencies; `nil` where they are not known.
  private let errors: LatencyErrors?

  package init(_ prepared: PreparedDeployment, trace: Trace, serviceLevel: ServiceLevel) {
    self.prepared = prepared
    load = PlannedLoad(trace, thinkTime: prepared.deployment.groups[0].scenario.thinkTime)
    self.serviceLevel = serviceLevel
    errors = prepared.latencyErrors
  }

  /// What was found at one rate.
  package struct Point: Equatable, Sendable {
    /// What it counts a second: see ``PlannedLoad``.
    package var rate: Double
    package var seed: UInt64
    package var assessment: Assessment
    /// Requests that had come and not been started when the last came of what the rate counts.
    package var backlog: Int
    /// All that the rate counts. A session has one request at a time, so that the backlog is a part of them.
    package var startCount: Int
    package var requestsPerStart = 1.0
    package var summary: RunSummary
    /// What the GPUs draw in the mean, and their idle power as far as that was measured (``Deployment/meanWatts(of:)``).
    package var meanWatts: Double?
    /// How it stands at each of ``ServedError/Level``; empty where no served error is known.
    package var ifOff: [IfOff] = []

    /// The same as a share of all.
    package var backlogShare: Double { Double(backlog) / Double(max(startCount, 1)) }
    /// Requests per second that meet all targets.
    package var goodput: Double { rate * requestsPerStart * assessment.attainment }
    /// Whether the queue did not grow.
    package var isSteady: Bool { backlog <= RateProbe.backlogLimit(startCount) }
    package var isSustained: Bool { isSteady && assessment.isMet }
  }

  /// A rate that was tried.
  package struct Trial: Equatable, Sendable {
    package var rate: Double
    package var seed: UInt64
    /// What was found; `nil` for a run that ended as soon as its targets were missed for certain.
    package var point: Point?

    package init(_ point: Point) {
      (rate, seed) = (point.rate, point.seed)
      self.point = point
    }

    fileprivate init(missedAt rate: Double, seed: UInt64) {
      (self.rate, self.seed) = (rate, seed)
    }

    package var isSustained: Bool { point?.isSustained ?? false }
  }

  /// Requests that may wait when the last one comes: 2 % of all, or 5. Where turns wait, 2 % of the sessions: each has one
  /// request at most that waits.
  ///
  /// Under an overload by a factor 1 + ε a share ε / (1 + ε) is left waiting, so that rates up to 2 % above
  /// what is served can pass for steady where the targets are lax.
  static func backlogLimit(_ startCount: Int) -> Int { max(startCount / 50, 5) }

  /// Simulates Poisson arrivals at `rate`.
  ///
  /// The same seed gives the same lengths and, but for their scale, the same gaps at every rate, so that
  /// rates are compared on common random numbers.
  package func point(rate: Double, seed: UInt64) throws -> Point {
    let timed = try load.timed(rate: rate, seed: seed)
    let result = try prepared.serve(timed, seed: seed)
    SimulationCount.add()
    return point(of: result, rate: rate, seed: seed)
  }

  /// The same with a run that ends as soon as its targets are missed for certain (``CertainMiss``).
  package func trial(rate: Double, seed: UInt64) throws -> Trial {
    let timed = try load.timed(rate: rate, seed: seed)
    let miss = CertainMiss(serviceLevel, of: timed, isInOrder: !load.countsSessions)
    defer { SimulationCount.add() }
    do {
      let result = try prepared.serve(timed, seed: seed, isDecided: miss?.isCertain)
      return Trial(point(of: result, rate: rate, seed: seed))
    } catch is Fleet.Decided {
      return Trial(missedAt: rate, seed: seed)
    }
  }

  /// Rates below and above what is sustained, as shares of it: enough to draw how latency grows, and near it to say what
  /// servers sustain that are off by a few per cent (``ServedInterval``).
  private static let sharesAround = [0.1, 0.5, 0.75, 0.9, 0.95, 1.05, 1.1, 1.25]

  /// Simulates rates around one that is sustained; none around 0.
  func points(around rate: Double, seed: UInt64) throws -> [Point] {
    try Parallel.map(rate > 0 ? Self.sharesAround : []) { share in
      try point(rate: rate * share, seed: seed)
    }
  }

  func point(of result: RunResult, rate: Double, seed: UInt64) -> Point {
    let assessment = serviceLevel.assess(result)
    return Point(
      rate: rate, seed: seed, assessment: assessment,
      backlog: load.lastStart.map { result.backlog(whenCame: $0) } ?? 0,
      startCount: load.startCount, requestsPerStart: load.requestsPerStart,
      summary: result.summary, meanWatts: prepared.deployment.meanWatts(of: result),
      ifOff: errors.map { serviceLevel.assess(result, assessment, ifOff: $0) } ?? [])
  }
}

extension RunResult {
  /// Requests that had come and not been started when request `last` came; that one does not count.
  fileprivate func backlog(whenCame last: Int) -> Int {
    guard let time = requests.first(where: { $0.index == last })?.arrival else { return 0 }
    return requests.count { request in
      request.index != last && request.arrival <= time && request.status != .rejected
        && request.firstScheduled.map { $0 > time } ?? true
    }
  }
}
