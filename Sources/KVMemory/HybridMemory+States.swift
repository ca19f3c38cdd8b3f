/// Groups of recurrent layers: an entry of the table holds the state after its last token, and only those entries have a
/// block at which a chunk ended.
///
///     tokens   0        16        32        48        64         chunks of 48 and 16 tokens
///     table    |   0    |    0    |   b4    |   b7    |          the state after 48 tokens, and after 64
///
/// The scheduler ends chunks where a state is worth keeping (``cut(_:from:tokens:limit:)``); kernels that leave
/// checkpoints keep one more in the same chunk. Without a prefix cache one block is the state, however long the
/// sequence, and none of this applies: its block is as long as the longest sequence.
///
/// With drafts, so many blocks stand behind the state, for the states after each draft; when the sequence goes on in a
/// later block, those before it that are not the state move along:
///
///     table    |   b4    |   d1    |   d2    |                         two drafts, the state after 16 tokens is in b4
///     table    |   b4    |    0    |    0    |   d1    |   d2    | b9 |  a chunk to 64 tokens
///
/// - Source: `MambaManager` with mode *align* in vLLM 0.33.
extension HybridMemory {
  /// What a group of states knows of a sequence.
  struct State: Sendable {
    /// Whether blocks were taken since the table was last empty.
    var hasStarted = false
    /// The entry of the state before the newest, −1 for none.
    var last: Int32 = -1
    /// Entries before this one were looked at to be given back.
    var passed: Int32 = 0
    /// The entry of the checkpoint that the chunk being computed leaves, −1 for none.
    var checkpoint: Int32 = -1
  }

  /// The end of the last full block that leaves a token to compute.
  private func lastBoundary(_ tokens: Int, _ size: Int) -> Int { (tokens - 1) / size * size }

  /// Whether a chunk `from..<to` can leave a checkpoint at `tokens`.
  private func leaves(
    checkpointAt tokens: Int, from: Int, to: Int, _ group: BlockGroup
  ) -> Bool {
    guard let alignment = group.keeps.checkpointAlignment else { return false }
    let size = group.blockTokens
    return from % hashBlockSize == 0 && (to + size - 1) / size - 2 > Self.floor(from - 1, size)
      && from + hashBlockSize <= tokens && from < tokens && tokens < to
      && (tokens - from) % alignment == 0
  }

  private static func floor(_ a: Int, _ b: Int) -> Int { a >= 0 ? a / b : (a - b + 1) / b }

  /// The end of a sequence's prompt, or of what a preempted one computes again.
  private func prefillEnd(_ whole: Whole, length: Int) -> Int {
    max(Int(whole.promptTokens), length - 1)
  }

  /// The tokens of a chunk that ends where a state is worth keeping.
  ///
  /// - Parameters:
  ///   - computed: Tokens computed before it.
  ///   - tokens: Those that it may have.
  ///   - length: Tokens of the sequence, the newest included.
  ///   - limit: The most tokens that any chunk may have.
  /// - Returns: At most `tokens`, perhaps 0: the sequence waits for a larger share of an iteration.
  public func cut(
    _ sequence: Int, from computed: Int, tokens: Int, length: Int, limit: Int
  ) -> Int {
    guard isCaching, let group = groups.first(where: { $0.keeps.isState }) else { return tokens }
    let size = group.blockTokens
    let whole = wholes[sequence]
    let prefill = prefillEnd(whole, length: length)
    guard computed < prefill else { return tokens }
    var end = computed + tokens
    let leavesCheckpoint =
      end >= prefill
      && groups.allSatisfy {
        !$0.keeps.isState
          || leaves(checkpointAt: lastBoundary(prefill, size), from: computed, to: end, $0)
      }
    if end < prefill {
      let aligned = end / size * size
      if aligned > computed || size <= limit { end = aligned }
    }
    var stops: [Int] = []
    if !leavesCheckpoint {
      if computed % size != 0 { stops.append((computed + size - 1) / size * size) }
      stops.append(lastBoundary(length, size))
    }
    let junction = Int(whole.junction)
    if computed < junction, junction < end {
      stops.append(computed + (junction - computed) / size * size)
    }
    let stop = stops.filter { $0 > computed && $0 < end }.min()
    return max(0, (stop ?? end) - computed)
  }

  /// The entry of the checkpoint that a chunk from `computed` tokens to `total` leaves; `nil` if it leaves none that
  /// takes a block.
  private func checkpoint(
    _ sequence: Int, _ group: Int, from computed: Int, upTo total: Int
  ) -> Int? {
    let kind = groups[group]
    let whole = wholes[sequence]
    let prefill = retention == .boundaries ? prefillEnd(whole, length: Int(whole.length)) : 0
    let entry = (total + kind.blockTokens - 1) / kind.blockTokens - 2
    guard total >= prefill, entry >= 0,
      leaves(
        checkpointAt: lastBoundary(total, kind.blockTokens), from: computed, to: total, kind)
    else { return nil }
    let row = row(sequence, group)
    // The blocks for drafts are no states of the sequence.
    let hasStarted = parts.with(row) { $0.state.hasStarted }
    let states = Int(tables[row].count) - (hasStarted ? kind.keeps.draftStates : 0)
    let isTaken = entry < states && tables.block(entry, of: row) != 0
    return isTaken ? nil : entry
  }

