import KVMemory
import SimulationKernel
import Workload

/// What the replicas of a run have in common.
package struct ReplicaSetup {
  /// Where they write down what happens.
  package let log: RequestLog
  package let requests: RunRequests
  /// What the prompts consist of; only a prefix cache looks at it.
  package let contents: PromptContents?
  package var oversized = OversizedPolicy.skip
  /// What clients reach them through; `nil` if it takes no time.
  package var frontEnd: FrontEndProcess?
  /// Whether somebody waits for requests to leave: clients, or a router that reads loads.
  package var keepsDepartures = false
  /// Which part of its requests the replica serves.
  package var role = ReplicaRole.both
  /// Of the requests' classes.
  package var classNames: [String] = []

  /// - Parameter arrivalsAreKnown: Whether the requests come when they say; else none of them says when.
  package init(
    _ log: RequestLog, contents: PromptContents? = nil, arrivalsAreKnown: Bool = true
  ) {
    self.log = log
    self.contents = contents
    var requests = log.requests
    if !arrivalsAreKnown { for index in requests.indices { requests[index].arrival = .zero } }
    self.requests = RunRequests(requests)
  }

  /// For requests that come while the replica runs; what their prompts consist of is not known.
  package init(_ coming: ComingRequests) {
    log = RequestLog(coming)
    contents = nil
    requests = RunRequests(coming)
  }
}

/// A request that left a replica: it is complete, or was turned away.
package struct Departure: Equatable, Sendable {
  package var request: RequestID
  /// When its client knows.
  package var time: SimInstant
}

/// One serving engine, whatever its scheduler, fed by a fleet. It keeps state for the requests that it has in flight.
package protocol Replica: AnyObject {
  /// Serves requests at their arrivals, in order, and stops at `end`.
  func serve(_ requests: [RequestID], until end: SimInstant) throws

  /// Runs all that happens before `limit`.
  func advance(to limit: SimInstant) throws

  /// Takes a request that arrives at `time`, to which the replica was advanced.
  ///
  /// - Returns: When it decides next: at the end of the running iteration, else at once.
  @discardableResult
  func submit(_ request: RequestID, at time: SimInstant) throws -> SimInstant

  /// Ends what ends at `now` and decides what comes then, after all that arrives then.
  ///
  /// - Returns: The earliest instant at which a request may leave, if none arrives before; `nil` if nothing runs.
  func step(at now: SimInstant) throws -> SimInstant?

  /// Takes the requests that left since this was last asked.
  func takeDepartures(into departures: inout [Departure])

  /// Takes in at `time`, to which the replica was advanced, that keys and values have come or were read.
  ///
  /// - Returns: When it decides next: at the end of the running iteration, else at once.
  func takeIn(_ moves: KVMoves, at time: SimInstant) -> SimInstant

  /// Takes the requests that got blocks for keys and values that another replica has, since this was last asked.
  func takePulls() -> [IterationPlan.Admitted]

  /// Runs until nothing is to come, and returns when that was.
  ///
  /// - Throws: ``RunFailure/stuck(waiting:at:)`` if requests wait although nothing is to come.
  func drain() throws -> SimInstant

  /// Sets the clock back to zero after warm-ups, and forgets what was recorded.
  func restart()

  /// Takes the place of a replica that failed at `time`: with an engine of its own that holds nothing, and what was
  /// recorded of the other.
  func replace(_ failed: any Replica, at time: SimInstant) throws

  /// What happened, up to `end`.
  func close(at end: SimInstant) -> ReplicaRecord

  /// Whether nothing is to come, unless a request arrives.
  var isIdle: Bool { get }

  /// Requests that run or wait.
  var outstanding: Int { get }

  /// Tokens whose keys and values requests hold in its pool.
  var heldTokens: Int { get }

  /// Share of the KV pool that running requests hold, from 0 to 1.
  var heldShare: Double { get }

  /// Requests that wait to be admitted.
  var waiting: Int { get }

  /// Tokens of an arriving request's prompt that the prefix cache holds now.
  func cachedTokens(of request: RequestID) -> Int
}

