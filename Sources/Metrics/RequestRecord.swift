import Serving
import SimulationKernel

/// What happened to one request of a run; a row of `requests.csv`.
package struct RequestRecord: Equatable, Sendable {
  package enum Status: String, Sendable { case completed, rejected, unfinished }

  /// Position in the replayed trace, from 0.
  package var index: Int
  package var status: Status
  package var arrival: SimInstant
  package var promptTokens: Int
  /// Tokens of each output sequence.
  package var outputTokens: Int
  package var sequences: Int
  /// Start of the first iteration that ran it.
  package var firstScheduled: SimInstant?
  /// End of the iteration that gave its first output token.
  package var firstToken: SimInstant?
  /// When its answer was complete.
  package var finish: SimInstant?
  package var preemptionsRecompute: Int
  package var preemptionsSwap: Int
  /// When it was preempted, in order: the starts of the iterations that it was put out of. Empty where the run did not keep them.
  package var preemptions: [SimInstant] = []
  /// Its class of traffic; `nil` for none.
  package var className: String?
  /// Prompt tokens that the prefix cache had when it ran first; `nil` if it never ran, and without a prefix cache.
  package var cachedTokens: Int?
  /// Those of them that came from the host's memory; `nil` if it never ran, and without a tier there.
  package var hostTokens: Int?
  /// Those that came from a disk below it, which are not among them; `nil` also without one.
  package var diskTokens: Int?
  /// Tokens that were computed again after preemptions; `nil` for several sequences.
  package var recomputedTokens: Int?
  /// The replica that served it last, from 0; `nil` where none took it, because all were down.
  package var replica: Int? = 0
  /// How it went from there to the replica that decoded it; `nil` where the same did both.
  package var handOff: HandOff?

  /// Seconds from arrival to the first output token.
  package var ttft: Double? { firstToken.map { ($0 - arrival).seconds } }
  /// Seconds from arrival to the end.
  package var e2el: Double? { finish.map { ($0 - arrival).seconds } }
  /// Mean seconds per token after the first; `nil` for a single token.
  package var tpot: Double? {
    guard outputTokens > 1, let firstToken, let finish else { return nil }
    return (finish - firstToken).seconds / Double(outputTokens - 1)
  }
  /// End-to-end latency by output tokens, seconds per token.
  package var normalizedLatency: Double? { e2el.map { $0 / Double(outputTokens) } }
}

/// One finished simulation: its answers and, where they were kept, its requests.
package struct RunResult: Equatable, Sendable {
  package var summary: RunSummary
  package var requests: [RequestRecord]
  /// How it went over time; empty where that was not kept.
  package var history: [HistoryPoint]
  /// The same by replica of a fleet; empty for a single one.
  package var replicaHistories: [[HistoryPoint]]
  /// Whose latencies the summary is of: requests that finished inside it.
  package var window: MeasuringWindow

  package init(
    summary: RunSummary, requests: [RequestRecord], history: [HistoryPoint] = [],
    replicaHistories: [[HistoryPoint]] = [], window: MeasuringWindow = MeasuringWindow()
  ) {
    self.summary = summary
    self.requests = requests
    self.history = history
    self.replicaHistories = replicaHistories
    self.window = window
  }

  /// The requests that finished inside the window, where requests were kept.
  package var finishedRequests: some Sequence<RequestRecord> {
    requests.lazy.filter { $0.finish.map(window.contains) ?? false }
  }

  /// How each replica went over time, a single one too.
  package var timelines: [[HistoryPoint]] {
    replicaHistories.isEmpty ? [history] : replicaHistories
  }
}
