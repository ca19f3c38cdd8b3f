import KVMemory

/// What is found in the tier, and what comes back from it.
///
///     tokens    0        found                     found + external
///     device    |── hits ──|
///     tier      ······|── c1 ──|── c2 ──|── c3 ──|  ?
///     window                            |── c3 ──|     only the chunks before the end
extension OffloadingConnector {
  // Whoever calls knows a connector only: the compiler makes no copy for this memory by itself.
  @_specialize(where Memory == PrefixCachingMemory)
  package mutating func match<Memory: TokenBudgetMemory>(
    _ sequence: ConnectedSequence, found: Int, in memory: inout Memory
  ) -> ExternalTokens? {
    guard let end = answer(sequence, found: found, in: &memory) else { return nil }
    let count = end - found
    guard count > 0 else { return ExternalTokens() }
    if options.copiesInStep {
      // The last token is computed all the same, for its output.
      return ExternalTokens(count: min(count, sequence.length - 1 - found))
    }
    let isSynchronous =
      count * options.bytesPerToken <= synchronousBytesLeft && end < sequence.length
    let promoted = states[sequence.number]?.promotedTokens ?? 0
    return ExternalTokens(
      count: count, isAsynchronous: !isSynchronous, below: min(promoted, count))
  }

  /// Looks a sequence up that begins anew.
  ///
  /// - Returns: The tokens behind which it can go on, `found` if the tier has nothing for it; `nil` if that is not known
  ///   yet.
  mutating func lookUp<Memory: TokenBudgetMemory>(
    _ sequence: ConnectedSequence, found: Int, in memory: inout Memory
  ) -> Int? {
    var state = SequenceState(groups: groups.count)
    state.jobs = states[sequence.number]?.jobs ?? []
    state.promotedTokens = states[sequence.number]?.promotedTokens ?? 0
    states[sequence.number] = state
    guard state.jobs.isEmpty else { return nil }
    var search = Search(sequence: sequence, found: found)
    search.end = sequence.length - (groups.contains { $0.window != nil } ? 1 : 0)
    tiers.beginLookUp()
    let finds = find(&search, in: &memory)
    promote(for: sequence, waits: finds && search.isUnknown)
    guard finds else { return found }
    if search.isUnknown || options.waitsForLoads && isRead(search, in: &memory) { return nil }
    return search.end
  }

  /// Lets move what a look-up has found in the lower tier alone. Its tokens are those of the group that is asked first.
  private mutating func promote(for sequence: ConnectedSequence, waits: Bool) {
    for chunk in tiers.endLookUp(for: Int(sequence.number), waits: waits)
    where chunk.group == lookUpOrder[0] {
      let tokens = groups[chunk.group].chunkTokens
      states[sequence.number]?.promotedTokens += tokens
    }
  }

  /// A look-up that goes from group to group.
  private struct Search {
    let sequence: ConnectedSequence
    /// Tokens that the device holds.
    let found: Int
    /// Tokens that all groups asked so far can go on behind.
    var end = 0
    /// Whether a chunk that is being written was found.
    var isUnknown = false
  }

  /// Finds how far every group can go on, those that keep everything first.
  ///
  /// A window that finds less shortens what the others may use, so that windows which were asked before are asked again.
  ///
  /// - Returns: Whether it is a chunk or more.
  private mutating func find<Memory: TokenBudgetMemory>(
    _ search: inout Search, in memory: inout Memory
  ) -> Bool {
    var asked = lookUpOrder
    var gain: Int?
    var hasAskedWindow = false
    while !asked.isEmpty {
      var again: [Int] = []
      for group in asked {
        guard find(&search, group, in: &memory) else { return false }
        let now = search.end - search.found
        let isShorter = gain.map { now < $0 } ?? false
        // Also where all are asked again: what is on its way in a shorter search would start it over for ever.
        gain = now
        if isShorter {
          if search.isUnknown {
            search.isUnknown = false
            again = lookUpOrder
            break
          }
          if hasAskedWindow { again = lookUpOrder.filter { groups[$0].window != nil } }
        }
        if groups[group].window != nil { hasAskedWindow = true }
      }
      asked = again
    }
    return true
  }

