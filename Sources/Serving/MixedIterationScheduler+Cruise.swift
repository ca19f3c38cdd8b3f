import CostModel
import KVMemory

/// Iterations in which every running request only decodes, a token each, and most need no look.
///
/// All of `running` cruises, or nobody does. Requests with several sequences never do (they share blocks, and
/// beams fork), nor does anybody while a request is swapped out.
extension MixedIterationScheduler {
  /// Decides an iteration of a cruising batch.
  mutating func cruise(_ plan: inout IterationPlan) {
    if memory.takesBlocksWhileDecoding { extendDue(&plan) }
    guard plan.failure == nil else { return }
    memory.cruise(sequences: batch.count)
    plan.cruising = batch.count
    batch.describe(in: &plan.work)
    plan.work.swappedOutBlocks = plan.swapOuts.count
    admitWaiting(&plan)
    for index in batch.count..<running.count {
      Self.describePrefill(groups[Int(running[index])], running[index], copies: 1, in: &plan)
    }
  }

  @inline(__always)
  package mutating func steadyStretch(atMost limit: Int) -> SteadyStretch? {
    guard isCruising, admitsNobody else { return nil }
    return batch.steadyStretch(
      atMost: limit, freeBlocks: memory.takesBlocksWhileDecoding ? memory.freeBlocks : nil,
      admitsNobody: true)
  }

  package mutating func scheduleSteady(_ count: Int, _ growth: inout SteadyGrowth) -> Int {
    let blockSize = batch.blockSize
    let ran = memory.extend(&batch.due, from: batch.phase, iterations: count) {
      growth.append(
        iteration: $0, blocks: $1, slots: $1 * blockSize, unusableSlots: $2)
    }
    step += Int32(ran)
    memory.cruise(sequences: batch.count * ran)
    return ran
  }

  package mutating func completeSteady(_ count: Int, finished: inout [RequestID]) {
    batch.advance(by: count - 1)
    completeDecoding(&finished)
  }

  /// Whether nobody waits, or ``admitWaiting(_:)`` has found that nobody can be admitted, and nothing came since that
  /// may change it.
  private var admitsNobody: Bool {
    guard swapped.isEmpty else { return false }
    return waiting.isEmpty
      || !wasFreed && !hasArrivals && (headIsBlocked || running.count >= maxSequences)
  }

  /// Gives those a block whose last one is full.
  private mutating func extendDue(_ plan: inout IterationPlan) {
    if batch.dueCount == 0 && memory.freeBlocks > 0 { return }
    // Who cruises has one sequence, whose number is its own.
    let ran = memory.extend(&batch.due, from: batch.phase, iterations: 1) { _, _, _ in }
    if ran == 0 { extendOrPreempt(batch.due[batch.phase], &plan) }
  }

  /// The same when blocks may run short: each running request, oldest first, has to find a free block at its
  /// turn, whether it needs one or not, and the youngest make way; see `appendToRunning`.
  private mutating func extendOrPreempt(_ due: ArraySlice<RequestID>, _ plan: inout IterationPlan) {
    var due = due
    var kept = 0
    while kept < running.count {
      let id = running[kept]
      let isDue = due.first == id
      while memory.freeBlocks == 0 {
        let isAlone = kept == 0 && running.count == 1
        if isAlone && !isDue && !repeatsDefects { break }
        let victim = running.removeLast()
        release(victim, &plan)
        preempt(victim, &plan)
        if running.count == kept || plan.failure != nil { return }
      }
      if isDue {
        memory.extend(Int(id))
        due.removeFirst()
      }
      kept += 1
    }
  }

  /// Takes a request out of the cruise before it has grown in this iteration.
  private mutating func release(_ id: RequestID, _ plan: inout IterationPlan) {
    let group = groups[Int(id)]
    let length = cruisingLength(of: group)
    batch.leave(id, length: length, remaining: Int(group.finalTokens) - length)
    groups.progress[Int(id)].generatedTokens = Int32(length) - group.promptTokens
    memory.settle(Int(id), tokens: length - 1)
    plan.released.append(id)
  }

  @inline(__always)
  private func cruisingLength(of group: RequestGroup) -> Int {
    Int(group.length) + batch.iteration - group.joinedAt
  }

  /// Takes in a cruised iteration: those that finish leave, prompts join.
  mutating func completeCruise(_ plan: inout IterationPlan, finished: inout [RequestID]) {
    completeDecoding(&finished)
    guard !plan.scheduled.isEmpty else { return }
    for scheduled in plan.scheduled {
      let id = Int(scheduled.request)
      groups.progress[id].generatedTokens += 1
      let group = groups[id]
      if group.generatedTokens == group.outputTokens {
        memory.free(group)
        groups.progress.close(id)
        wasFreed = true
        finished.append(scheduled.request)
        running.removeAll { $0 == scheduled.request }
      } else {
        join(scheduled.request, group)
      }
    }
  }

  /// Gives each cruising request its token.
  private mutating func completeDecoding(_ finished: inout [RequestID]) {
    if batch.someoneFinishes { finishCruising(&finished) }
    batch.advance()
  }

  /// Those that finish together leave in running order, as their blocks are freed in it.
  private mutating func finishCruising(_ finished: inout [RequestID]) {
    let first = finished.count
    batch.takeFinishing(into: &finished)
    finished.sortLast(from: first) { Self.place(of: $0, in: running) }
    for index in first..<finished.count {
      let id = finished[index]
      let group = groups[Int(id)]
      let length = cruisingLength(of: group)
      batch.finish(id, length: length)
      running.remove(at: Self.place(of: id, in: running))
      memory.settle(Int(id), tokens: length)
      memory.free(group)
      groups.progress.close(Int(id))
    }
    wasFreed = true
  }

  /// Requests run in order of arrival, which is that of their numbers but for equal arrivals.
  private static func place(of id: RequestID, in running: [RequestID]) -> Int {
    guard let place = running.place(of: id) ?? running.firstIndex(of: id) else {
      preconditionFailure("request \(id) cruises and does not run")
    }
    return place
  }

  private mutating func join(_ id: RequestID, _ group: RequestGroup) {
    groups.progress[Int(id)].joinedAt = batch.iteration
    batch.join(
      id, length: Int(group.length), remaining: Int(group.outputTokens - group.generatedTokens))
  }

  /// Lets all of `running` cruise from the next iteration on, if it may.
  mutating func enterCruise() {
    guard mayCruise, swapped.isEmpty, runningIsSorted else { return }
    isCruising = true
    for id in running { join(id, groups[Int(id)]) }
  }

  /// Makes every cruising request known one by one again.
  mutating func leaveCruise(_ plan: inout IterationPlan) {
    for id in running { release(id, &plan) }
    isCruising = false
  }
}
