import Metrics

/// One column of the replicas of a fleet. The list ``all`` is the only place where a column is named: `replicas.csv`,
/// the JSON document, the database table and `docs/SCHEMA.md` follow it.
package struct ReplicaColumn: Sendable {
  /// Name in every format; that of the run's summary where that has the same figure.
  package var key: String
  /// Unit of the value, empty where it is a name or a number of a row.
  package var unit: String
  /// What the value is, in one line.
  package var meaning: String
  package var storage: SummaryColumn.Storage
  package var value: @Sendable (ReplicaSummary) -> JSONValue

  /// Every column, in the order in which all formats write them.
  package static let all: [ReplicaColumn] = [
    .count("replica", "", "its number in the deployment, from 0") { $0.replica },
    .text("system", "its serving system") { $0.system },
    .text("device", "catalogue name of its device") { $0.device },
    .count("requests", "requests", "requests that the router gave it") { $0.requests },
    .count("completed", "requests", "those of them that finished inside the window") {
      $0.completed
    },
    .count("rejected", "requests", "those of them that it could never admit") { $0.rejected },
    .real("output_throughput", "tokens/s", "its output tokens by the length of the window") {
      $0.outputThroughput
    },
    .measured("mean_ttft_ms", "ms", "mean time to first token of what it completed") {
      $0.meanTTFT
    },
    .real("mean_batched_requests", "requests", "time-weighted mean of its requests running") {
      $0.meanBatchedRequests
    },
    .real("mean_waiting_requests", "requests", "time-weighted mean of its requests waiting") {
      $0.meanWaitingRequests
    },
    .count("iterations", "iterations", "its iterations that ended inside the window") {
      $0.iterations
    },
    .count("preemptions_recompute", "preemptions", "its preemptions that dropped the KV cache") {
      $0.preemptionsRecompute
    },
    .count("preemptions_swap", "preemptions", "its preemptions that moved the KV cache") {
      $0.preemptionsSwap
    },
    .count("num_blocks", "blocks", "blocks in its KV pool") { $0.blocks },
    .count("block_size", "tokens", "token slots of a block of it") { $0.blockSize },
    .real("token_state", "share of its pool", "its slots that hold a computed token") {
      $0.tokenState
    },
    .real("free", "share of its pool", "its slots that hold nothing") { $0.free },
    .measured("prefix_cache_hit_rate", "1", "hit tokens ⁄ queried tokens of its prefix cache") {
      $0.hitRate
    },
  ]

  private static func text(
    _ key: String, _ meaning: String, value: @escaping @Sendable (ReplicaSummary) -> String
  ) -> ReplicaColumn {
    ReplicaColumn(key: key, unit: "", meaning: meaning, storage: .text) { .text(value($0)) }
  }

  private static func count(
    _ key: String, _ unit: String, _ meaning: String,
    value: @escaping @Sendable (ReplicaSummary) -> Int
  ) -> ReplicaColumn {
    ReplicaColumn(key: key, unit: unit, meaning: meaning, storage: .integer) { .integer(value($0)) }
  }

  private static func real(
    _ key: String, _ unit: String, _ meaning: String,
    value: @escaping @Sendable (ReplicaSummary) -> Double
  ) -> ReplicaColumn {
    ReplicaColumn(key: key, unit: unit, meaning: meaning, storage: .real) { .real(value($0)) }
  }

  /// A number that is absent where nothing was measured.
  private static func measured(
    _ key: String, _ unit: String, _ meaning: String,
    value: @escaping @Sendable (ReplicaSummary) -> Double?
  ) -> ReplicaColumn {
    ReplicaColumn(key: key, unit: unit, meaning: meaning, storage: .optionalReal) {
      JSONValue(value($0))
    }
  }
}
