import KVMemory
import SimulationKernel
import Workload

@testable import Serving

/// Steps a scheduler of vLLM 0.2 by hand and draws what happens, a column for each iteration:
///
///     P  its prompt is computed     .  waits           r  preempted, to be recomputed
///     d  decodes                    -  stands still    s  swapped out
///     i  swapped in and decodes     ~  is swapped out  x  dropped
struct VLLM02Timeline {
  var scheduler: PromptOrDecodeScheduler
  let requests: [Request]
  private var rows: [String]
  private var arrived: RequestID = 0
  private(set) var step: Int64 = 0
  private(set) var plan = IterationPlan()
  /// Output tokens given to each request, over all its sequences.
  private(set) var emitted: [Int]
  private(set) var finished: [RequestID] = []

  /// - Parameter requests: Their arrivals are numbers of iterations, in nanoseconds.
  init(
    _ requests: [Request], _ settings: EngineSettings, watermark: Int = 0,
    sampleTargets: [RequestID: [Int32]] = [:]
  ) {
    self.requests = requests
    scheduler = PromptOrDecodeScheduler(
      requests: requests, settings: settings, watermarkBlocks: watermark,
      sampleTargets: sampleTargets)
    rows = Array(repeating: "", count: requests.count)
    emitted = Array(repeating: 0, count: requests.count)
  }

  var isDone: Bool {
    let queues = scheduler.queues
    return Int(arrived) == requests.count
      && queues.running + queues.waiting + queues.swapped == 0
  }

  /// The first half of an iteration: arrivals and the decision.
  mutating func decide() {
    while Int(arrived) < requests.count, requests[Int(arrived)].arrival.nanoseconds <= step {
      scheduler.enqueue(arrived)
      arrived += 1
    }
    plan.removeAll()
    scheduler.schedule(into: &plan)
    for id in requests.indices { rows[id].append(letter(RequestID(id))) }
  }

  /// The second half: the output is taken in.
  mutating func complete() {
    for scheduled in plan.scheduled {
      emitted[Int(scheduled.request)] += Int(scheduled.emittedTokens)
    }
    scheduler.complete(&plan, finished: &finished)
    step += 1
  }

  /// Runs to the end, or for `steps` iterations at most, and returns the picture.
  mutating func run(steps: Int = 1000) -> String {
    for _ in 0..<steps where !isDone {
      decide()
      guard plan.failure == nil else { break }
      complete()
    }
    return picture
  }

  /// A line for each request, without the blanks behind its end.
  var picture: String {
    rows.map { row in
      String(row.reversed().drop { $0 == " " }.reversed())
    }.joined(separator: "\n")
  }

  private func letter(_ id: RequestID) -> Character {
    if plan.ignored.contains(id) { return "x" }
    if let preemption = plan.preempted.first(where: { $0.request == id }) {
      return preemption.mode == .swap ? "s" : "r"
    }
    if plan.swappedIn.contains(where: { $0.request == id }) { return "i" }
    if let scheduled = plan.scheduled.first(where: { $0.request == id }) {
      return scheduled.isPrefill ? "P" : "d"
    }
    if scheduler.running.contains(id) { return "-" }
    if scheduler.swapped.contains(id) { return "~" }
    return scheduler.waiting.contains(id) ? "." : " "
  }

  /// Sequences whose tables name host blocks.
  var swappedSequences: Set<Int> { Set(scheduler.swapped.flatMap { scheduler.live[$0] }) }

  /// The block tables of a request, in the engine's order.
  func tables(of id: RequestID) -> [[BlockID]] {
    scheduler.live[id].map { Array(scheduler.memory.tables.blocks(of: $0)) }
  }
}

extension EngineSettings {
  /// A small engine with blocks of four tokens.
  static func tiny(
    blocks: Int, host: Int = 0, sequences: Int = 16, tokens: Int = 64, length: Int = 64,
    _ release: VLLM02Release = .v027
  ) -> EngineSettings {
    var settings = EngineSettings(
      blockSize: 4, deviceBlocks: blocks, hostBlocks: host, maxSequences: sequences,
      maxBatchedTokens: tokens, maxModelLength: length)
    settings.vllm02 = VLLM02Options(release)
    return settings
  }
}

extension Request {
  /// A request that arrives before iteration `step`.
  static func at(
    _ step: Int64, prompt: Int32, output: Int32, n: Int32 = 1, beam: Int32 = 0
  ) -> Request {
    Request(
      arrival: SimInstant(nanoseconds: step), promptTokens: prompt, outputTokens: output,
      samples: n, beamWidth: beam)
  }
}
