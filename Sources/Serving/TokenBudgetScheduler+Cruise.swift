import CostModel
import KVMemory
import Workload

/// Iterations that cost what changes, not who runs.
///
///     running   | d  d  d  d  d  P  d  P |       d: cruises, in `batch`      P: listed
///     rank        3  4  7  8  9 12 13 15         listed = [12, 15]
///
/// A running sequence with exactly one token to compute cruises: it gets that token in every
/// iteration, takes a block when its last one is full, and stops when it is complete or preempted.
/// All other running sequences are listed and looked at one by one; a prompt that needs more than
/// one iteration mostly stands at the end, and only ``V1Options/longPrefillTokenThreshold`` lets
/// others overtake it.
///
/// An iteration falls back to the plain loop, and everyone leaves the cruise, when the token budget
/// may not reach the last cruising sequence; see ``budgetCoversCruise``.
extension TokenBudgetScheduler {
  /// Whether the next iteration gives every cruising sequence its token, whatever the listed ones
  /// before it take.
  ///
  /// - Complexity: O(listed), O(1) if all of them stand behind the cruising ones.
  @inline(__always)
  var budgetCoversCruise: Bool {
    guard batch.count <= maxBatchedTokens else { return false }
    guard let first = listed.first, running[batch.count] != first else { return true }
    let wanted = listed.reduce(batch.count) { tokens, sequence in
      let state = sequences[Int(sequence)]
      return tokens + budget.limited(Int(state.length - state.computedTokens))
    }
    return wanted <= maxBatchedTokens
  }

  // MARK: Deciding an iteration

  /// Lets every running sequence go on, oldest first, as the plain loop does.
  ///
  /// Listed sequences get what cruising ones leave of the budget, also of those behind them: either
  /// there are none, or there is enough for all.
  mutating func growRunning(_ plan: inout IterationPlan) {
    budget.spend(batch.count)
    var growth = Growth()
    var place = 0
    while place < listed.count {
      let sequence = listed[place]
      growCruising(&growth, before: sequences.rank(of: sequence), &plan)
      guard isRunning(sequence) else { break }
      let tokens = tokensToRun(sequence)
      if tokens > 0 {
        let blocks = memory.missingBlocks(of: Int(sequence), for: tokens)
        guard makeRoom(for: blocks, of: sequence, &plan) else { break }
        run(sequence, tokens: tokens, &plan)
      }
      place += 1
    }
    growCruising(&growth, before: .max, &plan)
    head.noticeEvicted(plan.evicted)
    memory.cruise(sequences: batch.count)
    plan.cruising = batch.count
    batch.describe(in: &plan.work)
  }

  @inline(__always)
  package mutating func steadyStretch(atMost limit: Int) -> SteadyStretch? {
    guard isCruising, listed.isEmpty, batch.count <= maxBatchedTokens, admitsNobody
    else { return nil }
    return batch.steadyStretch(
      atMost: limit, freeBlocks: memory.pool.freeCount,
      admitsNobody: waitingSequences.count == 0 || running.count >= maxSequences)
  }

  /// Whether nobody waits, or whoever does has found no room and finds none in the next iteration.
  ///
  /// Nothing is listed then, so that the head was left no more of the budget than it would be left now.
  /// ``scheduleSteady(_:_:)`` looks at each iteration.
  private var admitsNobody: Bool {
    waitingSequences.count == 0 || running.count >= maxSequences
      || head.isBlocked(waitingSequences.first)
  }

  package mutating func scheduleSteady(_ count: Int, _ growth: inout SteadyGrowth) -> Int {
    let someoneMayEnter = waitingSequences.count > 0 && running.count < maxSequences
    var phase = batch.phase
    var ran = 0
    while ran < count {
      // Those whose block the iteration fills need the next one in the next.
      let next = phase + 1 < batch.blockSize ? phase + 1 : 0
      let due = 0..<batch.due.count(phase)
      let filling = 0..<batch.due.count(next)
      guard memory.pool.freeCount >= due.count else { break }
      let findsMore = fillsMissing(next, filling)
      if someoneMayEnter {
        guard head.isBlocked(waitingSequences.first), !findsMore else { break }
      }
      if !due.isEmpty { takeBlocks(phase, due, iteration: ran, &growth) }
      if options.prefixCaching { memory.cacheLastBlocks(of: &batch.due, next, filling) }
      if findsMore { head.forget() }
      phase = next
      ran += 1
    }
    memory.cruise(sequences: batch.count * ran)
    return ran
  }

