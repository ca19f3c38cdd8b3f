import KVMemory
import SimulationKernel
import Workload

/// Writes a run down while it happens.
struct RunRecorder {
  var record: RunRecord
  /// What has held since `stateSince`.
  private var state: HeldState
  var stateSince = SimInstant.zero
  /// What the prefix cache had done before the window.
  private var prefixCacheBefore: PrefixCacheTotals?
  /// End of the iteration before the running one.
  var previousEnd: SimInstant?
  /// When requests that are listed had their last token; of those that have had one.
  private var lastTokens = ResidentRows(blank: SimInstant.zero)
  /// When cruising requests had their last token.
  var cruiseEnd: SimInstant?

  init(requests: [Request], window: MeasuringWindow, emptyLedger: WasteLedger) {
    record = RunRecord(requests: requests, window: window)
    state = HeldState(ledger: emptyLedger)
  }

  mutating func arrived(_ request: RequestID, isRejected: Bool) {
    record.arrivedCount += 1
    if isRejected { record.milestones[Int(request)].isRejected = true }
  }

  /// An iteration was decided and starts; the state that it ends is recorded already (``hold(_:from:)``).
  mutating func started(_ plan: inout IterationPlan, at start: SimInstant) {
    if let cruiseEnd {
      for id in plan.released { lastTokens[Int(id)] = cruiseEnd }
    }
    if !plan.preempted.isEmpty && record.window.contains(start) {
      record.history.addPreemptions(plan.preempted.count, at: start)
    }
    for scheduled in plan.scheduled where scheduled.isPrefill {
      let id = Int(scheduled.request)
      if record.milestones[id].firstScheduled == nil {
        record.milestones[id].firstScheduled = start
      }
    }
    for preemption in plan.preempted {
      let id = Int(preemption.request)
      let isMeasured = record.window.contains(start)
      switch preemption.mode {
      case .recompute:
        record.milestones[id].preemptionsRecompute += 1
        if isMeasured { record.preemptionsRecompute += 1 }
      case .swap:
        record.milestones[id].preemptionsSwap += 1
        if isMeasured { record.preemptionsSwap += 1 }
      }
    }
  }

  /// An iteration ended and gave its tokens.
  mutating func ended(_ plan: inout IterationPlan, at end: SimInstant) {
    let isMeasured = record.window.contains(end)
    var emitted = plan.cruising
    var steady = 0
    var standing = 0
    for scheduled in plan.scheduled where scheduled.emittedTokens > 0 {
      let id = Int(scheduled.request)
      let tokens = Int(scheduled.emittedTokens)
      emitted += tokens
      guard let last = lastTokens.exchange(end, of: id) else {
        record.milestones[id].firstToken = end
        continue
      }
      if last == previousEnd {
        steady += tokens
      } else if last == cruiseEnd {
        standing += tokens
      } else if isMeasured {
        record.tokenGaps.add(end - last, count: tokens)
      }
    }
    if isMeasured {
      record.iterations += 1
      record.emittedTokens += emitted
      addSteadyGaps(to: end, sincePrevious: steady, sinceCruise: standing + plan.cruising)
    }
    previousEnd = end
    if plan.advancesCruise { cruiseEnd = end }
  }

  /// An iteration passed that gave `tokens` tokens to cruising requests, and to nobody else.
  ///
  /// - Parameter state: What held from its start to its end; the state before is closed (``close(at:)``).
  @inline(__always)
  mutating func passedSteady(
    _ state: HeldState, from start: SimInstant, to end: SimInstant, tokens: Int
  ) {
    if record.window.contains(start) { record.steps.add(state) }
    add(state, from: start, to: end)
    stateSince = end
    record.end = end
    if record.window.contains(end) {
      record.iterations += 1
      record.emittedTokens += tokens
      if let last = cruiseEnd ?? previousEnd { record.tokenGaps.add(end - last, count: tokens) }
    }
    previousEnd = end
    cruiseEnd = end
  }

  /// Gaps that many sequences share: one entry for all that waited equally long, so that the entries do not
  /// depend on who cruises and who is listed.
  private mutating func addSteadyGaps(to end: SimInstant, sincePrevious: Int, sinceCruise: Int) {
    guard let previousEnd, let cruiseEnd, previousEnd != cruiseEnd else {
      if let start = previousEnd ?? cruiseEnd {
        record.tokenGaps.add(end - start, count: sincePrevious + sinceCruise)
      }
      return
    }
    record.tokenGaps.add(end - previousEnd, count: sincePrevious)
    record.tokenGaps.add(end - cruiseEnd, count: sinceCruise)
  }

  /// A closed-loop client sent a request.
  mutating func sent(_ request: RequestID, at time: SimInstant) {
    record.requests[Int(request)].arrival = time
  }

  mutating func finished(_ requests: [RequestID], at end: SimInstant) {
    for id in requests {
      record.milestones[Int(id)].finish = end
      lastTokens.close(Int(id))
    }
  }

  /// The run is over: of what the prefix cache did, the window's part is kept.
  mutating func closed(with prefixCache: PrefixCacheTotals?) {
    record.prefixCache = prefixCache.map { $0 - (prefixCacheBefore ?? PrefixCacheTotals()) }
  }

  /// An iteration was decided that starts before the window.
  mutating func warmedUp(_ prefixCache: PrefixCacheTotals?) { prefixCacheBefore = prefixCache }

  /// From now on this state holds; the one before is added up to now.
  mutating func hold(_ state: HeldState, from now: SimInstant) {
    close(at: now)
    if state.queues.running > 0 && record.window.contains(now) { record.steps.add(state) }
    self.state = state
  }

  /// Adds what has held until `now`, as far as it lies in the window.
  mutating func close(at now: SimInstant) {
    add(state, from: stateSince, to: now)
    stateSince = now
    record.end = now
  }

  @inline(__always)
  private mutating func add(_ state: HeldState, from start: SimInstant, to end: SimInstant) {
    let from = max(start, record.window.from)
    let to = min(end, record.window.to ?? end)
    if from < to { record.history.add(state, from: from, to: to) }
  }
}
