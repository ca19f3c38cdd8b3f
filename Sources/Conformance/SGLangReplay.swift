import KVMemory
import Serving
import SimulationKernel
import Workload

/// Replays the step traces of SGLang's scheduler. The clock counts passes of its loop; nothing is priced, and nothing
/// is fed in but the requests: every field of every record is computed and compared.
struct SGLangReplay {
  private let golden: SGLangGolden
  private var scheduler: SGLangScheduler
  /// The pass that is next.
  private var clock = 0
  private var nextArrival = 0
  private var arrived: [RequestID] = []
  /// The batch whose results are not taken in yet.
  private var inFlight: SGLangBatch?
  private var batch: SGLangBatch?
  private var finished: [SGLangPass.Completed] = []
  private var totals = Totals()

  private struct Totals {
    var steps = 0
    var kinds: [SGLangBatch.Kind?: Int] = [:]
    var retractions = 0
    var preemptions = 0
    var hitTokens = 0
    var finished = 0
  }

  private init(_ golden: SGLangGolden) {
    self.golden = golden
    scheduler = SGLangScheduler(
      requests: RunRequests(golden.requests), settings: golden.settings,
      contents: golden.contents, asks: golden.asks)
    scheduler.memory.evictions = []
  }

  /// - Throws: ``UserError`` for records that cannot be read.
  static func run(_ golden: SGLangGolden) throws -> ConformanceReport {
    var replay = Self(golden)
    var outcome = ConformanceReport.Outcome.passes
    do {
      try replay.compareHeader()
      for record in golden.steps { try replay.step(record) }
      try replay.compareSummary()
    } catch let divergence as Divergence {
      outcome = .diverges(divergence)
    }
    return ConformanceReport(caseName: golden.name, steps: replay.totals.steps, outcome: outcome)
  }

  private mutating func step(_ record: GoldenRecord) throws {
    let time = try record.integer("t")
    let comparison = StepComparison(record: record, step: time)
    guard advance() else {
      throw Divergence(step: time, field: "t", expected: "\(time)", got: "nothing to run")
    }
    try comparison.integer("t", clock)
    try compareNames("arrive", arrived, comparison)
    try compareDecision(comparison)
    try compareState(comparison)
    clock += 1
    totals.steps += 1
  }

  /// Makes passes up to the next that is not idle.
  ///
  /// - Returns: Whether there is one.
  private mutating func advance() -> Bool {
    while true {
      arrive()
      scheduler.memory.evictions?.removeAll()
      finished = []
      batch = scheduler.decide()
      let overlaps = golden.settings.sglang.overlap
      let results = overlaps ? inFlight : batch
      inFlight = overlaps ? batch : nil
      if let results { finished = scheduler.takeIn(results) }
      if batch != nil || results != nil || !scheduler.isIdle || !arrived.isEmpty { return true }
      scheduler.idle()
      guard nextArrival < golden.arrivals.count else { return false }
      clock = max(clock + 1, golden.arrivals[nextArrival].step)
    }
  }

  private mutating func arrive() {
    arrived = []
    while nextArrival < golden.arrivals.count, golden.arrivals[nextArrival].step <= clock {
      arrived.append(golden.arrivals[nextArrival].request)
      scheduler.enqueue(golden.arrivals[nextArrival].request)
      nextArrival += 1
    }
  }

  // MARK: Comparing

  /// A request's name with the numbers that a record puts beside it.
  private struct Entry: Equatable, CustomStringConvertible {
    var name: String
    var numbers: [Int]
    var description: String { "[\(name), \(numbers.map(\.description).joined(separator: ", "))]" }
    /// As checksums have it.
    var joined: String { "\(name):\(numbers.map(\.description).joined(separator: ":"))" }
  }

  /// What the engine makes of its settings, and of what requests ask for.
  private func compareHeader() throws {
    let comparison = StepComparison(record: golden.header, step: 0)
    let ratio = scheduler.ratioSteps
    for (field, value) in [
      ("ratio_init", ratio.initial), ("ratio_min", ratio.least), ("ratio_decay", ratio.decay),
    ] {
      try comparison.compare(field, try golden.header.double(field), value)
    }
    try comparison.integer("max_req_len", scheduler.requestLengthMax)
    for (index, request) in golden.requests.enumerated() {
      let clipped = scheduler.clippedMaxNew(
        Int(golden.asks[index].maxNewTokens), promptTokens: Int(request.promptTokens))
      try comparison.compare("clipped_max_new_tokens", golden.clipped[index], clipped)
    }
  }

  private mutating func compareDecision(_ comparison: StepComparison) throws {
    let kind = batch?.kind.rawValue ?? "none"
    try comparison.compare("type", try comparison.record.string("type"), kind)
    let rows = (batch?.rows ?? []).map {
      Entry(name: name($0.request), numbers: [Int($0.before), Int($0.tokens)])
    }
    if golden.isFull {
      try comparison.compare("batch", try entries("batch", comparison.record), rows)
    } else {
      try comparison.integer("n_batch", rows.count)
      var crc = CRC32()
      crc.add(rows.map(\.joined).joined(separator: ";"))
      try comparison.integer("batch_crc", Int(crc.value))
    }
    try comparison.integer("tokens", batch?.tokens ?? 0)
    let pass = scheduler.pass
    let admitted = pass.admitted.map {
      Entry(name: name($0.request), numbers: [Int($0.cachedTokens)])
    }
    try comparison.compare("admit", try entries("admit", comparison.record), admitted)
    try compareGivenUp("retract", pass.retracted, comparison)
    try compareGivenUp("preempt", pass.preempted, comparison)
    try compareEvictions(comparison)
    if batch != nil || comparison.record.has("free_sched") {
      try comparison.integer("free_sched", pass.freeAfterAllocation)
    }
    totals.kinds[batch?.kind, default: 0] += 1
    totals.retractions += pass.retracted.count
    totals.preemptions += pass.preempted.count
    totals.hitTokens += admitted.reduce(0) { $0 + $1.numbers[0] }
  }