  private mutating func takeBlocks(
    _ phase: Int, _ due: Range<Int>, iteration: Int, _ growth: inout SteadyGrowth
  ) {
    evicted.clear()
    let unusable = memory.extendCruising(&batch.due, phase, due, evicted: &evicted)
    head.noticeEvicted(evicted)
    growth.append(
      iteration: iteration, blocks: due.count, slots: due.count * batch.blockSize,
      unusableSlots: unusable, evictedSlots: evicted.count * batch.blockSize)
  }

  /// Whether the head would find one block more, when these cruising sequences have filled their last ones.
  private mutating func fillsMissing(_ phase: Int, _ filling: Range<Int>) -> Bool {
    guard let missing = head.missing else { return false }
    return memory.fills(missing, &batch.due, phase, filling)
  }

  package mutating func completeSteady(_ count: Int, finished: inout [RequestID]) {
    batch.advance(by: count - 1)
    takeOutCompleting()
    batch.advance()
    closeCompleting(before: .max, &finished)
  }

  /// Cruising sequences that an iteration has looked at, in running order.
  ///
  /// Who is preempted leaves the end of its list.
  private struct Growth {
    /// Of those that need a block.
    var extended = 0
    /// Of those that fill their last block.
    var filled = 0
  }

  /// Gives those a block whose last one is full, and those a key whose last one becomes full, as
  /// far as they run before `rank`.
  ///
  /// Blocks first, keys second, where the plain loop takes turns: taking a block and giving a key
  /// to another one leave the same queue and the same map in either order.
  private mutating func growCruising(
    _ growth: inout Growth, before rank: Int32, _ plan: inout IterationPlan
  ) {
    let due = growth.extended..<end(ofPhase: batch.phase, from: growth.extended, before: rank)
    if plan.preempted.isEmpty && memory.pool.freeCount >= batch.dueCount - growth.extended {
      // Everyone finds a block: mostly all of the batch.
      if !due.isEmpty {
        memory.extendCruising(&batch.due, batch.phase, due, evicted: &plan.evicted)
      }
      growth.extended = due.upperBound
    }
    while growth.extended < min(due.upperBound, batch.dueCount) {
      let sequence = batch.due[batch.phase, growth.extended]
      guard makeRoom(for: 1, of: sequence, &plan) else { break }
      memory.extendCruising(
        &batch.due, batch.phase, growth.extended..<growth.extended + 1, evicted: &plan.evicted)
      growth.extended += 1
    }
    guard options.prefixCaching else { return }
    let filled = growth.filled..<end(ofPhase: batch.nextPhase, from: growth.filled, before: rank)
    guard !filled.isEmpty else { return }
    growth.filled = filled.upperBound
    if fillsMissing(batch.nextPhase, filled) { head.forget() }
    memory.cacheLastBlocks(of: &batch.due, batch.nextPhase, filled)
  }

  /// Where in a phase those end that run before `rank`, from a place on.
  @inline(__always)
  private func end(ofPhase phase: Int, from first: Int, before rank: Int32) -> Int {
    let count = batch.due.count(phase)
    if rank == .max { return max(first, count) }
    var end = first
    while end < count, sequences.rank(of: batch.due[phase, end]) < rank { end += 1 }
    return end
  }

  /// Whether a sequence that ran when the iteration began was not preempted since: victims are
  /// taken from the end.
  @inline(__always)
  private func isRunning(_ sequence: Int32) -> Bool {
    guard let last = running.last else { return false }
    return sequences.rank(of: sequence) <= sequences.rank(of: last)
  }

  /// Preempts from the end until there are `blocks` free ones for a running sequence.
  ///
  /// - Returns: `false` if the sequence itself had to make way.
  private mutating func makeRoom(
    for blocks: Int, of sequence: Int32, _ plan: inout IterationPlan
  ) -> Bool {
    while memory.pool.freeCount < blocks {
      let victim = running.removeLast()
      if listed.last == victim { listed.removeLast() } else { release(victim, &plan) }
      preempt(victim, &plan)
      if victim == sequence { return false }
    }
    return true
  }

  // MARK: Joining and leaving

