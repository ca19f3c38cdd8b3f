import Serving
import SimulationKernel

/// What held, in the mean, over one piece of the window.
package struct HistoryPoint: Equatable, Sendable {
  /// Start of the piece, seconds after the start of the run.
  package var second: Double
  /// Shares of the pool that add to 1: token state, reserved, internal, external, cached, free.
  package var shares: [Double]
  package var running: Double
  package var waiting: Double
  /// Preemptions by iterations that started in it.
  package var preemptions: Int
}

extension RunRecord {
  /// The run over time, in at most 256 pieces; idle time counts as such.
  package var historyPoints: [HistoryPoint] {
    history.intervals.enumerated().compactMap { index, interval in
      guard interval.duration > 0 else { return nil }
      let sums = interval.integrals
      let classes = [
        sums.tokenState, sums.reserved, sums.internalFragmentation, sums.externalFragmentation,
        sums.cached, sums.free,
      ]
      let total = Double(classes.reduce(0, +))
      let duration = Double(interval.duration)
      return HistoryPoint(
        second: history.from.seconds + Double(index) * Double(history.width) / 1e9,
        shares: classes.map { total > 0 ? Double($0) / total : 0 },
        running: Double(sums.runningRequests) / duration,
        waiting: Double(sums.waitingRequests) / duration, preemptions: interval.preemptions)
    }
  }
}
