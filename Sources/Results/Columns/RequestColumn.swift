import Metrics
import SimulationKernel

/// One column of `requests.csv`, named here only: header, rows and `docs/SCHEMA.md` follow ``all``.
package struct RequestColumn: Sendable {
  package var key: String
  /// Unit of the value, empty where it is a name or a number of a row.
  package var unit: String
  /// What the value is, in one line.
  package var meaning: String
  /// Appends the field, or nothing where the value is absent. Arguments: the number of the run,
  /// the record, and the row under construction.
  var append: @Sendable (Int, RequestRecord, inout ByteBuffer) -> Void

  /// Every column, in file order.
  package static let all: [RequestColumn] =
    identity + times + latencies + [
      RequestColumn(
        "preemptions_recompute", "preemptions", "times its KV cache was dropped and recomputed"
      ) { $2.append($1.preemptionsRecompute) },
      RequestColumn(
        "preemptions_swap", "preemptions", "times its KV cache was moved to the host"
      ) { $2.append($1.preemptionsSwap) },
      RequestColumn("class", "", "its class of traffic, empty for none") {
        if let name = $1.className { $2.append(name) }
      },
      RequestColumn(
        "cached_tokens", "tokens", "prompt tokens that the prefix cache had when it ran first"
      ) { if let tokens = $1.cachedTokens { $2.append(tokens) } },
      RequestColumn("recomputed_tokens", "tokens", "tokens computed again after preemptions") {
        if let tokens = $1.recomputedTokens { $2.append(tokens) }
      },
      RequestColumn("replica", "", "the replica that served it, from 0") {
        if let replica = $1.replica { $2.append(replica) }
      },
      RequestColumn("preemptions_s", "s", "when it was preempted, in order, separated by `;`") {
        for (number, instant) in $1.preemptions.enumerated() {
          if number > 0 { $2.append(byte: UInt8(ascii: ";")) }
          $2.append(seconds: instant)
        }
      },
    ]

  /// Behind ``all`` where a run has a tier behind its prefix cache.
  package static let tier = RequestColumn(
    "host_tokens", "tokens", "those of `cached_tokens` that came from the host's memory"
  ) { if let tokens = $1.hostTokens { $2.append(tokens) } }

  /// Behind ``tier`` where a run has a disk below it.
  package static let disk = RequestColumn(
    "disk_tokens", "tokens", "those that came from the disk below it, which are not among them"
  ) { if let tokens = $1.diskTokens { $2.append(tokens) } }

  static func columns(of runs: [RunResult]) -> [RequestColumn] {
    let tiers = runs.map(\.summary.tiers.count).max() ?? 0
    return all + [tier, disk].prefix(tiers)
  }

  private static let identity = [
    RequestColumn("run", "", "row of the run in `summary.csv`, from 1") { $2.append($0) },
    RequestColumn("request", "", "position in the replayed trace, from 0") { $2.append($1.index) },
    RequestColumn("status", "", "`completed`, `rejected` or `unfinished`") {
      $2.append($1.status.rawValue)
    },
    RequestColumn("arrival_s", "s", "when it arrived, or was sent where clients or sessions wait") {
      $2.append(seconds: $1.arrival)
    },
    RequestColumn("prompt_tokens", "tokens", "length of the prompt") { $2.append($1.promptTokens) },
    RequestColumn("output_tokens", "tokens", "tokens of each output sequence") {
      $2.append($1.outputTokens)
    },
    RequestColumn("sequences", "sequences", "output sequences") { $2.append($1.sequences) },
  ]

  private static let times = [
    RequestColumn("first_scheduled_s", "s", "start of the first iteration that ran it") {
      $2.append(seconds: $1.firstScheduled)
    },
    RequestColumn("first_token_s", "s", "end of the iteration that gave its first token") {
      $2.append(seconds: $1.firstToken)
    },
    RequestColumn("finish_s", "s", "when its answer was complete") {
      $2.append(seconds: $1.finish)
    },
  ]

  private static let latencies = [
    RequestColumn("ttft_ms", "ms", "from arrival to the first token") {
      $2.append(millisecondsFrom: $1.arrival, to: $1.firstToken)
    },
    RequestColumn("tpot_ms", "ms", "mean time per token after the first") {
      guard $1.outputTokens > 1, let first = $1.firstToken, let finish = $1.finish else { return }
      // From nanoseconds, with the operations of the view `request_latency`: both agree to the bit.
      $2.append(Double((finish - first).nanoseconds) / 1e6 / Double($1.outputTokens - 1))
    },
    RequestColumn("e2el_ms", "ms", "from arrival to the end") {
      $2.append(millisecondsFrom: $1.arrival, to: $1.finish)
    },
    RequestColumn("normalized_latency_s_per_token", "s/token", "from arrival to end, by tokens") {
      if let latency = $1.normalizedLatency { $2.append(latency) }
    },
  ]

  private init(
    _ key: String, _ unit: String, _ meaning: String,
    append: @escaping @Sendable (Int, RequestRecord, inout ByteBuffer) -> Void
  ) {
    self.key = key
    self.unit = unit
    self.meaning = meaning
    self.append = append
  }
}

extension ByteBuffer {
  /// Seconds since the start of the run, exact to the nanosecond; nothing for `nil`.
  mutating func append(seconds instant: SimInstant?) {
    if let instant { append(instant.nanoseconds, decimals: 9) }
  }

  /// The span in milliseconds, exact to the nanosecond; nothing if it never ended.
  fileprivate mutating func append(millisecondsFrom start: SimInstant, to end: SimInstant?) {
    if let end { append((end - start).nanoseconds, decimals: 6) }
  }
}
