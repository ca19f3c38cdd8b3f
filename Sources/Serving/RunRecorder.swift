import KVMemory
import SimulationKernel
import Workload

/// Writes down what one replica does while it happens.
struct RunRecorder {
  /// Of the run's log, which the engine keeps.
  let log: RequestLog.Entries
  let window: MeasuringWindow
  let emptyLedger: WasteLedger
  var record: ReplicaRecord
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

  init(_ log: RequestLog, emptyLedger: WasteLedger) {
    self.log = log.entries
    window = log.window
    self.emptyLedger = emptyLedger
    record = ReplicaRecord(from: window.from)
    state = HeldState(ledger: emptyLedger)
  }

  @inline(__always)
  func arrived(_ request: RequestID, isRejected: Bool) {
    log.arrivedCount.pointee += 1
    if isRejected { log[request].isRejected = true }
  }

  /// An iteration was decided and starts; the state that it ends is recorded already (``hold(_:from:)``).
  mutating func started(_ plan: inout IterationPlan, at start: SimInstant) {
    if let cruiseEnd {
      for id in plan.released { lastTokens[Int(id)] = cruiseEnd }
    }
    if !plan.preempted.isEmpty && window.contains(start) {
      record.history.addPreemptions(plan.preempted.count, at: start)
    }
    for loaded in plan.loaded where log[loaded.request].firstScheduled == nil {
      log.tierTokens.pointee[loaded.request] = TierTokens(
        host: loaded.tokens - loaded.below, disk: loaded.below)
    }
    for scheduled in plan.scheduled where scheduled.isPrefill {
      let id = scheduled.request
      if log[id].firstScheduled == nil {
        log[id].firstScheduled = start
        log.cachedTokens[Int(id)] = scheduled.contextTokens
      } else if log[id].preemptionsRecompute > 0 {
        log.losses.pointee[id]?.ran(behind: scheduled.contextTokens)
      }
    }
    // What comes while a request runs was not among what was there when it began to.
    for loaded in plan.loaded where !loaded.isAwaited && log[loaded.request].firstScheduled == start
    {
      log.cachedTokens[Int(loaded.request)] += loaded.tokens
    }
    for preemption in plan.preempted {
      let id = preemption.request
      let isMeasured = window.contains(start)
      switch preemption.mode {
      case .recompute:
        log[id].preemptionsRecompute += 1
        log.losses.pointee[id, default: RecomputeLoss()].preempted(at: preemption.computedTokens)
        if isMeasured { record.preemptionsRecompute += 1 }
      case .swap:
        log[id].preemptionsSwap += 1
        if isMeasured { record.preemptionsSwap += 1 }
      }
      log.preemptions.pointee?[id, default: []].append(start)
    }
  }

  /// An iteration ended and gave its tokens.
  mutating func ended(_ plan: inout IterationPlan, at end: SimInstant) {
    let isMeasured = window.contains(end)
    var emitted = plan.cruising
    var steady = 0
    var standing = 0
    for scheduled in plan.scheduled where scheduled.emittedTokens > 0 {
      let id = scheduled.request
      emitted += Int(scheduled.emittedTokens)
      // Accepted drafts come without a gap of their own.
      let tokens = Int(scheduled.emittedTokens - scheduled.acceptedTokens)
      guard let last = lastTokens.exchange(end, of: Int(id)) else {
        log[id].firstToken = end
        continue
      }
      if last == previousEnd {
        steady += tokens
      } else if last == cruiseEnd {
        standing += tokens
      } else if isMeasured {
        log.tokenGaps.pointee.add(end - last, count: tokens)
      }
    }
    if isMeasured {
      record.iterations += 1
      record.emittedTokens += emitted
      if !plan.drafted.isEmpty { record.drafts.add(plan) }
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
    if window.contains(start) { record.steps.add(state) }
    add(state, from: start, to: end)
    stateSince = end
    record.end = end
    if window.contains(end) {
      record.iterations += 1
      record.emittedTokens += tokens
      if let last = cruiseEnd ?? previousEnd {
        log.tokenGaps.pointee.add(end - last, count: tokens)
      }
    }
    previousEnd = end
    cruiseEnd = end
  }

  /// Gaps that many sequences share: one entry for all that waited equally long, so that the entries do not
  /// depend on who cruises and who is listed.
  private mutating func addSteadyGaps(to end: SimInstant, sincePrevious: Int, sinceCruise: Int) {
    guard let previousEnd, let cruiseEnd, previousEnd != cruiseEnd else {
      if let start = previousEnd ?? cruiseEnd {
        log.tokenGaps.pointee.add(end - start, count: sincePrevious + sinceCruise)
      }
      return
    }
    log.tokenGaps.pointee.add(end - previousEnd, count: sincePrevious)
    log.tokenGaps.pointee.add(end - cruiseEnd, count: sinceCruise)
  }

  mutating func finished(_ requests: [RequestID], at end: SimInstant) {
    for id in requests {
      log[id].finish = end
      lastTokens.close(Int(id))
    }
  }

  /// The engine failed: the requests that it had begin again elsewhere, and its prefix cache is lost.
  mutating func abandon(_ prefixCache: PrefixCacheTotals?) {
    lastTokens = ResidentRows(blank: .zero)
    (previousEnd, cruiseEnd) = (nil, nil)
    // What it counted stays counted: the cache of the engine in its place counts from zero.
    if let prefixCache {
      prefixCacheBefore = (prefixCacheBefore ?? PrefixCacheTotals()) - prefixCache
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
    if state.queues.running > 0 && window.contains(now) { record.steps.add(state) }
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
    let from = max(start, window.from)
    let to = min(end, window.to ?? end)
    if from < to { record.history.add(state, from: from, to: to) }
  }
}
