import Serving
import SimulationKernel

/// What held, in the mean, over one piece of the window.
package struct HistoryPoint: Equatable, Sendable {
  /// Start of the piece, seconds after the start of the run.
  package var second: Double
  /// Its length, seconds; the last piece ends with the run.
  package var duration: Double
  /// Shares of the pool that add to 1: token state, reserved, internal, external, cached, free.
  package var shares: [Double]
  /// Blocks that requests hold, a shared one once.
  package var heldBlocks: Double
  package var running: Double
  package var waiting: Double
  /// Preemptions by iterations that started in it.
  package var preemptions: Int
}

extension RunHistory {
  /// At most ``intervalsMax`` points; idle time counts as such.
  var points: [HistoryPoint] {
    intervals.enumerated().compactMap { index, interval in
      guard interval.duration > 0 else { return nil }
      let sums = interval.integrals
      let classes = [
        sums.tokenState, sums.reserved, sums.internalFragmentation, sums.externalFragmentation,
        sums.cached, sums.free,
      ]
      let total = Double(classes.reduce(0, +))
      let duration = Double(interval.duration)
      return HistoryPoint(
        second: from.seconds + Double(index) * Double(width) / 1e9, duration: duration / 1e9,
        shares: classes.map { total > 0 ? Double($0) / total : 0 },
        heldBlocks: Double(sums.physicalBlocks) / duration,
        running: Double(sums.runningRequests) / duration,
        waiting: Double(sums.waitingRequests) / duration, preemptions: interval.preemptions)
    }
  }
}

extension RunRecord {
  /// The run over time, all replicas together.
  package var historyPoints: [HistoryPoint] { history.points }

  /// The same of each replica of a fleet, over the same pieces; none for a single one.
  package var replicaHistories: [[HistoryPoint]] {
    replicas.count > 1 ? replicas.map { $0.history.points } : []
  }
}
