import Fleet
import Metrics
import SimulationKernel
import Workload

/// Answers whether a deployment sustains a rate: one simulation.
package struct RateProbe: Sendable {
  package let prepared: PreparedDeployment
  /// Lengths and contents, in order; arrivals are drawn anew for each rate.
  package let trace: Trace
  package let serviceLevel: ServiceLevel
  /// Of served latencies; `nil` where they are not known.
  private let errors: LatencyErrors?

  package init(_ prepared: PreparedDeployment, trace: Trace, serviceLevel: ServiceLevel) {
    self.prepared = prepared
    self.trace = trace.withoutArrivals()
    self.serviceLevel = serviceLevel
    errors = prepared.latencyErrors
  }

  /// What was found at one rate.
  package struct Point: Equatable, Sendable {
    package var rate: Double
    package var seed: UInt64
    package var assessment: Assessment
    /// Requests that had not been started when the last one came.
    package var backlog: Int
    package var requestCount: Int
    package var summary: RunSummary
    /// How it stands at each of ``ServedError/Level``; empty where no served error is known.
    package var ifOff: [IfOff] = []

    /// The same as a share of all.
    package var backlogShare: Double { Double(backlog) / Double(max(requestCount, 1)) }
    /// Requests per second that meet all targets.
    package var goodput: Double { rate * assessment.attainment }
    /// Whether the queue did not grow.
    package var isSteady: Bool { backlog <= RateProbe.backlogLimit(requestCount) }
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

  /// Requests that may wait when the last one comes: 2 % of all, or 5.
  ///
  /// Under an overload by a factor 1 + ε a share ε / (1 + ε) is left waiting, so that rates up to 2 % above
  /// what is served can pass for steady where the targets are lax.
  static func backlogLimit(_ requestCount: Int) -> Int { max(requestCount / 50, 5) }

  /// Simulates Poisson arrivals at `rate`.
  ///
  /// The same seed gives the same lengths and, but for their scale, the same gaps at every rate, so that
  /// rates are compared on common random numbers.
  package func point(rate: Double, seed: UInt64) throws -> Point {
    let timed = try trace.retimed(poissonRate: rate, seed: seed)
    let result = try prepared.serve(timed, seed: seed)
    SimulationCount.add()
    return point(of: result, rate: rate, seed: seed)
  }

  /// The same with a run that ends as soon as its targets are missed for certain (``CertainMiss``).
  package func trial(rate: Double, seed: UInt64) throws -> Trial {
    let timed = try trace.retimed(poissonRate: rate, seed: seed)
    let miss = CertainMiss(serviceLevel, of: timed)
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
      backlog: result.backlog, requestCount: result.requests.count, summary: result.summary,
      ifOff: errors.map { serviceLevel.assess(result, assessment, ifOff: $0) } ?? [])
  }
}

extension RunResult {
  /// Requests that had not been started when the last one came; that one does not count.
  fileprivate var backlog: Int {
    guard let last = requests.last?.arrival else { return 0 }
    return requests.dropLast().count { request in
      request.status != .rejected && request.firstScheduled.map { $0 > last } ?? true
    }
  }
}
