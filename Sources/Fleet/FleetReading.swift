import SimulationKernel

/// What an autoscaler knows when it decides.
///
///     decisions   |───────────────────────|───────────────────────|
///     reports           1     2     3     4     1     2     3     4     ``ScalingRule/Reads/reports(_:)`` of 4
///
/// Deployed tools read what was scraped up to a period of the scraper ago; here a report is of the instant at which it is
/// made. A replica reports from when it takes requests until it is let go.
package struct FleetReading: Equatable, Sendable {
  /// Requests that arrived since the decision before.
  package var arrived = 0
  /// Replicas that were launched and not let go: they take requests, or start, or are down and return.
  package var present: Int
  /// What each replica that takes requests said, the last time now; empty for rules that read arrivals alone.
  package var reports: [[ReplicaReport]] = []
  /// Requests that were answered since the decision before.
  package var answered = AnsweredRequests()

  /// What they say now.
  var now: [ReplicaReport] { reports.last ?? [] }

  /// Whether a replica starts or is down.
  var isInTransition: Bool { now.count != present }
}

/// What a replica says of itself, as of before anything happens at that instant.
package struct ReplicaReport: Equatable, Sendable {
  package var replica: Int
  package var running = 0
  /// Requests that are not admitted, those included that came during the running iteration.
  package var waiting = 0
  /// Share of its KV pool that requests hold, from 0 to 1.
  package var heldShare = 0.0
  /// Tokens whose keys and values requests hold.
  package var heldTokens = 0
  /// Prompt tokens of requests that never ran.
  package var waitingTokens = 0
}

/// Requests that were answered in some time.
package struct AnsweredRequests: Equatable, Sendable {
  package var count = 0
  package var promptTokens = 0
  package var outputTokens = 0

  static func += (sum: inout Self, other: Self) {
    sum.count += other.count
    sum.promptTokens += other.promptTokens
    sum.outputTokens += other.outputTokens
  }
}
