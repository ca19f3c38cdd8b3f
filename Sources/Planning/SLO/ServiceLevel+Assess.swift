import Messages
import Metrics
import SimulationKernel
import Statistics
import Workload

/// How a run stands against its targets.
package struct Assessment: Equatable, Sendable {
  /// One target and what was measured.
  package struct Verdict: Equatable, Sendable {
    /// As users write it: `ttft.p99`, `attainment`.
    package var name: String
    package var text: String
    /// Seconds, or the share of requests for the attainment; infinite where requests were never answered,
    /// `nil` where there was nothing to measure.
    package var measured: Double?
    package var bound: Double
    package var isMet: Bool
    /// Values behind the measured number.
    package var samples: Int

    /// Whether nothing was measured, so that the target holds of no request at all.
    package var isVacuous: Bool { measured == nil }
  }

  package var verdicts: [Verdict]
  /// Share of the requests that meet every target for single requests, or all bounds but means where there
  /// are none such; 1 of no requests.
  package var attainment: Double
  /// Names of the targets without a sample, those for single requests included: they are vacuous, and met.
  package var vacuous: [String] = []
  /// What was measured of ``ServiceLevel/shown``, seconds; infinite where requests were never answered, `nil` where
  /// nothing was measured.
  package var shown: [Double?] = []

  package var isMet: Bool { verdicts.allSatisfy(\.isMet) }
  /// The targets that are missed, worst first: by measured over bound.
  package var missed: [Verdict] {
    verdicts.filter { !$0.isMet }.sorted { $0.excess > $1.excess }
  }
}

extension Assessment.Verdict {
  /// How far from its bound, above 1 where it is missed.
  package var excess: Double {
    guard let measured else { return 0 }
    return name == "attainment" ? bound / max(measured, 1e-9) : measured / bound
  }
}

extension [Assessment] {
  /// Names of the targets that no run has a sample for.
  package var vacuous: [String] {
    first.map { first in first.vacuous.filter { name in allSatisfy { $0.vacuous.contains(name) } } }
      ?? []
  }
}

extension ServiceLevel {
  /// Holds a run against the targets.
  ///
  /// A request that was rejected, or not answered by the end, has waited for ever: its latencies are
  /// infinite. (Leave such requests out of the trace if they are not to count.) A target that no request has
  /// a value for, as that of a class without requests, is vacuous: it is met, and listed as such.
  ///
  /// - Complexity: O(requests × targets).
  package func assess(_ result: RunResult) -> Assessment {
    let requests = result.requests
    var verdicts = targets.filter { $0.statistic != .each }.map { target in
      let (measured, samples) = measure(target, in: result)
      return Assessment.Verdict(
        name: target.name, text: target.text, measured: measured, bound: target.bound,
        isMet: measured.map { $0 <= target.bound } ?? true, samples: samples)
    }
    let single = targets.filter { $0.statistic == .each }
    let share = share(meeting: requests)
    if let attainment {
      verdicts.append(
        Assessment.Verdict(
          name: "attainment", text: "attainment>=\(plainNumber(attainment))",
          measured: requests.isEmpty ? nil : share, bound: attainment,
          isMet: share >= attainment, samples: requests.count))
    }
    let unsampled = single.filter { target in !requests.contains { target.sample(of: $0) != nil } }
    return Assessment(
      verdicts: verdicts, attainment: share,
      vacuous: verdicts.filter(\.isVacuous).map(\.name) + unsampled.map(\.name),
      shown: shown(in: result, verdicts))
  }

  /// The targets that each request is held to: those for single requests, or all but means where there are none such.
  var counted: [Target] {
    let single = targets.filter { $0.statistic == .each }
    return single.isEmpty ? targets.filter { $0.statistic != .mean } : single
  }

  /// Share of the requests that meet every target for single requests, or all bounds but means where there are none such.
  func share(meeting requests: [RequestRecord]) -> Double {
    let counted = counted
    let meeting = requests.count { request in
      counted.allSatisfy { $0.isMet(by: request) } && request.finish != nil
    }
    return requests.isEmpty ? 1 : Double(meeting) / Double(requests.count)
  }

