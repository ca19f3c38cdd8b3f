import Foundation
import Messages
import Metrics
import Planning
import SimulationKernel
import Synchronization

/// Makes the runs of a shard that have no result yet, on all cores.
package struct SweepRunner: Sendable {
  /// How far it is.
  package struct Progress: Sendable {
    package var done: Int
    package var total: Int
    package var secondsLeft: Double?
  }

  /// How it ended.
  package struct Outcome: Sendable {
    /// Runs of the shard.
    package var total: Int
    /// Runs that had a result before.
    package var found: Int
    /// Runs that were made now.
    package var made: Int
    /// Runs, of those made now, that are impossible, and why the first of them is.
    package var impossible: Int
    package var firstReason: String?
    package var isComplete: Bool { found + made == total }
  }

  let plan: SweepPlan
  let shard: Shard
  let jobs: Int
  /// Seconds of work that a kill may cost.
  let checkpointSeconds: Double

  package init(_ plan: SweepPlan, shard: Shard, jobs: Int, checkpointSeconds: Double) {
    self.plan = plan
    self.shard = shard
    self.jobs = jobs
    self.checkpointSeconds = checkpointSeconds
  }

  /// Runs until all is done or `isStopped` says so; what is finished then is published.
  ///
  /// - Throws: ``UserError`` for what no repetition mends, ``TryAgain`` where one may.
  package func run(
    isStopped: () -> Bool, progress: (Progress) -> Void
  ) throws -> Outcome {
    try plan.folder.prepare()
    plan.folder.removeRemains(of: shard)
    let store = try ShardStore(plan.folder, shard)
    var finished = try store.finished()
    for other in plan.folder.shardsThere() where other.count != shard.count {
      finished.formUnion(try ShardFile.keys(of: plan.folder.path(of: other)))
    }
    let runs = try plan.runs(in: shard).runs
    let pending = runs.filter { !finished.contains($0.key) }
    finished = []
    var outcome = Outcome(
      total: runs.count, found: runs.count - pending.count, made: 0, impossible: 0)
    let crew = Crew(plan, pending)
    for _ in 0..<max(1, min(jobs, pending.count)) { crew.start() }
    defer { crew.stop() }
    try collect(from: crew, into: store, &outcome, isStopped: isStopped, progress: progress)
    try store.publish()
    return outcome
  }

  private func collect(
    from crew: Crew, into store: ShardStore, _ outcome: inout Outcome, isStopped: () -> Bool,
    progress: (Progress) -> Void
  ) throws {
    let clock = ContinuousClock()
    let start = clock.now
    let pendingCount = outcome.total - outcome.found
    // Publishing writes all results anew: it may take a twentieth of the time and no more.
    var pause = Duration.seconds(checkpointSeconds)
    var published = start
    while outcome.made < pendingCount && !isStopped() {
      let results = try crew.take()
      try store.add(results)
      for (_, result) in results {
        outcome.made += 1
        if case .impossible(let reason, _) = result {
          outcome.impossible += 1
          outcome.firstReason = outcome.firstReason ?? reason
        }
      }
      let now = clock.now
      let seconds = (now - start) / .seconds(1)
      progress(
        Progress(
          done: outcome.found + outcome.made, total: outcome.total,
          secondsLeft: outcome.made > 0
            ? seconds * Double(pendingCount - outcome.made) / Double(outcome.made) : nil))
      if now - published >= pause && outcome.made < pendingCount {
        try store.publish()
        published = clock.now
        pause = max(.seconds(checkpointSeconds), (published - now) * 20)
      }
    }
  }
}

/// The threads that simulate. Runs are handed out one by one; results are taken in batches.
private final class Crew: Sendable {
  private struct State {
    var next = 0
    var finished = 0
    var results: [(run: KeyedRun, outcome: RunOutcome)] = []
    var failure: (any Error)?
  }

  /// Results that are worth a transaction.
  private static let batch = 64

  private let plan: SweepPlan
  private let pending: [KeyedRun]
  private let prices = PreparedPrices()
  private let state = Mutex(State())
  private let news = DispatchSemaphore(value: 0)

  init(_ plan: SweepPlan, _ pending: [KeyedRun]) {
    self.plan = plan
    self.pending = pending
  }

  func start() {
    let thread = Thread { [self] in work() }
    thread.stackSize = 8 << 20
    thread.start()
  }

  /// No run begins from now on.
  func stop() { state.withLock { $0.next = pending.count } }

  private func work() {
    while true {
      let index = state.withLock { state -> Int? in
        guard state.next < pending.count else { return nil }
        defer { state.next += 1 }
        return state.next
      }
      guard let index else { return }
      do {
        let outcome = try simulated(pending[index])
        let isDue = state.withLock { state in
          state.results.append((pending[index], outcome))
          state.finished += 1
          return state.results.count == Self.batch || state.finished == pending.count
        }
        if isDue { news.signal() }
      } catch {
        state.withLock { $0.failure = error }
        news.signal()
        return
      }
    }
  }

  private func simulated(_ run: KeyedRun) throws -> RunOutcome {
    guard let point = plan.grid.point(run.index), let trace = plan.traces[point.trace] else {
      preconditionFailure("SweepRunner: point \(run.index) is gone")
    }
    do {
      let simulation = try Simulation.run(
        point.scenario, trace: trace, keepingRequests: false, prices: .shared(prices))
      return RunOutcome(simulation.result.summary)
    } catch let error as UserError {
      return .impossible(error.message, version: toolVersion)
    }
  }

  /// The results since the last call; waits a fifth of a second where there are none.
  func take() throws -> [(run: KeyedRun, outcome: RunOutcome)] {
    _ = news.wait(timeout: .now() + .milliseconds(200))
    return try state.withLock { state in
      if let failure = state.failure { throw failure }
      defer { state.results = [] }
      return state.results
    }
  }
}
