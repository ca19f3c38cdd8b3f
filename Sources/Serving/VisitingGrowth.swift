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
      let computed = scheduler.computedTokens(of: sequence)
      scheduler.dropSkipped(sequence, computed: computed, withJoined: true)
      let blocks = scheduler.memory.missingBlocks(of: Int(sequence), from: computed, for: 1)
      guard scheduler.makeRoom(for: blocks, of: sequence, &plan) else { return }
      scheduler.memory.decode(Int(sequence), computed: computed, evicted: &plan.evicted)
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
    var evicted: [BlockID] = []
    while ran < count {
      scheduler.planVisits(phase, withJoined: ran == 0)
      let count = scheduler.visits.count
      guard scheduler.memory.pool.freeCount >= count * scheduler.memory.groups.count else { break }
      let before = scheduler.held
      scheduler.memory.cruise(sequences: scheduler.batch.count)
      if count > 0 {
        evicted.clear()
        for place in 0..<count {
          let sequence = scheduler.visits[place]
          let computed = scheduler.computedTokens(of: sequence) + ran
          scheduler.dropSkipped(sequence, computed: computed, withJoined: ran == 0)
          scheduler.memory.decode(Int(sequence), computed: computed, evicted: &evicted)
        }
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
    for busy in memory.busyPhases {
      let list = phase >= busy ? phase - busy : phase - busy + batch.blockSize
      let count = batch.due.count(list)
      if visits.isEmpty {
        for place in 0..<count { visits.append(batch.due[list, place]) }
      } else if count > 0 {
        mergeVisits(batch.due[list])
      }
    }
    guard withJoined, !joined.isEmpty else { return }
    for sequence in joined
    where !memory.busyPhases.contains(computedTokens(of: sequence) % batch.blockSize) {
      mergeVisits([sequence])
    }
  }

  /// Adds sequences, which are in running order, to the visits, from the last one on.
  private mutating func mergeVisits(_ sequences: ArraySlice<Int32>) {
    var place = visits.count
    visits += sequences
    var end = visits.count
    for sequence in sequences.reversed() {
      let rank = self.sequences.rank(of: sequence)
      while place > 0, self.sequences.rank(of: visits[place - 1]) > rank {
        place -= 1
        end -= 1
        visits[end] = visits[place]
      }
      end -= 1
      visits[end] = sequence
    }
  }

  /// Gives back what a visited sequence skips.
  ///
  /// - Parameter withJoined: Whether some that are visited may have just joined.
  fileprivate mutating func dropSkipped(_ sequence: Int32, computed: Int, withJoined: Bool) {
    guard memory.isSkipping[computed % batch.blockSize] || withJoined && !joined.isEmpty else {
      return
    }
    memory.dropSkipped(Int(sequence), computed: computed)
  }

  fileprivate func computedTokens(of sequence: Int32) -> Int {
    cruisingLength(of: sequences[Int(sequence)]) - 1
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