  /// Shortens a search to what a group can go on behind.
  private mutating func find<Memory: TokenBudgetMemory>(
    _ search: inout Search, _ number: Int, in memory: inout Memory
  ) -> Bool {
    let group = groups[number]
    let keys = search.sequence.length / group.chunkTokens
    search.end = min(search.end, keys * group.chunkTokens)
    guard search.end - search.found >= group.chunkTokens else { return false }
    let first = search.found / group.chunkTokens
    let last = min(ceilDivide(search.end, group.chunkTokens), keys)
    var end = first
    if group.window == nil {
      while end < last {
        let chunk = chunk(end, of: search.sequence, number, in: &memory)
        let state = tiers.find(chunk, for: Int(search.sequence.number))
        if state == .absent { break }
        if state == .writing { search.isUnknown = true }
        end += 1
      }
    } else {
      func state(_ index: Int) -> ChunkTier.State {
        tiers.find(
          self.chunk(index, of: search.sequence, number, in: &memory),
          for: Int(search.sequence.number))
      }
      var run = 0
      var chunk = last
      var isUnknown = false
      var needed = chunksNeeded(group, tokens: min(search.end, last * group.chunkTokens))
      while chunk > first, run < needed {
        chunk -= 1
        switch state(chunk) {
        case .absent:
          run = 0
          isUnknown = false
          needed = group.windowChunks ?? 0
        case .writing:
          run += 1
          isUnknown = true
        case .ready: run += 1
        }
      }
      if isUnknown { search.isUnknown = true }
      end = chunk + run
      if run == 0 { return false }
    }
    guard end > first else { return false }
    search.end = min(search.end, end * group.chunkTokens)
    return search.end - search.found >= group.chunkTokens
  }

  /// Chunks before the end of so many tokens that a window attends to.
  private func chunksNeeded(_ group: Group, tokens: Int) -> Int {
    guard let window = group.window, let chunks = group.windowChunks else { return 0 }
    let missing = (group.chunkTokens - tokens % group.chunkTokens) % group.chunkTokens
    return max(chunks, ceilDivide(window - 1 + missing, group.chunkTokens))
  }

  /// Whether another sequence loads a chunk that this one would.
  private mutating func isRead<Memory: TokenBudgetMemory>(
    _ search: Search, in memory: inout Memory
  ) -> Bool {
    guard !reading.isEmpty else { return false }
    for (number, group) in groups.enumerated() {
      let last = ceilDivide(search.end, group.chunkTokens)
      var first = search.found / group.chunkTokens
      if group.window != nil {
        first = max(first, last - chunksNeeded(group, tokens: search.end))
      }
      guard first < last else { continue }
      let chunks = self.chunks(Array(first..<last), of: search.sequence, number, in: &memory)
      if reading.overlaps(chunks.map(\.key)) { return true }
    }
    return false
  }

  /// The key of a full chunk of a sequence. `mutating`, as the next two: a method that is not is given a copy of the connector.
  mutating func key<Memory: TokenBudgetMemory>(
    of chunk: Int, _ sequence: ConnectedSequence, _ group: Int, in memory: inout Memory
  ) -> ContentKey {
    memory.contentKey(
      ofBlock: (chunk + 1) * options.blocksPerChunk - 1, of: Int(sequence.number), group: group)
  }

