import SimulationKernel
import Workload

/// What happens to the requests of a run, whichever replica serves them: one log for all of them.
///
/// A class, because replicas write it in turn; one run uses it in one thread. What stays of all requests is what the
/// trace says and 32 bytes of timestamps.
package final class RequestLog {
  package let window: MeasuringWindow
  /// By number. Closed-loop clients set arrivals when they send.
  @exclusivity(unchecked) package private(set) var requests: [Request]
  @exclusivity(unchecked) var milestones: [RunRecord.Milestones]
  /// Requests that arrived so far.
  @exclusivity(unchecked) package internal(set) var arrivedCount = 0
  /// Gaps between consecutive tokens of a sequence that ended inside the window.
  @exclusivity(unchecked) var tokenGaps = TokenGaps()

  /// - Parameter requests: In order of arrival; the last of them may be warm-ups, which no result holds.
  package init(_ requests: [Request], window: MeasuringWindow) {
    self.requests = requests
    self.window = window
    milestones = Array(repeating: RunRecord.Milestones(), count: requests.count)
  }

  /// A closed-loop client sent a request.
  package func sent(_ request: RequestID, at time: SimInstant) {
    requests[Int(request)].arrival = time
  }

  /// Warm-ups were served: what happened so far is forgotten.
  package func restart() {
    arrivedCount = 0
    tokenGaps = TokenGaps()
  }

  /// Leaves out the requests at the end, which were warm-ups.
  package func dropWarmups(_ count: Int) {
    requests.removeLast(count)
    milestones.removeLast(count)
  }
}
