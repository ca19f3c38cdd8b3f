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
  /// End of the iteration before the running one.
  private var previousEnd: SimInstant?

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
  mutating func ended(_ plan: IterationPlan, at end: SimInstant) {
    let isMeasured = record.window.contains(end)
    var emitted = 0
    var steady = 0
    for scheduled in plan.scheduled where scheduled.emittedTokens > 0 {
      let id = Int(scheduled.request)
      emitted += Int(scheduled.emittedTokens)
      if let last = record.milestones[id].lastToken {
        if last == previousEnd {
          steady += Int(scheduled.emittedTokens)
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
      if let previousEnd { record.tokenGaps.add(end - previousEnd, count: steady) }
    }
    previousEnd = end
  }

  mutating func finished(_ requests: [RequestID], at end: SimInstant) {
    for id in requests { record.milestones[Int(id)].finish = end }
  }

  /// From now on this state holds; the one before is added up to now.
  mutating func hold(
    _ ledger: WasteLedger, blocks: (logical: Int, physical: Int), queues: QueueLengths,
    from now: SimInstant
  ) {
    close(at: now)
    if queues.running > 0 && record.window.contains(now) {
      record.steps.add(ledger: ledger, blocks: blocks, queues: queues)
    }
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
      record.history.add(ledger: ledger, queues: queues, from: from, to: to)
    }
    stateSince = now
    record.end = now
  }
}
