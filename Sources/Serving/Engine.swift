import CostModel
import KVMemory
import Messages
import SimulationKernel
import Workload

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
  /// Who sends the requests, where only so many may be in flight; `nil` where each is sent when it is due.
  private var clients: Clients?
  private let oversized: OversizedPolicy
  private var scheduler: S
  private var executor: any IterationExecutor
  /// The executor, if the shape of an iteration is all that it looks at; the scheduler and the plan are then not
  /// copied for it.
  private let pricer: (any ShapePricer)?
  private var recorder: RunRecorder
  private var clock = SimInstant.zero
  /// The request that arrives next, and where they end.
  private var nextArrival = 0
  private var arrivalsEnd: Int
  /// When it comes, if that is known, else ``SimInstant/distantFuture``; see ``lookAhead()``.
  private var arrivalTime = SimInstant.distantFuture
  /// When the running iteration ends; `nil` while the engine is idle.
  private var iterationEnd: SimInstant?
  /// Whether something came since the last decision, so that there is something to decide.
  private var hasNews = false
  private var plan = IterationPlan()
  /// Prices of the next iterations without a plan.
  private var steadyPrices = [SimDuration](repeating: .zero, count: Self.pricedAtOnce)
  /// The blocks that they take.
  private var growth = SteadyGrowth(iterations: Self.pricedAtOnce)
  /// How long the last of them took.
  private var steadyPrice = SimDuration(nanoseconds: 1)
  private var finished: [RequestID] = []

  /// - Parameters:
  ///   - clients: Who sends the requests; a request that is due while all clients wait for answers is
  ///     sent later, and its latency counts from then.
  ///   - warmups: How many of `requests`, at their end, are served before the others, until all have
  ///     their answers; the clock and the record begin behind them.
  /// - Source: `--max-concurrency` and `--num-warmups` of `vllm bench serve`.
  init(
    requests: [Request], scheduler: S, executor: any IterationExecutor, window: MeasuringWindow,
    oversized: OversizedPolicy, clients: Clients? = nil, warmups: Int = 0
  ) {
    self.requests = requests
    self.warmups = warmups
    self.scheduler = scheduler
    self.executor = executor
    pricer = executor as? any ShapePricer
    self.oversized = oversized
    self.clients = clients
    arrivalsEnd = requests.count - warmups
    let measured = warmups > 0 ? Array(requests[..<arrivalsEnd]) : requests
    recorder = RunRecorder(requests: measured, window: window, emptyLedger: scheduler.ledger)
  }

  /// Serves every request, or stops at the end of the window: nothing later is measured.
  ///
  /// - Throws: ``RunFailure``.
  /// - Complexity: O(1) and what changes, an iteration; O(running requests) for systems that do not cruise.
  @_specialize(where S == MixedIterationScheduler<PagedMemory>)
  @_specialize(where S == MixedIterationScheduler<OrcaMemory>)
  @_specialize(where S == PromptOrDecodeScheduler)
  @_specialize(where S == TokenBudgetScheduler)
  @_specialize(where S == StaticBatchScheduler)
  mutating func run() throws -> RunRecord {
    if warmups > 0 { try warmUp() }
    startClients(0..<arrivalsEnd)
    return close(at: try serve(until: recorder.record.window.to))
  }

  /// Serves what arrives and returns when it was done, at latest `end`.
  private mutating func serve(until end: SimInstant?) throws -> SimInstant {
    let limit = end ?? .distantFuture
    let pricer = pricer
    while true {
      lookAhead()
      let next = min(arrivalTime, iterationEnd ?? .distantFuture)
      if next == .distantFuture { break }
      if next >= limit { return limit }
      clock = next
      while arrivalTime == clock {
        if let sent = clients?.takeArrival() { recorder.sent(RequestID(nextArrival), at: sent) }
        nextArrival += 1
        try arrive(RequestID(nextArrival - 1))
        lookAhead()
      }
      try settle(before: min(limit, arrivalTime), pricer)
    }
    try requireNothingWaits()
    return clock
  }

  /// Does what is due now: ends the iteration that ends, and decides the next, after as many as end before `limit`
  /// with nothing to decide.
  ///
  /// - Parameter pricer: That of the engine: each look at a reference of a class would count it.
  private mutating func settle(before limit: SimInstant, _ pricer: (any ShapePricer)?) throws {
    if iterationEnd == clock { endIteration() }
    guard iterationEnd == nil && hasNews else { return }
    if let pricer, clients == nil { runSteady(before: limit, pricer) }
    if iterationEnd == nil { try startIteration(pricer) }
  }

  /// Runs iterations that only give each running request its token, without plans. The last one, which ends at
  /// `limit` or later, is left running.
  ///
  /// Closed-loop clients look at every iteration, as do executors that run or name requests.
  private mutating func runSteady(before limit: SimInstant, _ pricer: any ShapePricer) {
    while let stretch = scheduler.steadyStretch(atMost: iterations(before: limit)) {
      steadyPrices.withUnsafeMutableBufferPointer { prices in
        pricer.price(
          decoding: stretch.sequences, contextTokens: stretch.contextTokens,
          into: UnsafeMutableBufferPointer(rebasing: prices[..<stretch.iterations]))
      }
      recorder.close(at: clock)
      var together = 0
      var end = clock
      while together < stretch.iterations {
        let next = end + steadyPrices[together]
        guard next < limit, recorder.recordsTogether(from: clock, to: next) else { break }
        end = next
        together += 1
      }
      guard runTogether(together, of: stretch) else { return }
      guard together == stretch.iterations || runNext(together, of: stretch, before: limit)
      else { return }
    }
  }

  /// Runs the first `count` iterations of a stretch.
  ///
  /// - Returns: Whether there were blocks for all of them.
  private mutating func runTogether(_ count: Int, of stretch: SteadyStretch) -> Bool {
    guard count > 0 else { return true }
    growth.removeAll()
    let ran = scheduler.scheduleSteady(count, &growth)
    guard ran > 0 else { return false }
    let held = heldState
    steadyPrices.withUnsafeBufferPointer { prices in
      recorder.passedSteady(
        held, &growth, from: clock,
        durations: UnsafeBufferPointer(rebasing: prices[..<ran]), tokens: stretch.tokens)
    }
    steadyPrice = steadyPrices[ran - 1]
    clock = recorder.record.end
    completeSteady(ran)
    return ran == count
  }

  /// Runs the iteration of a stretch that comes next, number `index`, which ends in a new piece of the history or
  /// outside the window, or ends at `limit` or later.
  ///
  /// - Returns: Whether it ended before `limit`.
  private mutating func runNext(
    _ index: Int, of stretch: SteadyStretch, before limit: SimInstant
  ) -> Bool {
    growth.removeAll()
    guard scheduler.scheduleSteady(1, &growth) == 1 else { return false }
    if clock < recorder.record.window.from { recorder.warmedUp(scheduler.prefixCache) }
    steadyPrice = steadyPrices[index]
    let end = clock + steadyPrice
    guard end < limit else {
      leaveRunning(stretch, until: end)
      return false
    }
    recorder.passedSteady(heldState, from: clock, to: end, tokens: stretch.tokens)
    clock = end
    completeSteady(1)
    return true
  }

  private mutating func completeSteady(_ count: Int) {
    finished.clear()
    scheduler.completeSteady(count, finished: &finished)
    if !finished.isEmpty { recorder.finished(finished, at: clock) }
  }

  /// Leaves the iteration that was decided last running, as one with a plan.
  private mutating func leaveRunning(_ stretch: SteadyStretch, until end: SimInstant) {
    recorder.hold(heldState, from: clock)
    plan.removeAll()
    plan.cruising = stretch.tokens
    plan.advancesCruise = true
    iterationEnd = end
    hasNews = false
  }

  /// Iterations that are priced together, at most.
  private static var pricedAtOnce: Int { 32 }

  /// About how many iterations like the last one end before `limit`, and the one that does not.
  private func iterations(before limit: SimInstant) -> Int {
    let left = (limit - clock).nanoseconds
    if left >= Int64(Self.pricedAtOnce) * steadyPrice.nanoseconds { return Self.pricedAtOnce }
    return Int(left / steadyPrice.nanoseconds) + 1
  }

  @inline(__always)
  private var heldState: HeldState {
    HeldState(ledger: scheduler.ledger, blocks: scheduler.blocks, queues: scheduler.queues)
  }

  /// - Throws: ``RunFailure/stuck(waiting:at:)`` if requests wait although nothing is to come.
  private func requireNothingWaits() throws {
    let queues = scheduler.queues
    guard queues.waiting + queues.swapped == 0 else {
      throw RunFailure.stuck(waiting: queues.waiting + queues.swapped, at: clock)
    }
  }

  /// Serves the warm-ups, then sets the clock back to zero: what they leave is a warm prefix cache.
  private mutating func warmUp() throws {
    let measured = recorder
    recorder = RunRecorder(
      requests: requests, window: MeasuringWindow(), emptyLedger: scheduler.ledger)
    nextArrival = arrivalsEnd
    arrivalsEnd = requests.count
    startClients(nextArrival..<arrivalsEnd)
    _ = try serve(until: nil)
    recorder = measured
    recorder.warmedUp(scheduler.prefixCache)
    nextArrival = 0
    arrivalsEnd = requests.count - warmups
    clock = .zero
  }

  private mutating func startClients(_ range: Range<Int>) {
    let requests = requests
    clients?.start(requests, range: range)
  }

  /// Looks when the next request comes.
  @inline(__always)
  private mutating func lookAhead() {
    if clients == nil {
      arrivalTime = nextArrival < arrivalsEnd ? requests[nextArrival].arrival : .distantFuture
    } else {
      arrivalTime = clients?.nextArrival ?? .distantFuture
    }
  }

  mutating func close(at end: SimInstant) -> RunRecord {
    recorder.close(at: end)
    recorder.closed(with: scheduler.prefixCache)
    return recorder.record
  }

  private mutating func arrive(_ id: RequestID) throws {
    let request = requests[Int(id)]
    hasNews = true
    let admission = scheduler.admission(of: request)
    recorder.arrived(id, isRejected: admission != .possible)
    guard admission == .possible else {
      if oversized == .fail {
        // A warm-up is the first request of the trace.
        let named = Int(id) < requests.count - warmups ? id : 0
        throw RunFailure.oversized(named, admission)
      }
      let now = clock
      clients?.answered(1, at: now)
      return
    }
    scheduler.enqueue(id)
  }

  private mutating func startIteration(_ pricer: (any ShapePricer)?) throws {
    hasNews = false
    plan.removeAll()
    scheduler.schedule(into: &plan)
    if let failure = plan.failure { throw RunFailure.swapSpaceExhausted(failure, at: clock) }
    recorder.hold(heldState, from: clock)
    if plan.changesRequests { recorder.started(&plan, at: clock) }
    if clock < recorder.record.window.from { recorder.warmedUp(scheduler.prefixCache) }
    guard !plan.isEmpty || !plan.preempted.isEmpty else { return }
    iterationEnd = clock + duration(pricer)
  }

  /// How long the planned iteration takes; nothing, if it only takes requests out.
  private mutating func duration(_ pricer: (any ShapePricer)?) -> SimDuration {
    if plan.isEmpty { return .zero }
    if let pricer { return pricer.price(plan.shape) }
    return executor.execute(plan, at: clock, placement: scheduler)
  }

  private mutating func endIteration() {
    iterationEnd = nil
    hasNews = true
    finished.clear()
    scheduler.complete(&plan, finished: &finished)
    if pricer == nil { executor.completed(plan, placement: scheduler) }
    let now = clock
    let tokens = clients == nil ? 0 : plan.emittedTokens
    let seen = clients?.pass(tokens: tokens, at: now) ?? now
    recorder.ended(&plan, at: seen)
    guard !finished.isEmpty else { return }
    recorder.finished(finished, at: seen)
    // Who sends next arrives after the iteration that starts now.
    let answered = finished.count
    clients?.answered(answered, at: seen)
  }
}

