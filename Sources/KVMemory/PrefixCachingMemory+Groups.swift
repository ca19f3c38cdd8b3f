/// Groups that do not keep every token: blocks that nothing to come attends to are given back while the sequence runs, and
/// the null block takes their place in its table.
///
///     table    | b4 | b9 | b2 | b7 |   ▶   | 0 | 0 | b2 | b7 |      skipped: the first two blocks
///
/// - Source: `remove_skipped_blocks` and `find_longest_cache_hit` of vLLM 0.33's `single_type_kv_cache_manager.py`.
extension PrefixCachingMemory {
  /// The most blocks that a sequence holds while it grows to `tokens` tokens, in iterations of at most `inFlight`.
  @inlinable public func blocksMax(forTokens tokens: Int, inFlight: Int) -> Int {
    keepsAll
      ? blockCount(forTokens: tokens)
      : keeps.blocksMax(forTokens: tokens, inFlight: inFlight, blockTokens: blockSize)
  }

  /// Gives back the blocks of a sequence that nothing to come attends to, the last one first.
  ///
  /// - Parameter computed: Tokens of the sequence that are computed: it has blocks for more when it goes on, so that the
  ///   saving comes an iteration late.
  @inlinable public mutating func dropSkipped(_ sequence: Int, computed: Int) {
    if !keepsAll { drop(sequence, computed: computed) }
  }

  @usableFromInline mutating func drop(_ sequence: Int, computed: Int) {
    let known = contents.with(sequence) { $0.nulls }
    let skipped = keeps.skippedBlocks(computed, blockTokens: blockSize)
    let end = min(skipped.upperBound, Int(tables[sequence].count))
    let first = known.isEmpty ? skipped.lowerBound : Int(known.upperBound)
    guard first < end else { return }
    let cached = contents.with(sequence) { Int($0.cachedBlocks) }
    let freed = tables.look(sequence) { blocks in
      pool.release(
        UnsafeBufferPointer(rebasing: blocks[first..<end]),
        cached: min(max(0, cached - first), end - first))
    }
    tokenSlots -= freed * blockSize
    for index in first..<end { tables.replaceBlock(at: index, of: sequence, with: 0) }
    nullEntries += end - first
    contents[sequence].nulls = (known.isEmpty ? Int32(first) : known.lowerBound)..<Int32(end)
  }

  /// Gives back what is left of a sequence from which blocks were dropped.
  mutating func freeHeld(_ sequence: Int, nulls: Range<Int32>, cached: Int) -> Int {
    let range = Int(nulls.lowerBound)..<Int(nulls.upperBound)
    var held = Array(tables.blocks(of: sequence))
    held.removeSubrange(range)
    let heldWithKey = cached - range.clamped(to: 0..<cached).count
    let freed = held.withUnsafeBufferPointer { pool.release($0, cached: heldWithKey) }
    tables.clear(sequence)
    nullEntries -= range.count
    if contents.with(sequence, { $0.spans.isEmpty }) {
      contents.close(sequence)
    } else {
      contents[sequence].nulls = 0..<0
    }
    return freed
  }

  /// Finds the longest beginning of a sequence after which it can go on: all of its blocks are cached but those that
  /// are skipped by then, for which the null block stands.
  ///
  /// - Complexity: O(limit).
  mutating func lookUpKept(_ sequence: Int, limit: Int, hits: inout [BlockID]) -> Int {
    let found = (0..<limit).map { pool.cachedBlock(for: key(ofBlock: $0, of: sequence)) ?? 0 }
    /// Of the blocks before each, how many are not cached.
    let missing = found.reduce(into: [0]) { $0.append($0[$0.count - 1] + ($1 == 0 ? 1 : 0)) }
    let count = (0...limit).last { count in
      let skipped = keeps.skippedBlocks(count * blockSize, blockTokens: blockSize)
        .clamped(to: 0..<count)
      return missing[skipped.lowerBound] == 0 && missing[count] == missing[skipped.upperBound]
    }
    hits.removeAll(keepingCapacity: true)
    guard let count else { return 0 }
    let skipped = keeps.skippedBlocks(count * blockSize, blockTokens: blockSize)
    hits = (0..<count).map { skipped.contains($0) ? 0 : found[$0] }
    return hits.count { $0 != 0 && pool.referenceCount(of: $0) == 0 }
  }

  /// Gives an empty sequence the blocks that ``lookUpKept(_:limit:hits:)`` found.
  mutating func beginKept(_ sequence: Int, with hits: [BlockID]) {
    let skipped = keeps.skippedBlocks(hits.count * blockSize, blockTokens: blockSize)
      .clamped(to: 0..<hits.count)
    tokenSlots += pool.hit(hits.filter { $0 != 0 }) * blockSize
    nullEntries += skipped.count
    contents[sequence].nulls = Int32(skipped.lowerBound)..<Int32(skipped.upperBound)
  }
}
