/// What groups find again, and what they leave to be found.
///
///     full       | b1 | b2 | b3 | b4 | b5 |     finds 5 blocks
///     window     |    |    | b6 | b7 |          needs the two before the end: finds 4
///     hit        ──────────────────▶            4 blocks, and a junction at 5: somebody shares the text up to there
extension HybridMemory {
  /// What a look-up found: a beginning that every group can go on behind.
  public struct Found: Sendable {
    public internal(set) var tokens = 0
    /// By group, the null block for what is not needed; no tables where nothing was found.
    public internal(set) var tables: [[BlockID]] = []
    /// How many of the blocks nobody references: they leave the queue of free blocks when they are taken, so a caller
    /// has to count them as if they were new.
    public internal(set) var freeHits = 0

    public init() {}

    func blockCount(of group: Int) -> Int { tables.isEmpty ? 0 : tables[group].count }
  }

  /// Finds the longest beginning of a sequence after which each of its groups can go on, of whole multiples of
  /// ``blockSize``.
  ///
  /// A group that finds less shortens what the others may use, until all agree; with two kinds one round is enough, as
  /// those that keep everything can use any part of what they found.
  ///
  /// - Parameters:
  ///   - length: Tokens of the sequence; the last one is always computed.
  ///   - found: Emptied, then filled.
  public mutating func lookUp(_ sequence: Int, length: Int, _ found: inout Found) {
    found = Found()
    wholes[sequence].length = Int32(length)
    var limit = length - 1
    var longest = 0
    /// What those that keep everything found.
    var whole: Int?
    /// Kinds that have not given a block back since the others last found less.
    var giving = drafting.dropsLastHit ? Set(classes.indices) : []
    repeat {
      let before = limit
      for (kind, members) in classes.enumerated() {
        let isWhole = layouts[members[0]].keepsAll
        if isWhole, let whole {
          limit = min(limit, whole)
          continue
        }
        let last = limit
        if giving.remove(kind) != nil {
          limit = findBeforeLast(sequence, members, limit: limit, length: length)
        } else {
          limit = find(sequence, members, limit: limit)
          if limit < last, drafting.dropsLastHit { giving = Set(classes.indices) }
        }
        longest = max(longest, limit)
        if isWhole { whole = limit }
      }
      if limit == before || classes.count == 1 || (classes.count == 2 && whole != nil) { break }
    } while limit > 0
    wholes[sequence].junction = longest > limit ? Int32(longest) : 0
    guard limit > 0 else { return }
    found.tokens = limit
    found.tables = groups.indices.map { group in
      let skipped = skippedBlocks(of: group, limit)
      let blocks = cachedBlocks(sequence, group, limit: limit / layouts[group].blockTokens)
      return blocks.indices.map { skipped.contains($0) ? 0 : blocks[$0] }
    }
    found.freeHits = found.tables.reduce(0) { count, table in
      count + table.count { $0 != 0 && pool.referenceCount(of: $0) == 0 }
    }
  }

  /// Where a longer hit of some groups ended when a sequence was looked up, in tokens; 0 for none.
  public func junction(of sequence: Int) -> Int { wholes.with(sequence) { Int($0.junction) } }

  /// The cached blocks of the beginning of a sequence, 0 where there is none.
  func cachedBlocks(_ sequence: Int, _ group: Int, limit: Int) -> [BlockID] {
    contents.with(sequence) { contents in
      var blocks: [BlockID] = []
      blocks.reserveCapacity(limit)
      for span in contents[group] {
        blocks += pool.cachedBlocks(in: span, count: span.blocks(in: 0..<limit).count)
      }
      return blocks
    }
  }

  /// The longest beginning of at most `limit` tokens after which groups of one kind can go on: their blocks are cached but
  /// those that are skipped by then.
  func find(_ sequence: Int, _ members: [Int], limit: Int) -> Int {
    let size = layouts[members[0]].blockTokens
    if layouts[members[0]].keepsAll {
      let count = members.reduce(limit / size) { cachedCount(sequence, $1, limit: $0) }
      return count * size / blockSize * blockSize
    }
    guard limit >= blockSize else { return 0 }
    let blocks = members.map { cachedBlocks(sequence, $0, limit: limit / size) }
    /// Of the blocks before each, how many are not cached.
    var missing = [0]
    missing.reserveCapacity(blocks[0].count + 1)
    for index in blocks[0].indices {
      missing.append(missing[index] + (blocks.allSatisfy { $0[index] != 0 } ? 0 : 1))
    }
    var end = (missing.count - 1) * size / blockSize * blockSize
    while end > 0 {
      let skipped = skippedBlocks(of: members[0], end).clamped(to: 0..<end / size)
      if missing[skipped.lowerBound] == 0, missing[end / size] == missing[skipped.upperBound] {
        break
      }
      end -= blockSize
    }
    return end
  }

