/// Sequences that only decode, a token an iteration: something happens to their blocks in few iterations, and in between
/// only the ledger knows.
extension HybridMemory {
  /// The phases, tokens computed modulo ``blockSize``, in which something happens to the blocks of a sequence that decodes:
  /// it takes some, gives some back, or fills some that get a key.
  static func busyPhases(
    of groups: [BlockGroup], isSkipping: [Bool], isCaching: Bool
  ) -> [Int] {
    isSkipping.indices.filter { phase in
      // Keys are given at whole multiples.
      isSkipping[phase] || isCaching && phase == isSkipping.count - 1
        || groups.contains {
          (!$0.keeps.isState || isCaching) && phase % $0.blockTokens == 0
        }
    }
  }

  /// By phase, whether a sequence that decodes may give blocks back in it.
  ///
  /// - Parameter length: No sequence has more tokens.
  /// - Complexity: O(blocks of `length` tokens × log(tokens of a block)) for each kind that skips.
  static func skippingPhases(
    of groups: [BlockGroup], blockSize: Int, isCaching: Bool, upTo length: Int
  ) -> [Bool] {
    var isSkipping = Array(repeating: false, count: blockSize)
    for group in groups where group.keeps != .all && (!group.keeps.isState || isCaching) {
      func skipped(_ computed: Int) -> Range<Int> {
        group.keeps.skippedBlocks(computed, blockTokens: group.blockTokens)
      }
      /// Marks where more is skipped than a token before; what is skipped only grows.
      func mark(after first: Int, to last: Int) {
        guard skipped(first) != skipped(last) else { return }
        if last == first + 1 {
          isSkipping[last % blockSize] = true
          return
        }
        mark(after: first, to: (first + last) / 2)
        mark(after: (first + last) / 2, to: last)
      }
      mark(after: 0, to: length)
    }
    return isSkipping
  }

  /// Blocks that a sequence takes while it decodes ``blockSize`` tokens, at most.
  public var blocksOfUnit: Int {
    groups.reduce(0) {
      $0 + ($1.keeps.isState && !isCaching ? 0 : blockSize / $1.blockTokens)
    }
  }

  /// Uses a slot in each group for `sequences` sequences, which are not named.
  ///
  /// Until ``settle(_:tokens:)`` only the ledger knows: a sequence's own count of tokens stands still.
  public mutating func cruise(sequences: Int) { emptySlots -= sequences * slotsOfToken }

  /// A cruising sequence to which something happens in an iteration.
  public struct Visit: BitwiseCopyable, Sendable {
    public var sequence: Int32
    /// Its tokens before the one of the iteration.
    public var computed: Int32
    /// Its place in the running order.
    public var rank: Int32

    @inlinable public init(sequence: Int32, computed: Int32, rank: Int32) {
      self.sequence = sequence
      self.computed = computed
      self.rank = rank
    }
  }

  /// Gives cruising sequences the blocks and keys of their next token, whose slots ``cruise(sequences:)`` counts, one after
  /// the other: gives back what the sequence skips, takes a block in each group whose last one is full, and gives keys
  /// if the token fills some.
  ///
  /// - Parameters:
  ///   - visits: In running order.
  ///   - range: Which of them.
  ///   - haveJoined: Whether some may have just joined, so that they skip more than what the phase says.
  ///   - evicted: Gets the blocks whose cached content is lost, in order.
  /// - Precondition: ``missingBlocks(of:from:for:)`` are free.
  public mutating func decode(
    _ visits: [Visit], _ range: Range<Int>, haveJoined: Bool, evicted: inout [BlockID]
  ) {
    var next = range.lowerBound
    while next < range.upperBound {
      next = decodePlain(visits, next..<range.upperBound, haveJoined: haveJoined, &evicted)
      guard next < range.upperBound else { return }
      dropSkipped(visits[next], haveJoined: haveJoined)
      decode(visits[next], &evicted)
      next += 1
    }
  }

  /// Gives back what a visited sequence skips.
  public mutating func dropSkipped(_ visit: Visit, haveJoined: Bool) {
    guard isSkipping[Int(visit.computed) % blockSize] || haveJoined else { return }
    dropSkipped(Int(visit.sequence), computed: Int(visit.computed))
  }

  private mutating func decode(_ visit: Visit, _ evicted: inout [BlockID]) {
    let (sequence, computed) = (Int(visit.sequence), Int(visit.computed))
    for group in layouts.indices {
      let layout = layouts[group]
      if layout.isChain {
        extendStates(sequence, group, from: computed, upTo: computed + 1, &evicted)
      } else if computed % layout.blockTokens == 0 {
        appendOne(to: row(sequence, group), group, &evicted)
        emptySlots += slots(of: layout.blockTokens, group)
      }
    }
    if isCaching, (computed + 1) % blockSize == 0 {
      cacheFullBlocks(of: sequence, tokens: computed + 1)
    }
  }

  private mutating func appendOne(to row: Int, _ group: Int, _ evicted: inout [BlockID]) {
    pool.makeUnique()
    let table = tables.append(pool.takeOne(evicted: &evicted), to: row)
    let behind = unusableSlots(of: table, group)
    // Of those behind the last token, only the slots of this block are new.
    if behind > 0 { unusableSlots += min(behind, slots(of: layouts[group].blockTokens, group)) }
  }

