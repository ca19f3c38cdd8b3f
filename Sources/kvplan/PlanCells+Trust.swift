import Metrics
import Planning
import Results
import Statistics
import Workload

/// How far a plan says that it can be trusted.
extension PlanCells {
  /// `the targets hold in 3 of 4 other seeds`
  static func confirmation(_ confirmation: Confirmation) -> String {
    "the targets hold in \(confirmation.held) of \(confirmation.trials.count) other seeds"
  }

  /// How requests come, in a sentence.
  static func arrivals(_ load: PlannedLoad) -> String {
    let requests =
      "\(load.trace.requests.count) requests of `\(load.trace.name)` a run, all of them measured."
    guard load.countsSessions else { return "Arrivals: Poisson; \(requests)" }
    return
      "Arrivals: \(load.startCount) sessions start as a Poisson process, and each turn waits for the answer before and a "
      + "think time; \(requests)"
  }

  /// What a rate of sessions means in requests, in a sentence; none where a rate counts requests.
  static func sessions(_ load: PlannedLoad, rate: Double) -> [String] {
    guard load.countsSessions else { return [] }
    let each = Digits.fixed(load.requestsPerStart, decimals: 2)
    return [
      "A rate counts sessions that start, of \(each) requests in the mean: \(self.rate(rate)) sessions/s are "
        + "\(self.rate(rate * load.requestsPerStart)) req/s as long as turns are answered as fast as sessions come."
    ]
  }

  /// What rates count; nothing where they count requests.
  static func json(_ load: PlannedLoad) -> [JSONValue.Member] {
    guard load.countsSessions else { return [] }
    return [
      .init("rate_counts", .text("sessions")), .init("sessions", .integer(load.startCount)),
      .init("requests_per_session", .real(load.requestsPerStart)),
    ]
  }

  static func json(_ confirmation: Confirmation?) -> JSONValue {
    guard let confirmation else { return .null }
    return .object([
      .init("seeds", .array(confirmation.trials.map { .unsigned($0.seed) })),
      .init("held", .integer(confirmation.held)),
      .init("needed", .integer(Confirmation.heldMin)),
    ])
  }

  /// Half of the interval of a change, percent.
  static func half(_ variation: Variation) -> String {
    variation.effect?.half.map(percent) ?? "–"
  }

  /// A change in percent with its interval; one inside it is none.
  static func effect(_ variation: Variation) -> String {
    guard let effect = variation.effect else { return "–" }
    let change = percent(effect.mean)
    switch variation.isEffect {
    case nil: return "\(change), one seed"
    case true?: return "\(change) ± \(half(variation))"
    case false?: return "no effect found (±\(half(variation)))"
    }
  }

  /// The fullest replica of several, in a sentence; `nil` for one.
  static func imbalance(_ summary: RunSummary) -> String? {
    guard let fullest = summary.fullestReplica else { return nil }
    let replica = fullest.replica
    let times = fullest.imbalance.map { ", \(Digits.fixed($0, decimals: 2)) times the mean of all" }
    return
      "Of \(summary.replicas.count) replicas number \(replica.replica) (\(replica.device)) is the "
      + "fullest: \(percent(replica.tokenState)) % of its KV pool holds tokens\(times ?? ""); it runs "
      + "\(Digits.fixed(replica.meanBatchedRequests, decimals: 1)) sequences, and "
      + "\(Digits.fixed(replica.meanWaitingRequests, decimals: 1)) requests wait for it."
  }

  static func fullest(_ summary: RunSummary?) -> JSONValue {
    guard let summary, let fullest = summary.fullestReplica else { return .null }
    return .object([
      .init("replica", .integer(fullest.replica.replica)),
      .init("device", .text(fullest.replica.device)),
      .init("token_state", .real(fullest.replica.tokenState)),
      .init("imbalance", JSONValue(fullest.imbalance)),
    ])
  }
}
