import CostModel
import KVMemory
import Messages
import SimulationKernel
import Workload

/// Why a run could not go on.
package enum RunFailure: Error, Equatable, Sendable {
  case swapSpaceExhausted(IterationPlan.SwapSpaceExhausted, at: SimInstant)
  /// What runs finds too few KV slots, and the engine has no way to make room.
  case poolExhausted(missing: Int, free: Int, at: SimInstant)
  /// A request can never be served, and the run was told to fail on those.
  case oversized(RequestID, Admission)
  /// Requests wait, nothing runs, and nothing will change: a live-lock that was asked for.
  case stuck(waiting: Int, at: SimInstant)
  /// A request began again so often, as its replicas fail before it is complete, that it would not end.
  case neverEnds(RequestID, restarts: Int, at: SimInstant)
}

extension RunFailure {
  fileprivate init(_ failure: IterationPlan.Failure, at time: SimInstant) {
    switch failure {
    case .swapSpaceExhausted(let swap): self = .swapSpaceExhausted(swap, at: time)
    case .poolExhausted(let missing, let free):
      self = .poolExhausted(missing: missing, free: free, at: time)
    }
  }
}

/// What to do with a request that can never be served (`--oversized`).
package enum OversizedPolicy: String, CaseIterable, Sendable { case skip, fail }

/// One serving replica on the simulated clock: decide ▸ price ▸ apply ▸ record.
///
/// Whoever feeds it says when requests come. At one instant requests arrive first, then the iteration ends, then the
/// next is decided.
///
///     advance(to: t₁)    submit(7, at: t₁)    advance(to: t₂)    submit(8, at: t₂)    drain()
///     |── iteration ──|── iteration ──|── iteration ──|── iteration ──|── iteration ──|
struct Engine<S: Scheduler> {
  /// The requests of the run, by number.
  private let requests: RunRequests
  private let oversized: OversizedPolicy
  let log: RequestLog
  var scheduler: S
  private var executor: any IterationExecutor
  /// The executor's prices, if the work of an iteration is all that it looks at; the scheduler and the plan are then
  /// not copied for it.
  let pricer: (any IterationCostModel)?
  var recorder: RunRecorder
  /// What clients reach the engine through; `nil` if it takes no time.
  let frontEnd: FrontEndProcess?
  var clock = SimInstant.zero
  /// When the running iteration ends; `nil` while the engine is idle.
  var iterationEnd: SimInstant?
  /// When the scheduler wants to decide although nothing comes.
  private var wakeUp: SimInstant?
  /// Whether something came since the last decision, so that there is something to decide.
  var hasNews = false
  var plan: IterationPlan
  /// The iteration after the running one, where it is decided ahead of that one's output.
  var next: IterationPlan
  var hasNext = false
  /// Scratch: requests that are complete with an iteration.
  var finished: [RequestID] = []
  /// Requests that left since they were last taken, where somebody waits for them.
  var departures: [Departure] = []
  private let keepsDepartures: Bool
  /// What ``runSteady(before:_:)`` remembers.
  var pace = Pace()

  init(
    _ run: ReplicaSetup, scheduler: S, executor: any IterationExecutor, attendedMax: Int? = nil
  ) {
    requests = run.requests
    oversized = run.oversized
    log = run.log
    self.scheduler = scheduler
    self.executor = executor
    pricer = (executor as? PricedExecutor)?.prices
    frontEnd = run.frontEnd
    keepsDepartures = run.keepsDepartures
    plan = IterationPlan(attendedMax: attendedMax)
    next = plan
    recorder = RunRecorder(run.log, emptyLedger: scheduler.ledger)
  }

  /// Serves requests at their arrivals, in order, and stops at `end`.
  ///
  /// - Throws: ``RunFailure``.
  /// - Complexity: O(1) and what changes, an iteration; O(running requests) for systems that look at each.
  mutating func serve(_ arriving: [RequestID], until end: SimInstant) throws {
    let pricer = pricer
    for id in arriving {
      let arrival = requests[id].arrival
      if arrival >= end { break }
      try advance(to: arrival, pricer)
      try submit(id, at: arrival)
    }
    try advance(to: end, pricer)
  }

  /// Runs all that happens before `limit`.
  mutating func advance(to limit: SimInstant) throws { try advance(to: limit, pricer) }

  /// - Parameter pricer: That of the engine: each look at a reference of a class would count it.
  private mutating func advance(to limit: SimInstant, _ pricer: (any IterationCostModel)?) throws {
    guard clock < limit else { return }
    try settle(before: limit, pricer)
    while let next = nextEvent, next < limit {
      clock = next
      try settle(before: limit, pricer)
    }
  }

  /// When something happens next if nothing arrives; `nil` if nothing does.
  ///
  /// A scheduler that wants to be woken is asked at the end of an iteration anyway.
  var nextEvent: SimInstant? { iterationEnd ?? wakeUp }

