import KVMemory

/// The cruise over a memory of one group that keeps every token: a sequence takes a block when its last one is full, and
/// gives a key to it when it becomes full; nothing else happens to it.
package struct LastBlockGrowth: CruisingGrowth {
  /// Cruising sequences that the iteration has looked at, in running order: of those that need a block. Who is preempted
  /// leaves the end of its list.
  private var extended = 0
  /// The same of those that fill their last block.
  private var filled = 0

  package init() {}

  /// Gives those a block whose last one is full, and those a key whose last one becomes full, as
  /// far as they run before `rank`.
  ///
  /// Blocks first, keys second, where the plain loop takes turns: taking a block and giving a key
  /// to another one leave the same queue and the same map in either order.
  package mutating func grow(
    _ scheduler: inout TokenBudgetScheduler<PrefixCachingMemory>, before rank: Int32,
    _ plan: inout IterationPlan
  ) {
    let phase = scheduler.batch.phase
    let due = extended..<scheduler.end(ofPhase: phase, from: extended, before: rank)
    if plan.preempted.isEmpty
      && scheduler.memory.pool.freeCount >= scheduler.batch.dueCount - extended
    {
      // Everyone finds a block: mostly all of the batch.
      if !due.isEmpty { scheduler.extend(phase, due, evicted: &plan.evicted) }
      extended = due.upperBound
    }
    while extended < min(due.upperBound, scheduler.batch.dueCount) {
      let sequence = scheduler.batch.due[phase, extended]
      guard scheduler.makeRoom(for: 1, of: sequence, &plan) else { break }
      scheduler.extend(phase, extended..<extended + 1, evicted: &plan.evicted)
      extended += 1
    }
    guard scheduler.options.prefixCaching else { return }
    let next = scheduler.batch.nextPhase
    let filling = filled..<scheduler.end(ofPhase: next, from: filled, before: rank)
    guard !filling.isEmpty else { return }
    filled = filling.upperBound
    if scheduler.fillsMissing(next, filling) { scheduler.head.forget() }
    scheduler.cacheLastBlocks(next, filling)
  }

  package func finish(_ scheduler: inout TokenBudgetScheduler<PrefixCachingMemory>) {
    scheduler.memory.cruise(sequences: scheduler.batch.count)
  }

  package static func scheduleSteady(
    _ scheduler: inout TokenBudgetScheduler<PrefixCachingMemory>, _ count: Int,
    _ growth: inout SteadyGrowth
  ) -> Int {
    let someoneMayEnter =
      scheduler.waitingSequences.count > 0 && scheduler.running.count < scheduler.maxSequences
    var phase = scheduler.batch.phase
    var ran = 0
    while ran < count {
      // Those whose block the iteration fills need the next one in the next.
      let next = phase + 1 < scheduler.batch.blockSize ? phase + 1 : 0
      let due = 0..<scheduler.batch.due.count(phase)
      let filling = 0..<scheduler.batch.due.count(next)
      guard scheduler.memory.pool.freeCount >= due.count else { break }
      let findsMore = scheduler.fillsMissing(next, filling)
      if someoneMayEnter {
        guard scheduler.head.isBlocked(scheduler.waitingSequences.first), !findsMore else { break }
      }
      if !due.isEmpty { scheduler.takeBlocks(phase, due, iteration: ran, &growth) }
      if scheduler.options.prefixCaching { scheduler.cacheLastBlocks(next, filling) }
      if findsMore { scheduler.head.forget() }
      phase = next
      ran += 1
    }
    scheduler.memory.cruise(sequences: scheduler.batch.count * ran)
    return ran
  }
}

extension TokenBudgetScheduler where Memory == PrefixCachingMemory {
  fileprivate mutating func takeBlocks(
    _ phase: Int, _ due: Range<Int>, iteration: Int, _ growth: inout SteadyGrowth
  ) {
    evicted.clear()
    let unusable = memory.extendCruising(&batch.due, phase, due, evicted: &evicted)
    head.noticeEvicted(evicted)
    growth.append(
      iteration: iteration, blocks: due.count, slots: due.count * batch.blockSize,
      unusableSlots: unusable, evictedSlots: evicted.count * batch.blockSize)
  }

  fileprivate mutating func extend(
    _ phase: Int, _ due: Range<Int>, evicted: inout [BlockID]
  ) {
    memory.extendCruising(&batch.due, phase, due, evicted: &evicted)
  }

  fileprivate mutating func cacheLastBlocks(_ phase: Int, _ filling: Range<Int>) {
    memory.cacheLastBlocks(of: &batch.due, phase, filling)
  }

  /// Whether the head would find one block more, when these cruising sequences have filled their last ones.
  fileprivate mutating func fillsMissing(_ phase: Int, _ filling: Range<Int>) -> Bool {
    guard let missing = head.missing else { return false }
    return memory.fills(missing, &batch.due, phase, filling)
  }

  /// Where in a phase those end that run before `rank`, from a place on.
  @inline(__always)
  fileprivate func end(ofPhase phase: Int, from first: Int, before rank: Int32) -> Int {
    let count = batch.due.count(phase)
    if rank == .max { return max(first, count) }
    var end = first
    while end < count, sequences.rank(of: batch.due[phase, end]) < rank { end += 1 }
    return end
  }
}