  /// How many blocks of the beginning of a sequence are cached, up to the first that is not.
  func cachedCount(_ sequence: Int, _ group: Int, limit: Int) -> Int {
    contents.with(sequence) { contents in
      var count = 0
      for span in contents[group] {
        let wanted = span.blocks(in: 0..<limit).count
        let found = pool.cachedBlocks(in: span, count: wanted).prefix { $0 != 0 }.count
        count += found
        if found < wanted { break }
      }
      return count
    }
  }

  /// Gives an empty sequence the beginning that was found for it, perhaps none.
  ///
  /// - Parameter finalTokens: Tokens of the sequence that will have a slot in the end.
  public mutating func begin(_ sequence: Int, with found: Found, finalTokens: Int) {
    begin(sequence, with: found, external: 0, finalTokens: finalTokens)
  }

  /// The same, and blocks for tokens behind it that come from elsewhere.
  ///
  ///     found 32, external 40, window 33   | 0 | 0 | b7 | b8 | b9 |      what is skipped behind all of it is not held
  ///
  /// - Parameter evicted: Gets the blocks whose cached content is lost, in order.
  public mutating func begin(
    _ sequence: Int, with found: Found, external: Int, finalTokens: Int, evicted: inout [BlockID]
  ) {
    begin(sequence, with: found, external: external, finalTokens: finalTokens)
    let total = found.tokens + external
    for group in layouts.indices where skipped[group](total).count < total {
      let (row, size) = (row(sequence, group), layouts[group].blockTokens)
      append((total + size - 1) / size - Int(tables[row].count), to: row, &evicted)
      if !layouts[group].isState {
        setEmpty(Int(tables[row].count) * size - total, of: row, group)
      }
    }
  }

  private mutating func begin(
    _ sequence: Int, with found: Found, external: Int, finalTokens: Int
  ) {
    let total = found.tokens + external
    for group in layouts.indices {
      let (row, size) = (row(sequence, group), layouts[group].blockTokens)
      precondition(tables[row].count == 0, "HybridMemory.begin: sequence \(sequence) holds blocks")
      tables.reserve((finalTokens + size - 1) / size, for: row, finalTokens: finalTokens)
      guard total > 0 else { continue }
      let hits = hits(of: found, group, external: external)
      pool.hit(hits.filter { $0 != 0 })
      tables.append(hits.count, to: row) { _ = $0.update(fromContentsOf: hits) }
      let nulls = hits.count { $0 == 0 }
      nullEntries += nulls
      let first = nulls > 0 ? hits.firstIndex(of: 0) ?? 0 : 0
      parts[row].nulls = Int32(first)..<Int32(first + nulls)
      parts[row].seen = Int32(hits.count)
    }
    wholes[sequence].tokens = Int32(total)
  }

  /// The table with which a sequence begins: what was found of it, less what is skipped behind the external tokens.
  private func hits(of found: Found, _ group: Int, external: Int) -> [BlockID] {
    var hits = found.tables.isEmpty ? [] : found.tables[group]
    guard external > 0 else { return hits }
    let skipped = skippedBlocks(of: group, found.tokens + external)
    for index in skipped.clamped(to: 0..<hits.count) { hits[index] = 0 }
    if skipped.contains(hits.count) {
      hits += Array(repeating: 0, count: skipped.upperBound - hits.count)
    }
    return hits
  }

  /// Whether a waiting sequence finds room: one without blocks, or one that waited with those that it has.
  ///
  /// - Parameters:
  ///   - external: Tokens behind those found that come from elsewhere.
  ///   - whole: Tokens that have to fit before it may begin, in iterations of at most `inFlight`; 0 for no such rule.
  ///   - total: Tokens that it would have computed with this iteration.
  ///   - ahead: Slots behind them.
  ///   - spared: Blocks that stay free.
  ///   - reserved: Blocks that stay free besides when it begins, but not for the whole.
  public mutating func canBegin(
    _ sequence: Int, with found: Found, external: Int = 0, whole: Int, inFlight: Int, total: Int,
    ahead: Int = 0, sparing spared: Int, reserving reserved: Int = 0
  ) -> Bool {
    guard !endsInKeyedState(found) else { return false }
    let free =
      pool.freeCount - spared
      - (external == 0 ? found.freeHits : freeHits(of: found, external: external))
    return missing(sequence, found, external, upTo: whole, inFlight: inFlight) <= free
      && missing(sequence, found, external, upTo: total, ahead: ahead, inFlight: nil)
        <= free - reserved
  }

