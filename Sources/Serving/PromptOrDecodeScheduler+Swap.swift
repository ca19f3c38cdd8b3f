import DequeModule
import KVMemory

/// How requests of vLLM 0.2 lose their blocks, and how swapped ones come back.
extension PromptOrDecodeScheduler {
  /// Takes all blocks from a running request.
  ///
  /// One that is recomputed goes to the front of the waiting queue; as the youngest are preempted
  /// first, several end up in order of arrival.
  mutating func preempt(_ id: RequestID, _ plan: inout IterationPlan) {
    headIsBlocked = false
    let isSingle = slots(of: id, groups[Int(id)]) == 1 && !groups[Int(id)].usesBeamSearch
    // Generic code of another module is slow, and most requests have one sequence.
    let held =
      isSingle
      ? Int(memory.tables[live.first(of: id)].count) : memory.distinctBlockCount(of: live[id])
    guard preemptionMode == .swap || !isSingle else {
      plan.preempted.append(
        .init(
          request: id, mode: .recompute, blocks: held, computedTokens: groups[Int(id)].length - 1))
      memory.free(live.first(of: id))
      waiting.prepend(id)
      return
    }
    guard held <= memory.host.freeCount else {
      plan.failure = .swapSpaceExhausted(
        .init(request: id, blocksNeeded: held, blocksFree: memory.host.freeCount))
      return
    }
    plan.preempted.append(.init(request: id, mode: .swap, blocks: held))
    plan.swapOuts.append(contentsOf: memory.swapOut(live[id]))
    swapped.append(id)
  }

  /// Brings swapped requests back, oldest first, and gives them room for their next token at once.
  ///
  /// The queue is put in order even when somebody was preempted and so nobody comes back, which the
  /// prose beside the goldens leaves open and the goldens show.
  mutating func swapIn(_ plan: inout IterationPlan) {
    guard !swapped.isEmpty else { return }
    Self.sort(&swapped)
    guard plan.preempted.isEmpty else { return }
    var sequences = runningSlots()
    while let id = swapped.first {
      let isAlone = running.isEmpty && !repeatsDefects
      let slots = slots(of: id, groups[Int(id)])
      guard canSwapIn(id, isAlone: isAlone), sequences + slots <= maxSequences else { break }
      let moves = memory.swapIn(live[id])
      plan.swapIns.append(contentsOf: moves)
      plan.swappedIn.append(.init(request: id, blocks: moves.count))
      append(id, &plan)
      sequences += slots
      swapped.removeFirst()
      appendRunning(id)
    }
  }

  /// Whether a swapped request finds room, with one more block for each sequence.
  ///
  /// - Parameter isAlone: Nothing else is resident: the watermark is waived and the need taken
  ///   exactly.
  private mutating func canSwapIn(_ id: RequestID, isAlone: Bool) -> Bool {
    let left = memory.device.freeCount - memory.distinctBlockCount(of: live[id])
    if isAlone { return left >= memory.hostBlocksToAppend(live[id]) }
    return left - live.count(of: id) >= memory.watermarkBlocks
  }
}
