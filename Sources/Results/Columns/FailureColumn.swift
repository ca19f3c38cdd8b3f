import Serving
import SimulationKernel

/// One column of how the replicas of a run failed. The list ``all`` is the only place where a column is named:
/// `failures.csv`, JSON and `docs/SCHEMA.md` follow it, behind the number of the replica.
package struct FailureColumn: Sendable {
  /// Name in every format.
  package var key: String
  /// Unit of the value.
  package var unit: String
  /// What the value is, in one line.
  package var meaning: String
  package var value: @Sendable (ReplicaFailures) -> JSONValue

  /// Every column, in the order in which all formats write them.
  package static let all: [FailureColumn] = [
    FailureColumn(
      key: "failures", unit: "failures", meaning: "how often it failed inside the window"
    ) { .integer($0.failures) },
    FailureColumn(key: "down_s", unit: "s", meaning: "how long of the window it was down") {
      .real($0.down.seconds)
    },
    FailureColumn(
      key: "retried_requests", unit: "requests",
      meaning: "requests that it had when it failed, which began again"
    ) { .integer($0.retriedRequests) },
    FailureColumn(
      key: "lost_tokens", unit: "tokens",
      meaning: "tokens whose keys and values those had in its pool"
    ) { .integer($0.lostTokens) },
  ]
}
