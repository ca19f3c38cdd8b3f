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
    /// Seconds, or the share of requests for the attainment; infinite where requests were never answered.
    package var measured: Double
    package var bound: Double
    package var isMet: Bool
    /// Values behind the measured number.
    package var samples: Int
  }

  package var verdicts: [Verdict]
  /// Share of the requests that meet every target for single requests, or all bounds but means where there
  /// are none such.
  package var attainment: Double

  package var isMet: Bool { verdicts.allSatisfy(\.isMet) }
  /// The targets that are missed, worst first: by measured over bound.
  package var missed: [Verdict] {
    verdicts.filter { !$0.isMet }.sorted { $0.excess > $1.excess }
  }
}

extension Assessment.Verdict {
  /// How far from its bound, above 1 where it is missed.
  package var excess: Double {
    name == "attainment" ? bound / max(measured, 1e-9) : measured / bound
  }
}

extension ServiceLevel {
  /// Holds a run against the targets.
  ///
  /// A request that was rejected, or not answered by the end, has waited for ever: its latencies are
  /// infinite. (Leave such requests out of the trace if they are not to count.)
  ///
  /// - Complexity: O(requests × targets).
  package func assess(_ result: RunResult) -> Assessment {
    let requests = result.requests
    var verdicts = targets.filter { $0.statistic != .each }.map { target in
      let (measured, samples) = measure(target, in: result)
      return Assessment.Verdict(
        name: target.name, text: target.text, measured: measured, bound: target.bound,
        isMet: measured <= target.bound, samples: samples)
    }
    let single = targets.filter { $0.statistic == .each }
    let counted = single.isEmpty ? targets.filter { $0.statistic != .mean } : single
    let meeting = requests.count { request in
      counted.allSatisfy { $0.isMet(by: request) } && request.finish != nil
    }
    let share = requests.isEmpty ? 0 : Double(meeting) / Double(requests.count)
    if let attainment {
      verdicts.append(
        Assessment.Verdict(
          name: "attainment", text: "attainment>=\(plainNumber(attainment))", measured: share,
          bound: attainment, isMet: share >= attainment, samples: requests.count))
    }
    return Assessment(verdicts: verdicts, attainment: share)
  }

  private func measure(
    _ target: Target, in result: RunResult
  ) -> (measured: Double, samples: Int) {
    if target.metric == .itl { return gaps(target.statistic, result.summary.itl) }
    let values = result.requests.filter { target.covers($0) }.compactMap { target.value(of: $0) }
    guard !values.isEmpty else { return (.infinity, 0) }
    switch target.statistic {
    case .quantile(let share):
      return (Quantile.linear(share, ofSorted: values.sorted()), values.count)
    case .mean, .each: return (values.reduce(0, +) / Double(values.count), values.count)
    }
  }

  private func gaps(_ statistic: Statistic, _ gaps: Distribution) -> (Double, Int) {
    let value =
      switch statistic {
      case .quantile(0.5): gaps.median
      case .quantile(0.9): gaps.p90
      case .quantile: gaps.p99
      case .mean, .each: gaps.mean
      }
    return (value.map { $0 / 1000 } ?? 0, gaps.count)
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

  /// The targets whose quantile rests on fewer than one request beyond it, with the requests there are.
  package func thinQuantiles(requests: Int) -> [(target: Target, needed: Int)] {
    targets.compactMap { target in
      guard case .quantile(let share) = target.statistic, target.metric != .itl else { return nil }
      let needed = Int((1 / (1 - share) - 1e-6).rounded(.up))
      return requests < needed ? (target, needed) : nil
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

  func isMet(by request: RequestRecord) -> Bool {
    guard covers(request), let value = value(of: request) else { return true }
    return value <= bound
  }
}
