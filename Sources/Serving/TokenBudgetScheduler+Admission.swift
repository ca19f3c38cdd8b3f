import KVMemory

/// Who is taken from the waiting queue.
extension TokenBudgetScheduler {
  /// Admits waiting sequences in order until one does not fit; none is skipped.
  mutating func admitWaiting(_ plan: inout IterationPlan) {
    while budget.left > 0, running.count < maxSequences, let sequence = waitingSequences.first {
      guard let tokens = admissibleTokens(of: sequence) else { return }
      let state = sequences[Int(sequence)]
      let cached = head.hits.count * memory.blockSize
      waitingSequences.removeFirst()
      appendRunning(sequence)
      memory.begin(
        Int(sequence), with: head.hits,
        finalTokens: state.finalTokens(maxModelLength: maxModelLength))
      head.forget()
      sequences.progress[Int(sequence)].computedTokens = Int32(cached)
      run(sequence, tokens: tokens, &plan)
      plan.admitted.append(.init(request: state.request, cachedTokens: Int32(cached)))
      totals.queriedTokens += Int(state.length)
      totals.hitTokens += cached
    }
  }

  private mutating func appendRunning(_ sequence: Int32) {
    running.append(sequence)
    if isCruising { listed.append(sequence) }
    sequences.progress[Int(sequence)].rank = admissions
    admissions += 1
  }

  /// The tokens that a waiting sequence would compute in this iteration, behind the hits of `head`.
  ///
  ///     tokens   0            hits           hits + tokens        length
  ///     blocks   |── cached ──|── new blocks ──|     reserveFullISL: … and these fit as well
  ///
  /// - Returns: `nil` if it has to wait: for budget, or for blocks with the watermark kept free.
  private mutating func admissibleTokens(of sequence: Int32) -> Int? {
    let state = sequences[Int(sequence)]
    let length = Int(state.length)
    lookUp(sequence)
    let cached = head.hits.count * memory.blockSize
    var tokens = budget.limited(length - cached)
    guard options.chunkedPrefill || tokens <= budget.left else { return nil }
    tokens = min(tokens, budget.left)
    // Hits that are free leave the queue like new blocks; the others cost nothing.
    let beside = head.freeHits - head.hits.count + (running.isEmpty ? 0 : watermarkBlocks)
    let free = memory.pool.freeCount
    let whole =
      options.reserveFullISL ? memory.blockCount(forTokens: min(length, maxModelLength)) : 0
    guard max(whole, memory.blockCount(forTokens: cached + tokens)) + beside <= free else {
      head.block(sequence)
      return nil
    }
    return tokens
  }

  /// Looks a waiting sequence up in the prefix cache, unless what `head` has found still holds.
  ///
  /// The last token is always computed, because its output is what the iteration is for. So a
  /// sequence that is cached to the end computes its whole last block again.
  private mutating func lookUp(_ sequence: Int32) {
    guard options.prefixCaching, !head.holds(sequence) else { return }
    let state = sequences[Int(sequence)]
    let limit = (Int(state.length) - 1) / memory.blockSize
    if !memory.knows(Int(sequence)) {
      contents.tell(&memory, of: sequence, state, sample: sequences.sample(of: sequence))
    }
    head.find(sequence, limit: limit, in: &memory)
  }
}
