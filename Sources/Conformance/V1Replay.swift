import KVMemory
import Serving
import SimulationKernel
import Workload

/// Replays the step traces of vLLM's V1 engine. The clock counts scheduler steps; nothing is
/// priced, and nothing is fed in but the requests: every field of every record is computed and
/// compared.
struct V1Replay<Memory: ReplayedMemory> {
  let golden: V1Golden
  var scheduler: TokenBudgetScheduler<Memory>
  /// Who moves what the KV connector says; `nil` without one.
  private var worker: V1Worker?
  /// The step that is next.
  private var clock = 0
  private var nextArrival = 0
  /// Iterations whose output was not taken in, oldest first, each with its step: asynchronous ones are decided ahead.
  private var inFlight: [(step: Int, plan: IterationPlan)] = []
  private var finished: [RequestID] = []
  private var totals = Totals()

  /// Fields that recordings of one group and of several have alike are compared alike.
  private var isGrouped: Bool { golden.groups != nil }

  private struct Totals {
    var steps = 0
    var finished = 0
    var preemptions = 0
    var tokens = 0
    var hitTokens = 0
    var evictions = 0
    var externalTokens = 0
  }

  private init(_ golden: V1Golden, _ memory: Memory) {
    self.golden = golden
    scheduler = TokenBudgetScheduler(
      memory: memory, requests: RunRequests(golden.requests), settings: golden.settings,
      contents: golden.contents, traits: golden.traits, connector: golden.makeConnector())
    worker = golden.connector.map { V1Worker($0, golden.remoteWork) }
  }

  /// - Parameter memory: Empty, by the settings of the golden.
  /// - Throws: ``UserError`` for records that cannot be read.
  static func run(_ golden: V1Golden, _ memory: Memory) throws -> ConformanceReport {
    var replay = Self(golden, memory)
    var outcome = ConformanceReport.Outcome.passes
    do {
      for record in golden.steps { try replay.step(record) }
      if let summary = golden.summary { try replay.compareSummary(summary) }
    } catch let divergence as Divergence {
      outcome = .diverges(divergence)
    }
    return ConformanceReport(caseName: golden.name, steps: replay.totals.steps, outcome: outcome)
  }

  private mutating func step(_ record: GoldenRecord) throws {
    let time = try record.integer("t")
    let comparison = StepComparison(record: record, step: time)
    let firstArrival = nextArrival
    guard advance() else {
      throw Divergence(step: time, field: "t", expected: "\(time)", got: "nothing to run")
    }
    try comparison.integer("t", clock)
    try compareNames("arrive", Array(firstArrival..<nextArrival), comparison)
    // Without requests only outputs are taken in.
    let isDeciding = hasWork
    try comparison.compare("sched", record.has("sched"), isDeciding)
    if isDeciding { try decide(comparison) }
    finished.removeAll(keepingCapacity: true)
    let isAhead = scheduler.iterationsAhead > 0
    let delayed = scheduler.connector?.step.delayed.count ?? 0
    if isAhead, isDeciding, inFlight.count == 1, hasWork || !inFlight[0].plan.scheduled.isEmpty {
      try comparison.compare("upd", record.has("upd"), false)
    } else {
      if isAhead { try comparison.integer("upd", inFlight[0].step) }
      scheduler.complete(&inFlight[0].plan, finished: &finished)
      inFlight.removeFirst()
    }
    totals.finished += finished.count
    try compareNames("finished", finished.map { Int($0) }, comparison)
    if let step = scheduler.connector?.step {
      try compareNames("delayed", step.delayed.dropFirst(delayed).map { Int($0) }, comparison)
      for sequence in step.delayed.dropFirst(delayed) { worker?.send(sequence, at: clock) }
    }
    try compareQueues(comparison)
    try comparePool(comparison)
    try compareTier(comparison)
    clock += 1
    totals.steps += 1
  }

  private var hasWork: Bool { scheduler.queues.total > 0 || scheduler.hasTransfers }

  /// Goes on to the next step that does something; idle ones, between arrivals, have no record.
  ///
  /// - Returns: Whether there is one.
  private mutating func advance() -> Bool {
    while true {
      while nextArrival < golden.arrivals.count, golden.arrivals[nextArrival] <= clock {
        scheduler.enqueue(RequestID(nextArrival))
        nextArrival += 1
      }
      if hasWork || !inFlight.isEmpty { return true }
      guard nextArrival < golden.arrivals.count else { return false }
      clock = golden.arrivals[nextArrival]
    }
  }

