import Serving

/// The answers of one run, over its measuring window. Units are in the names; JSON and CSV use the keys
/// that `docs/METRICS.md` lists.
package struct RunSummary: Equatable, Sendable {
  package var system: String
  package var model: String
  package var device: String
  /// Mean rate at which requests were offered, requests per second.
  package var requestRate: Double
  /// Requests that finished inside the window.
  package var completed: Int
  /// Requests that could never be admitted.
  package var rejected: Int
  /// Requests that had arrived when the run ended and were neither finished nor rejected.
  package var unfinished: Int
  /// Length of the measuring window, seconds.
  package var duration: Double
  /// Completed requests per second of window.
  package var requestThroughput: Double
  /// Output tokens emitted inside the window per second of window.
  package var outputThroughput: Double
  /// Milliseconds; over the completed requests.
  package var ttft: Distribution
  /// Milliseconds; over the completed requests of at least two output tokens.
  package var tpot: Distribution
  /// Milliseconds; over the gaps between tokens that ended inside the window.
  package var itl: Distribution
  /// Milliseconds; over the completed requests.
  package var e2el: Distribution
  /// Mean over the completed requests of end-to-end latency by output tokens, seconds per token.
  package var meanNormalizedLatency: Double?
  /// Time-weighted means over the window.
  package var meanBatchedRequests: Double
  package var meanWaitingRequests: Double
  /// Iterations that ended inside the window.
  package var iterations: Int
  package var preemptionsRecompute: Int
  package var preemptionsSwap: Int
  package var kv: KVSummary
  package var provenance: Provenance
  /// What came of drafts; `nil` where none were verified.
  package var speculation: SpeculationSummary?
  /// Means over iterations, each counted once.
  package var steps = StepMeans()
  /// The same latencies by class of traffic, in order of the classes' names in the trace; empty
  /// where the trace has no classes. Requests of no class are in none.
  package var classes: [ClassSummary] = []
  /// Share of the requests that are served as their targets ask (`--class`); `nil` without targets.
  package var attained: Double?
  /// Where the time of requests went that were handed from one replica to another; `nil` where none were.
  package var handOffs: HandOffSummary?
  /// How each replica failed; empty where none can.
  package var failures: [ReplicaFailures] = []
  /// The replicas of a fleet; empty for a single one.
  package var replicas: [ReplicaSummary] = []
}

/// The answers of one class of traffic over the measuring window.
package struct ClassSummary: Equatable, Sendable {
  package var name: String
  /// Requests that finished inside the window.
  package var completed: Int
  /// Requests that had arrived and could never be admitted.
  package var rejected: Int
  /// Milliseconds; over the completed requests, TPOT over those of at least two output tokens.
  package var ttft: Distribution
  package var tpot: Distribution
  package var e2el: Distribution
  /// As in ``RunSummary``.
  package var meanNormalizedLatency: Double?
  package var attained: Double?
}

extension RunSummary {
  /// ``jainIndex(_:)`` of what classes wait for a token, their mean normalized latencies; `nil` of fewer than two classes with
  /// answers.
  package var fairness: Double? { jainIndex(classes.compactMap(\.meanNormalizedLatency)) }
}

/// Where the KV slots were, as time-weighted shares of the pool that add to 1.
package struct KVSummary: Equatable, Sendable {
  /// Blocks in the pool, each of `blockSize` token slots.
  package var blocks: Int
  package var blockSize: Int
  package var tokenState: Double
  package var reserved: Double
  package var internalFragmentation: Double
  package var externalFragmentation: Double
  package var cached: Double
  package var free: Double
  /// 1 − physical blocks ⁄ logical blocks: what sharing blocks between sequences saved.
  package var sharingSaving: Double
  /// What the prefix cache did in iterations that started inside the window; `nil` without one.
  package var prefixCache: PrefixCacheSummary?
}

/// What a prefix cache gave. A request is counted when it is taken from the waiting queue, again after a
/// preemption.
package struct PrefixCacheSummary: Equatable, Sendable {
  /// Tokens that could have been found: all of the requests taken from the queue.
  package var queriedTokens: Int
  /// Tokens that were found, and not computed again.
  package var hitTokens: Int
  /// Blocks that lost what they cached because they were needed.
  package var evictedBlocks: Int
  /// What a tier behind it gave; `nil` without one.
  package var tier: TierSummary?
  /// What a tier below that gave; `nil` without one.
  package var disk: TierSummary?

  /// Hit tokens by queried tokens; `nil` where nothing was queried.
  package var hitRate: Double? {
    queriedTokens > 0 ? Double(hitTokens) / Double(queriedTokens) : nil
  }
}

/// What a tier behind the prefix cache gave, from its first iteration inside the window on.
package struct TierSummary: Equatable, Sendable {
  package enum Place: String, Sendable { case host, disk }

  package var place: Place
  /// Tokens that were found in it, in none above it, and not computed again.
  package var hitTokens: Int
  /// Tokens that were found in it and computed all the same (`--kv-restore`).
  package var computedTokens: Int
  /// Bytes that moved to the tier and back: over the link of each GPU, to a disk those of all GPUs.
  package var storedBytes: Int
  package var loadedBytes: Int
  /// Sequences for which tokens came from it.
  package var loads: Int
  /// Mean time from the decision to load until all is there; `nil` if nothing was loaded.
  package var loadSeconds: Double?
  /// How long iterations waited until blocks that they write to were copied, in all.
  package var flushSeconds: Double
}

/// Mean and quantiles of one quantity; all `nil` when nothing was measured.
package struct Distribution: Equatable, Sendable {
  /// Measured values.
  package var count: Int
  package var mean: Double?
  package var median: Double?
  package var p90: Double?
  package var p95: Double?
  package var p99: Double?

  package init(
    count: Int = 0, mean: Double? = nil, median: Double? = nil, p90: Double? = nil,
    p95: Double? = nil, p99: Double? = nil
  ) {
    self.count = count
    self.mean = mean
    self.median = median
    self.p90 = p90
    self.p95 = p95
    self.p99 = p99
  }
}

/// Everything that is needed to make a number again.
package struct Provenance: Equatable, Sendable {
  package var seed: UInt64
  package var version: String
  /// The resolved scenario, by flag name, in the order of the help text.
  package var scenario: [ScenarioField]
  /// Name of the cost profile and what is known of its error.
  package var costProfile: String
  /// How far served latencies were from simulated ones; `nil` where that has no meaning, or stands elsewhere.
  package var servedError: ServedError?
  /// The command that made the result; `nil` where none did, or it stands elsewhere.
  package var recipe: RunRecipe?

  package init(seed: UInt64, version: String, scenario: [ScenarioField], costProfile: String) {
    self.seed = seed
    self.version = version
    self.scenario = scenario
    self.costProfile = costProfile
  }
}

/// One resolved setting of a run.
package struct ScenarioField: Equatable, Sendable {
  package var name: String
  package var value: String

  package init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}
