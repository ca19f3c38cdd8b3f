import CostModel
import KVMemory
import Workload

/// What an iteration of vLLM 0.2 looks like to the cost model, and what its output does to the
/// sequences.
extension PromptOrDecodeScheduler {
  // MARK: Describing an iteration

  /// Prompts are computed at the length of the longest where the release pads them.
  ///
  /// Static, as ``listDecode(of:sequences:length:in:)`` is: a method that does not change `self` is given a copy of it.
  static func describePrompts(
    _ batch: PromptBatch, _ budget: VLLM02Options.PromptBudget, in plan: inout IterationPlan
  ) {
    for scheduled in plan.scheduled {
      let tokens =
        switch budget {
        case .summed: Int(scheduled.tokens)
        case .padded: batch.longest
        }
      plan.work.prefillChunks.append(.init(tokens: tokens, contextTokens: 0))
    }
    plan.work.sampledSequences = plan.scheduled.count
  }

  /// All of `running` decodes, one token for each sequence.
  func describeDecode(in plan: inout IterationPlan) {
    for id in running {
      let count = live.count(of: id)
      let length = groups[Int(id)].length
      Self.listDecode(of: id, sequences: count, length: length, in: &plan)
      plan.work.decode(count, contextTokens: count * Int(length))
    }
    plan.work.sampledSequences = plan.work.decodeSequences
    plan.work.copiedBlocks = plan.copies.count
    plan.work.swappedInBlocks = plan.swapIns.count
    plan.work.swappedOutBlocks = plan.swapOuts.count
  }

  static func listDecode(
    of id: RequestID, sequences: Int, length: Int32, in plan: inout IterationPlan
  ) {
    plan.scheduled.append(
      .init(
        request: id, sequences: Int32(sequences), tokens: 1, contextTokens: length - 1,
        emittedTokens: Int32(sequences), isPrefill: false))
  }

  // MARK: Taking in an iteration

  package mutating func complete(_ plan: inout IterationPlan, finished: inout [RequestID]) {
    operations.clear()
    if isCruising { return completeCruise(&plan, finished: &finished) }
    defer { enterCruise() }
    let alreadyFinished = finished.count
    for scheduled in plan.scheduled {
      let id = scheduled.request
      groups.progress[Int(id)].generatedTokens += 1
      if groups[Int(id)].usesBeamSearch {
        moveBeams(of: id)
      } else {
        if !groups[Int(id)].hasForked { forkSamples(of: id) }
        if isComplete(id, target: groups[Int(id)].shortestOutput) { freeFinishedSamples(of: id) }
      }
      if live.count(of: id) == 0 { finished.append(id) }
    }
    guard finished.count > alreadyFinished else { return }
    running.removeAll { live.count(of: $0) == 0 }
    for id in finished[alreadyFinished...] {
      groups.progress.close(Int(id))
      live.close(id)
    }
  }

  /// Whether the sequences of a group that ask for `target` output tokens have them, or may grow no
  /// further.
  ///
  /// The longest sequence may be exceeded by the last token, which is sampled and never written.
  private func isComplete(_ id: RequestID, target: Int32) -> Bool {
    let group = groups[Int(id)]
    return group.generatedTokens >= target || Int(group.length) > maxModelLength
  }

  /// Makes the other samples once the prompt is computed; they share its blocks.
  ///
  ///     n = 3     parent ──▶ child, child, parent      each with its first output token
  ///
  /// A child that is complete with its first token never holds anything.
  private mutating func forkSamples(of id: RequestID) {
    groups.progress[Int(id)].hasForked = true
    let parent = live.first(of: id)
    for sample in 0..<Int(groups[Int(id)].width) - 1 {
      let target = sampleTargets[id]?[sample] ?? groups[Int(id)].outputTokens
      guard !isComplete(id, target: target) else { continue }
      fork(parent, of: id, sample: sample, target: target)
    }
  }

  private func target(of sequence: Int, _ id: RequestID) -> Int32 {
    if sequence == live.parent(of: id) {
      return sampleTargets[id]?.last ?? groups[Int(id)].outputTokens
    }
    return targets[sequence]
  }

  private mutating func freeFinishedSamples(of id: RequestID) {
    var hasRemoved = false
    for index in 0..<live.count(of: id)
    where isComplete(id, target: target(of: live.sequence(at: index, of: id), id)) {
      free(index, of: id)
      hasRemoved = true
    }
    if hasRemoved { live.compact(id) }
  }

  /// Forks and frees beams as a record says, or as drawn: in vLLM 0.2 a beam that splits makes new
  /// sequences, and only then are the beams freed that nobody goes on from.
  private mutating func moveBeams(of id: RequestID) {
    for move in beamMoves.map({ $0[id] ?? [] }) ?? drawnMoves(of: id) {
      switch move {
      case .fork(let parent):
        fork(live.sequence(at: parent, of: id), of: id, sample: 0, target: 0)
      case .free(let index): free(index, of: id)
      }
    }
    live.compact(id)
  }

  private mutating func drawnMoves(of id: RequestID) -> [BeamMove] {
    let group = groups[Int(id)]
    if isComplete(id, target: group.outputTokens) {
      return (0..<live.count(of: id)).map { .free($0) }
    }
    if group.generatedTokens == 1 {
      return Array(repeating: .fork(parent: 0), count: Int(group.width) - 1)
    }
    forks.removeAll(keepingCapacity: true)
    beams.appendForks(
      of: id, step: Int(group.generatedTokens) - 1, width: Int(group.width), to: &forks)
    return forks.map { .fork(parent: $0.parent) } + forks.map { .free($0.child) }
  }

  private mutating func fork(_ parent: Int, of id: RequestID, sample: Int, target: Int32) {
    let child = live.add(to: id)
    targets[child] = target
    memory.fork(parent, to: child)
    operations.append(.fork(id, parent: parent, child: child, sample: sample))
  }

  mutating func free(_ index: Int, of id: RequestID) {
    headIsBlocked = false
    let sequence = live.sequence(at: index, of: id)
    memory.free(sequence)
    targets.close(sequence)
    live.remove(at: index, of: id)
    operations.append(.free(id, sequence))
  }
}
