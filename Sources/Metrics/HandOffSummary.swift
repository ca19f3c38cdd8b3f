import Serving
import SimulationKernel
import Workload

/// Where the time of requests went that one replica prefilled and another decoded: means over those that finished inside the
/// window, which add up to their mean latency.
///
///     arrival | queue | prefill | room | transfer | decode queue | decode | finish
package struct HandOffSummary: Equatable, Sendable {
  package var requests = 0
  /// Bytes that were read for them.
  package var bytes = 0
  /// Seconds, summed over the requests, by ``phases``.
  package var seconds = Array(repeating: 0.0, count: phases.count)

  /// From which milestone to which, in the order in which they come.
  package static let phases = [
    "queue", "prefill", "room", "transfer", "decode_queue", "decode",
  ]

  /// Mean milliseconds of each phase; none without requests.
  package var means: [(name: String, milliseconds: Double)] {
    guard requests > 0 else { return [] }
    return zip(Self.phases, seconds).map { ($0, $1 / Double(requests) * 1000) }
  }
}

extension RunRecord {
  /// `nil` where no replica handed requests to others.
  var handOffSummary: HandOffSummary? {
    guard !handOffs.isEmpty else { return nil }
    var summary = HandOffSummary()
    for index in handOffs.indices {
      let (handOff, milestone) = (handOffs[index], milestones[index])
      // Where one replica did both, nothing was handed off.
      guard handOff.replica >= 0, let finish = milestone.finish, window.contains(finish)
      else { continue }
      let moments = [
        requests[index].arrival, milestone.firstScheduled, handOff.prefilled, handOff.asked,
        handOff.arrived, handOff.scheduled, finish,
      ].compactMap { $0 }
      precondition(
        moments.count == HandOffSummary.phases.count + 1, "request \(index) was not handed off")
      summary.requests += 1
      summary.bytes += handOff.bytes
      for phase in summary.seconds.indices {
        summary.seconds[phase] += (moments[phase + 1] - moments[phase]).seconds
      }
    }
    return summary
  }
}