  private mutating func decide(_ comparison: StepComparison) throws {
    var plan = IterationPlan()
    try seeCompleted(comparison)
    scheduler.schedule(at: SimInstant(nanoseconds: Int64(clock)), into: &plan)
    try compareDecision(plan, comparison)
    try compareTables(plan, comparison)
    inFlight.append((clock, plan))
    guard let step = scheduler.connector?.step else { return }
    try compareTransfers(step, comparison)
    totals.externalTokens += (plan.admitted + step.loading).reduce(0) {
      $0 + Int($1.externalTokens)
    }
    let report = worker?.act(at: clock, step) { scheduler.memory.blocks(of: Int($0)) }
    guard let report else { return }
    try compareReport(report, comparison)
    scheduler.report(report)
  }

  // MARK: Comparing

  /// A request's name with the numbers that a record puts beside it.
  struct Entry: Equatable, CustomStringConvertible {
    var name: String
    var numbers: [Int]
    var description: String { "[\(name), \(numbers.map(\.description).joined(separator: ", "))]" }
  }

  private mutating func compareDecision(
    _ plan: IterationPlan, _ comparison: StepComparison
  ) throws {
    let scheduled = plan.scheduled.map {
      entry($0.request, Int($0.contextTokens), Int($0.tokens))
    }
    try comparison.compare("sched", try entries("sched", comparison.record), scheduled)
    let tokens = plan.scheduled.reduce(0) { $0 + Int($1.tokens) }
    try comparison.integer("tokens", tokens)
    let admitted = plan.admitted.map { admission in
      golden.connector == nil
        ? entry(admission.request, Int(admission.cachedTokens))
        : entry(
          admission.request, Int(admission.cachedTokens), Int(admission.externalTokens))
    }
    try comparison.compare("admit", try entries("admit", comparison.record), admitted)
    let preempted = plan.preempted.map { entry($0.request, Int($0.computedTokens)) }
    try comparison.compare("preempt", try entries("preempt", comparison.record), preempted)
    if let count = comparison.record.fields["evicted"] as? Int {
      try comparison.compare("evicted", count, plan.evicted.count)
    } else {
      try comparison.integers("evicted", plan.evicted.map { Int($0) })
    }
    try comparison.integer("free_sched", scheduler.memory.pool.freeCount)
    if isGrouped {
      let computed = plan.scheduled.map { Int($0.contextTokens) + Int($0.tokens) }
      try comparison.integer("computed", Int(CRC32.ofList(computed)))
      let drafted = plan.drafted.map { entry($0.request, Int($0.drafts), Int($0.accepted)) }
      try comparison.compare("spec", try entries("spec", comparison.record), drafted)
      let padded = plan.drafted.filter(\.isPadding).map { Int($0.request) }
      try compareNames("pad", padded, comparison)
    }
    totals.tokens += tokens
    totals.preemptions += plan.preempted.count
    totals.hitTokens += plan.admitted.reduce(0) { $0 + Int($1.cachedTokens) }
    totals.evictions += plan.evicted.count
  }

  /// Block tables of the requests that run, before any of them is complete.
  private func compareTables(_ plan: IterationPlan, _ comparison: StepComparison) throws {
    var crc = CRC32()
    var tables: [Tables] = []
    let loading = scheduler.connector?.step.loading ?? []
    for (index, request) in (plan.scheduled.map(\.request) + loading.map(\.request)).enumerated() {
      let blocks = scheduler.memory.tables(of: Int(request))
      let name = golden.names[Int(request)]
      let list = blocks.map { $0.map(\.description).joined(separator: ",") }
        .joined(separator: "|")
      crc.add(index == 0 ? "\(name):\(list)" : ";\(name):\(list)")
      tables.append(Tables(name: name, groups: blocks.map { $0.map { Int($0) } }))
    }
    if comparison.record.has("tables") {
      try comparison.compare("tables", try tableEntries(comparison.record), tables)
    }
    try comparison.integer("tables_crc", Int(crc.value))
  }

  private func compareQueues(_ comparison: StepComparison) throws {
    let running = scheduler.running.map { Int($0) }
    let waiting = scheduler.waiting.map { Int($0) }
    if comparison.record.has("running") { try compareNames("running", running, comparison) }
    if comparison.record.has("waiting") { try compareNames("waiting", waiting, comparison) }
    let holding = scheduler.holding.map { Int($0) }
    if comparison.record.has("running") {
      try compareNames("kv_holding", holding, comparison)
    }
    let queues = isGrouped ? [running, waiting, holding] : [running, waiting]
    try comparison.integers("nq", queues.map(\.count))
    let crcs = queues.map { queue in CRC32.ofList(queue.map { golden.names[$0] }) }
    try comparison.integers("q_crc", crcs)
  }

