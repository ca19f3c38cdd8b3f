import Metrics

/// Between which rates the highest lies that a server sustains, if it is off by an error that was measured.
///
/// A server whose iterations all take k times as long follows the same schedule, stretched: at rate r / k it shows k times
/// the latencies of rate r, and arrivals at both rates are the same but for their scale. So a rate that was tried says what
/// such a server does at another one, and nothing is interpolated:
///
///     low    r × (1 − error) of the highest r, of those tried up to the answer, where slower latencies meet the targets
///     high   r × (1 + error) of the lowest r above the answer where even faster ones miss them
///
/// The error of the rate is that of TPOT, and latencies are off by their own.
package struct ServedInterval: Equatable, Sendable {
  package var level: ServedError.Level
  /// `nil` where slower latencies meet the targets at no rate that was tried.
  package var low: Double?
  /// `nil` where faster ones meet them at every rate that was tried.
  package var high: Double?
}

extension Capacity {
  /// The interval at each level of `errors` of what the first seed sustains; none where it sustains nothing.
  ///
  /// - Parameter around: More rates that were tried with the first seed.
  package func servedIntervals(
    _ errors: LatencyErrors?, with around: [RateProbe.Point] = []
  ) -> [ServedInterval] {
    guard let errors, let rate = bySeed.first, rate > 0 else { return [] }
    let tried = (around + points).sorted { $0.rate < $1.rate }
    return ServedError.Level.allCases.enumerated().map { index, level in
      let error = errors.iteration(at: level)
      let held = tried.prefix { $0.rate <= rate && $0.isSteady && $0.ifOff[index].ifSlower }
      let failed = tried.first {
        $0.rate > rate && !($0.isSteady && $0.ifOff[index].ifFaster)
      }
      return ServedInterval(
        level: level, low: error < 1 ? held.last.map { $0.rate * (1 - error) } : nil,
        high: failed.map { $0.rate * (1 + error) })
    }
  }
}
