import CostModel
import KVMemory
import Serving
import SimulationKernel
import Workload

/// Replays the step traces of vLLM 0.2 through the scheduler that simulates it.
///
/// Its clock counts iterations. Which beams fork and end follows from model scores that a trace cannot hold,
/// so those moves are fed in from each record, and with them the numbers of forked sequences in a trace that
/// has beams. Everything else is computed and compared.
struct VLLM02Replay {
  private static let stepFields: Set<String> = [
    "type", "t", "arrive", "kind", "sched", "batched_tokens", "ignored", "preempt", "swap_in",
    "swap_in_pairs", "swap_out_pairs", "swap_in_map", "swap_out_map", "cow", "free_gpu_sched",
    "free_cpu_sched", "tables", "tables_crc", "ops", "finished", "free_gpu", "free_cpu", "running",
    "waiting", "swapped", "free_list", "nq", "q_crc", "free_list_crc", "cpu_free_list_crc",
    "next_seq_id", "error",
  ]
  private static let summaryFields: Set<String> = [
    "type", "steps", "finished", "ignored", "preempt_recompute", "preempt_swap", "swap_in", "cow",
    "leaked_gpu_blocks", "error",
  ]

  private struct Totals {
    var finished = 0
    var ignored = 0
    var recomputed = 0
    var swappedOut = 0
    var swappedIn = 0
    var copies = 0
    var hasFailed = false
  }

  private let golden: VLLM02Golden
  private var scheduler: PromptOrDecodeScheduler
  private var labels: SequenceLabels
  private var plan = IterationPlan()
  /// The iteration before this one, if there was one.
  private var time: Int?
  private var nextArrival = 0
  private var totals = Totals()

  private init(_ golden: VLLM02Golden) {
    self.golden = golden
    scheduler = PromptOrDecodeScheduler(
      requests: golden.requests, settings: golden.settings,
      watermarkBlocks: golden.watermarkBlocks, sampleTargets: golden.sampleTargets)
    scheduler.beamMoves = [:]
    labels = SequenceLabels(capacity: scheduler.live.capacity, areRecorded: golden.hasBeams)
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
    scheduler.schedule(into: &plan)
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

  /// Moves on to the next iteration, which is later only if nothing is left to do, and takes in arrivals.
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
      labels.name(scheduler.live[id].first!)
      scheduler.enqueue(id)
      arrived.append(id)
      nextArrival += 1
    }
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

  private func names(_ ids: some Sequence<RequestID>) -> [String] {
    ids.map { golden.names[Int($0)] }
  }

  private func name(_ id: RequestID) -> String { golden.names[Int(id)] }

  // MARK: The decision

  private func comparePreemptions(_ comparison: StepComparison) throws {
    try comparison.rows(
      "preempt",
      plan.preempted.map { [name($0.request), $0.mode.rawValue, $0.blocks.description] })
  }

  private func compareDecision(_ comparison: StepComparison) throws {
    let isPrefill = plan.scheduled.first?.isPrefill
    let kind = isPrefill.map { $0 ? "prefill" : "decode" } ?? "empty"
    try comparison.compare("kind", try comparison.record.string("kind"), kind)
    try comparison.rows(
      "sched",
      plan.scheduled.map { [name($0.request), ($0.isPrefill ? $0.tokens : $0.sequences).description] })
    try comparison.ifRecorded("batched_tokens", plan.shape.batchedTokens)
    try comparison.names("ignored", names(plan.ignored))
    try comparison.rows(
      "swap_in", plan.swappedIn.map { [name($0.request), $0.blocks.description] })
  }

  private func compareMoves(_ comparison: StepComparison) throws {
    let record = comparison.record
    for (field, moves) in [("swap_in", plan.swapIns), ("swap_out", plan.swapOuts)] {
      let pairs = record.has("\(field)_pairs") ? try record.integer("\(field)_pairs") : 0
      try comparison.compare("\(field)_pairs", pairs, moves.count)
      guard record.has("\(field)_map") else { continue }
      try comparison.lists(
        "\(field)_map", moves.map { [Int($0.source), Int($0.destination)] })
    }
    try comparison.lists("cow", plan.copies.groupedBySource)
    try comparison.ifRecorded("free_gpu_sched", scheduler.memory.device.freeCount)
    try comparison.ifRecorded("free_cpu_sched", scheduler.memory.host.freeCount)
  }