  @_specialize(where Memory == PrefixCachingMemory)
  package mutating func load<Memory: TokenBudgetMemory>(
    _ sequence: ConnectedSequence, found: Int, _ external: ExternalTokens, in memory: inout Memory
  ) {
    lastAnswer = nil
    let total = found + external.count
    let computedEnd = total - external.loaded
    states[sequence.number]?.promotedTokens = 0
    useBeginning(of: sequence, found..<computedEnd, in: &memory)
    var chunks: [ChunkTier.Chunk] = []
    var blocks: [BlockID] = []
    for (number, group) in groups.enumerated() {
      let table = memory.blocks(of: Int(sequence.number), group: number)
      let end = ceilDivide(total, group.blockTokens)
      var first = ceilDivide(computedEnd, group.blockTokens)
      while first < end,
        table[first] == 0 || external.isAsynchronous && memory.pool.isCached(table[first])
      {
        first += 1
      }
      states[sequence.number]?.progress[number] = ceilDivide(total, group.chunkTokens)
      guard first < end else { continue }
      blocks += table[first..<end]
      let covered = first / options.blocksPerChunk..<ceilDivide(end, options.blocksPerChunk)
      chunks += self.chunks(Array(covered), of: sequence, number, in: &memory)
    }
    let job = KVTransferJob(
      number: nextJob, kind: .load(isAsynchronous: external.isAsynchronous),
      sequence: sequence.number, request: sequence.request,
      chunks: tiers.pin(chunks, by: Int(sequence.number)), blocks: blocks)
    if external.isAsynchronous { reading.add(chunks.map(\.key), by: nextJob) }
    issue(Job(transfer: job))
    readingChanges += 1
    guard external.isAsynchronous else {
      synchronousBytesLeft -= external.loaded * options.bytesPerToken
      return
    }
    noteAllocated(sequence.number, in: &memory)
    step.loading.append(
      .init(
        request: sequence.request, cachedTokens: Int32(computedEnd),
        externalTokens: Int32(external.loaded)))
  }

  /// Offers the tier what it holds and a sequence computes all the same, so that it counts as used: nothing of it is written.
  private mutating func useBeginning<Memory: TokenBudgetMemory>(
    of sequence: ConnectedSequence, _ tokens: Range<Int>, in memory: inout Memory
  ) {
    guard !tokens.isEmpty else { return }
    var chunks: [ChunkTier.Chunk] = []
    for (number, group) in groups.enumerated() {
      let (first, end) = (
        tokens.lowerBound / group.chunkTokens, tokens.upperBound / group.chunkTokens
      )
      guard first < end else { continue }
      chunks += self.chunks(Array(first..<end), of: sequence, number, in: &memory)
    }
    let written = tiers.store(chunks, by: Int(sequence.number))
    precondition(written?.isEmpty ?? false, "OffloadingConnector: the tier lost what it just held")
  }

  mutating func chunk<Memory: TokenBudgetMemory>(
    _ index: Int, of sequence: ConnectedSequence, _ group: Int, in memory: inout Memory
  ) -> ChunkTier.Chunk {
    ChunkTier.Chunk(
      key: key(of: index, sequence, group, in: &memory),
      position: (index + 1) * groups[group].chunkTokens, group: group)
  }

  /// Chunks of a sequence, in order.
  mutating func chunks<Memory: TokenBudgetMemory>(
    _ indices: [Int], of sequence: ConnectedSequence, _ group: Int, in memory: inout Memory
  ) -> [ChunkTier.Chunk] {
    let blocks = indices.map { ($0 + 1) * options.blocksPerChunk - 1 }
    let keys = memory.contentKeys(ofBlocks: blocks, of: Int(sequence.number), group: group)
    let tokens = groups[group].chunkTokens
    return indices.indices.map {
      ChunkTier.Chunk(key: keys[$0], position: (indices[$0] + 1) * tokens, group: group)
    }
  }

  mutating func issue(_ job: Job) {
    jobs[job.transfer.number] = job
    states[job.transfer.sequence]?.jobs.append(job.transfer.number)
    step.jobs.append(job.transfer)
    nextJob += 1
  }

  /// All blocks of a sequence count as handed out in this iteration, those that it found as well.
  @discardableResult
  mutating func noteAllocated<Memory: TokenBudgetMemory>(
    _ sequence: Int32, in memory: inout Memory
  ) -> [[BlockID]] {
    let tables = groups.indices.map { memory.blocks(of: Int(sequence), group: $0) }
    for table in tables { allocated.add(table) }
    return tables
  }
}
