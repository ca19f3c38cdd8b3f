import KVMemory
import SimulationKernel
import Workload

@testable import Serving

/// Drives a scheduler with a KV connector, and logs what it decides; a worker reports everything after as many iterations
/// as the run says.
///
///     3: a 7+1 b 0+4 | load c 4+8 | move 1> 2< | flush 1 | out d | done a | free 3 4
///
/// `load c 4+8`: `c` waits for 8 tokens behind 4 that it has found. `1>` is a store, `2<` a load, `3=` a load within the
/// iteration, `4v` and `5^` go to the tier below and come back.
struct ConnectedRun<Memory: V1Memory> {
  var scheduler: TokenBudgetScheduler<Memory>
  let drawn: [DrawnRequest]
  /// Iterations until a job or a load is reported.
  var latency = 1
  /// Iterations until the blocks of a sequence that is complete are sent.
  var sendLatency = 1
  /// From which block on a load fails to come, or whether all does, by request and time; what was found on the device does
  /// not fail.
  var fails: (RequestID, Int) -> (block: Int?, whole: Bool) = { _, _ in (nil, false) }
  private(set) var log = ""
  private(set) var emitted: [Int]
  private(set) var finished: [RequestID] = []
  private(set) var step = 0
  private var arrived = 0
  /// By request, blocks that its last load found on the device.
  private var foundBlocks: [RequestID: Int] = [:]
  private var inFlight: [IterationPlan] = []
  private var due: [(report: KVTransferReport, jobs: [Int32], at: Int)] = []

  init(_ drawn: [DrawnRequest], _ settings: EngineSettings, _ connector: any KVConnector) {
    self.drawn = drawn
    emitted = Array(repeating: 0, count: drawn.count)
    scheduler = Timeline<TokenBudgetScheduler<Memory>>(v1: drawn, settings, connector).scheduler
  }

  var isDone: Bool {
    arrived == drawn.count && scheduler.queues.total == 0 && !scheduler.hasTransfers
  }

  /// - Returns: ``log``.
  @discardableResult
  mutating func run(
    limit: Int = 2000, showingFree: Bool = false,
    _ check: (borrowing ConnectedRun) -> Void = { _ in }
  ) -> String {
    var rest = 2 * scheduler.iterationsAhead
    // Blocks of the last sequence may wait for iterations that were decided ahead.
    while !isDone || rest > 0 {
      precondition(step < limit, "not done after \(limit) iterations:\n\(log)")
      if isDone { rest -= 1 }
      advance(showingFree)
      check(self)
    }
    return log
  }

  private mutating func advance(_ showingFree: Bool) {
    while arrived < drawn.count, drawn[arrived].at <= step {
      scheduler.enqueue(RequestID(arrived))
      arrived += 1
    }
    var plan = IterationPlan()
    scheduler.schedule(at: SimInstant(nanoseconds: Int64(step)), into: &plan)
    var transfers = scheduler.connector?.step ?? KVTransferStep()
    scheduler.report(report(transfers))
    inFlight.append(plan)
    let before = finished.count
    if inFlight.count > scheduler.iterationsAhead {
      scheduler.complete(&inFlight[0], finished: &finished)
      for scheduled in inFlight.removeFirst().scheduled {
        emitted[Int(scheduled.request)] += Int(scheduled.emittedTokens)
      }
    }
    transfers = scheduler.connector?.step ?? KVTransferStep()
    for sequence in transfers.delayed {
      var report = KVTransferReport()
      report.sent = [sequence]
      due.append((report, [], step + sendLatency))
    }
    write(plan, transfers, Array(finished[before...]), showingFree)
    step += 1
  }

  /// What the worker reports with this iteration.
  private mutating func report(_ transfers: KVTransferStep) -> KVTransferReport {
    for job in transfers.jobs {
      var report = KVTransferReport()
      report.done = [job.number]
      if job.kind == .load(isAsynchronous: true) { report.received = [job.sequence] }
      let isNow = job.kind == .load(isAsynchronous: false)
      due.append((report, [job.number], isNow ? step : step + latency))
    }
    if scheduler.connector is RemoteKVConnector {
      for loading in transfers.loading {
        var report = KVTransferReport()
        report.received = [loading.request]
        due.append((report, [], step + latency))
        foundBlocks[loading.request] = Int(loading.cachedTokens) / scheduler.memory.blockSize
      }
    }
    var all = KVTransferReport()
    let now = due.filter { entry in
      entry.at <= step || entry.jobs.contains { transfers.flushed.contains($0) }
    }
    due.removeAll { entry in
      entry.at <= step || entry.jobs.contains { transfers.flushed.contains($0) }
    }
    for entry in now {
      all.done += entry.report.done
      all.received += entry.report.received
      all.sent += entry.report.sent
    }
    guard scheduler.connector is RemoteKVConnector else { return all }
    for sequence in all.received {
      let failure = fails(sequence, step)
      let found = foundBlocks[sequence] ?? 0
      if failure.whole, found == 0 { all.failed.append(sequence) }
      guard let block = failure.block else { continue }
      all.invalidBlocks += scheduler.memory.blocks(of: Int(sequence)).dropFirst(max(block, found))
    }
    return all
  }

  private mutating func write(
    _ plan: IterationPlan, _ transfers: KVTransferStep, _ done: [RequestID], _ showingFree: Bool
  ) {
    func name(_ id: RequestID) -> String { drawn[Int(id)].name }
    var parts: [String] = []
    func add(_ title: String, _ items: [String]) {
      if !items.isEmpty { parts.append(([title] + items).joined(separator: " ")) }
    }
    let runs = plan.scheduled.map { "\(name($0.request)) \($0.contextTokens)+\($0.tokens)" }
    if !runs.isEmpty { parts.append(runs.joined(separator: " ")) }
    add(
      "load",
      transfers.loading.map {
        "\(name($0.request)) \($0.cachedTokens)+\($0.externalTokens)"
      })
    add(
      "move",
      transfers.jobs.map { job in
        switch job.kind {
        case .store: "\(job.number)>"
        case .load(let isAsynchronous): "\(job.number)\(isAsynchronous ? "<" : "=")"
        case .cascade: "\(job.number)v"
        case .promotion: "\(job.number)^"
        }
      })
    add("flush", transfers.flushed.map(\.description))
    add("out", plan.preempted.map { name($0.request) })
    add("done", done.map { name($0) })
    guard !parts.isEmpty else { return }
    if showingFree { add("free", scheduler.memory.pool.freeQueue.map(\.description)) }
    log += "\(step): \(parts.joined(separator: " | "))\n"
  }
}