  private func comparePool(_ comparison: StepComparison) throws {
    let pool = scheduler.memory.pool
    let queue = pool.freeQueue
    try comparison.integer("free", pool.freeCount)
    if comparison.record.has("free_queue") {
      try comparison.integers("free_queue", queue.map { Int($0) })
    }
    let hashed = scheduler.memory.hashedBlocks
    if comparison.record.has("hashed_blocks") {
      if isGrouped {
        try comparison.lists("hashed_blocks", hashed)
      } else {
        try comparison.integers("hashed_blocks", hashed.map { $0[0] })
      }
    }
    if comparison.record.has("hashed_crc") {
      let entries = hashed.map { $0.map(\.description).joined(separator: ".") }
      try comparison.integer("hashed_crc", Int(CRC32.ofList(entries)))
    }
    if comparison.record.has("n_hashed") { try comparison.integer("n_hashed", pool.cachedCount) }
    try comparison.integer("free_queue_crc", CRC32.ofList(queue))
  }

  private func compareSummary(_ record: GoldenRecord) throws {
    let comparison = StepComparison(record: record, step: clock)
    try comparison.integer("steps", totals.steps)
    try comparison.integer("finished", totals.finished)
    try comparison.integer("preemptions", totals.preemptions)
    try comparison.integer(isGrouped ? "scheduled_tokens" : "tokens_scheduled", totals.tokens)
    try comparison.integer(isGrouped ? "hit_tokens" : "cache_hit_tokens", totals.hitTokens)
    try comparison.integer("evictions", totals.evictions)
    if isGrouped { try comparison.integer("external_tokens", totals.externalTokens) }
  }

  func compareNames(
    _ field: String, _ got: [Int], _ comparison: StepComparison
  ) throws {
    let expected = try comparison.record.strings(field)
    for name in expected { _ = try golden.index(of: name, in: comparison.record) }
    try comparison.compare(field, expected, got.map { golden.names[$0] })
  }

  // MARK: Reading

  func entry(_ request: RequestID, _ numbers: Int...) -> Entry {
    Entry(name: golden.names[Int(request)], numbers: numbers)
  }

  /// Reads lists such as `["a", 3, 1]`.
  func entries(_ field: String, _ record: GoldenRecord) throws -> [Entry] {
    try record.mixedLists(field).map { list in
      guard let name = list.first as? String, let numbers = Array(list.dropFirst()) as? [Int]
      else { throw record.failure("`\(field)` must consist of lists [id, number, …]") }
      _ = try golden.index(of: name, in: record)
      return Entry(name: name, numbers: numbers)
    }
  }

  /// Reads lists such as `["a", [1, 2]]`, or `["a", [[1, 2], [0, 3]]]` with groups.
  private func tableEntries(_ record: GoldenRecord) throws -> [Tables] {
    try record.mixedLists("tables").map { list in
      let groups =
        isGrouped ? list.last as? [[Int]] : (list.last as? [Int]).map { [$0] }
      guard list.count == 2, let name = list[0] as? String, let groups else {
        throw record.failure("`tables` must consist of lists [id, [block, …]]")
      }
      _ = try golden.index(of: name, in: record)
      return Tables(name: name, groups: groups)
    }
  }

  /// The block tables of a request, one for each group.
  private struct Tables: Equatable, CustomStringConvertible {
    var name: String
    var groups: [[Int]]
    var description: String {
      let numbers = groups.map { $0.map(\.description).joined(separator: ", ") }
      return "[\(name), \(numbers.joined(separator: " | "))]"
    }
  }
}

/// What a replay looks at in a memory.
protocol ReplayedMemory: TokenBudgetMemory {
  /// The block tables of a sequence, one for each group.
  func tables(of sequence: Int) -> [[BlockID]]
  /// The blocks that hold a key, by number, each with what it is known to hold.
  var hashedBlocks: [[Int]] { get }
}

extension PrefixCachingMemory: ReplayedMemory {
  func tables(of sequence: Int) -> [[BlockID]] { [blocks(of: sequence)] }

  var hashedBlocks: [[Int]] { pool.cachedBlocks.map { [Int($0)] } }
}

extension HybridMemory: ReplayedMemory {
  func tables(of sequence: Int) -> [[BlockID]] {
    groups.indices.map { blocks(of: sequence, group: $0) }
  }

  /// With the group that each served, and the tokens up to its end.
  var hashedBlocks: [[Int]] {
    pool.cachedBlocks.map { [Int($0), label(of: $0).group, label(of: $0).tokens] }
  }
}

extension V1Golden {
  /// Replays the golden through the memory that simulates models of its groups.
  func replay() throws -> ConformanceReport {
    guard let groups else { return try V1Replay.run(self, PrefixCachingMemory(settings)) }
    return try V1Replay.run(self, HybridMemory(settings, groups: groups))
  }

  /// Replays a golden of one group through the memory of several.
  func replayAsGroups() throws -> ConformanceReport {
    let group = BlockGroup(keeps: .all, blockTokens: settings.blockSize)
    return try V1Replay.run(self, HybridMemory(settings, groups: [group]))
  }
}
