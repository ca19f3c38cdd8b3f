import KVMemory
import Serving
import SimulationKernel
import Workload

/// Replays the step traces of the SOSP'23 artifact (its vLLM, "astra", and its Orca baselines).
///
/// The artifact's clock is a formula, so time is compared as well. Beam forks follow from model scores that
/// a trace cannot hold; they are fed in from each record. Everything else is computed.
struct SOSP23Replay<Memory: RecordedMemory> {
  private var scheduler: MixedIterationScheduler<Memory>
  private let requests: [Request]
  private let clockTerms: (base: Int64, perToken: Int64, perContextToken: Int64)
  private var clock: Int64 = 0
  private var nextArrival = 0
  private var plan = IterationPlan()
  private var totals = (recompute: 0, swap: 0, copies: 0, steps: 0)
  private var finishes: [Int64?]

  private init(_ header: GoldenRecord, requests: [Request], memory: Memory) throws {
    self.requests = requests
    scheduler = MixedIterationScheduler(
      requests: RunRequests(requests), settings: try SOSP23Golden.settings(header),
      memory: memory)
    clockTerms = (
      Int64(try header.integer("a_ns")), Int64(try header.integer("b_ns")),
      Int64(try header.integer("c_ns"))
    )
    finishes = Array(repeating: nil, count: requests.count)
  }

  static func run(
    _ golden: GoldenFile, requests: [Request], memory: Memory
  ) throws -> ConformanceReport {
    var replay = try Self(golden.header, requests: requests, memory: memory)
    let name = try golden.header.string("case")
    do {
      for record in golden.records.dropFirst(1 + requests.count) {
        if try record.string("type") == "step" {
          try replay.step(record)
        } else {
          try replay.end(record)
        }
      }
      return ConformanceReport(caseName: name, steps: replay.totals.steps, outcome: .passes)
    } catch let divergence as Divergence {
      return ConformanceReport(
        caseName: name, steps: replay.totals.steps, outcome: .diverges(divergence))
    }
  }

  private mutating func step(_ record: GoldenRecord) throws {
    try record.requireOnly(SOSP23Golden.stepFields)
    let comparison = StepComparison(record: record, step: totals.steps)
    advance()
    try comparison.integer("t", Int(clock))
    let prompts = plan.scheduled.filter(\.isPrefill)
    let decodes = plan.scheduled.filter { !$0.isPrefill }
    let tokens =
      prompts.reduce(0) { $0 + Int($1.tokens) } + decodes.reduce(0) { $0 + Int($1.sequences) }
    let context = decodes.reduce(0) { $0 + Int($1.sequences * ($1.contextTokens + 1)) }
    let duration = plan.isEmpty ? 0 : price(tokens: tokens, context: context)
    try comparison.integers("P", prompts.map { Int($0.request) })
    try comparison.integers("D", decodes.map { Int($0.request) })
    try comparison.integer("tok", tokens)
    try comparison.integer("ctx", context)
    try comparison.integer("dt", Int(duration))
    try comparison.integer("sl", tokens)
    try compareMoves(comparison)
    try compareState(comparison)
    try complete(comparison)
    clock += duration
    totals.steps += 1
  }

  /// Hands in what has arrived and decides the next iteration that does something.
  private mutating func advance() {
    while true {
      while nextArrival < requests.count, requests[nextArrival].arrival.nanoseconds <= clock {
        scheduler.enqueue(RequestID(nextArrival))
        nextArrival += 1
      }
      plan.removeAll()
      scheduler.schedule(at: SimInstant(nanoseconds: clock), into: &plan)
      let isIdle = plan.isEmpty && plan.preempted.isEmpty
      guard isIdle, nextArrival < requests.count else { return }
      clock = requests[nextArrival].arrival.nanoseconds
    }
  }

  private func price(tokens: Int, context: Int) -> Int64 {
    clockTerms.base + clockTerms.perToken * Int64(tokens)
      + clockTerms.perContextToken * Int64(context)
  }

  private mutating func compareMoves(_ comparison: StepComparison) throws {
    let expected = try comparison.record.mixedLists("pre").map { fields -> [String] in
      fields.map { "\($0)" }
    }
    let got = plan.preempted.map { preemption -> [String] in
      switch preemption.mode {
      case .recompute: ["\(preemption.request)", "R"]
      case .swap: ["\(preemption.request)", "S", "\(preemption.blocks)"]
      }
    }
    try comparison.compare("pre", expected, got)
    try comparison.lists("sin", plan.swappedIn.map { [Int($0.request), $0.blocks] })
    try comparison.lists("cow", plan.copies.groupedBySource)
    totals.copies += plan.copies.count
    for preemption in plan.preempted {
      if preemption.mode == .recompute { totals.recompute += 1 } else { totals.swap += 1 }
    }
  }

