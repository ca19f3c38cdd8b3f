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

  /// Gives a cruising sequence the blocks and keys of its next token, whose slots ``cruise(sequences:)`` counts: takes a
  /// block in each group whose last one is full, and gives keys if the token fills some.
  ///
  /// - Parameters:
  ///   - computed: Tokens of the sequence before this one.
  ///   - evicted: Gets the blocks whose cached content is lost, in order.
  /// - Precondition: ``missingBlocks(of:from:for:)`` are free.
  public mutating func decode(_ sequence: Int, computed: Int, evicted: inout [BlockID]) {
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
    var block: BlockID = 0
    withUnsafeMutablePointer(to: &block) {
      pool.take(into: UnsafeMutableBufferPointer(start: $0, count: 1), evicted: &evicted)
    }
    let table = tables.append(block, to: row)
    let behind = unusableSlots(of: table, group)
    // Of those behind the last token, only the slots of this block are new.
    if behind > 0 { unusableSlots += min(behind, slots(of: layouts[group].blockTokens, group)) }
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