  func measure(
    _ target: Target, in result: RunResult
  ) -> (measured: Double?, samples: Int) {
    if target.metric == .itl { return gaps(target.statistic, in: result) }
    var values = result.requests.compactMap { target.sample(of: $0) }
    guard !values.isEmpty else { return (nil, 0) }
    switch target.statistic {
    case .quantile(let share):
      return (Quantile.linear([share], reordering: &values)[0], values.count)
    case .mean, .each: return (values.reduce(0, +) / Double(values.count), values.count)
    }
  }

  /// Gaps are those of the requests that were answered; where none was, the lost ones wait for ever.
  private func gaps(_ statistic: Statistic, in result: RunResult) -> (Double?, Int) {
    let gaps = result.summary.itl
    guard gaps.count > 0 else {
      return (result.requests.contains { $0.finish == nil } ? .infinity : nil, 0)
    }
    let value =
      switch statistic {
      case .quantile(0.5): gaps.median
      case .quantile(0.9): gaps.p90
      case .quantile(0.95): gaps.p95
      case .quantile: gaps.p99
      case .mean, .each: gaps.mean
      }
    return (value.map { $0 / 1000 }, gaps.count)
  }

  /// How many of so many requests may go without an answer before a target is missed for certain: what a
  /// quantile or the attainment leaves over. Targets of classes are not looked at.
  package func unansweredMax(of count: Int) -> Int {
    targets.filter { $0.requestClass == nil }.map { target in
      switch target.statistic {
      case _ where target.metric == .itl: count
      case .quantile(let share): count - 1 - Int((Double(count - 1) * share).rounded(.up))
      case .mean: 0
      case .each: count
      }
    }.reduce(attainment.map { Int(Double(count) * (1 - $0) + 1e-6) } ?? count, min)
  }

  /// Refuses targets of classes that the trace does not have.
  package func requireClasses(of trace: Trace) throws(UserError) {
    for case let name? in targets.map(\.requestClass) where !trace.classNames.contains(name) {
      let known = trace.classNames.map { "`\($0)`" }.joined(separator: ", ")
      throw UserError(
        "`--slo` has targets of the class `\(name)`, which `\(trace.name)` does not have",
        hint: known.isEmpty
          ? "its requests have no classes; `kvplan trace mix chat=a.csv code=b.csv` makes some"
          : "its classes are \(known)")
    }
  }

  /// The targets whose quantile rests on fewer than one request beyond it, with the requests there are: those of
  /// its class, where it has one. Classes without a request are left to ``Assessment/vacuous``.
  package func thinQuantiles(
    of trace: Trace
  ) -> [(target: Target, requests: Int, needed: Int)] {
    targets.compactMap { target in
      guard case .quantile(let share) = target.statistic, target.metric != .itl else { return nil }
      let needed = Int((1 / (1 - share) - 1e-6).rounded(.up))
      let requests = trace.count(ofClass: target.requestClass)
      return requests > 0 && requests < needed ? (target, requests, needed) : nil
    }
  }
}

extension ServiceLevel.Target {
  func covers(_ request: RequestRecord) -> Bool {
    requestClass == nil || requestClass == request.className
  }

  /// Seconds; infinite for a request without an answer, `nil` where the metric is not defined for it.
  func value(of request: RequestRecord) -> Double? {
    guard request.finish != nil else { return .infinity }
    switch metric {
    case .ttft: return request.ttft
    case .tpot: return request.tpot
    case .e2e: return request.e2el
    case .normalizedLatency: return request.normalizedLatency
    case .schedulingDelay: return request.firstScheduled.map { ($0 - request.arrival).seconds }
    case .itl: return nil
    }
  }

  /// The same for a request that is meant; `nil` for those of other classes.
  func sample(of request: RequestRecord) -> Double? {
    covers(request) ? value(of: request) : nil
  }

  func isMet(by request: RequestRecord) -> Bool {
    sample(of: request).map { $0 <= bound } ?? true
  }
}

extension Trace {
  /// Requests of a class; all for `nil`.
  func count(ofClass name: String?) -> Int {
    guard let name else { return requests.count }
    guard let number = classNames.firstIndex(of: name) else { return 0 }
    return requests.count { Int($0.requestClass) == number + 1 }
  }
}
