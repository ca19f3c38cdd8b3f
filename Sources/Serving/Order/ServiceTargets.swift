import SimulationKernel
import Workload

/// What a request is to be served within, counted from its arrival.
///
///     arrival            first token due                 2nd due     3rd due
///     |────── ttft ─────────────|────────── tpot ──────────|── tpot ──|        interactive
///     |────────────────────────────── e2e ────────────────────────────|        a batch: the last token
package struct ServiceTarget: Equatable, Sendable {
  /// To the first token; `nil` where only the end counts.
  package var ttft: SimDuration?
  /// Between output tokens; `nil` for at any pace.
  package var tpot: SimDuration?
  /// To the last token; `nil` where the first counts.
  package var e2e: SimDuration?

  package init(ttft: SimDuration? = nil, tpot: SimDuration? = nil, e2e: SimDuration? = nil) {
    precondition(ttft != nil || e2e != nil, "a target without a first or a last token")
    self.ttft = ttft
    self.tpot = tpot
    self.e2e = e2e
  }

  /// When the first token of a request is due. Where only the end counts, all its output tokens have to fit behind it at
  /// the pace of the class: how many they are is known here, where QoServe's scripts take 15 for every request.
  func firstTokenDue(_ request: Request) -> SimInstant {
    if let ttft { return request.arrival + ttft }
    let output = (tpot ?? .zero).nanoseconds * Int64(request.outputTokens)
    return SimInstant(
      nanoseconds: request.arrival.nanoseconds + (e2e ?? .zero).nanoseconds - output)
  }
}

/// The targets of a trace's classes (`--class`).
package struct ServiceTargets: Equatable, Sendable {
  package struct Named: Equatable, Sendable {
    package var name: String
    package var target: ServiceTarget

    package init(_ name: String, _ target: ServiceTarget) {
      self.name = name
      self.target = target
    }
  }

  /// In the order in which they were given.
  package var classes: [Named] = []
  /// Of requests of other classes and of none; `nil` where there is no such target.
  package var others: ServiceTarget?

  package init() {}

  package func target(of name: String?) -> ServiceTarget? {
    classes.first { $0.name == name }?.target ?? others
  }

  /// By the number of the class as requests have it, 0 for those of none.
  package func byClass(_ names: [String]) -> [ServiceTarget?] {
    [others] + names.map { target(of: $0) }
  }
}
