import KVMemory
import SimulationKernel

/// Iterations of a stretch, recorded together.
///
/// From one to the next only the tokens grow, and blocks in some. So a number that holds over time sums to what it
/// is in the end, less its changes, each times the time before it:
///
///     x   2 | 2 | 5 | 6 |      Σ x·dt = 6·(t₄ − t₀) − 3·(t₂ − t₀) − 1·(t₃ − t₀)
///        t₀  t₁  t₂  t₃  t₄
extension RunRecorder {
  /// Sums over the changes of a stretch: of a token in each sequence, and of what the blocks taken bring.
  private struct Changes {
    var tokens = Int128.zero
    var blocks = Int128.zero
    var slots = Int128.zero
    var droppedSlots = Int128.zero
    var unusableSlots = Int128.zero
    var evictedSlots = Int128.zero

    mutating func add(_ step: SteadyGrowth.Step, times weight: Int) {
      let weight = Int128(weight)
      blocks &+= Int128(step.blocks) &* weight
      slots &+= Int128(step.slots) &* weight
      droppedSlots &+= Int128(step.droppedSlots) &* weight
      unusableSlots &+= Int128(step.unusableSlots) &* weight
      evictedSlots &+= Int128(step.evictedSlots) &* weight
    }

    /// Slots that came to hold a token.
    var tokenState: Int128 { tokens &- droppedSlots }
    /// Slots that new blocks hold ready for tokens to come.
    var reserved: Int128 { slots &- tokenState &- unusableSlots }
  }

  /// Whether iterations that end at `end` may be recorded together with the one that starts `now`, up to which all
  /// is recorded: inside the window and one piece of the history.
  func recordsTogether(from now: SimInstant, to end: SimInstant) -> Bool {
    now >= window.from && window.contains(end) && end <= record.history.pieceEnd
  }

  /// Iterations passed that each gave `tokens` tokens to cruising requests, and to nobody else.
  ///
  /// - Parameters:
  ///   - tokenSlots: Slots of the ledger that these take.
  ///   - state: What held in the last of them.
  ///   - growth: The blocks that they took; not changed.
  ///   - durations: How long each took.
  mutating func passedSteady(
    _ state: HeldState, _ growth: inout SteadyGrowth, from start: SimInstant,
    durations: UnsafeBufferPointer<SimDuration>, tokens: Int, tokenSlots: Int
  ) {
    // Times the time before, and times the iterations before.
    var overTime = Changes()
    var overIterations = Changes()
    var before: Int64 = 0
    var beforeSum: Int64 = 0
    var next = 0
    for index in durations.indices {
      beforeSum += before
      if next < growth.count, growth[next].iteration == index {
        overTime.add(growth[next], times: Int(before))
        overIterations.add(growth[next], times: index)
        next += 1
      }
      before += durations[index].nanoseconds
    }
    let count = durations.count
    overTime.tokens = Int128(tokenSlots) &* Int128(beforeSum)
    overIterations.tokens = Int128(tokenSlots) &* Int128(count * (count - 1) / 2)
    record.history.add(state, for: before)
    record.history.subtract(
      tokenState: overTime.tokenState, reserved: overTime.reserved,
      internalFragmentation: overTime.unusableSlots, cached: 0 &- overTime.evictedSlots,
      free: overTime.evictedSlots &- overTime.slots, blocks: overTime.blocks)
    record.steps.add(
      state, count: count, &growth,
      changes: (
        Int(overIterations.tokenState), Int(overIterations.reserved),
        Int(overIterations.unusableSlots)
      ))

    let end = start + SimDuration(nanoseconds: before)
    stateSince = end
    record.end = end
    record.iterations += count
    record.emittedTokens += tokens * count
    if let last = cruiseEnd ?? previousEnd {
      let first = start + durations[0] - last
      log.tokenGaps.pointee.add(first, count: tokens)
    }
    log.tokenGaps.pointee.add(durations.dropFirst(), count: tokens)
    previousEnd = end
    cruiseEnd = end
  }
}
