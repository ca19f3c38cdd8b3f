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
/// The whole simulation is ``run()``: take the next event, set the clock, let the scheduler decide an
/// iteration, price it, apply it, record it. One replica has at most two events to come, an arrival and the
/// end of an iteration; at one instant requests arrive first.
struct Engine<S: Scheduler> {
  private let requests: [Request]
  /// How many of `requests`, at their end, are sent first and not measured.
  private let warmups: Int
  /// Clients that do not wait for an answer; without a limit, always more than there are requests.
  private var freeClients: Int
  private let oversized: OversizedPolicy
  private var scheduler: S
  private var executor: any IterationExecutor
  private var recorder: RunRecorder
  private var clock = SimInstant.zero
  /// The request that arrives next, and where they end.
  private var nextArrival = 0
  private var arrivalsEnd: Int
  /// When the running iteration ends; `nil` while the engine is idle.
  private var iterationEnd: SimInstant?
  private var plan = IterationPlan()
  private var finished: [RequestID] = []

  /// - Parameters:
  ///   - maxConcurrency: Most requests in flight. One that is due while as many are waits at its
  ///     client, and its latency counts from when it is sent.
  ///   - warmups: How many of `requests`, at their end, are served before the others, until all have
  ///     their answers; the clock and the record begin behind them.
  /// - Source: `--max-concurrency` and `--num-warmups` of `vllm bench serve`.
  init(
    requests: [Request], scheduler: S, executor: any IterationExecutor, window: MeasuringWindow,
    oversized: OversizedPolicy, maxConcurrency: Int? = nil, warmups: Int = 0
  ) {
    self.requests = requests
    self.warmups = warmups
    self.scheduler = scheduler
    self.executor = executor
    self.oversized = oversized
    freeClients = maxConcurrency ?? .max
    arrivalsEnd = requests.count - warmups
    let measured = warmups > 0 ? Array(requests[..<arrivalsEnd]) : requests
    recorder = RunRecorder(requests: measured, window: window, emptyLedger: scheduler.ledger)
  }

  /// Serves every request, or stops at the end of the window: nothing later is measured.
  ///
  /// - Throws: ``RunFailure``.
  /// - Complexity: O(1) and what changes, an iteration; O(running requests) for systems that do not cruise.
  mutating func run() throws -> RunRecord {
    if warmups > 0 { try warmUp() }
    return close(at: try serve(until: recorder.record.window.to))
  }

  /// Serves what arrives and returns when it was done, at latest `end`.
  private mutating func serve(until end: SimInstant?) throws -> SimInstant {
    while let next = nextEvent {
      if let end, next >= end { return end }
      clock = next
      while nextArrivalTime == clock { try arrive() }
      if iterationEnd == clock { endIteration() }
      if iterationEnd == nil { try startIteration() }
    }
    let queues = scheduler.queues
    guard queues.waiting + queues.swapped == 0 else {
      throw RunFailure.stuck(waiting: queues.waiting + queues.swapped, at: clock)
    }
    return clock
  }

  /// Serves the warm-ups, then sets the clock back to zero: what they leave is a warm prefix cache.
  private mutating func warmUp() throws {
    let measured = recorder
    recorder = RunRecorder(
      requests: requests, window: MeasuringWindow(), emptyLedger: scheduler.ledger)
    nextArrival = arrivalsEnd
    arrivalsEnd = requests.count
    _ = try serve(until: nil)
    recorder = measured
    recorder.warmedUp(scheduler.prefixCache)
    nextArrival = 0
    arrivalsEnd = requests.count - warmups
    clock = .zero
  }

  private var nextEvent: SimInstant? {
    guard let arrival = nextArrivalTime else { return iterationEnd }
    return iterationEnd.map { min($0, arrival) } ?? arrival
  }

  /// When the next request is sent: when it is due, or now if it had to wait for a client.
  private var nextArrivalTime: SimInstant? {
    guard nextArrival < arrivalsEnd, freeClients > 0 else { return nil }
    return max(requests[nextArrival].arrival, clock)
  }

  private mutating func close(at end: SimInstant) -> RunRecord {
    recorder.close(at: end)
    recorder.closed(with: scheduler.prefixCache)
    return recorder.record
  }

  private mutating func arrive() throws {
    let request = requests[nextArrival]
    let id = RequestID(nextArrival)
    nextArrival += 1
    if request.arrival < clock { recorder.sent(id, at: clock) }
    let admission = scheduler.admission(of: request)
    recorder.arrived(id, isRejected: admission != .possible)
    guard admission == .possible else {
      // A warm-up is the first request of the trace.
      let named = Int(id) < requests.count - warmups ? id : 0
      if oversized == .fail { throw RunFailure.oversized(named, admission) }
      return
    }
    freeClients -= 1
    scheduler.enqueue(id)
  }

  private mutating func startIteration() throws {
    plan.removeAll()
    scheduler.schedule(into: &plan)
    if let failure = plan.failure { throw RunFailure.swapSpaceExhausted(failure, at: clock) }
    if plan.changesRequests { recorder.started(plan, at: clock) }
    if clock < recorder.record.window.from { recorder.warmedUp(scheduler.prefixCache) }
    recorder.hold(
      scheduler.ledger, blocks: scheduler.blocks, queues: scheduler.queues, from: clock)
    guard !plan.isEmpty || !plan.preempted.isEmpty else { return }
    let duration =
      plan.isEmpty ? .zero : executor.execute(plan, at: clock, placement: scheduler)
    iterationEnd = clock + duration
  }

  private mutating func endIteration() {
    iterationEnd = nil
    finished.removeAll(keepingCapacity: true)
    scheduler.complete(plan, finished: &finished)
    executor.completed(plan, placement: scheduler)
    recorder.ended(plan, at: clock)
    recorder.finished(finished, at: clock)
    // Who sends next arrives after the iteration that starts now.
    freeClients += finished.count
  }
}