  /// Takes a sequence out of the cruise before it has grown in this iteration.
  private mutating func release(_ sequence: Int32, _ plan: inout IterationPlan) {
    let length = leaveBatch(sequence)
    let index = Int(sequence)
    let prompt = sequences.request(of: sequence).promptTokens
    sequences.progress[index].have(generated: Int32(length) - prompt, computed: Int32(length) - 1)
    memory.settle(index, tokens: length - 1)
    plan.released.append(sequence)
  }

  /// - Returns: The tokens of the sequence, the newest included, which is not computed yet.
  private mutating func leaveBatch(_ sequence: Int32) -> Int {
    let state = sequences[Int(sequence)]
    let length = cruisingLength(of: state)
    batch.leave(sequence, length: length, remaining: remaining(of: state, length: length))
    return length
  }

  @inline(__always)
  private func cruisingLength(of state: TokenBudgetSequence) -> Int {
    Int(state.length) + batch.iteration - state.joinedAt
  }

  /// Output tokens to come when a sequence has `length` tokens.
  private func remaining(of state: TokenBudgetSequence, length: Int) -> Int {
    state.finalTokens(maxModelLength: maxModelLength) + 1 - length
  }

  private mutating func join(_ sequence: Int32, _ state: TokenBudgetSequence) {
    let length = Int(state.length)
    let rank = sequences.progress[Int(sequence)].join(at: batch.iteration)
    batch.join(sequence, length: length, remaining: remaining(of: state, length: length)) {
      [progress = sequences.progress] in rank < progress[Int($0)].rank
    }
  }

  /// Makes every cruising sequence known one by one again.
  mutating func leaveCruise(_ plan: inout IterationPlan) {
    var waiting = listed[...]
    for sequence in running {
      if sequence == waiting.first { waiting.removeFirst() } else { release(sequence, &plan) }
    }
    listed.removeAll()
    isCruising = false
  }

  /// Lists everyone, to join the cruise with the next token, unless the budget is too small.
  mutating func enterCruise() {
    guard running.count <= maxBatchedTokens else { return }
    listed = running
    isCruising = true
  }

  // MARK: Taking in an iteration

  /// Sequences that are complete leave in running order, because their blocks queue up in it;
  /// listed ones join that have a single token to compute now.
  mutating func completeCruise(_ finished: inout [RequestID]) {
    takeOutCompleting()
    batch.advance()
    var nextShare = 0
    var kept = 0
    for place in listed.indices {
      let sequence = listed[place]
      if !completing.isEmpty {
        closeCompleting(before: sequences.rank(of: sequence), &finished)
      }
      var progress = Progress.computed
      if nextShare < budget.shares.count, budget.shares[nextShare].sequence == sequence {
        progress = takeIn(budget.shares[nextShare])
        nextShare += 1
      }
      switch progress {
      case .computed:
        listed[kept] = sequence
        kept += 1
      case .grew(let state): join(sequence, state)
      case .completed:
        removeRunning(sequence)
        close(sequence, &finished)
      }
    }
    listed.removeLastOnes(listed.count - kept)
    closeCompleting(before: .max, &finished)
  }

  /// Takes those out of the batch that are complete with this iteration.
  private mutating func takeOutCompleting() {
    guard batch.someoneFinishes else { return }
    let first = completing.count
    batch.takeFinishing(into: &completing)
    for place in first..<completing.count {
      let sequence = completing[place]
      let index = Int(sequence)
      let length = cruisingLength(of: sequences[index])
      batch.finish(sequence, length: length)
      memory.settle(index, tokens: length)
    }
    completing.sortLast(from: first) { -Int(sequences.rank(of: $0)) }
  }

  private mutating func closeCompleting(before rank: Int32, _ finished: inout [RequestID]) {
    while let sequence = completing.last, sequences.rank(of: sequence) < rank {
      completing.removeLast()
      removeRunning(sequence)
      close(sequence, &finished)
    }
  }

  /// - Complexity: O(running) to move numbers up, O(log running) to find the place.
  private mutating func removeRunning(_ sequence: Int32) {
    let rank = sequences.rank(of: sequence)
    let place = running.place(of: rank) { sequences.rank(of: $0) }
    guard let place else { preconditionFailure("sequence \(sequence) does not run") }
    running.remove(at: place)
  }
}
