import KVMemory
import Serving
import SimulationKernel
import Workload

/// Replays the step traces of vLLM 0.2 through the scheduler that simulates it.
///
/// Its clock counts iterations. Which beams fork and end follows from model scores that a trace
/// cannot hold, so those moves are fed in from each record, and with them the numbers of forked
/// sequences in a trace that has beams. Everything else is computed and compared.
struct VLLM02Replay {
  private static let stepFields: Set<String> = [
    "type", "t", "arrive", "kind", "sched", "batched_tokens", "ignored", "preempt", "swap_in",
    "swap_in_pairs", "swap_out_pairs", "swap_in_map", "swap_out_map", "cow", "free_gpu_sched",
    "free_cpu_sched", "tables", "tables_crc", "ops", "finished", "free_gpu", "free_cpu", "running",
    "waiting", "swapped", "free_list", "nq", "q_crc", "free_list_crc", "cpu_free_list_crc",
    "next_seq_id", "error",
  ]
  static let summaryFields: Set<String> = [
    "type", "steps", "finished", "ignored", "preempt_recompute", "preempt_swap", "swap_in", "cow",
    "leaked_gpu_blocks", "error",
  ]

  struct Totals {
    var finished = 0
    var ignored = 0
    var recomputed = 0
    var swappedOut = 0
    var swappedIn = 0
    var copies = 0
    var hasFailed = false
  }

  let golden: VLLM02Golden
  var scheduler: PromptOrDecodeScheduler
  var labels: SequenceLabels
  var plan = IterationPlan()
  /// The iteration before this one, if there was one.
  var time: Int?
  private var nextArrival = 0
  var totals = Totals()

  private init(_ golden: VLLM02Golden) {
    self.golden = golden
    scheduler = PromptOrDecodeScheduler(
      requests: RunRequests(golden.requests), settings: golden.settings,
      watermarkBlocks: golden.watermarkBlocks, sampleTargets: golden.sampleTargets)
    scheduler.beamMoves = [:]
    labels = SequenceLabels(areRecorded: golden.hasBeams)
  }

  /// Replays a golden to its end or to the first difference.
  ///
  /// - Throws: ``UserError`` for a golden that is malformed or contradicts itself.
  static func run(_ file: GoldenFile) throws -> ConformanceReport {
    let golden = try VLLM02Golden(file)
    var replay = Self(golden)
    var steps = 0
    do {
      for record in golden.steps {
        try replay.step(record)
        steps += 1
      }
      try replay.compareSummary(golden.summary)
      return ConformanceReport(caseName: golden.name, steps: steps, outcome: .passes)
    } catch let divergence as Divergence {
      return ConformanceReport(
        caseName: golden.name, steps: steps, outcome: .diverges(divergence))
    }
  }

  private mutating func step(_ record: GoldenRecord) throws {
    try record.requireOnly(Self.stepFields)
    let comparison = StepComparison(record: record, step: try record.integer("t"))
    try advance(comparison)
    plan.removeAll()
    scheduler.schedule(at: SimInstant(nanoseconds: Int64(time ?? 0)), into: &plan)
    count()
    try comparePreemptions(comparison)
    let error = plan.failure == nil ? "none" : "cpu_swap_space_exhausted"
    let recorded = record.has("error") ? try record.string("error") : "none"
    try comparison.compare("error", recorded, error)
    guard plan.failure == nil else { return }
    try compareDecision(comparison)
    try compareMoves(comparison)
    try compareTables(comparison)
    try complete(comparison)
    try compareQueues(comparison)
    try comparePools(comparison)
  }

  /// Moves on to the next iteration, which is later only if nothing is left to do, and takes in
  /// arrivals.
  private mutating func advance(_ comparison: StepComparison) throws {
    let queues = scheduler.queues
    var now = time.map { $0 + 1 } ?? 0
    if queues.running + queues.waiting + queues.swapped == 0, nextArrival < golden.requests.count {
      now = max(now, Int(golden.requests[nextArrival].arrival.nanoseconds))
    }
    try comparison.compare("t", comparison.step, now)
    time = now
    var arrived: [RequestID] = []
    while nextArrival < golden.requests.count,
      golden.requests[nextArrival].arrival.nanoseconds <= now
    {
      let id = RequestID(nextArrival)
      labels.name(scheduler.live.first(of: id))
      scheduler.enqueue(id)
      arrived.append(id)
      nextArrival += 1
    }
    // The record of an abort may say no more than what failed.
    guard comparison.record.has("arrive") || !comparison.record.has("error") else { return }
    try comparison.names("arrive", names(arrived))
  }

  private mutating func count() {
    totals.ignored += plan.ignored.count
    totals.swappedIn += plan.swappedIn.count
    totals.copies += plan.copies.count
    for preemption in plan.preempted {
      switch preemption.mode {
      case .recompute: totals.recomputed += 1
      case .swap: totals.swappedOut += 1
      }
    }
    if plan.failure != nil { totals.hasFailed = true }
  }

  func names(_ ids: some Sequence<RequestID>) -> [String] {
    ids.map { golden.names[Int($0)] }
  }

  func name(_ id: RequestID) -> String { golden.names[Int(id)] }

  // MARK: The outcome

  private mutating func complete(_ comparison: StepComparison) throws {
    let record = comparison.record
    let recorded = try RecordedOperation.list(record)
    if golden.hasBeams {
      scheduler.beamMoves = try labels.beamMoves(
        recorded, scheduled: plan.scheduled.map(\.request), of: scheduler, record)
    }
    for scheduled in plan.scheduled {
      let group = scheduler.groups[Int(scheduled.request)]
      if !group.hasForked {
        labels.reserve(samples: Int(group.width) - 1, of: scheduled.request)
      }
    }
    var finished: [RequestID] = []
    scheduler.complete(&plan, finished: &finished)
    totals.finished += finished.count
    let operations = labels.name(scheduler.operations, recorded: recorded)
    try comparison.compare("ops", recorded, operations)
    try comparison.names("finished", names(finished))
    if record.has("next_seq_id") {
      let next = try record.integer("next_seq_id")
      if !golden.hasBeams || next < labels.next {
        try comparison.compare("next_seq_id", next, labels.next)
      }
      labels.next = next
    }
  }
}
