import CostModel
import KVMemory
import Serving

/// What a replay compares with a record of vLLM 0.2: every field that the record has.
extension VLLM02Replay {
  // MARK: The decision

  func comparePreemptions(_ comparison: StepComparison) throws {
    try comparison.rows(
      "preempt",
      plan.preempted.map { [name($0.request), $0.mode.rawValue, $0.blocks.description] })
  }

  func compareDecision(_ comparison: StepComparison) throws {
    let isPrefill = plan.scheduled.first?.isPrefill
    let kind = isPrefill.map { $0 ? "prefill" : "decode" } ?? "empty"
    try comparison.compare("kind", try comparison.record.string("kind"), kind)
    try comparison.rows(
      "sched",
      plan.scheduled.map {
        [name($0.request), ($0.isPrefill ? $0.tokens : $0.sequences).description]
      })
    try comparison.ifRecorded("batched_tokens", plan.work.batchedTokens)
    try comparison.names("ignored", names(plan.ignored))
    try comparison.rows(
      "swap_in", plan.swappedIn.map { [name($0.request), $0.blocks.description] })
  }

  func compareMoves(_ comparison: StepComparison) throws {
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
  func compareTables(_ comparison: StepComparison) throws {
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

  // MARK: The state

  func compareQueues(_ comparison: StepComparison) throws {
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

  func comparePools(_ comparison: StepComparison) throws {
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

  /// Compares the totals of the run.
  func compareSummary(_ record: GoldenRecord) throws {
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
