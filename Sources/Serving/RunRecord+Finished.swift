import SimulationKernel
import Workload

/// A request that finished inside the window.
package struct FinishedRequest: Sendable {
  package var arrival: SimInstant
  package var firstToken: SimInstant
  package var finish: SimInstant
  package var outputTokens: Int32

  /// Seconds from its arrival to its last token.
  package var latency: Double { (finish - arrival).seconds }
}

/// Requests by how they went.
package struct RequestOutcomes: Equatable, Sendable {
  /// Finished inside the window.
  package var finished = 0
  package var rejected = 0
  /// Neither rejected nor finished when the run ended.
  package var unfinished = 0
  /// Latencies of the finished ones by their output tokens, summed in order of their numbers: seconds a token.
  package var normalizedLatencies = 0.0

  /// Seconds a token; `nil` where none finished.
  package var meanNormalizedLatency: Double? {
    finished == 0 ? nil : normalizedLatencies / Double(finished)
  }
}

/// Looks at all requests stand here, beside what is looked at: from another module each look is a call.
extension RunRecord {
  /// Calls `body` for each request that finished inside the window, in order of their numbers.
  ///
  /// - Parameter only: The class whose requests count; `nil` for all requests.
  package func forEachFinished(of only: UInt16? = nil, _ body: (FinishedRequest) -> Void) {
    for index in arrived {
      if let only, requests[index].requestClass != only { continue }
      if let finished = finished(index) { body(finished) }
    }
  }

  @inline(__always)
  private func finished(_ index: Int) -> FinishedRequest? {
    let milestone = milestones[index]
    guard let finish = milestone.finish, window.contains(finish),
      let firstToken = milestone.firstToken
    else { return nil }
    return FinishedRequest(
      arrival: requests[index].arrival, firstToken: firstToken, finish: finish,
      outputTokens: requests[index].outputTokens)
  }

  /// How the requests went that had arrived when the run ended.
  ///
  /// - Parameter only: The class whose requests count; `nil` for all requests.
  package func outcomes(of only: UInt16? = nil) -> RequestOutcomes {
    var outcomes = RequestOutcomes()
    for index in arrived {
      if let only, requests[index].requestClass != only { continue }
      if milestones[index].isRejected {
        outcomes.rejected += 1
      } else if milestones[index].finish == nil {
        outcomes.unfinished += 1
      } else if let finished = finished(index) {
        outcomes.finished += 1
        outcomes.normalizedLatencies += finished.latency / Double(finished.outputTokens)
      }
    }
    return outcomes
  }
}
