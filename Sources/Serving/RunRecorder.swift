import KVMemory
import SimulationKernel
import Workload

/// Writes a run down while it happens.
struct RunRecorder {
  private(set) var record: RunRecord
  /// What has held since `stateSince`.
  private var ledger: WasteLedger
  private var blocks = (logical: 0, physical: 0)
  private var queues = QueueLengths(running: 0, waiting: 0, swapped: 0)
  private var stateSince = SimInstant.zero
  /// What the prefix cache had done before the window.
  private var prefixCacheBefore: PrefixCacheTotals?
  /// End of the iteration before the running one.
  private var previousEnd: SimInstant?
  /// When cruising requests had their last token.
  private var cruiseEnd: SimInstant?

  init(requests: [Request], window: MeasuringWindow, emptyLedger: WasteLedger) {
    record = RunRecord(requests: requests, window: window)
    ledger = emptyLedger
  }

  mutating func arrived(_ request: RequestID, isRejected: Bool) {
    record.arrivedCount += 1
    record.milestones[Int(request)].isRejected = isRejected
  }

  /// An iteration was decided and starts.
  mutating func started(_ plan: IterationPlan, at start: SimInstant) {
    for id in plan.released { record.milestones[Int(id)].lastToken = cruiseEnd }
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
  mutating func ended(_ plan: IterationPlan, at end: SimInstant) {
    let isMeasured = record.window.contains(end)
    var emitted = plan.cruising
    var steady = 0
    var standing = 0
    for scheduled in plan.scheduled where scheduled.emittedTokens > 0 {
      let id = Int(scheduled.request)
      emitted += Int(scheduled.emittedTokens)
      if let last = record.milestones[id].lastToken {
        if last == previousEnd {
          steady += Int(scheduled.emittedTokens)
        } else if last == cruiseEnd {
          standing += Int(scheduled.emittedTokens)
        } else if isMeasured {
          record.tokenGaps.add(end - last, count: Int(scheduled.emittedTokens))
        }
      } else {
        record.milestones[id].firstToken = end
      }
      record.milestones[id].lastToken = end
    }
    if isMeasured {
      record.iterations += 1
      record.emittedTokens += emitted
      addSteadyGaps(to: end, sincePrevious: steady, sinceCruise: standing + plan.cruising)
    }
    previousEnd = end
    if plan.advancesCruise { cruiseEnd = end }
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
    for id in requests { record.milestones[Int(id)].finish = end }
  }

  /// The run is over: of what the prefix cache did, the window's part is kept.
  mutating func closed(with prefixCache: PrefixCacheTotals?) {
    record.prefixCache = prefixCache.map { $0 - (prefixCacheBefore ?? PrefixCacheTotals()) }
  }

  /// An iteration was decided that starts before the window.
  mutating func warmedUp(_ prefixCache: PrefixCacheTotals?) { prefixCacheBefore = prefixCache }

  /// From now on this state holds; the one before is added up to now.
  mutating func hold(
    _ ledger: WasteLedger, blocks: (logical: Int, physical: Int), queues: QueueLengths,
    from now: SimInstant
  ) {
    close(at: now)
    self.ledger = ledger
    self.blocks = blocks
    self.queues = queues
  }

  /// Adds what has held until `now`, as far as it lies in the window.
  mutating func close(at now: SimInstant) {
    let from = max(stateSince, record.window.from)
    let to = min(now, record.window.to ?? now)
    if from < to {
      record.integrals.add(ledger: ledger, blocks: blocks, queues: queues, for: to - from)
    }
    stateSince = now
    record.end = now
  }
}
