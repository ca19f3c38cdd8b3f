import SimulationKernel

/// What one replica did over the measuring window, summed.
package struct ReplicaRecord: Equatable, Sendable {
  /// When the last event of the replica was.
  package var end = SimInstant.zero
  /// What held between events, over time: in at most ``RunHistory/intervalsMax`` pieces of the window.
  package var history: RunHistory
  /// The same numbers at the start of each iteration, in plain sums.
  package var steps = StepSums()
  /// Iterations and output tokens that ended inside the window.
  package var iterations = 0
  package var emittedTokens = 0
  package var preemptionsRecompute = 0
  package var preemptionsSwap = 0
  /// What the prefix cache did in iterations that started inside the window; `nil` for a system without one.
  package var prefixCache: PrefixCacheTotals?
  /// What came of drafts in iterations that ended inside the window.
  package var drafts = DraftTotals()

  init(from start: SimInstant) { history = RunHistory(from: start) }

  /// The same with each slot of the ledger counted so many times.
  func weighted(by weight: Int) -> ReplicaRecord {
    guard weight != 1 else { return self }
    var record = self
    record.history.weigh(by: weight)
    record.steps.weigh(by: weight)
    return record
  }

  /// Adds what another replica did over the same window, to the same end.
  mutating func add(_ other: ReplicaRecord) {
    end = max(end, other.end)
    history.add(other.history)
    steps.add(other.steps)
    iterations += other.iterations
    emittedTokens += other.emittedTokens
    preemptionsRecompute += other.preemptionsRecompute
    preemptionsSwap += other.preemptionsSwap
    drafts.add(other.drafts)
    if let totals = other.prefixCache {
      prefixCache = (prefixCache ?? PrefixCacheTotals()) + totals
    }
  }
}

/// How one replica failed inside the measuring window.
package struct ReplicaFailures: Equatable, Sendable {
  package var failures = 0
  /// How long it took no requests.
  package var down = SimDuration.zero
  /// Requests that it had and another began again.
  package var retriedRequests = 0
  /// Tokens whose keys and values those had in its pool.
  package var lostTokens = 0

  package init() {}
}