  /// The same as ``decode(_:_:haveJoined:evicted:)`` for visits that are like nearly all: a block at most is given back in
  /// a group, and one gets a key. Storage is looked up once for all of them.
  ///
  ///     computed   …15   16 …            window of 18, blocks of 16, at 33: the first block is skipped
  ///     full       k     +               k a key for the block that the token fills, + a block for the token
  ///     window           +    −          − a block back
  ///
  /// - Returns: The first visit that is not like this, to which nothing was done.
  private mutating func decodePlain(
    _ visits: [Visit], _ range: Range<Int>, haveJoined: Bool, _ evicted: inout [BlockID]
  ) -> Int {
    var next = range.lowerBound
    guard hasPlainLayouts else { return next }
    let (count, blockSize, boundariesOnly) = (layouts.count, blockSize, keysBoundariesOnly)
    var (empty, unusable, nulls) = (0, 0, 0)
    pool.makeUnique()
    layouts.withUnsafeBufferPointer { layouts in
      tables.appendSome { tables in
        parts.withRows { parts in
          while next < range.upperBound {
            let visit = visits[next]
            let computed = Int(visit.computed)
            let phase = computed % blockSize
            let row = Int(visit.sequence) * count
            let drops = haveJoined || isSkipping[phase]
            let keys = isCaching && phase == blockSize - 1
            if drops || keys {
              let ends = wholes.with(Int(visit.sequence)) { max($0.promptTokens, $0.junction) }
              for group in 0..<count where keys || !layouts[group].keepsAll {
                guard let part = parts.find(row + group)?.pointee.row else { return }
                let layout = layouts[group]
                if drops, layout.skips(computed) > Int(part.nulls.upperBound) + 1 { return }
                if keys, !layout.fillsPlainly(part, computed, behind: Int(ends), boundariesOnly) {
                  return
                }
              }
            }
            for group in 0..<(drops ? count : 0) where !layouts[group].keepsAll {
              let table = tables.table(of: row + group)
              parts.update(row + group) { part in
                let end = min(layouts[group].skips(computed), Int(table.count))
                guard end > Int(part.nulls.upperBound) else { return }
                pool.releaseOne(tables.block(end - 1, of: table))
                tables.replaceBlock(at: end - 1, of: table, with: 0)
                nulls += 1
                part.nulls = 0..<Int32(end)
              }
            }
            for group in 0..<(phase == 0 ? count : 0) {
              let table = tables.append(pool.takeOne(evicted: &evicted), to: row + group)
              let behind = Int(table.count) * blockSize - Int(table.finalTokens)
              // Of those behind the last token, only the slots of this block are new.
              if behind > 0 { unusable += min(behind, blockSize) }
              empty += blockSize
            }
            for group in 0..<(keys ? count : 0) {
              parts.update(row + group) { part in
                let index = Int(part.seen)
                part.seen += 1
                guard layouts[group].keepsAll else { return }
                let block = tables.block(index, of: tables.table(of: row + group))
                let key = part.last.key(ofBlock: index)
                pool.cache(1) { _ in (block, key) }
                labels[Int(block)] = Label(group: group, tokens: (index + 1) * blockSize)
              }
            }
            next += 1
          }
        }
      }
    }
    emptySlots += empty
    unusableSlots += unusable
    nullEntries += nulls
    return next
  }

  /// Sets how many tokens a sequence holds that has cruised until now.
  public mutating func settle(_ sequence: Int, tokens: Int) {
    wholes[sequence].tokens = Int32(tokens)
    for group in layouts.indices where !layouts[group].isState {
      let (row, size) = (row(sequence, group), layouts[group].blockTokens)
      let empty = Int(tables[row].count) * size - tokens
      precondition(
        (0..<size).contains(empty),
        "HybridMemory.settle: \(tokens) tokens of sequence \(sequence), \(empty) slots are left")
      tables.setEmptySlots(empty, of: row)
    }
  }
}

extension HybridMemory.Layout {
  /// Blocks from the first all of whose tokens are skipped once `computed` are, of a group that keeps everything or a
  /// window.
  @inline(__always)
  fileprivate func skips(_ computed: Int) -> Int {
    guard let window else { return 0 }
    return max(0, computed - window + 1) / blockTokens
  }

  /// Whether the token after `computed` fills one block of the group that was not looked at for a key, which gets one with
  /// the last run of the sequence, or none since it ends behind every boundary.
  ///
  /// - Parameters:
  ///   - ends: Tokens up to the last boundary.
  ///   - boundariesOnly: Whether no other block of a kind that is keyed by need gets a key.
  @inline(__always)
  fileprivate func fillsPlainly(
    _ part: HybridMemory.Part, _ computed: Int, behind ends: Int, _ boundariesOnly: Bool
  ) -> Bool {
    let index = Int(part.seen)
    guard (index + 1) * blockTokens == computed + 1 else { return false }
    return keepsAll
      ? index >= Int(part.last.first)
      : isKeyedByNeed && boundariesOnly && index * blockTokens >= ends
  }
}
