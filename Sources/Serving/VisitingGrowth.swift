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
    while visited < scheduler.visits.count,
      scheduler.sequences.rank(of: scheduler.visits[visited]) < rank
    {
      let sequence = scheduler.visits[visited]
      guard scheduler.isRunning(sequence) else { return }
      scheduler.head.forget()
      scheduler.arrive(at: sequence, iterationsOn: 0)
      let blocks = scheduler.memory.missingBlocks(of: Int(sequence), for: 1)
      guard scheduler.makeRoom(for: blocks, of: sequence, &plan) else { return }
      scheduler.compute(sequence, evicted: &plan.evicted)
      visited += 1
    }
  }

  package func finish(_ scheduler: inout TokenBudgetScheduler<HybridMemory>) {
    scheduler.memory.cruise(sequences: scheduler.batch.count - visited)
    scheduler.joined.clear()
  }

  package static func scheduleSteady(
    _ scheduler: inout TokenBudgetScheduler<HybridMemory>, _ count: Int,
    _ growth: inout SteadyGrowth
  ) -> Int {
    var phase = scheduler.batch.phase
    var ran = 0
    var evicted: [BlockID] = []
    while ran < count {
      scheduler.planVisits(phase, withJoined: ran == 0)
      let count = scheduler.visits.count
      guard scheduler.memory.pool.freeCount >= count * scheduler.memory.groups.count else { break }
      if count == 0 {
        scheduler.memory.cruise(sequences: scheduler.batch.count)
      } else {
        let before = scheduler.held
        evicted.clear()
        for place in 0..<count {
          let sequence = scheduler.visits[place]
          scheduler.arrive(at: sequence, iterationsOn: ran)
          scheduler.compute(sequence, evicted: &evicted)
        }
        scheduler.memory.cruise(sequences: scheduler.batch.count - count)
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
  /// Lists the cruising sequences to which something happens in a phase of the batch, in running order.
  fileprivate mutating func planVisits(_ phase: Int, withJoined: Bool) {
    visits.clear()
    var lists = 0
    for busy in memory.busyPhases {
      let list = phase >= busy ? phase - busy : phase - busy + batch.blockSize
      guard batch.due.count(list) > 0 else { continue }
      visits += batch.due[list]
      lists += 1
    }
    if withJoined {
      for sequence in joined
      where !memory.busyPhases.contains(computedTokens(of: sequence) % batch.blockSize) {
        visits.append(sequence)
        lists += 1
      }
    }
    if lists > 1 { visits.sortLast(from: 0) { Int(sequences.rank(of: $0)) } }
  }

  private func computedTokens(of sequence: Int32) -> Int {
    cruisingLength(of: sequences[Int(sequence)]) - 1
  }

  /// Tells the memory how many tokens a sequence has that has cruised until now, and gives back what it skips.
  fileprivate mutating func arrive(at sequence: Int32, iterationsOn iterations: Int) {
    memory.settle(Int(sequence), tokens: computedTokens(of: sequence) + iterations)
    memory.dropSkipped(Int(sequence))
  }

  /// Gives a visited sequence its token; keys are given at whole multiples.
  fileprivate mutating func compute(_ sequence: Int32, evicted: inout [BlockID]) {
    memory.extend(Int(sequence), by: 1, evicted: &evicted)
    guard options.prefixCaching, memory.tokens(of: Int(sequence)) % memory.blockSize == 0
    else { return }
    memory.cacheFullBlocks(of: Int(sequence))
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
