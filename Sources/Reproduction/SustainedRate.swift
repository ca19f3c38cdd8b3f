import Metrics
import Planning

/// The rate that a system sustains: where its mean normalized latency crosses a threshold.
package struct SustainedRate: Sendable {
  /// Requests per second.
  package var rate: Double
  /// The runs that led to it, by rising rate: points of the latency curve.
  package var points: [RunSummary]

  /// How near the answer is to the crossing, as a share of it.
  private static let precision = 0.01
  /// The rate never falls below this, requests per second.
  private static let rateMin = 1e-3

  /// Runs `run` at the rates given, brackets the crossing and halves the bracket until it is narrow.
  ///
  ///     latency            ·
  ///     threshold ─ ─ ─ ─ ╱─ ─ ─
  ///               ·──·──·           bracket: the last rate below, the first above
  ///
  /// The latency of one seeded trace at rising rates is not strictly monotonic; the crossing found is
  /// one of those that a finer search might find, a fraction of `precision` apart in practice.
  ///
  /// - Parameters:
  ///   - rates: Where to look first, rising; widened by factors of 1.5 as needed.
  ///   - threshold: Seconds per token.
  /// - Throws: What a run throws.
  package static func search(
    rates: [Double], threshold: Double, run: PaperRun, traces: PaperTraces
  ) throws -> SustainedRate {
    var points: [RunSummary] = []
    func exceeds(_ rate: Double) throws -> Bool {
      var run = run
      run.rate = rate
      let summary = try run.summary(traces: traces)
      points.append(summary)
      return (summary.meanNormalizedLatency ?? .infinity) > threshold
    }
    var low = 0.0
    var high: Double?
    for rate in rates {
      if try exceeds(rate) {
        if high == nil { high = rate }
      } else if high == nil {
        low = rate
      }
    }
    while high == nil {
      let rate = max(low, rateMin) * 1.5
      if try exceeds(rate) { high = rate } else { low = rate }
    }
    while low == 0, let bound = high, bound > rateMin {
      let rate = bound / 1.5
      if try exceeds(rate) { high = rate } else { low = rate }
    }
    guard var upper = high else { preconditionFailure("no upper bound was found") }
    while upper - low > precision * upper {
      let middle = (low + upper) / 2
      if try exceeds(middle) { upper = middle } else { low = middle }
    }
    points.sort { $0.requestRate < $1.requestRate }
    return SustainedRate(rate: (low + upper) / 2, points: points)
  }
}
