import KVMemory

/// The second KV cache manager (`use_kv_cache_manager_v2`): capacity and micro-batch are decided together, for as many as
/// find blocks now, and a context takes the blocks of its chunk only.
///
/// - Source: `scheduler_v2.py` of 2026, read and not run. Without a host tier; what that would keep of a suspended request
///   stays on the device until its blocks are taken.
extension TRTLLMScheduler {
  /// Lets those that generate go on, in order of arrival, then contexts.
  mutating func decideTogether(_ plan: inout IterationPlan) {
    let taken = decodeTogether(&plan)
    var left = maxBatchedTokens - decodes.count
    for index in active.indices where standings[Int(active[index])].stage != .generates {
      let sequence = active[index]
      guard decodes.count + contexts.count < maxSequences else { return }
      // Who was paused does not come back before the next iteration.
      if standings[Int(sequence)].stage == .waits && !plan.preempted.isEmpty { return }
      let rest = contextLeft(of: sequence)
      let tokens = chunk(of: rest, within: left)
      guard tokens > 0 else {
        if options.chunkedContext { continue }
        return
      }
      guard makeRoom(forContextAt: index, tokens: tokens, beside: taken, &plan) else { return }
      runContext(sequence, tokens: tokens, &plan)
      left -= tokens
    }
  }

  /// - Returns: Blocks that the decodes take.
  private mutating func decodeTogether(_ plan: inout IterationPlan) -> Int {
    var taken = 0
    var index = 0
    while index < active.count, decodes.count < min(maxSequences, maxBatchedTokens) {
      let sequence = active[index]
      index += 1
      guard standings[Int(sequence)].stage == .generates else { continue }
      let needed = takesBlock(sequence) ? 1 : 0
      while taken + needed > memory.pool.freeCount {
        // The last that has begun makes way, in the end the sequence itself.
        let last = active[(index - 1)...].lastIndex(where: hasBegun) ?? index - 1
        pause(active[last], &plan)
        if last == index - 1 { return taken }
      }
      decodes.append(sequence)
      taken += needed
    }
    return taken
  }

  /// Whether a chunk finds blocks beside those that the decodes take; the one that began last and does not run makes way for
  /// it, once in an iteration.
  private mutating func makeRoom(
    forContextAt index: Int, tokens: Int, beside taken: Int, _ plan: inout IterationPlan
  ) -> Bool {
    let id = Int(active[index])
    func fits() -> Bool {
      standings[id].stage == .waits
        ? memory.canBegin(
          id, with: found, external: 0, whole: 0, inFlight: 0, total: found.tokens + tokens,
          ahead: 0, sparing: taken, reserving: 0)
        : memory.missingBlocks(of: id, for: tokens) + taken <= memory.pool.freeCount
    }
    if fits() { return true }
    guard plan.preempted.isEmpty,
      let last = active[(index + 1)...].lastIndex(where: { standings[Int($0)].stage == .inContext })
    else { return false }
    pause(active[last], &plan)
    return fits()
  }
}
