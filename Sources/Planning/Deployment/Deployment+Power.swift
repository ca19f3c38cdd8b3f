import CostModel
import Metrics
import SimulationKernel

/// What the GPUs of a deployment draw.
extension Deployment {
  /// Watts of all GPUs, in the mean over a run: the TDP while a replica computes, which iterations that wait for memory stay
  /// below, and the idle power while it does not.
  ///
  ///     replica   |▇▇▇▇▇▇▇▇|··|▇▇▇▇▇|·····|      ▇ some request has been started and is not complete
  ///
  /// - Returns: `nil` where the idle power of a device is not known, where prefill and decode are apart, since which of them
  ///   worked on a request when is not in its row, and where replicas come and go.
  func meanWatts(of result: RunResult) -> Double? {
    guard !handsOff, failures == nil, result.summary.duration > 0,
      groups.allSatisfy({ $0.scenario.device.idlePower != nil })
    else { return nil }
    var work: [[(start: SimInstant, end: SimInstant)]] = Array(repeating: [], count: replicas)
    for request in result.requests {
      guard let start = request.firstScheduled, let end = request.finish,
        let replica = request.replica
      else { continue }
      guard replica < replicas else { return nil }
      work[replica].append((start, end))
    }
    var watts = 0.0
    var first = 0
    for group in groups {
      let device = group.scenario.device
      guard let idle = device.idlePower?.watts else { return nil }
      for replica in first..<first + group.count {
        let share = Self.seconds(covered: work[replica]) / result.summary.duration
        watts +=
          Double(group.scenario.gpus) * (idle + (device.tdpWatts - idle) * min(share, 1))
      }
      first += group.count
    }
    return watts
  }

  /// How much time spans cover together.
  private static func seconds(covered spans: [(start: SimInstant, end: SimInstant)]) -> Double {
    var covered = SimDuration.zero
    var end = SimInstant.zero
    for span in spans.sorted(by: { $0.start < $1.start }) where span.end > end {
      covered = covered + (span.end - max(span.start, end))
      end = span.end
    }
    return covered.seconds
  }
}

extension RateProbe.Point {
  /// Of the GPUs, by output token; `nil` where ``meanWatts`` is not known or nothing was emitted.
  package var joulesPerOutputToken: Double? {
    guard let meanWatts, summary.outputThroughput > 0 else { return nil }
    return meanWatts / summary.outputThroughput
  }
}
