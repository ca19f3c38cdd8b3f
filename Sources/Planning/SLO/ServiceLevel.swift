/// What users ask of latency, as people write it: `ttft.p99<=2s, tpot.p99<=100ms`.
///
/// Several targets hold together. A target without a statistic (`ttft<=2s`) is one for each request, and
/// comes with the share of requests that have to meet all of those: `attainment>=0.99`.
package struct ServiceLevel: Equatable, Sendable {
  package enum Metric: String, CaseIterable, Sendable {
    /// Time to the first output token, from arrival.
    case ttft
    /// Mean time per output token after the first.
    case tpot
    /// Gaps between tokens, pooled over all requests.
    case itl
    /// From arrival to the last token.
    case e2e
    /// End-to-end latency by output tokens.
    case normalizedLatency = "normalized_latency"
    /// From arrival to the first iteration that runs the request.
    case schedulingDelay = "scheduling_delay"
  }

  package enum Statistic: Equatable, Sendable {
    case mean
    /// A quantile in (0, 1).
    case quantile(Double)
    /// Of each request by itself.
    case each
  }

  /// One upper bound on a latency.
  package struct Target: Equatable, Sendable {
    /// The class of requests that is meant; `nil` for all.
    package var requestClass: String?
    package var metric: Metric
    package var statistic: Statistic
    /// Seconds; per output token for the normalized latency.
    package var bound: Double

    /// As users write it, without the bound: `ttft.p99`.
    package var name: String {
      let scope = requestClass.map { "\($0):" } ?? ""
      let suffix = statistic == .each ? "" : ".\(statisticText)"
      return "\(scope)\(metric.rawValue)\(suffix)"
    }

    /// As users write it: `p99`, `mean`; empty for single requests.
    package var statisticText: String {
      switch statistic {
      case .mean: "mean"
      case .quantile(let share): "p\(plainNumber(share * 100))"
      case .each: ""
      }
    }

    /// As users write it: `ttft.p99<=2s`.
    package var text: String { "\(name)<=\(plainTime(bound))" }
  }

  package var targets: [Target] = []
  /// Share of requests that have to meet every target for each request; `nil` where there are none.
  package var attainment: Double?

  package init(targets: [Target] = [], attainment: Double? = nil) {
    self.targets = targets
    self.attainment = attainment
  }

  /// As users write it.
  package var text: String {
    (targets.map(\.text) + (attainment.map { ["attainment>=\(plainNumber($0))"] } ?? []))
      .joined(separator: ", ")
  }
}

/// A time in its handiest unit: `2s`, `100ms`, `0.5ms`.
func plainTime(_ seconds: Double) -> String {
  seconds >= 1 ? "\(plainNumber(seconds))s" : "\(plainNumber(seconds * 1000))ms"
}

/// A number without what it does not need, to nine significant digits: `99`, `99.9`, `0.95`.
func plainNumber(_ value: Double) -> String {
  let rounded = (value * 1e9).rounded() / 1e9
  if rounded == rounded.rounded(), abs(rounded) < 1e15 { return "\(Int(rounded))" }
  return "\(rounded)"
}
