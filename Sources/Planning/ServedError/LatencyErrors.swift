import Metrics

/// How far served latencies of a deployment may be from simulated ones, by metric and level.
package struct LatencyErrors: Equatable, Sendable {
  package var ttft: ServedError.Quantiles
  package var tpot: ServedError.Quantiles

  /// How much longer or shorter an iteration may take: TPOT is the mean of them.
  package func iteration(at level: ServedError.Level) -> Double { tpot[level] }

  /// The error of a metric.
  ///
  /// Measured are means of TTFT and TPOT. Waiting is part of TTFT, a gap is one of those that TPOT is the mean of, and what
  /// is made of both may be off by the larger one.
  func of(_ metric: ServiceLevel.Metric, at level: ServedError.Level) -> Double {
    switch metric {
    case .ttft, .schedulingDelay: ttft[level]
    case .tpot, .itl: tpot[level]
    case .e2e, .normalizedLatency: max(ttft[level], tpot[level])
    }
  }
}

extension PreparedDeployment {
  /// How far latencies of each kind of replica were from served ones, each once.
  package var servedErrors: [ServedError] {
    var errors: [ServedError] = []
    for error in deployment.groups.map({ ServedErrorTable.shipped.error(of: $0.scenario) })
    where !errors.contains(error) {
      errors.append(error)
    }
    return errors
  }

  /// Of unlike replicas the larger errors; `nil` where those of one kind are not known, and where turns wait: a server whose
  /// iterations take longer is not the same schedule, stretched, if think times are not longer too.
  package var latencyErrors: LatencyErrors? {
    guard resolved[0].scenario.thinkTime == nil else { return nil }
    var errors = LatencyErrors(
      ttft: .init(median: 0, p90: 0), tpot: .init(median: 0, p90: 0))
    for error in servedErrors {
      guard case .nearest(let measured) = error else { return nil }
      errors.ttft = errors.ttft.larger(measured.ttft)
      errors.tpot = errors.tpot.larger(measured.tpot)
    }
    return errors
  }
}

extension ServedError.Quantiles {
  fileprivate func larger(_ other: Self) -> Self {
    Self(median: max(median, other.median), p90: max(p90, other.p90))
  }
}

/// How a run at a rate stands if latencies of a server are off by an error.
package struct IfOff: Equatable, Sendable {
  /// Whether the targets hold where all latencies are longer by their errors.
  package var ifSlower: Bool
  /// Whether they hold where all are shorter.
  package var ifFaster: Bool
}

extension ServiceLevel {
  /// How a run stands at each level of `errors`.
  ///
  /// A server's latency lies between predicted / (1 + error) and predicted / (1 − error), so that a bound is met for
  /// certain by predictions up to bound × (1 − error), and missed for certain by those above bound × (1 + error).
  ///
  /// - Parameter assessment: How the run stands as it was predicted.
  func assess(
    _ result: RunResult, _ assessment: Assessment, ifOff errors: LatencyErrors
  ) -> [IfOff] {
    ServedError.Level.allCases.map { level in
      IfOff(
        ifSlower: isMet(by: result, assessment) { max(0, 1 - errors.of($0, at: level)) },
        ifFaster: isMet(by: result, assessment) { 1 + errors.of($0, at: level) })
    }
  }

  /// Whether the targets hold with their bounds times a factor.
  func isMet(
    by result: RunResult, _ assessment: Assessment, boundsTimes factor: (Metric) -> Double
  ) -> Bool {
    let whole = targets.filter { $0.statistic != .each }
    let holds = zip(whole, assessment.verdicts).allSatisfy { target, verdict in
      verdict.measured.map { $0 <= target.bound * factor(target.metric) } ?? true
    }
    guard holds, let attainment else { return holds }
    var scaled = self
    for index in targets.indices { scaled.targets[index].bound *= factor(targets[index].metric) }
    return scaled.share(meeting: result.requests) >= attainment
  }
}
