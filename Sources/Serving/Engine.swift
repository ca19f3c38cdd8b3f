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
  /// Under closed-loop clients, requests not yet sent arrive never.
  private var requests: [Request]
  /// The next request that a client sends when it gets an answer; `nil` with arrivals of their own.
  private var nextToSend: Int?
  private var frontEnd: FrontEnd
  private let oversized: OversizedPolicy
  private var scheduler: S
  private var executor: any IterationExecutor
  private var recorder: RunRecorder
  private var clock = SimInstant.zero
  /// The request that arrives next.
  private var nextArrival = 0
  /// When the running iteration ends; `nil` while the engine is idle.
  private var iterationEnd: SimInstant?
  private var plan = IterationPlan()
  private var finished: [RequestID] = []

  init(
    requests: [Request], scheduler: S, executor: any IterationExecutor, window: MeasuringWindow,
    oversized: OversizedPolicy, maxConcurrency: Int? = nil, frontEnd: FrontEnd = FrontEnd()
  ) {
    self.requests = requests
    self.frontEnd = frontEnd
    self.scheduler = scheduler
    self.executor = executor
    self.oversized = oversized
    recorder = RunRecorder(requests: requests, window: window, emptyLedger: scheduler.ledger)
    if let maxConcurrency { startClients(maxConcurrency) }
  }

  /// Serves every request, or stops at the end of the window: nothing later is measured.
  ///
  /// - Throws: ``RunFailure``.
  /// - Complexity: O(1) and what changes, an iteration; O(running requests) for systems that do not cruise.
  mutating func run() throws -> RunRecord {
    let windowEnd = recorder.record.window.to
    while let next = nextEvent {
      if let windowEnd, next >= windowEnd { return close(at: windowEnd) }
      clock = next
      while nextArrival < requests.count, requests[nextArrival].arrival == clock { try arrive() }
      if iterationEnd == clock { endIteration() }
      if iterationEnd == nil { try startIteration() }
    }
    let queues = scheduler.queues
    guard queues.waiting + queues.swapped == 0 else {
      throw RunFailure.stuck(waiting: queues.waiting + queues.swapped, at: clock)
    }
    return close(at: clock)
  }

  private var nextEvent: SimInstant? {
    guard nextArrival < requests.count, requests[nextArrival].arrival != .never else {
      return iterationEnd
    }
    let arrival = requests[nextArrival].arrival
    return iterationEnd.map { min($0, arrival) } ?? arrival
  }

  private mutating func close(at end: SimInstant) -> RunRecord {
    recorder.close(at: end)
    recorder.closed(with: scheduler.prefixCache)
    return recorder.record
  }

  /// The first `count` requests are sent at once, each other one when a client has its answer.
  ///
  /// - Source: `--max-concurrency` of `vllm bench serve` with an infinite request rate.
  private mutating func startClients(_ count: Int) {
    nextToSend = 0
    for index in requests.indices { requests[index].arrival = .never }
    for _ in 0..<min(count, requests.count) { sendNext(at: clock) }
  }

  /// A client sends its next request, if there is one: it arrives now or later, so that the iteration
  /// that starts now does not see it.
  private mutating func sendNext(at time: SimInstant) {
    guard let next = nextToSend, next < requests.count else { return }
    requests[next].arrival = frontEnd.pass(requestAt: time)
    recorder.sent(RequestID(next), at: time)
    nextToSend = next + 1
  }

  private mutating func arrive() throws {
    let request = requests[nextArrival]
    let id = RequestID(nextArrival)
    nextArrival += 1
    let admission = scheduler.admission(of: request)
    recorder.arrived(id, isRejected: admission != .possible)
    guard admission == .possible else {
      if oversized == .fail { throw RunFailure.oversized(id, admission) }
      sendNext(at: clock)
      return
    }
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
    let seen = nextToSend == nil ? clock : frontEnd.pass(tokens: plan.emittedTokens, at: clock)
    recorder.ended(plan, at: seen)
    recorder.finished(finished, at: seen)
    for _ in finished { sendNext(at: seen) }
  }
}

extension SimInstant {
  /// Later than every event.
  fileprivate static var never: SimInstant { SimInstant(nanoseconds: .max) }
}
