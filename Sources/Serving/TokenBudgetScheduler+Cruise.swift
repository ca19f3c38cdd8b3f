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
    guard !looksAhead, batch.count <= maxBatchedTokens else { return false }
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
    var growth = Memory.Growth()
    var place = 0
    while place < listed.count {
      let sequence = listed[place]
      growth.grow(&self, before: sequences.rank(of: sequence), &plan)
      guard isRunning(sequence) else { break }
      let tokens = tokensToRun(sequence)
      if tokens > 0 {
        memory.dropSkipped(Int(sequence), inFlight: 0)
        let hasBlocks = connects && isRestoring(sequence)
        let blocks =
          hasBlocks ? 0 : memory.missingBlocks(of: Int(sequence), for: tokens, ahead: 0)
        guard makeRoom(for: blocks, of: sequence, &plan) else { break }
        run(sequence, tokens: tokens, &plan)
      }
      place += 1
    }
    growth.grow(&self, before: .max, &plan)
    head.noticeEvicted(plan.evicted)
    growth.finish(&self)
    plan.cruising = batch.count
    batch.describe(in: &plan.work)
  }

  @inline(__always)
  package mutating func steadyStretch(atMost limit: Int) -> SteadyStretch? {
    guard isCruising, listed.isEmpty, batch.count <= maxBatchedTokens, admitsNobody,
      !connects || isCalm
    else { return nil }
    return batch.steadyStretch(
      atMost: limit, freeBlocks: memory.pool.freeCount / memory.blocksOfUnit,
      admitsNobody: waitingSequences.count == 0 || running.count >= maxSequences)
  }

  /// Whether nobody waits, or whoever does has found no room and finds none in the next iteration.
  ///
  /// Nothing is listed then, so that the head was left no more of the budget than it would be left now.
  /// ``scheduleSteady(_:_:)`` looks at each iteration.
  private var admitsNobody: Bool {
    waitingSequences.count == 0 || running.count >= maxSequences
      || Memory.onlyTakes && !connects && head.isBlocked(waitingSequences.first)
  }

  @inline(__always)
  package mutating func scheduleSteady(_ count: Int, _ growth: inout SteadyGrowth) -> Int {
    Memory.Growth.scheduleSteady(&self, count, &growth)
  }

  package mutating func completeSteady(_ count: Int, finished: inout [RequestID]) {
    batch.advance(by: count - 1)
    takeOutCompleting()
    batch.advance()
    closeCompleting(before: .max, &finished)
  }

  /// Whether a sequence that ran when the iteration began was not preempted since: victims are
  /// taken from the end.
  @inline(__always)
  func isRunning(_ sequence: Int32) -> Bool {
    guard let last = running.last else { return false }
    return sequences.rank(of: sequence) <= sequences.rank(of: last)
  }

  /// Preempts from the end until there are `blocks` free ones for a running sequence.
  ///
  /// - Returns: `false` if the sequence itself had to make way.
  mutating func makeRoom(
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
  func cruisingLength(of state: TokenBudgetSequence) -> Int {
    Int(state.length) + batch.iteration - state.joinedAt
  }

  /// Output tokens to come when a sequence has `length` tokens.
  private func remaining(of state: TokenBudgetSequence, length: Int) -> Int {
    state.finalTokens(maxModelLength: maxModelLength) + 1 - length
  }

  mutating func join(_ sequence: Int32, _ state: TokenBudgetSequence) {
    let length = Int(state.length)
    if !Memory.onlyTakes { joined.append(sequence) }
    let rank = sequences.progress[Int(sequence)].join(at: batch.iteration)
    batch.join(sequence, length: length, remaining: remaining(of: state, length: length)) {
      [progress = sequences.progress] in rank < progress[Int($0)].rank
    }
  }

  /// Makes every cruising sequence known one by one again.
  mutating func leaveCruise(_ plan: inout IterationPlan) {
    var waiting = listed[...]
    for sequence in running {
      if sequence == waiting.first {
        waiting.removeFirst()
        continue
      }
      release(sequence, &plan)
      if connects { connection.connector?.catchUp(on: sequence, in: &memory) }
    }
    listed.removeAll()
    joined.removeAll()
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
  /// listed ones join that have a single token to compute now and that nobody has to look at.
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
      case .grew(let state) where mayJoin(sequence, state): join(sequence, state)
      case .computed, .grew:
        listed[kept] = sequence
        kept += 1
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