  /// Blocks that a chunk takes: one for the state at its end, one for a checkpoint.
  func missingStates(
    _ sequence: Int, _ group: Int, from computed: Int, known: Int, upTo total: Int
  ) -> Int {
    let row = row(sequence, group)
    let added = layouts[group].blocks(of: total) - known - Int(tables[row].count)
    guard added > 0 else { return 0 }
    let checkpoint = checkpoint(sequence, group, from: computed, upTo: total)
    let drafts = parts.with(row) { $0.state.hasStarted } ? 0 : layouts[group].draftStates
    return min(added, (checkpoint == nil ? 1 : 2) + drafts)
  }

  /// Whether what was found ends in a state that this iteration computes.
  func endsInKeyedState(_ found: Found) -> Bool {
    !keyedStates.isEmpty
      && groups.indices.contains { group in
        layouts[group].isState && found.blockCount(of: group) > 0
          && keyedStates.contains(found.tables[group][found.blockCount(of: group) - 1])
      }
  }

  mutating func extendStates(
    _ sequence: Int, _ group: Int, from computed: Int, upTo total: Int,
    _ evicted: inout [BlockID]
  ) {
    let row = row(sequence, group)
    let checkpoint = checkpoint(sequence, group, from: computed, upTo: total)
    let drafts = parts.with(row) { $0.state.hasStarted } ? layouts[group].draftStates : 0
    parts[row].state.checkpoint = Int32(checkpoint ?? -1)
    parts[row].state.hasStarted = true
    let (wanted, held) = (layouts[group].blocks(of: total), Int(tables[row].count))
    guard wanted > held || checkpoint != nil else { return }
    parts[row].state.last = Int32(held - 1 - drafts)
    // The first entry with a block of its own: the state at the end, or the checkpoint before it.
    let first = wanted - 1 - layouts[group].draftStates - (checkpoint == nil ? 0 : 1)
    let nulls = max(0, first - held)
    if nulls > 0 {
      tables.append(nulls, to: row) { $0.update(repeating: 0) }
      nullEntries += nulls
    }
    for index in held - drafts..<held where index < first {
      tables.append(tables.block(index, of: row), to: row)
      tables.replaceBlock(at: index, of: row, with: 0)
      nullEntries += 1
    }
    append(wanted - Int(tables[row].count), to: row, &evicted)
  }

  /// Gives back the states before the one that the next token reads.
  mutating func dropStates(_ sequence: Int, _ group: Int, computed: Int) {
    let row = row(sequence, group)
    let state = parts.with(row) { $0.state }
    let count = Int(tables[row].count)
    let size = layouts[group].blockTokens
    let end = max(0, Self.floor(computed - 1, size))
    var dropped = (Int(state.passed)..<max(Int(state.passed), min(end, count)))
      .filter { tables.block($0, of: row) != 0 }
    let last = Int(state.last)
    if last >= 0, last < (computed + size - 1) / size - 1, !dropped.contains(last),
      tables.block(last, of: row) != 0
    {
      dropped.insert(last, at: 0)
    }
    if end > state.passed { parts[row].state.passed = Int32(end) }
    guard !dropped.isEmpty else { return }
    dropped.map { tables.block($0, of: row) }.withUnsafeBufferPointer {
      _ = pool.release(mixed: $0)
    }
    for index in dropped { tables.replaceBlock(at: index, of: row, with: 0) }
    nullEntries += dropped.count
  }

  /// Gives the checkpoint that the chunk leaves its key, and the last state that a resend of the prompt can use.
  mutating func cacheCheckpoint(_ sequence: Int, _ group: Int, _ whole: Whole) {
    let (row, size) = (row(sequence, group), layouts[group].blockTokens)
    let boundary = lastBoundary(Int(whole.promptTokens), size)
    let entry = parts.with(row) { Int($0.state.checkpoint) }
    guard entry >= 0 else {
      let index = boundary / size - 1
      if index >= 0, index < parts.with(row, { Int($0.seen) }) {
        setStateKey(sequence, group, index)
      }
      return
    }
    let tokens = (entry + 1) * size
    if tokens == boundary || tokens == whole.junction
      || isKeyed(entry, group, whole, alignment: blockSize)
    {
      setStateKey(sequence, group, entry)
    } else if pool.isCached(tables.block(entry, of: row)) {
      pool.removeKey(of: tables.block(entry, of: row))
    }
  }

  private mutating func setStateKey(_ sequence: Int, _ group: Int, _ index: Int) {
    let block = tables.block(index, of: row(sequence, group))
    guard block != 0 else { return }
    let isKeyed =
      pool.isCached(block)
      && labels[Int(block)]
        == Label(group: group, tokens: (index + 1) * layouts[group].blockTokens)
    if !isKeyed { setKey(sequence, group, index) }
  }
}
