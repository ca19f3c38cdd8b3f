import KVMemory

/// What is copied to the tier: full chunks, once they are computed in an iteration, and which copies have to be done
/// before the iteration because it writes to their blocks.
extension OffloadingConnector {
  @_specialize(where Memory == PrefixCachingMemory)
  package mutating func admit<Memory: TokenBudgetMemory>(
    _ sequence: ConnectedSequence, in memory: inout Memory
  ) {
    lastAnswer = nil
    let tables = noteAllocated(sequence.number, in: &memory)
    states[sequence.number]?.tables = tables
    states[sequence.number]?.isAdmitted = true
  }

  @_specialize(where Memory == PrefixCachingMemory)
  package mutating func decide<Memory: TokenBudgetMemory>(
    _ iteration: ConnectedIteration, in memory: inout Memory
  ) {
    allocated.add(iteration.taken)
    var lengths: [[Int]] = []
    for (sequence, _) in iteration.scheduled {
      lengths.append(extendTables(of: sequence.number, in: &memory))
    }
    var flushed = jobsToFlush(iteration)
    for (index, (sequence, computed)) in iteration.scheduled.enumerated() {
      dropReused(of: sequence.number, lengths[index])
      _ = store(sequence, tokens: computed, in: &memory)
    }
    for sequence in iteration.completed {
      let held = states[sequence.number]?.tables.map(\.count) ?? []
      dropReused(of: sequence.number, held)
      let tokens = max(sequence.promptTokens, sequence.length - 1)
      if let number = store(sequence, tokens: tokens, in: &memory) {
        let blocks = jobs[number]?.unwatched ?? []
        jobs[number]?.unwatched = []
        watch(blocks, for: number)
        if blocks.contains(where: { allocated.contains($0) }) { flushed.append(number) }
      }
      tiers.finish(Int(sequence.number))
      states[sequence.number] = nil
    }
    for move in tiers.takeMoves() { issue(move) }
    step.seen = iteration.completed.map(\.number)
    flushed.sort()
    step.flushed = flushed.indices.filter { $0 == 0 || flushed[$0] != flushed[$0 - 1] }
      .map { flushed[$0] }
  }

  /// Lets chunks move between the tiers.
  private mutating func issue(_ move: ChunkTiers.Move) {
    let isCascade = move.direction == .cascade
    // What goes down is of no sequence that waits.
    let sequence = Int32(move.request ?? -1)
    let job = KVTransferJob(
      number: nextJob, kind: isCascade ? .cascade : .promotion, sequence: sequence,
      request: RequestID(max(0, sequence)), chunks: move.upper, blocks: [])
    if isCascade { cascades += 1 }
    issue(Job(transfer: job, move: move))
  }

  /// Its prompt was offered, and outputs are not.
  package func ignoresDecodes(of sequence: ConnectedSequence) -> Bool {
    guard options.promptsOnly, let progress = states[sequence.number]?.progress else {
      return false
    }
    return groups.indices.allSatisfy {
      groups[$0].window == nil && progress[$0] >= sequence.promptTokens / groups[$0].chunkTokens
    }
  }

  @_specialize(where Memory == PrefixCachingMemory)
  package mutating func catchUp<Memory: TokenBudgetMemory>(
    on sequence: Int32, in memory: inout Memory
  ) {
    let tables = groups.indices.map { memory.blocks(of: Int(sequence), group: $0) }
    states[sequence]?.tables = tables
  }

  /// Jobs whose source blocks this iteration writes to, and those of sequences that lost their blocks in it.
  private func jobsToFlush(_ iteration: ConnectedIteration) -> [Int32] {
    let watching = watchers.isEmpty ? [] : allocated.blocks.flatMap { watchers[$0] ?? [] }
    let lost = iteration.preempted.flatMap { states[$0]?.jobs ?? [] }
    return watching + lost
  }

  /// Adds the blocks that a sequence has got in this iteration.
  ///
  /// - Returns: The entries that its tables had before; none if it was admitted in this iteration.
  private mutating func extendTables<Memory: TokenBudgetMemory>(
    of sequence: Int32, in memory: inout Memory
  ) -> [Int] {
    let isAdmitted = states[sequence]?.isAdmitted ?? false
    states[sequence]?.isAdmitted = false
    var lengths: [Int] = []
    for group in groups.indices {
      let known = states[sequence]?.tables[group].count ?? 0
      lengths.append(isAdmitted ? 0 : known)
      if memory.entryCount(of: Int(sequence), group: group) > known {
        let added = Array(memory.blocks(of: Int(sequence), group: group)[known...])
        states[sequence]?.tables[group] += added
        allocated.add(added)
      }
    }
    return lengths
  }