/// An engine behind the protocol.
///
/// Its methods are closures, made where the scheduler's type is known: the optimiser compiles the engine for it.
package final class EngineReplica: Replica {
  private final class Box<S: Scheduler> {
    @exclusivity(unchecked) var engine: Engine<S>

    init(_ engine: Engine<S>) { self.engine = engine }
  }

  private let serveAll: ([RequestID], SimInstant) throws -> Void
  private let advanceTo: (SimInstant) throws -> Void
  private let submitAt: (RequestID, SimInstant) throws -> SimInstant
  private let stepAt: (SimInstant) throws -> SimInstant?
  private let take: (inout [Departure]) -> Void
  private let takeMoves: (KVMoves, SimInstant) -> SimInstant
  private let pulls: () -> [IterationPlan.Admitted]
  private let drainAll: () throws -> SimInstant
  private let restartAll: () -> Void
  private let abandonAt: (SimInstant) -> RunRecorder
  private let takeOverAt: (RunRecorder, SimInstant) -> Void
  private let closeAt: (SimInstant) -> ReplicaRecord
  private let idle: () -> Bool
  private let state: () -> (queues: QueueLengths, ledger: WasteLedger)
  private let cached: (RequestID) -> Int

  @inline(__always)
  init<S: Scheduler>(
    _ run: ReplicaSetup, _ scheduler: S, _ executor: any IterationExecutor, attendedMax: Int?
  ) {
    let box = Box(Engine(run, scheduler: scheduler, executor: executor, attendedMax: attendedMax))
    serveAll = { try box.engine.serve($0, until: $1) }
    advanceTo = { try box.engine.advance(to: $0) }
    submitAt = { try box.engine.submit($0, at: $1) }
    stepAt = { try box.engine.step(at: $0) }
    take = { box.engine.takeDepartures(into: &$0) }
    takeMoves = { box.engine.takeIn($0, at: $1) }
    pulls = { box.engine.scheduler.takePulls() }
    drainAll = { try box.engine.drain() }
    restartAll = { box.engine.restart() }
    abandonAt = { box.engine.abandon(at: $0) }
    takeOverAt = { box.engine.takeOver($0, at: $1) }
    closeAt = { box.engine.close(at: $0) }
    idle = { box.engine.isIdle }
    state = { (box.engine.scheduler.queues, box.engine.scheduler.ledger) }
    cached = { box.engine.scheduler.cachedTokens(of: $0) }
  }

  package func serve(_ requests: [RequestID], until end: SimInstant) throws {
    try serveAll(requests, end)
  }

  package func advance(to limit: SimInstant) throws { try advanceTo(limit) }

  package func submit(_ request: RequestID, at time: SimInstant) throws -> SimInstant {
    try submitAt(request, time)
  }

  package func step(at now: SimInstant) throws -> SimInstant? { try stepAt(now) }

  package func takeDepartures(into departures: inout [Departure]) { take(&departures) }

  package func takeIn(_ moves: KVMoves, at time: SimInstant) -> SimInstant {
    takeMoves(moves, time)
  }

  package func takePulls() -> [IterationPlan.Admitted] { pulls() }

  package func drain() throws -> SimInstant { try drainAll() }

  package func restart() { restartAll() }

  package func replace(_ failed: any Replica, at time: SimInstant) throws {
    guard let failed = failed as? EngineReplica else {
      preconditionFailure("EngineReplica takes the place of another kind of replica")
    }
    try failed.advance(to: time)
    takeOverAt(failed.abandonAt(time), time)
  }

  package func close(at end: SimInstant) -> ReplicaRecord { closeAt(end) }

  package var isIdle: Bool { idle() }

  package var outstanding: Int { state().queues.total }

  package var waiting: Int { state().queues.waiting }

  package func cachedTokens(of request: RequestID) -> Int { cached(request) }
  package var heldTokens: Int { state().ledger.tokenState }

  package var heldShare: Double {
    let ledger = state().ledger
    guard ledger.total > 0 else { return 0 }
    return Double(ledger.total - ledger.free - ledger.cached) / Double(ledger.total)
  }
}
