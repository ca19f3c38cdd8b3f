import Metrics

extension ServiceLevel {
  /// The latencies that tables and figures of a plan show: those that are bounded, each in its own statistic.
  ///
  /// Times to first token come first, times per output token second, the others as they were written. Of single
  /// requests the quantile is shown that the attainment asks to be below the bound. Where a plan does not bound the
  /// time to first token or the time per output token, the statistic of its first target is shown, with an
  /// infinite bound.
  package var shown: [Target] {
    let bounded = targets.map { target in
      var shown = target
      if target.statistic == .each { shown.statistic = .quantile(attainment ?? 1) }
      return shown
    }
    func of(_ metric: Metric) -> [Target] {
      let own = bounded.filter { $0.metric == metric }
      guard own.isEmpty else { return own }
      let statistic = bounded.first?.statistic ?? .quantile(0.99)
      return [Target(metric: metric, statistic: statistic, bound: .infinity)]
    }
    let rest = bounded.filter { $0.metric != .ttft && $0.metric != .tpot }
    return of(.ttft) + of(.tpot) + rest
  }

  /// What a run gave of ``shown``, seconds; infinite where requests were never answered, `nil` where nothing was
  /// measured.
  ///
  /// - Parameter verdicts: What was measured of the targets.
  func shown(in result: RunResult, _ verdicts: [Assessment.Verdict]) -> [Double?] {
    shown.map { target in
      let known = verdicts.first { $0.name == target.name }
      return known.map(\.measured) ?? measure(target, in: result).measured
    }
  }
}
