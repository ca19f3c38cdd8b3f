import CostModel
import Fleet
import Messages
import Planning
import Serving
import SimulationKernel
import Workload

/// Output tokens that reach the client of a request together.
package struct Delivery: Equatable, Sendable {
  package var request: RequestID
  package var tokens: Int
  /// When they are there, on the replica's clock.
  package var time: SimInstant
  /// When the request's tokens before them were; when it came, for the first.
  package var before: SimInstant
  package var isFirst: Bool
  /// Set with the last of a request.
  package var finished: Finished?

  /// A request that is complete.
  package struct Finished: Equatable, Sendable {
    package var arrival: SimInstant
    package var firstToken: SimInstant
    package var promptTokens: Int
    package var outputTokens: Int
  }
}

/// One simulated replica that is fed while it runs: the engine of `kvplan simulate`, to which requests come one by one.
///
///     submit(100, 3, at: 0)    advance(to: 20)   → [token 1 at 12]
///     |── prompt, 12 ──|── decode, 7 ──|──┊      next = 19, then 26
///
/// Every request is listed in every iteration, so that each token has its instant. What prompts consist of is not
/// known: a prefix cache finds nothing.
package final class LiveReplica {
  private let coming: ComingRequests
  private let setup: ReplicaSetup
  private let replica: any Replica
  private let told = Told()
  private let answerTime: SimDuration
  private var clock = SimInstant.zero
  /// When the replica decides or ends something next.
  private var due: SimInstant?
  private var inFlight: [RequestID: InFlight] = [:]
  /// In order of their times; those before the index have gone.
  private var deliveries: [Delivery] = []
  private var delivered = 0

  private struct InFlight {
    var request: Request
    var first: SimInstant?
    var last: SimInstant
    var tokens = 0
  }

  /// - Parameters:
  ///   - answerTime: Between a token of the engine and its client.
  ///   - capacity: How many requests it can serve in all: 100 bytes each.
  /// - Throws: ``UserError`` for what cannot be fed while it runs.
  package init(
    _ system: ServingSystem, settings: EngineSettings, prices: any IterationCostModel,
    answerTime: SimDuration = .zero, capacity: Int
  ) throws {
    guard settings.dataParallel == 1, !system.capabilities.mapsPageGroups else {
      throw UserError(
        "`\(system.name)` with these settings cannot be fed while it runs",
        hint: "leave out `--data-parallel-size`, and choose a system without page groups")
    }
    coming = ComingRequests(capacity: capacity, outputMax: settings.maxModelLength)
    setup = ReplicaSetup(coming)
    var settings = settings
    settings.stepping = .iteration
    replica = try system.replica(
      setup, settings: settings, executor: TellingExecutor(prices: prices, told: told))
    self.answerTime = answerTime
  }

  /// The replica of a scenario, with the time that its server adds to answers.
  ///
  /// - Throws: ``UserError`` for what cannot be fed while it runs.
  package convenience init(_ resolved: ResolvedScenario, capacity: Int) throws {
    var answerTime = SimDuration.zero
    if case .server(let profile) = resolved.scenario.overheadsChoice {
      answerTime = SimDuration(rounding: profile.residuals.answerSeconds)
    }
    try self.init(
      resolved.scenario.system, settings: resolved.settings, prices: resolved.costModel,
      answerTime: answerTime, capacity: capacity)
  }

  /// When something happens next if nothing comes: an iteration ends or starts, or tokens reach a client.
  package var next: SimInstant? {
    let delivery = delivered < deliveries.count ? deliveries[delivered].time : nil
    guard let due, let delivery else { return due ?? delivery }
    return min(due, delivery)
  }

  /// Requests that run in the present iteration, and those that wait.
  package var queues: (running: Int, waiting: Int) {
    let running = min(told.running, replica.outstanding)
    return (running, replica.outstanding - running)
  }

  /// Share of the KV pool that running requests hold, from 0 to 1.
  package var heldShare: Double { replica.heldShare }

  /// Running requests that lost their blocks so far.
  package var preemptions: Int { told.preemptions }

  /// What becomes of a request that comes.
  package enum Submission: Equatable, Sendable {
    case taken(RequestID)
    /// The pool can never hold it.
    case tooLarge
    /// The replica has served as many as it can.
    case worn
  }

  /// Takes a request that comes at `time`, or now if that has passed.
  ///
  /// - Throws: ``RunFailure`` if the replica cannot go on.
  package func submit(
    promptTokens: Int, outputTokens: Int, at time: SimInstant
  ) throws -> Submission {
    let time = max(time, clock)
    // At one instant requests come first, then the iteration ends.
    try run { $0 < time }
    clock = time
    let request = Request(
      arrival: time, promptTokens: Int32(promptTokens), outputTokens: Int32(outputTokens))
    guard let id = coming.append(request) else { return .worn }
    due = try replica.submit(id, at: time)
    guard !setup.log.isRejected(id) else { return .tooLarge }
    inFlight[id] = InFlight(request: request, last: time)
    return .taken(id)
  }

  /// Runs all that happens up to `time`, and returns the tokens that have reached their clients since this was last
  /// asked.
  ///
  /// - Throws: ``RunFailure`` if the replica cannot go on.
  package func advance(to time: SimInstant) throws -> [Delivery] {
    try run { $0 <= time }
    clock = max(clock, time)
    let arrived = deliveries[delivered...].prefix { $0.time <= time }
    delivered += arrived.count
    defer {
      if delivered == deliveries.count {
        deliveries.removeAll(keepingCapacity: true)
        delivered = 0
      }
    }
    return Array(arrived)
  }

  private func run(while happens: (SimInstant) -> Bool) throws {
    while let now = due, happens(now) {
      due = try replica.step(at: now)
      clock = now
      for (request, tokens) in told.tokens { note(tokens, of: request, at: now) }
      told.tokens.removeAll(keepingCapacity: true)
    }
  }

  private func note(_ tokens: Int, of id: RequestID, at now: SimInstant) {
    guard var state = inFlight[id] else { return }
    let time = now + answerTime
    state.tokens += tokens
    var delivery = Delivery(
      request: id, tokens: tokens, time: time, before: state.last, isFirst: state.first == nil)
    let first = state.first ?? time
    (state.first, state.last) = (first, time)
    if state.tokens == Int(state.request.outputTokens) {
      delivery.finished = .init(
        arrival: state.request.arrival, firstToken: first,
        promptTokens: Int(state.request.promptTokens), outputTokens: state.tokens)
      inFlight[id] = nil
    } else {
      inFlight[id] = state
    }
    deliveries.append(delivery)
  }
}

/// What an executor saw of the present iteration and those before.
private final class Told: @unchecked Sendable {
  /// Of the iterations that ended since this was last emptied.
  var tokens: [(RequestID, Int)] = []
  var running = 0
  var preemptions = 0
}

/// Prices iterations, and tells who got tokens by them.
private struct TellingExecutor: IterationExecutor {
  let prices: any IterationCostModel
  let told: Told

  func execute(
    _ plan: IterationPlan, at start: SimInstant, placement: some SequencePlacement
  ) -> SimDuration {
    told.running = plan.scheduled.count
    told.preemptions += plan.preempted.count
    return prices.duration(of: plan.work)
  }

  func completed(_ plan: IterationPlan, placement: some SequencePlacement) {
    for scheduled in plan.scheduled where scheduled.emittedTokens > 0 {
      told.tokens.append((scheduled.request, Int(scheduled.emittedTokens)))
    }
  }
}