  /// Blocks that a sequence which holds some takes until it holds `tokens` tokens; where a window caps what it ever holds,
  /// no more than that in iterations of at most `inFlight` tokens.
  public mutating func missingBlocks(of sequence: Int, upTo tokens: Int, inFlight: Int) -> Int {
    missing(sequence, Found(), 0, upTo: tokens, inFlight: inFlight)
  }

  private func freeHits(of found: Found, external: Int) -> Int {
    found.tables.indices.reduce(0) { count, group in
      count
        + hits(of: found, group, external: external).count {
          $0 != 0 && pool.referenceCount(of: $0) == 0
        }
    }
  }

  /// Blocks that a waiting sequence takes beside those found; where a window caps what it ever holds, with `inFlight` no
  /// more than that.
  private func missing(
    _ sequence: Int, _ found: Found, _ external: Int, upTo tokens: Int, ahead: Int = 0,
    inFlight: Int?
  ) -> Int {
    let computed = found.tokens + external + wholes.with(sequence) { Int($0.tokens) }
    return layouts.indices.reduce(0) { sum, group in
      let size = layouts[group].blockTokens
      let known = found.blockCount(of: group)
      if layouts[group].isChain {
        return sum + missingStates(sequence, group, from: computed, known: known, upTo: tokens)
      }
      let wanted = layouts[group].blocks(of: tokens, ahead: ahead)
      let most = inFlight.flatMap { groups[group].keeps.mostBlocks($0, size) } ?? wanted
      let held = Int(tables[row(sequence, group)].count)
      let given = held > 0 ? held : max(known, skippedBlocks(of: group, computed).upperBound)
      return sum + max(0, min(wanted, most) - given)
    }
  }

  // MARK: Keys

  /// Gives the full blocks of a sequence their keys, in kinds that are keyed by need those that are worth one.
  ///
  /// - Returns: Whether one got a key.
  @discardableResult
  public mutating func cacheFullBlocks(of sequence: Int) -> Bool {
    cacheFullBlocks(of: sequence, tokens: wholes.with(sequence) { Int($0.tokens) })
  }

  /// - Parameters:
  ///   - tokens: Tokens of the sequence that have a slot.
  ///   - known: Tokens of it that are known, these or more.
  @discardableResult
  public mutating func cacheFullBlocks(of sequence: Int, tokens: Int, known: Int = .max) -> Bool {
    let whole = wholes[sequence]
    let together = layouts.count == 1 ? tokens : tokens / blockSize * blockSize
    let before = pool.cachedCount
    for group in layouts.indices {
      let (row, layout) = (row(sequence, group), layouts[group])
      // Who gives the last block of a hit back has to find one more than the others.
      let end =
        drafting.dropsLastHit && together > 0
        ? min(tokens, together + layout.blockTokens) : together
      let full = min(end, known - drafting.keyLookahead) / layout.blockTokens
      let seen = parts.with(row) { Int($0.seen) }
      if full > seen {
        if layout.keepsAll, layout.blockTokens == hashBlockSize {
          setKeys(sequence, group, seen..<full)
        } else if layout.isKeyedByNeed, retention == .boundaries, !drafting.dropsLastHit {
          setBoundaryKeys(sequence, group, seen..<full, whole)
        } else {
          for index in seen..<full where isKeyed(index, group, whole, alignment: blockSize) {
            if tables.block(index, of: row) != 0 { setKey(sequence, group, index) }
          }
        }
        parts[row].seen = Int32(full)
      }
      if layout.isChain {
        cacheCheckpoint(sequence, group, whole)
      } else if layout.keepsAll, layout.blockTokens > hashBlockSize {
        setPartialKey(row, group, promptTokens: Int(whole.promptTokens), end: end)
      }
    }
    return pool.cachedCount != before
  }

  /// Whether a full block of a sequence is worth keeping for hits of multiples of `alignment` tokens.
  public mutating func isKept(
    _ index: Int, of sequence: Int, group: Int, alignment: Int
  ) -> Bool {
    isKeyed(index, group, wholes[sequence], alignment: alignment)
  }