  private func compareState(_ comparison: StepComparison) throws {
    let queues = scheduler.queues
    try comparison.integer("R", queues.running)
    try comparison.integer("W", queues.waiting)
    try comparison.integer("S", queues.swapped)
    let memory = scheduler.memory
    var logical = (blocks: 0, tokens: 0)
    var crc = CRC32()
    for id in scheduler.running {
      let group = scheduler.groups[Int(id)]
      for sequence in group.sequences {
        let blocks = memory.recordedBlocks(of: sequence, length: Int(group.length))
        logical.blocks += blocks.count
        logical.tokens += Int(group.length)
        crc.add("\(sequence):\(blocks.map(\.description).joined(separator: ","));")
      }
    }
    let ledger = scheduler.ledger
    try comparison.integer("lb", logical.blocks)
    try comparison.integer("lt", logical.tokens)
    try comparison.integer("pb", scheduler.blocks.physical)
    try comparison.integer("pt", ledger.tokenState)
    try comparison.integer("rsv", memory.countsReservation ? ledger.reserved : 0)
    try comparison.integer("int", memory.countsReservation ? ledger.internalFragmentation : 0)
    try comparison.integer("free", memory.freeDeviceBlocks)
    try comparison.integer("crc", Int(crc.value))
    if memory.hasHost { try comparison.integer("freec", scheduler.memory.freeHostBlocks) }
  }

  private mutating func complete(_ comparison: StepComparison) throws {
    var forks: [RequestID: [BeamFork]] = [:]
    for fork in try comparison.record.integerLists("forks") {
      guard fork.count == 2 else {
        throw comparison.record.failure("`forks` must consist of [child, parent]")
      }
      guard let id = requestOf(sequence: fork[0]) else {
        throw comparison.record.failure("`forks` names the unknown sequence \(fork[0])")
      }
      guard scheduler.groups[Int(id)].sequences.contains(fork[1]) else {
        throw comparison.record.failure(
          "`forks` makes sequence \(fork[0]) a child of \(fork[1]), which is of another request")
      }
      let first = scheduler.groups[Int(id)].sequences.lowerBound
      forks[id, default: []].append(BeamFork(child: fork[0] - first, parent: fork[1] - first))
    }
    scheduler.beams = .recorded(forks)
    var finished: [RequestID] = []
    scheduler.complete(&plan, finished: &finished)
    try comparison.integers("fin", finished.map { Int($0) })
    try comparison.integer("fa", scheduler.memory.freeDeviceBlocks)
    let end =
      clock + (plan.isEmpty ? 0 : Int64(try comparison.record.integer("dt")))
    for id in finished { finishes[Int(id)] = end }
  }

  private func requestOf(sequence: Int) -> RequestID? {
    scheduler.running.first { scheduler.groups[Int($0)].sequences.contains(sequence) }
  }

  /// Seconds per token, over finished requests: the recorder counts a request once, whatever its `n`.
  private var meanNormalizedLatency: Double {
    var sum = 0.0
    var count = 0
    for (request, finish) in zip(requests, finishes) {
      guard let finish else { continue }
      let latency = Double(finish - request.arrival.nanoseconds) / 1e9
      sum += latency / Double(request.outputTokens)
      count += 1
    }
    return count > 0 ? sum / Double(count) : 0
  }

  private func end(_ record: GoldenRecord) throws {
    try record.requireOnly(SOSP23Golden.endFields)
    let comparison = StepComparison(record: record, step: totals.steps)
    try comparison.integer("steps", totals.steps)
    try comparison.integer("end_ns", Int(clock))
    try comparison.integer("finished", finishes.count { $0 != nil })
    try comparison.integer("recompute", totals.recompute)
    try comparison.integer("swap", totals.swap)
    try comparison.integer("cow", totals.copies)
    let waits = scheduler.queues.waiting + scheduler.queues.swapped > 0
    try comparison.compare("deadlock", try record.boolean("deadlock"), waits)
    let recorded = try record.double("mean_norm_latency_s")
    // A mean of quotients: the order of summation shows in the last digits.
    if abs(recorded - meanNormalizedLatency) > 1e-12 * max(1, recorded) {
      try comparison.compare("mean_norm_latency_s", recorded, meanNormalizedLatency)
    }
  }
}

extension [BlockCopy] {
  /// Pairs as recorders keep them: grouped by source, sources in order of first appearance.
  var groupedBySource: [[Int]] {
    var order: [BlockID] = []
    for copy in self where !order.contains(copy.source) { order.append(copy.source) }
    return order.flatMap { source in
      filter { $0.source == source }.map { [Int($0.source), Int($0.destination)] }
    }
  }
}
