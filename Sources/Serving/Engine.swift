import CostModel
import SimulationKernel
import Workload

/// Runs iterations for the engine: says how long one takes.
///
/// The cost model answers from a formula or a table (``PlanPricer``); a reference engine answers by really
/// running the kernels, and needs to see where the tokens of each sequence are.
package protocol IterationExecutor: Sendable {
  /// Runs (or prices) a plan and returns how long it took.
  ///
  /// - Parameters:
  ///   - start: The clock now, when the iteration starts.
  ///   - placement: The scheduler after it decided the plan.
  mutating func execute(
    _ plan: IterationPlan, at start: SimInstant, placement: some SequencePlacement
  ) -> SimDuration

  /// Is told when the scheduler has taken in what the iteration gave.
  mutating func completed(_ plan: IterationPlan, placement: some SequencePlacement)
}

extension IterationExecutor {
  package mutating func completed(_ plan: IterationPlan, placement: some SequencePlacement) {}
}

/// An executor that runs nothing: the plan alone tells it how long the iteration takes.
package protocol PlanPricer: IterationExecutor {
  mutating func execute(_ plan: IterationPlan) -> SimDuration
}

extension PlanPricer {
  package mutating func execute(
    _ plan: IterationPlan, at start: SimInstant, placement: some SequencePlacement
  ) -> SimDuration {
    execute(plan)
  }
}

/// Why a run could not go on.
package enum RunFailure: Error, Equatable, Sendable {
  case swapSpaceExhausted(IterationPlan.SwapSpaceExhausted, at: SimInstant)
  /// A request can never be served, and the run was told to fail on those.
  case oversized(RequestID, Admission)
  /// Requests wait, nothing runs, and nothing will change: a live-lock that was asked for.
  case stuck(waiting: Int, at: SimInstant)
}

/// What to do with a request that can never be served (`--oversized`).
package enum OversizedPolicy: String, CaseIterable, Sendable { case skip, fail }

/// One serving replica on the simulated clock.
///
/// The whole simulation is ``run()``: pop the next event, set the clock, let the scheduler decide an
/// iteration, price it, apply it, record it.
struct Engine<S: Scheduler> {
  private enum Event {
    case arrival(RequestID)
    case iterationEnd
    case iterationStart

    /// At one instant requests arrive before an iteration ends, and an idle engine starts last.
    var rank: UInt8 {
      switch self {
      case .arrival: 0
      case .iterationEnd: 1
      case .iterationStart: 2
      }
    }
  }

  private let requests: [Request]
  private let oversized: OversizedPolicy
  private var scheduler: S
  private var executor: any IterationExecutor
  private var recorder: RunRecorder
  private var events = EventQueue<Event>()
  private var clock = SimInstant.zero
  private var plan = IterationPlan()
  private var finished: [RequestID] = []
  private var isBusy = false

  init(
    requests: [Request], scheduler: S, executor: any IterationExecutor, window: MeasuringWindow,
    oversized: OversizedPolicy
  ) {
    self.requests = requests
    self.scheduler = scheduler
    self.executor = executor
    self.oversized = oversized
    recorder = RunRecorder(requests: requests, window: window, emptyLedger: scheduler.ledger)
  }

  /// Serves every request, or stops at the end of the window: nothing later is measured.
  ///
  /// - Throws: ``RunFailure``.
  /// - Complexity: O(running requests) an iteration.
  mutating func run() throws -> RunRecord {
    let end = recorder.record.window.to
    if !requests.isEmpty { push(.arrival(0), at: requests[0].arrival) }
    while let next = events.popNext() {
      if let end, next.time >= end {
        recorder.close(at: end)
        recorder.closed(with: scheduler.prefixCache)
        return recorder.record
      }
      clock = next.time
      switch next.event {
      case .arrival(let request): try arrive(request)
      case .iterationEnd: try endIteration()
      case .iterationStart: try startIteration()
      }
    }
    recorder.close(at: clock)
    recorder.closed(with: scheduler.prefixCache)
    let queues = scheduler.queues
    guard queues.waiting + queues.swapped == 0 else {
      throw RunFailure.stuck(waiting: queues.waiting + queues.swapped, at: clock)
    }
    return recorder.record
  }

  private mutating func push(_ event: Event, at time: SimInstant) {
    events.push(event, at: time, rank: event.rank)
  }

  private mutating func arrive(_ id: RequestID) throws {
    let next = Int(id) + 1
    if next < requests.count { push(.arrival(RequestID(next)), at: requests[next].arrival) }
    let admission = scheduler.admission(of: requests[Int(id)])
    recorder.arrived(id, isRejected: admission != .possible)
    guard admission == .possible else {
      if oversized == .fail { throw RunFailure.oversized(id, admission) }
      return
    }
    scheduler.enqueue(id)
    if !isBusy {
      isBusy = true
      push(.iterationStart, at: clock)
    }
  }

  private mutating func startIteration() throws {
    plan.removeAll()
    scheduler.schedule(into: &plan)
    if let failure = plan.failure { throw RunFailure.swapSpaceExhausted(failure, at: clock) }
    recorder.started(plan, at: clock)
    recorder.hold(
      scheduler.ledger, blocks: scheduler.blocks, queues: scheduler.queues, from: clock)
    isBusy = !plan.isEmpty || !plan.preempted.isEmpty
    guard isBusy else { return }
    let duration =
      plan.isEmpty ? .zero : executor.execute(plan, at: clock, placement: scheduler)
    push(.iterationEnd, at: clock + duration)
  }

  private mutating func endIteration() throws {
    finished.removeAll(keepingCapacity: true)
    scheduler.complete(plan, finished: &finished)
    executor.completed(plan, placement: scheduler)
    recorder.ended(plan, at: clock)
    recorder.finished(finished, at: clock)
    try startIteration()
  }
}