  /// Whether a full block is worth a key.
  ///
  /// - Parameter alignment: Tokens in whose multiples hits come.
  mutating func isKeyed(_ index: Int, _ group: Int, _ whole: Whole, alignment: Int) -> Bool {
    guard layouts[group].isKeyedByNeed else { return true }
    let size = layouts[group].blockTokens
    /// Blocks behind a hit that have to be found with it.
    let behind = drafting.dropsLastHit && !layouts[group].isState ? 1 : 0
    // Most blocks hold outputs, and no boundary lies behind the prompt.
    if retention == .boundaries,
      (index - behind) * size >= max(whole.promptTokens, whole.junction)
    {
      return false
    }
    /// Whether a hit of so many tokens uses the block.
    func isUsed(byHitOf tokens: Int) -> Bool {
      index < tokens / size + behind
        && !skippedBlocks(of: group, tokens).contains(index)
    }
    func next(_ interval: Int) -> Int {
      ((index + 1 - behind) * size + interval - 1) / interval * interval
    }
    switch retention {
    case .dense: return isUsed(byHitOf: next(alignment))
    case .every(let tokens) where isUsed(byHitOf: next(tokens)): return true
    case .every, .boundaries:
      if drafting.dropsLastHit {
        return hitsBeforeLast(whole, blockTokens: size, alignment: alignment).contains {
          isUsed(byHitOf: $0)
        }
      }
      return isUsed(byHitOf: (Int(whole.promptTokens) - 1) / alignment * alignment)
        || isUsed(byHitOf: Int(whole.junction) / alignment * alignment)
    }
  }

  mutating func setKey(_ sequence: Int, _ group: Int, _ index: Int) {
    let block = tables.block(index, of: row(sequence, group))
    if pool.isCached(block) { pool.removeKey(of: block) }
    let blockKey = key(ofBlock: index, of: sequence, group)
    pool.cache(1) { _ in (block, blockKey) }
    labels[Int(block)] = Label(group: group, tokens: (index + 1) * layouts[group].blockTokens)
    if layouts[group].isState { keyedStates.append(block) }
  }

  /// Gives those of some full blocks their keys that a hit at a boundary uses (``isKeyed(_:_:_:alignment:)``), whose ends
  /// are the same for all of them.
  private mutating func setBoundaryKeys(
    _ sequence: Int, _ group: Int, _ blocks: Range<Int>, _ whole: Whole
  ) {
    let size = layouts[group].blockTokens
    guard blocks.lowerBound * size < max(whole.promptTokens, whole.junction) else { return }
    let resent = (Int(whole.promptTokens) - 1) / blockSize * blockSize
    let shared = Int(whole.junction) / blockSize * blockSize
    let skipped = (skippedBlocks(of: group, resent), skippedBlocks(of: group, shared))
    for index in blocks
    where index < resent / size && !skipped.0.contains(index)
      || index < shared / size && !skipped.1.contains(index)
    {
      if tables.block(index, of: row(sequence, group)) != 0 { setKey(sequence, group, index) }
    }
  }

  /// Gives blocks of a group that keeps everything their keys; none has one.
  private mutating func setKeys(_ sequence: Int, _ group: Int, _ blocks: Range<Int>) {
    let (row, size) = (row(sequence, group), layouts[group].blockTokens)
    let last = parts.with(row) { $0.last }
    tables.look(row) { table in
      func set(_ span: BlockSpan) {
        let held = span.blocks(in: blocks)
        guard !held.isEmpty else { return }
        pool.cache(
          UnsafeBufferPointer(rebasing: table[held]), from: span.key(ofBlock: held.lowerBound))
      }
      if blocks.lowerBound >= last.first {
        set(last)
      } else {
        for span in contents.with(sequence, { $0[group] }) { set(span) }
      }
      for index in blocks {
        labels[Int(table[index])] = Label(group: group, tokens: (index + 1) * size)
      }
    }
  }

  /// Keeps the block in which a prompt ends for the hashes that end within it: no look-up asks for them by itself, but
  /// the block goes to the tail of the queue.
  private mutating func setPartialKey(_ row: Int, _ group: Int, promptTokens: Int, end: Int) {
    let size = layouts[group].blockTokens
    let last = drafting.dropsLastHit ? promptTokens : promptTokens - 1
    let boundary = last / hashBlockSize * hashBlockSize
    guard boundary > 0, boundary <= end, boundary % size != 0 else { return }
    let block = tables.block(boundary / size, of: row)
    guard block != 0, !pool.isCached(block) else { return }
    pool.cachePrivately(block)
    labels[Int(block)] = Label(group: group, tokens: boundary)
  }
}
