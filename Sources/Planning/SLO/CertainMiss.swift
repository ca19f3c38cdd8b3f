import Serving
import SimulationKernel
import Workload

/// Tells while a run goes on whether its targets are missed for certain, whatever is still to come.
///
/// A quantile is above its bound as soon as more latencies are than may lie above the quantile:
///
///     rank   0 ─────── ⌊(n − 1) · q⌋ ─────── n − 1     n latencies, rising
///                      └─ n − ⌊(n − 1) · q⌋ ──┘        if so many are too long, these are
///
/// n is taken to be all requests of the class. Some may have no such latency (TPOT of a single token); of fewer, no
/// more have to be too long. An attainment is missed as soon as too many requests miss one of its targets. Means, gaps
/// between tokens and the queue at the end are left to the end.
///
/// Where turns wait for answers, later arrivals depend on what has happened; but every turn comes in the end, so that n is the
/// same, and a request that is above its bound stays so, whenever the others come.
///
/// Not for runs in which a request may begin again.
final class CertainMiss {
  private struct Limit {
    var bounds: [Bound]
    /// So many requests that are above one of them are too many.
    var misses: Int
  }

  /// A target as requests are held to it.
  private struct Bound {
    var metric: ServiceLevel.Metric
    /// Seconds.
    var bound: Double
    /// Number of the class that is meant, 0 for all.
    var requestClass: UInt16
  }

  private let limits: [Limit]
  /// Whether requests come in the order of their numbers.
  private let isInOrder: Bool
  /// The first requests that are complete, and how many of them miss each limit.
  private var settled = 0
  private var missed: [Int]

  /// - Parameter isInOrder: Whether requests come in the order of their numbers; turns that wait do not.
  /// - Returns: `nil` where nothing can be known before the end.
  init?(_ serviceLevel: ServiceLevel, of trace: Trace, isInOrder: Bool = true) {
    func bound(_ target: ServiceLevel.Target) -> Bound {
      let index = target.requestClass.flatMap { trace.classNames.firstIndex(of: $0) }
      return Bound(
        metric: target.metric, bound: target.bound, requestClass: index.map { UInt16($0 + 1) } ?? 0)
    }
    var limits: [Limit] = []
    for target in serviceLevel.targets where target.metric != .itl {
      guard case .quantile(let share) = target.statistic else { continue }
      let count = trace.count(ofClass: target.requestClass)
      guard count > 0 else { continue }
      limits.append(
        Limit(bounds: [bound(target)], misses: count - Int(Double(count - 1) * share)))
    }
    let count = trace.requests.count
    if let attainment = serviceLevel.attainment,
      let misses = (0...count).first(where: {
        Double(count - $0) / Double(max(count, 1)) < attainment
      })
    {
      limits.append(
        Limit(
          bounds: serviceLevel.counted.filter { $0.metric != .itl }.map(bound), misses: misses))
    }
    guard !limits.isEmpty else { return nil }
    self.limits = limits
    self.isInOrder = isInOrder
    missed = limits.map { _ in 0 }
  }

  /// - Complexity: O(requests that came since it was last asked, or are not complete), those to come included where they are
  ///   not in order: nothing is known of them yet, so that they are above no bound.
  func isCertain(_ log: RequestLog) -> Bool {
    let arrived = isInOrder ? log.arrivedCount : log.requests.count
    while settled < arrived, log.hasEnded(RequestID(settled)) {
      add(settled, log, to: &missed)
      settled += 1
    }
    var missed = missed
    for index in settled..<max(arrived, settled) { add(index, log, to: &missed) }
    return zip(missed, limits).contains { $0 >= $1.misses }
  }

  private func add(_ index: Int, _ log: RequestLog, to missed: inout [Int]) {
    let (request, known) = (log.requests[index], log.milestones(of: RequestID(index)))
    for place in limits.indices
    where limits[place].bounds.contains(where: { Self.isAbove($0, request, known) }) {
      missed[place] += 1
    }
  }

  /// Whether what is known of a request is above a bound already; what ``ServiceLevel/Target/value(of:)`` says of it in the
  /// end is no less.
  private static func isAbove(
    _ bound: Bound, _ request: Request, _ known: RunRecord.Milestones
  ) -> Bool {
    guard bound.requestClass == 0 || bound.requestClass == request.requestClass else {
      return false
    }
    if known.isRejected { return true }
    func isLong(_ seconds: Double?) -> Bool { seconds.map { $0 > bound.bound } ?? false }
    func since(_ instant: SimInstant?) -> Double? { instant.map { ($0 - request.arrival).seconds } }
    switch bound.metric {
    case .ttft: return isLong(since(known.firstToken))
    case .e2e: return isLong(since(known.finish))
    case .normalizedLatency:
      return isLong(since(known.finish).map { $0 / Double(request.outputTokens) })
    case .schedulingDelay: return isLong(since(known.firstScheduled))
    case .tpot:
      guard let first = known.firstToken, let finish = known.finish, request.outputTokens > 1
      else { return false }
      return isLong((finish - first).seconds / Double(request.outputTokens - 1))
    case .itl: return false
    }
  }
}
