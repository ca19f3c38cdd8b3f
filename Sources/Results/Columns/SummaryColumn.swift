import Metrics

/// One column of a run's summary. The list ``all`` is the only place where a column is named: the
/// CSV file, the JSON document, the database table and `docs/SCHEMA.md` follow it.
package struct SummaryColumn: Sendable {
  /// The part of the JSON document that holds the column; CSV and SQL have no parts.
  package enum Group: Sendable { case run, kv, provenance }

  /// How the value is stored in the database.
  package enum Storage: String, Sendable {
    case integer = "INTEGER NOT NULL"
    case real = "REAL NOT NULL"
    /// Absent where nothing was measured.
    case optionalReal = "REAL"
    /// Absent where the system has nothing to count.
    case optionalInteger = "INTEGER"
    case text = "TEXT NOT NULL"
    /// Not a column of `runs`: the table `scenario` has one row a field.
    case ownTable = ""
  }

  /// Name in every format; the key of `vllm bench serve` where it has one.
  package var key: String
  /// Unit of the value, empty where it is a name.
  package var unit: String
  /// What the value is, in one line.
  package var meaning: String
  package var group: Group
  package var storage: Storage
  package var value: @Sendable (RunSummary) -> JSONValue

  /// Every column, in the order in which all formats write them.
  package static let all = run + latencies + load + kv + prefixCache + provenance

  private static let run: [SummaryColumn] = [
    .text("system", "serving system, as `catalog systems` lists it") { $0.system },
    .text("model", "catalogue name of the model") { $0.model },
    .text("device", "catalogue name of the device") { $0.device },
    .real(
      "request_rate", "req/s", "mean rate at which requests were offered; 0 where all came at once"
    ) { $0.requestRate },
    .count("completed", "requests", "requests that finished inside the window") { $0.completed },
    .count("rejected", "requests", "requests that could never be admitted") { $0.rejected },
    .count("unfinished", "requests", "requests neither finished nor rejected at the end") {
      $0.unfinished
    },
    .real("duration", "s", "length of the measuring window") { $0.duration },
    .real("request_throughput", "req/s", "completed requests by the length of the window") {
      $0.requestThroughput
    },
    .real("output_throughput", "tokens/s", "output tokens by the length of the window") {
      $0.outputThroughput
    },
  ]

  private static let latencies: [SummaryColumn] =
    distribution("ttft_ms", "time to first token, queueing included") { $0.ttft }
    + distribution("tpot_ms", "time per output token after the first, a request") { $0.tpot }
    + distribution("itl_ms", "inter-token latency, over single gaps") { $0.itl }
    + distribution("e2el_ms", "end-to-end latency") { $0.e2el }

  private static let load: [SummaryColumn] = [
    .measured(
      "mean_normalized_latency_s_per_token", "s/token",
      "mean over requests of end-to-end latency by output tokens"
    ) { $0.meanNormalizedLatency },
    .real("mean_batched_requests", "requests", "time-weighted mean of requests running") {
      $0.meanBatchedRequests
    },
    .real("mean_waiting_requests", "requests", "time-weighted mean of requests waiting") {
      $0.meanWaitingRequests
    },
    .count("iterations", "iterations", "iterations that ended inside the window") {
      $0.iterations
    },
    .count("preemptions_recompute", "preemptions", "preemptions that dropped the KV cache") {
      $0.preemptionsRecompute
    },
    .count("preemptions_swap", "preemptions", "preemptions that moved the KV cache to the host") {
      $0.preemptionsSwap
    },
  ]

  private static let kv: [SummaryColumn] = [
    .count("num_blocks", "blocks", "blocks in the KV pool", .kv) { $0.kv.blocks },
    .count("block_size", "tokens", "token slots of a block", .kv) { $0.kv.blockSize },
    .share("token_state", "slots that hold a computed token") { $0.kv.tokenState },
    .share("reserved", "slots that their request will use later") { $0.kv.reserved },
    .share("internal_fragmentation", "slots held that will never be used") {
      $0.kv.internalFragmentation
    },
    .share("external_fragmentation", "slots lost to rounding, or free but unusable") {
      $0.kv.externalFragmentation
    },
    .share("cached", "slots kept for prefix reuse by no running request") { $0.kv.cached },
    .share("free", "slots that hold nothing") { $0.kv.free },
    .real("sharing_saving", "1", "1 − physical blocks ⁄ logical blocks", .kv) {
      $0.kv.sharingSaving
    },
  ]

  private static let prefixCache: [SummaryColumn] = [
    .cacheCount(
      "prefix_cache_queried_tokens", "tokens", "tokens of the requests taken from the queue"
    ) { $0.queriedTokens },
    .cacheCount("prefix_cache_hit_tokens", "tokens", "those of them found in the prefix cache") {
      $0.hitTokens
    },
    .measured("prefix_cache_hit_rate", "1", "hit tokens ⁄ queried tokens", .kv) {
      $0.kv.prefixCache?.hitRate
    },
    .cacheCount(
      "prefix_cache_evicted_blocks", "blocks", "cached blocks that were taken for something else"
    ) { $0.evictedBlocks },
  ]

  private static let provenance: [SummaryColumn] = [
    // As text: SQLite's integers have a sign and would fold the upper half of the seeds.
    SummaryColumn(
      key: "seed", unit: "", meaning: "seed of every random stream (text in SQLite)",
      group: .provenance, storage: .text, value: { .unsigned($0.provenance.seed) }),
    .text("version", "version of kvplan that made the run", .provenance) {
      $0.provenance.version
    },
    .text("cost_profile", "cost profile and what is known of its error", .provenance) {
      $0.provenance.costProfile
    },
    SummaryColumn(
      key: "scenario", unit: "", meaning: "the resolved settings by flag name, a JSON object",
      group: .provenance, storage: .ownTable,
      value: { .object($0.provenance.scenario.map { .init($0.name, .text($0.value)) }) }),
  ]
}
