import Dispatch
import Metrics
import Synchronization
import Workload

/// Several simulations of one trace, run side by side on the cores at hand.
///
/// Each run is single-threaded and depends on nothing but its deployment, so results do not depend on how
/// many cores there are or on which run ends first.
package enum Comparison {
  /// Runs every deployment.
  ///
  /// - Parameter progress: Told how many runs are done, from several threads but never at once.
  /// - Returns: The simulations in the order of the deployments.
  /// - Throws: The error of the first, in order, that failed.
  package static func run(
    _ deployments: [Deployment], trace: Trace, keepingRequests: Bool,
    progress: @Sendable (_ done: Int) -> Void = { _ in }
  ) throws -> [Simulation] {
    let slots = Mutex<(results: [Result<Simulation, any Error>?], done: Int)>(
      (Array(repeating: nil, count: deployments.count), 0))
    DispatchQueue.concurrentPerform(iterations: deployments.count) { index in
      let result = Result {
        try Simulation.run(deployments[index], trace: trace, keepingRequests: keepingRequests)
      }
      slots.withLock {
        $0.results[index] = result
        $0.done += 1
        progress($0.done)
      }
    }
    return try slots.withLock { slots in
      try slots.results.map { result in
        guard let result else { preconditionFailure("a deployment was not run") }
        return try result.get()
      }
    }
  }
}
