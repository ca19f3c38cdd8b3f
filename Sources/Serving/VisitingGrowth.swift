import KVMemory

/// The cruise over a memory of several groups: a sequence is visited in the few phases in which one of its groups takes a
/// block, gives one back or gives a key (``HybridMemory/busyPhases``), and when it has just joined, since what its last
/// chunk skipped goes back an iteration late; then treated as the plain loop does.
package struct VisitingGrowth: CruisingGrowth {
  /// Whether it is known who is visited in the iteration, and how many were.
  private var isPlanned = false
  private var visited = 0

  package init() {}

  package mutating func grow(
    _ scheduler: inout TokenBudgetScheduler<HybridMemory>, before rank: Int32,
    _ plan: inout IterationPlan
  ) {
    if !isPlanned { scheduler.planVisits(scheduler.batch.phase, withJoined: true) }
    isPlanned = true
    var end = visited
    while end < scheduler.visits.count, scheduler.visits[end].rank < rank { end += 1 }
    guard visited < end else { return }
    scheduler.head.forget()
    let haveJoined = !scheduler.joined.isEmpty
    if plan.preempted.isEmpty, scheduler.findBlocks(visits: end - visited) {
      scheduler.memory.decode(
        scheduler.visits, visited..<end, haveJoined: haveJoined, evicted: &plan.evicted)
      visited = end
    }
    while visited < end {
      let visit = scheduler.visits[visited]
      guard scheduler.isRunning(visit.sequence) else { return }
      scheduler.memory.dropSkipped(visit, haveJoined: haveJoined)
      let blocks = scheduler.memory.missingBlocks(
        of: Int(visit.sequence), from: Int(visit.computed), for: 1)
      guard scheduler.makeRoom(for: blocks, of: visit.sequence, &plan) else { return }
      scheduler.memory.decode(
        scheduler.visits, visited..<visited + 1, haveJoined: haveJoined, evicted: &plan.evicted)
      visited += 1
    }
  }

  package func finish(_ scheduler: inout TokenBudgetScheduler<HybridMemory>) {
    scheduler.memory.cruise(sequences: scheduler.batch.count)
    scheduler.joined.clear()
  }

  package static func scheduleSteady(
    _ scheduler: inout TokenBudgetScheduler<HybridMemory>, _ count: Int,
    _ growth: inout SteadyGrowth
  ) -> Int {
    var phase = scheduler.batch.phase
    var ran = 0
    while ran < count {
      scheduler.planVisits(phase, ran: ran, withJoined: ran == 0)
      let count = scheduler.visits.count
      guard scheduler.findBlocks(visits: count) else { break }
      if count == 0 {
        scheduler.memory.cruise(sequences: scheduler.batch.count)
      } else {
        let before = scheduler.held
        scheduler.memory.cruise(sequences: scheduler.batch.count)
        scheduler.evicted.clear()
        scheduler.memory.decode(
          scheduler.visits, 0..<count, haveJoined: ran == 0 && !scheduler.joined.isEmpty,
          evicted: &scheduler.evicted)
        scheduler.memory.beginIteration()
        let tokens = scheduler.batch.count * scheduler.memory.slotsOfToken
        growth.append(scheduler.held.change(from: before, iteration: ran, tokenSlots: tokens))
      }
      phase = phase + 1 < scheduler.batch.blockSize ? phase + 1 : 0
      ran += 1
    }
    guard ran > 0 else { return 0 }
    scheduler.joined.clear()
    scheduler.head.forget()
    return ran
  }
}

extension TokenBudgetScheduler where Memory == HybridMemory {
  /// Whether there are blocks for so many visits, whatever they take.
  @inline(__always)
  fileprivate func findBlocks(visits count: Int) -> Bool {
    memory.pool.freeCount >= count * memory.groups.count
  }

  /// Lists the cruising sequences to which something happens in a phase of the batch, in running order.
  ///
  /// - Parameter ran: Iterations since the batch was told of one.
  fileprivate mutating func planVisits(_ phase: Int, ran: Int = 0, withJoined: Bool) {
    visits.clear()
    for busy in memory.busyPhases {
      let list = phase >= busy ? phase - busy : phase - busy + batch.blockSize
      let first = visits.count
      for place in 0..<batch.due.count(list) {
        visits.append(visit(to: batch.due[list, place], ran: ran))
      }
      if first > 0 { mergeVisits(from: first) }
    }
    guard withJoined, !joined.isEmpty else { return }
    for sequence in joined {
      let visit = visit(to: sequence, ran: ran)
      if !memory.busyPhases.contains(Int(visit.computed) % batch.blockSize) {
        visits.append(visit)
        mergeVisits(from: visits.count - 1)
      }
    }
  }

  @inline(__always)
  private func visit(to sequence: Int32, ran: Int) -> HybridMemory.Visit {
    let iteration = batch.iteration + ran
    // All but its newest token were computed when it joined.
    return sequences.progress.with(Int(sequence)) { progress in
      HybridMemory.Visit(
        sequence: sequence,
        computed: progress.computedTokens + Int32(iteration - progress.joinedAt),
        rank: progress.rank)
    }
  }

  /// Brings visits into running order, of which those before `middle` and those behind are in it; from the last one on.
  private mutating func mergeVisits(from middle: Int) {
    guard middle < visits.count else { return }
    visits.withUnsafeMutableBufferPointer { visits in
      let behind = visits.count - middle
      withUnsafeTemporaryAllocation(of: HybridMemory.Visit.self, capacity: behind) { later in
        for index in 0..<behind { later[index] = visits[middle + index] }
        var place = middle
        var end = visits.count
        for index in (0..<behind).reversed() {
          while place > 0, visits[place - 1].rank > later[index].rank {
            place -= 1
            end -= 1
            visits[end] = visits[place]
          }
          end -= 1
          visits[end] = later[index]
        }
      }
    }
  }

  /// What the memory holds, to be compared with what it holds an iteration later.
  fileprivate var held: Held {
    Held(ledger: ledger, physical: memory.pool.heldCount, logical: memory.logicalBlockCount)
  }
}

private struct Held {
  var ledger: WasteLedger
  var physical: Int
  var logical: Int

  /// What an iteration changed besides the slots of its tokens.
  func change(from before: Held, iteration: Int, tokenSlots: Int) -> SteadyGrowth.Step {
    let (old, new) = (before.ledger, ledger)
    return SteadyGrowth.Step(
      iteration: iteration, blocks: physical - before.physical,
      logicalBlocks: logical - before.logical,
      slots: new.tokenState + new.reserved + new.internalFragmentation
        - old.tokenState - old.reserved - old.internalFragmentation,
      droppedSlots: old.tokenState + tokenSlots - new.tokenState,
      unusableSlots: new.internalFragmentation - old.internalFragmentation,
      evictedSlots: old.cached - new.cached)
  }
}