  /// Forgets entries of windows whose block was given back and handed out again in this iteration.
  private mutating func dropReused(of sequence: Int32, _ lengths: [Int]) {
    for (number, group) in groups.enumerated() where group.window != nil {
      guard let state = states[sequence] else { return }
      let first = state.progress[number] * options.blocksPerChunk
      for index in first..<max(first, lengths[number])
      where allocated.contains(state.tables[number][index]) {
        states[sequence]?.tables[number][index] = 0
      }
    }
  }

  /// Offers the tier what was computed of a sequence and is worth keeping.
  ///
  /// - Returns: The job that copies it, if there is something to copy.
  private mutating func store<Memory: TokenBudgetMemory>(
    _ sequence: ConnectedSequence, tokens: Int, in memory: inout Memory
  ) -> Int32? {
    guard let state = states[sequence.number] else { return nil }
    let most = min(
      tokens, sequence.length, options.promptsOnly ? sequence.promptTokens : sequence.length)
    var progress = state.progress
    var chunks: [ChunkTier.Chunk] = []
    var sources: [Int] = []
    for (number, group) in groups.enumerated() {
      let table = state.tables[number]
      let end = min(
        most / group.chunkTokens, table.count / options.blocksPerChunk,
        sequence.length / group.chunkTokens)
      guard end > progress[number] else { continue }
      let alignment = options.alignmentTokens ?? wholeChunkTokens ?? group.chunkTokens
      let kept = (progress[number]..<end).filter { chunk in
        let first = chunk * options.blocksPerChunk
        return memory.isWorthKeeping(
          first..<first + options.blocksPerChunk, of: sequence, number, table, alignment)
      }
      chunks += self.chunks(kept, of: sequence, number, in: &memory)
      sources += kept
      progress[number] = end
    }
    guard progress != state.progress else { return nil }
    guard !chunks.isEmpty else {
      states[sequence.number]?.progress = progress
      return nil
    }
    guard let stored = tiers.store(chunks, by: Int(sequence.number)) else { return nil }
    states[sequence.number]?.progress = progress
    guard !stored.isEmpty else { return nil }
    let number = nextJob
    var blocks: [BlockID] = []
    var watched: [BlockID] = []
    var unwatched: [BlockID] = []
    blocks.reserveCapacity(stored.count * options.blocksPerChunk)
    unwatched.reserveCapacity(stored.count * options.blocksPerChunk)
    for (index, _) in stored {
      let group = chunks[index].group
      let first = sources[index] * options.blocksPerChunk
      for block in state.tables[group][first..<first + options.blocksPerChunk] where block != 0 {
        blocks.append(block)
        if groups[group].window != nil { watched.append(block) } else { unwatched.append(block) }
      }
    }
    let job = KVTransferJob(
      number: number, kind: .store, sequence: sequence.number, request: sequence.request,
      chunks: stored.map(\.place), blocks: blocks)
    issue(Job(transfer: job, unwatched: unwatched))
    watch(watched, for: number)
    return number
  }

  /// Tokens of a chunk of the first group that keeps everything: hits in the tier come in multiples of them.
  private var wholeChunkTokens: Int? { groups.first { $0.window == nil }?.chunkTokens }
}

extension TokenBudgetMemory {
  /// Whether the blocks of a chunk are worth keeping, and there as a whole.
  ///
  /// - Parameters:
  ///   - table: The block table of the sequence, as the connector was told it.
  ///   - alignment: Tokens in whose multiples hits in the tier come.
  fileprivate mutating func isWorthKeeping(
    _ blocks: Range<Int>, of sequence: ConnectedSequence, _ group: Int, _ table: [BlockID],
    _ alignment: Int
  ) -> Bool {
    guard table[blocks.upperBound - 1] != 0 else { return false }
    var keepsSome = false
    for block in blocks
    where isKept(block, of: Int(sequence.number), group: group, alignment: alignment) {
      guard table[block] != 0 else { return false }
      keepsSome = true
    }
    return keepsSome
  }
}