/// A router feeds the engine: ``run()`` is not called then.
extension Engine {
  /// Runs all that happens before `limit`.
  ///
  /// At one instant requests arrive first, so that what is due at `limit` itself waits for the next call.
  @_specialize(where S == MixedIterationScheduler<PagedMemory>)
  @_specialize(where S == MixedIterationScheduler<OrcaMemory>)
  @_specialize(where S == PromptOrDecodeScheduler)
  @_specialize(where S == TokenBudgetScheduler)
  @_specialize(where S == StaticBatchScheduler)
  mutating func advance(to limit: SimInstant) throws {
    guard clock < limit else { return }
    let pricer = pricer
    try settle(before: limit, pricer)
    while let end = iterationEnd, end < limit {
      clock = end
      try settle(before: limit, pricer)
    }
  }

  /// Takes a request that arrives at `time`, to which the engine was advanced.
  mutating func submit(_ request: RequestID, at time: SimInstant) throws {
    precondition(time >= clock, "request \(request) arrives at \(time), before \(clock)")
    clock = time
    try arrive(request)
  }

  /// Runs until nothing is to come.
  ///
  /// - Returns: The instant of the last event.
  mutating func drain() throws -> SimInstant {
    try advance(to: .distantFuture)
    try requireNothingWaits()
    return clock
  }

  var queues: QueueLengths { scheduler.queues }
  var ledger: WasteLedger { scheduler.ledger }
}
