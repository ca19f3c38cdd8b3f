import Metrics
import SimulationKernel
import Workload

/// What a rate of a plan counts, and how the requests of a trace come at one.
///
///     turns do not wait   | r | r | r |                                requests come as a Poisson process
///     turns wait          |── turn 1 ──| think |── turn 2 ──|          sessions do; a turn comes when it may
///
/// Where turns wait for answers (`--session-think-time`) the rate of requests follows from how fast they are answered; what can
/// be set is how many sessions start. So a rate counts sessions there, as `--request-rate` of a simulation does, and requests
/// of no session as one each. Sessions of one turn are the same load either way.
package struct PlannedLoad: Sendable {
  /// Lengths, contents and think times, in order; arrivals are drawn anew for each rate.
  package let trace: Trace
  private let thinkTime: ThinkTime?
  /// Numbers of the requests that come at the rate, rising.
  private let starts: [Int]

  /// - Precondition: With a think time, each turn that waits has one (``Trace/thinking(_:seed:)``).
  package init(_ trace: Trace, thinkTime: ThinkTime?) {
    self.trace = trace.withoutArrivals()
    self.thinkTime = thinkTime
    var begun: Set<Int32> = []
    starts = trace.requests.indices.filter { index in
      guard thinkTime != nil, let session = trace.requests[index].session else { return true }
      return begun.insert(session).inserted
    }
  }

  package var countsSessions: Bool { thinkTime != nil }

  /// Sessions, or requests where none waits.
  package var startCount: Int { starts.count }

  /// Requests that come with each of what a rate counts, in the mean: 1 where none waits.
  package var requestsPerStart: Double {
    starts.isEmpty ? 1 : Double(trace.requests.count) / Double(starts.count)
  }

  package var unit: String { countsSessions ? "sessions/s" : "req/s" }

  /// What comes at the rate, in words.
  package var starters: String { countsSessions ? "sessions" : "requests" }

  /// Seconds of thinking of a session, in the mean; 0 where no turn waits.
  var thinkSecondsPerStart: Double {
    guard countsSessions, !starts.isEmpty else { return 0 }
    let sum = trace.notes.thinkTimes.reduce(0.0) { $0 + Double(max($1, 0)) }
    return sum / 1e9 / Double(starts.count)
  }

  /// The trace as it comes at `rate`. Think times that are drawn are drawn anew for each seed.
  func timed(rate: Double, seed: UInt64) throws -> Trace {
    guard let thinkTime else { return try trace.retimed(poissonRate: rate, seed: seed) }
    let thinking = thinkTime.isDrawn ? try trace.thinking(thinkTime, seed: seed) : trace
    return try thinking.retimed(poissonRate: rate, seed: seed, sessions: true)
  }

  /// The last of what comes at the rate; `nil` for an empty trace.
  var lastStart: Int? { starts.last }

  /// The requests that wait for no answer: what bounds rest on (``WorkBound``). When the last of them comes, all but a few have
  /// been served, whereas later turns may still be to come.
  func starting() -> Trace {
    guard countsSessions else { return trace }
    var trace = trace
    trace.requests = starts.map { trace.requests[$0] }
    trace.contents = trace.contents?.selecting(starts)
    trace.notes = trace.notes.selecting(starts)
    return trace
  }

  /// Seconds from the first to the last of what comes at 1 a second.
  func unitSpan(seed: UInt64) throws -> Double {
    let timed = try starting().retimed(poissonRate: 1, seed: seed)
    guard let first = timed.requests.first, let last = timed.requests.last else { return 0 }
    return (last.arrival - first.arrival).seconds
  }
}

extension PlannedLoad {
  /// Why there is too little of it to see a steady state at the rate of a run; `nil` where there is enough.
  func isTooShort(_ point: RateProbe.Point) -> String? {
    guard let mean = point.summary.e2el.mean else { return nil }
    let seconds = thinkSecondsPerStart + requestsPerStart * mean / 1000
    let span = Double(startCount) / point.rate
    guard span < 2 * seconds else { return nil }
    return
      "at \(plainNumber((point.rate * 100).rounded() / 100)) \(unit) the \(startCount) \(starters) come "
      + "in \(plainNumber(span.rounded())) s, and one \(countsSessions ? "lasts" : "takes") "
      + "\(plainNumber(seconds.rounded())) s: too few to see a steady state; give more "
      + "with `--num-prompts`"
  }
}

extension ThinkTime {
  fileprivate var isDrawn: Bool {
    if case .exponential = self { true } else { false }
  }
}
