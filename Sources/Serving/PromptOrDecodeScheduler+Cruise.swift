import CostModel
import KVMemory

/// Decode iterations in which most running requests need no look.
///
/// All of `running` cruises, or nobody does. No run with samples or beams ever does (they share blocks and
/// end one by one), nor does anybody while a request is swapped out. The batch counts decode iterations, as
/// its requests stand still while prompts are computed:
///
///     engine       P   d   d   P   P   d
///     batch            0   1           2
///     request 3    P   d   d   -   -   d      listed in decode 0, a newcomer; not listed in 1 and 2
///     request 5                P   -   d      listed in decode 2
///
/// With one sequence each, requests are always in order of arrival: the running ones, then the swapped, then
/// the waiting. Only the youngest are preempted, and nobody is admitted past them.
extension PromptOrDecodeScheduler {
  /// Decides a decode iteration of a cruising batch.
  mutating func cruise(_ plan: inout IterationPlan) {
    extendDue(&plan)
    guard plan.failure == nil else { return }
    swapIn(&plan)
    memory.cruise(sequences: batch.count)
    plan.cruising = batch.count - newcomerCount
    for index in running.count - newcomerCount..<running.count {
      let id = running[index]
      Self.listDecode(of: id, sequences: 1, length: groups[Int(id)].length, in: &plan)
    }
    batch.describe(in: &plan.work)
    plan.work.swappedOutBlocks = plan.swapOuts.count
  }

  @inline(__always)
  package mutating func steadyStretch(atMost limit: Int) -> SteadyStretch? {
    guard isCruising, newcomerCount == 0, swapped.isEmpty, waiting.isEmpty || headIsBlocked
    else { return nil }
    return batch.steadyStretch(
      atMost: limit, freeBlocks: memory.device.freeCount, admitsNobody: true)
  }

  package mutating func scheduleSteady(_ count: Int, _ growth: inout SteadyGrowth) -> Int {
    let blockSize = batch.blockSize
    let ran = memory.extend(&batch.due, from: batch.phase, iterations: count) {
      growth.append(
        iteration: $0, blocks: $1, slots: $1 * blockSize, unusableSlots: $2)
    }
    memory.cruise(sequences: batch.count * ran)
    return ran
  }

  package mutating func completeSteady(_ count: Int, finished: inout [RequestID]) {
    operations.clear()
    batch.advance(by: count - 1)
    finishCruising(&finished)
    batch.advance()
  }

  /// Gives those a block whose last one is full, oldest first; the youngest make way.
  ///
  /// As in `appendToRunning`, each request has to find a free block at its turn, whether or not it takes
  /// one. Between two that take one nothing changes, so those that take one and the youngest tell.
  private mutating func extendDue(_ plan: inout IterationPlan) {
    if batch.dueCount == 0 && memory.device.freeCount > 0 { return }
    // Who cruises has one sequence, whose number is its own.
    let ran = memory.extend(&batch.due, from: batch.phase, iterations: 1) { _, _, _ in }
    if ran == 1 { return }
    let due = batch.due[batch.phase]
    var extended = due.startIndex
    while let youngest = running.last, extended == due.startIndex || due[extended - 1] < youngest {
      let isSomeoneDue = extended < due.endIndex && due[extended] <= youngest
      if memory.device.freeCount > 0 {
        guard isSomeoneDue else { return }
        memory.extend(live.first(of: due[extended]))
        extended += 1
      } else {
        if running.count == 1 && !isSomeoneDue && !repeatsDefects { return }
        running.removeLast()
        release(youngest, &plan)
        preempt(youngest, &plan)
        guard plan.failure == nil else { return }
      }
    }
  }

  /// Takes a request out of the cruise before it has grown in this iteration; the youngest goes first.
  private mutating func release(_ id: RequestID, _ plan: inout IterationPlan) {
    let group = groups[Int(id)]
    let length = cruisingLength(of: group)
    batch.leave(id, length: length, remaining: Int(group.finalTokens) - length)
    groups.progress[Int(id)].generatedTokens = Int32(length) - group.promptTokens
    memory.settle(live.first(of: id), tokens: length - 1)
    if newcomerCount > 0 {
      newcomerCount -= 1
    } else {
      plan.released.append(id)
    }
  }

  @inline(__always)
  private func cruisingLength(of group: ForkingGroup) -> Int {
    Int(group.length) + batch.iteration - group.joinedAt
  }

  /// Takes in an iteration of prompts or a cruised one.
  mutating func completeCruise(_ plan: inout IterationPlan, finished: inout [RequestID]) {
    guard plan.advancesCruise else { return completePrompts(&plan, finished: &finished) }
    newcomerCount = 0
    finishCruising(&finished)
    batch.advance()
  }

  /// The requests of an iteration of prompts are the last of `running`.
  private mutating func completePrompts(_ plan: inout IterationPlan, finished: inout [RequestID]) {
    running.removeLastOnes(plan.scheduled.count)
    for scheduled in plan.scheduled {
      let id = scheduled.request
      groups.progress[Int(id)].generatedTokens += 1
      let group = groups[Int(id)]
      if group.generatedTokens == group.outputTokens {
        finish(id)
        finished.append(id)
      } else {
        running.append(id)
        join(id, group)
        newcomerCount += 1
      }
    }
  }

  /// Those that finish together leave in running order, as their blocks are freed in it.
  private mutating func finishCruising(_ finished: inout [RequestID]) {
    let first = finished.count
    batch.takeFinishing(into: &finished)
    finished.sortLast(from: first) { Int($0) }
    for index in first..<finished.count {
      let id = finished[index]
      let length = cruisingLength(of: groups[Int(id)])
      batch.finish(id, length: length)
      memory.settle(Int(id), tokens: length)
      guard let place = running.place(of: id) else {
        preconditionFailure("request \(id) cruises and does not run")
      }
      running.remove(at: place)
      finish(id)
    }
  }

  /// Ends a request of one sequence, whose number is its own.
  private mutating func finish(_ id: RequestID) {
    headIsBlocked = false
    memory.free(Int(id))
    operations.append(.free(id, Int(id)))
    groups.progress.close(Int(id))
  }

  private mutating func join(_ id: RequestID, _ group: ForkingGroup) {
    groups.progress[Int(id)].joinedAt = batch.iteration
    batch.join(
      id, length: Int(group.length), remaining: Int(group.outputTokens - group.generatedTokens))
  }

  /// Lets all of `running`, which has just decoded, cruise from the next iteration on, if it may.
  mutating func enterCruise() {
    guard mayCruise, swapped.isEmpty else { return }
    isCruising = true
    for id in running { join(id, groups[Int(id)]) }
  }

  /// Makes every cruising request known one by one again.
  mutating func leaveCruise(_ plan: inout IterationPlan) {
    for id in running.reversed() { release(id, &plan) }
    isCruising = false
    headIsBlocked = false
  }
}
