import KVMemory
import SimulationKernel
import Workload

@testable import Serving

/// Drives a scheduler step by step and draws what it does: a row for each request, a column for each step.
///
///     P prompt   d decode   . waiting   s swapped out   (blank: not arrived, or done)
struct Timeline<S: Scheduler> {
  var scheduler: S
  private let requests: [Request]
  private let arrivalSteps: [Int]
  private var rows: [[Character]]
  private var state: [Character]
  private(set) var step = 0
  private(set) var plan = IterationPlan()
  private(set) var finished: [RequestID] = []
  private(set) var emitted: [Int]
  /// As of the last decision, while its iteration runs.
  private(set) var ledger = WasteLedger()
  private(set) var queues = QueueLengths(running: 0, waiting: 0, swapped: 0)

  /// - Parameter arrivalSteps: The step at which each request arrives; requests stand in order of arrival.
  init(_ scheduler: S, requests: [Request], arrivalSteps: [Int]) {
    self.scheduler = scheduler
    self.requests = requests
    self.arrivalSteps = arrivalSteps
    rows = Array(repeating: [], count: requests.count)
    state = Array(repeating: " ", count: requests.count)
    emitted = Array(repeating: 0, count: requests.count)
  }

  /// Runs until everything is served.
  ///
  /// - Parameter check: Called after each step.
  mutating func run(limit: Int = 10_000, _ check: (borrowing Timeline) -> Void = { _ in }) {
    while finished.count < requests.count {
      precondition(step < limit, "not done after \(limit) steps:\n\(picture)")
      advance()
      check(self)
    }
  }

  private mutating func advance() {
    for request in requests.indices where arrivalSteps[request] == step {
      scheduler.enqueue(RequestID(request))
      state[request] = "."
    }
    plan.removeAll()
    scheduler.schedule(into: &plan)
    ledger = scheduler.ledger
    queues = scheduler.queues
    for preemption in plan.preempted {
      state[Int(preemption.request)] = preemption.mode == .swap ? "s" : "."
    }
    var column = state
    for scheduled in plan.scheduled {
      column[Int(scheduled.request)] = scheduled.isPrefill ? "P" : "d"
      state[Int(scheduled.request)] = "."
      emitted[Int(scheduled.request)] += Int(scheduled.emittedTokens)
    }
    for request in requests.indices { rows[request].append(column[request]) }
    let before = finished.count
    scheduler.complete(&plan, finished: &finished)
    for request in finished[before...] { state[Int(request)] = " " }
    step += 1
  }

  var picture: String {
    rows.indices.map { "\($0) |\(String(rows[$0]))|" }.joined(separator: "\n")
  }
}

/// Requests from (prompt, output) pairs that arrive at the given steps, one step a second.
func requests(_ lengths: [(prompt: Int32, output: Int32)], arrivalSteps: [Int]) -> [Request] {
  zip(lengths, arrivalSteps).map { length, step in
    Request(
      arrival: SimInstant(nanoseconds: Int64(step) * 1_000_000_000),
      promptTokens: length.prompt, outputTokens: length.output)
  }
}

extension EngineSettings {
  /// A small engine: blocks of four tokens, nothing else in the way.
  static func small(blocks: Int, host: Int = 0) -> EngineSettings {
    EngineSettings(
      blockSize: 4, deviceBlocks: blocks, hostBlocks: host, maxSequences: 256,
      maxBatchedTokens: 2560, maxModelLength: 64)
  }
}

extension MixedIterationScheduler where Memory == PagedMemory {
  init(paged requests: [Request], _ settings: EngineSettings) {
    self.init(
      requests: requests, settings: settings, memory: PagedMemory(sosp23: settings))
  }
}