  private func compareGivenUp(
    _ field: String, _ got: [SGLangPass.GivenUp], _ comparison: StepComparison
  ) throws {
    let got = got.map { Entry(name: name($0.request), numbers: [Int($0.generatedTokens)]) }
    try comparison.compare(field, try entries(field, comparison.record), got)
  }

  /// The nodes of the tree that were evicted: tokens above each, and its own.
  private func compareEvictions(_ comparison: StepComparison) throws {
    let nodes = scheduler.memory.evictions ?? []
    let tokens = nodes.reduce(0) { sum, node in node.pieces.reduce(sum) { $0 + $1.count } }
    let record = comparison.record
    try comparison.compare("n_evicted", try record.integerOrZero("n_evicted"), tokens)
    let texts = nodes.map { node in
      let pieces = node.pieces.map { "[\($0.stream),\($0.start),\($0.count)]" }
      return "[\(node.depth),[\(pieces.joined(separator: ","))]]"
    }
    let text = "[\(texts.joined(separator: ","))]"
    if golden.isFull {
      let expected = try record.mixedLists("evicted")
      let json = try expected.map { try Self.compactJSON($0, record) }.joined(separator: ",")
      try comparison.compare("evicted", "[\(json)]", text)
    }
    var crc = CRC32()
    if !nodes.isEmpty { crc.add(text) }
    try comparison.compare("evicted_crc", try record.integerOrZero("evicted_crc"), Int(crc.value))
  }

  private static func compactJSON(_ value: [Any], _ record: GoldenRecord) throws -> String {
    guard value.count == 2, let depth = value[0] as? Int, let pieces = value[1] as? [[Int]] else {
      throw record.failure("`evicted` must consist of lists [depth, [[stream, start, count], …]]")
    }
    let texts = pieces.map { "[\($0.map(\.description).joined(separator: ","))]" }
    return "[\(depth),[\(texts.joined(separator: ","))]]"
  }

  /// What holds at the end of a pass.
  private mutating func compareState(_ comparison: StepComparison) throws {
    let record = comparison.record
    let done = finished.map {
      Entry(name: name($0.request), numbers: [Int($0.generatedTokens)])
    }
    try comparison.compare("finished", try entries("finished", record), done)
    totals.finished += finished.count
    let chunked = record.has("chunked") ? try record.string("chunked") : "null"
    try comparison.compare("chunked", chunked, scheduler.chunked.map(name) ?? "null")
    try comparison.compare("ratio", try record.double("ratio"), scheduler.newTokenRatio)
    let memory = scheduler.memory
    try comparison.integer("free", memory.free)
    try comparison.integer("evictable", memory.tree.evictable)
    try comparison.integer("protected", memory.tree.protected)
    let (running, waiting) = (scheduler.unfinished, Array(scheduler.waiting))
    if golden.isFull {
      try compareNames("running", running, comparison)
      try compareNames("waiting", waiting, comparison)
    }
    try comparison.integers("nq", [running.count, waiting.count])
    var crc = CRC32()
    crc.add([running, waiting].map { $0.map(name).joined(separator: ",") }.joined(separator: "|"))
    try comparison.integer("q_crc", Int(crc.value))
  }

  private func compareSummary() throws {
    let comparison = StepComparison(record: golden.summary, step: clock)
    try comparison.integer("steps", totals.steps)
    for kind in [SGLangBatch.Kind.prefill, .decode, .mixed] {
      try comparison.integer(kind.rawValue, totals.kinds[kind] ?? 0)
    }
    try comparison.integer("retractions", totals.retractions)
    try comparison.integer("preemptions", totals.preemptions)
    try comparison.integer("hit_tokens", totals.hitTokens)
    try comparison.integer("evicted_tokens", scheduler.memory.evictedTokens)
    try comparison.integer("finished", totals.finished)
    try comparison.integer("aborted", 0)
  }

  private func compareNames(
    _ field: String, _ got: [RequestID], _ comparison: StepComparison
  ) throws {
    let expected = try comparison.record.strings(field)
    for name in expected { _ = try golden.index(of: name, in: comparison.record) }
    try comparison.compare(field, expected, got.map(name))
  }

  private func name(_ request: RequestID) -> String { golden.names[Int(request)] }

  /// Reads lists such as `["a", 3, 1]`.
  private func entries(_ field: String, _ record: GoldenRecord) throws -> [Entry] {
    try record.mixedLists(field).map { list in
      guard let name = list.first as? String, let numbers = Array(list.dropFirst()) as? [Int]
      else { throw record.failure("`\(field)` must consist of lists [id, number, …]") }
      _ = try golden.index(of: name, in: record)
      return Entry(name: name, numbers: numbers)
    }
  }
}

extension GoldenRecord {
  /// An integer that is left out where it is zero.
  fileprivate func integerOrZero(_ key: String) throws -> Int { has(key) ? try integer(key) : 0 }
}