  /// Compares the block tables of all sequences that run.
  private func compareTables(_ comparison: StepComparison) throws {
    var rows: [String] = []
    for scheduled in plan.scheduled {
      for sequence in scheduler.live[scheduled.request] {
        let blocks = scheduler.memory.tables.blocks(of: sequence)
        let list = blocks.map(\.description).joined(separator: ",")
        rows.append("\(name(scheduled.request))/\(labels[sequence]):\(list)")
      }
    }
    if comparison.record.has("tables") {
      try comparison.compare("tables", try Self.tableRows(comparison.record), rows)
    }
    try comparison.ifRecorded("tables_crc", CRC32.of(rows.joined(separator: ";")))
  }

  /// The full tables of a small case, in the form that the checksum of a big one is made from.
  private static func tableRows(_ record: GoldenRecord) throws -> [String] {
    try record.mixedLists("tables").map { row in
      guard row.count == 3, let blocks = row[2] as? [Int] else {
        throw record.failure("`tables` must list request, sequence and blocks")
      }
      return "\(row[0])/\(row[1]):\(blocks.map(\.description).joined(separator: ","))"
    }
  }

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
    scheduler.complete(plan, finished: &finished)
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

  private func compareQueues(_ comparison: StepComparison) throws {
    let queues = [
      ("running", names(scheduler.running)), ("waiting", names(scheduler.waiting)),
      ("swapped", names(scheduler.swapped)),
    ]
    for (field, queue) in queues where comparison.record.has(field) {
      try comparison.names(field, queue)
    }
    if comparison.record.has("nq") { try comparison.integers("nq", queues.map(\.1.count)) }
    if comparison.record.has("q_crc") {
      try comparison.integers("q_crc", queues.map { CRC32.ofList($0.1) })
    }
  }

  private func comparePools(_ comparison: StepComparison) throws {
    let device = scheduler.memory.device
    let host = scheduler.memory.host
    try comparison.ifRecorded("free_gpu", device.freeCount)
    try comparison.ifRecorded("free_cpu", host.freeCount)
    if comparison.record.has("free_list") {
      try comparison.integers("free_list", device.freeStack.map { Int($0) })
    }
    try comparison.ifRecorded("free_list_crc", CRC32.ofList(device.freeStack))
    try comparison.ifRecorded("cpu_free_list_crc", CRC32.ofList(host.freeStack))
  }

  private func compareSummary(_ record: GoldenRecord) throws {
    try record.requireOnly(Self.summaryFields)
    let comparison = StepComparison(record: record, step: time ?? 0)
    try comparison.integer("steps", golden.steps.count)
    try comparison.integer("finished", totals.finished)
    try comparison.integer("ignored", totals.ignored)
    try comparison.integer("preempt_recompute", totals.recomputed)
    try comparison.integer("preempt_swap", totals.swappedOut)
    try comparison.integer("swap_in", totals.swappedIn)
    try comparison.integer("cow", totals.copies)
    try comparison.integer("leaked_gpu_blocks", scheduler.memory.device.heldCount)
    try comparison.compare("error", try record.boolean("error"), totals.hasFailed)
  }
}

extension StepComparison {
  /// Names in order; an absent list is an empty one.
  func names(_ field: String, _ got: [String]) throws {
    try compare(field, try record.strings(field), got)
  }

  /// Rows that mix names and numbers, in the words of the file; an absent list is an empty one.
  func rows(_ field: String, _ got: [[String]]) throws {
    try compare(field, try record.mixedLists(field).map { $0.map { "\($0)" } }, got)
  }

  /// A number that records of some cases leave out.
  func ifRecorded(_ field: String, _ got: Int) throws {
    if record.has(field) { try integer(field, got) }
  }
}

extension CRC32 {
  static func of(_ text: String) -> Int {
    var crc = CRC32()
    crc.add(text)
    return Int(crc.value)
  }
}