  /// Takes a request that arrives at `time`, to which the engine was advanced.
  ///
  /// - Returns: When it decides next: at the end of the running iteration, else at once.
  @discardableResult
  mutating func submit(_ request: RequestID, at time: SimInstant) throws -> SimInstant {
    precondition(time >= clock, "request \(request) arrives at \(time), before \(clock)")
    if pace.announced != nil { startAnnounced() }
    clock = time
    try arrive(request)
    return iterationEnd ?? clock
  }

  /// Runs until nothing is to come, and returns when that was.
  mutating func drain() throws -> SimInstant {
    try advance(to: .distantFuture)
    let queues = scheduler.queues
    guard queues.waiting + queues.swapped == 0 else {
      throw RunFailure.stuck(waiting: queues.waiting + queues.swapped, at: clock)
    }
    return clock
  }

  /// Ends what ends at `now` and decides what comes then, after all that arrives then.
  ///
  /// - Returns: The earliest instant at which a request may leave, if none arrives before; `nil` if nothing runs.
  mutating func step(at now: SimInstant) throws -> SimInstant? {
    let pricer = pricer
    try runAnnounced(through: now, pricer)
    while let next = nextEvent, next <= now {
      clock = next
      endWhatEnds()
      if next < now { try settle(before: now, pricer) }
    }
    if iterationEnd == nil && hasNews {
      if let end = announce(pricer) { return end }
      try startIteration(pricer)
    }
    return nextEvent
  }

  /// Does what is due now: ends the iteration that ends, and decides the next, after as many as end before `limit`
  /// with nothing to decide.
  private mutating func settle(before limit: SimInstant, _ pricer: (any IterationCostModel)?) throws
  {
    endWhatEnds()
    guard iterationEnd == nil && hasNews else { return }
    if let pricer, mayJump { runSteady(before: limit, pricer) }
    if iterationEnd == nil { try startIteration(pricer) }
  }

  private mutating func endWhatEnds() {
    if iterationEnd == clock {
      endIteration()
    } else if wakeUp == clock {
      hasNews = true
    }
  }

  @inline(__always)
  private mutating func arrive(_ id: RequestID) throws {
    let request = requests[id]
    hasNews = true
    let admission = scheduler.admission(of: request)
    recorder.arrived(id, isRejected: admission != .possible)
    if admission == .possible { return scheduler.enqueue(id) }
    if oversized == .fail { throw RunFailure.oversized(id, admission) }
    if keepsDepartures { departures.append(Departure(request: id, time: clock)) }
  }

  /// Decides the next iteration, unless it was decided ahead; it starts now.
  private mutating func startIteration(_ pricer: (any IterationCostModel)?) throws {
    hasNews = false
    if !takeNext() { try decide() }
    decideAhead()
    recorder.hold(heldState, from: clock)
    if plan.changesRequests { recorder.started(&plan, at: clock) }
    if clock < recorder.window.from { recorder.warmedUp(scheduler.prefixCache) }
    guard plan.doesSomething else { return }
    iterationEnd = clock + duration(pricer)
  }

  private mutating func decide() throws {
    plan.removeAll()
    scheduler.schedule(at: clock, into: &plan)
    wakeUp = scheduler.wakeUp
    precondition(
      wakeUp.map { $0 > clock } ?? true, "Engine: the scheduler wants to wake up at \(clock)")
    if let failure = plan.failure { throw RunFailure(failure, at: clock) }
  }

  /// How long the planned iteration takes; nothing, if it only takes requests out.
  private mutating func duration(_ pricer: (any IterationCostModel)?) -> SimDuration {
    if plan.isEmpty { return .zero }
    if let pricer { return plan.lasting(pricer.duration(of: plan.work), from: clock) }
    let computing = executor.execute(plan, at: clock, placement: scheduler)
    return plan.lasting(computing, from: clock)
  }

  private mutating func endIteration() {
    iterationEnd = nil
    hasNews = true
    finished.clear()
    scheduler.complete(&plan, finished: &finished)
    if pricer == nil { executor.completed(plan, placement: scheduler) }
    let now = clock
    let seen = frontEnd?.pass(tokens: plan.emittedTokens, at: now) ?? now
    recorder.ended(&plan, at: seen)
    leave(at: seen)
  }

  /// Requests that are complete leave.
  mutating func leave(at time: SimInstant) {
    guard !finished.isEmpty else { return }
    recorder.finished(finished, at: time)
    guard keepsDepartures else { return }
    for request in finished { departures.append(Departure(request: request, time: time)) }
  }

  @inline(__always)
  var heldState: HeldState {
    HeldState(ledger: scheduler.ledger, blocks: scheduler.blocks, queues: scheduler.queues)
  }
}
