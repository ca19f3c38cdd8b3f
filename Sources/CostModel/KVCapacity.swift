import KVMemory

/// What a pool of KV blocks holds: the one place where blocks become tokens, bytes and sequences.
///
///     |b0|b1|b2|…|        blocks, each of blockTokens tokens and blockBytes bytes on one GPU
///
/// Sequences are counted one by one: what a prefix cache or parallel samples share is not known
/// here.
package struct KVCapacity: Equatable, Sendable {
  /// Blocks of the pool.
  package let blocks: Int
  /// What a sequence keeps in them.
  package let cache: KVCacheSpec
  /// Tokens of a sequence that an iteration may compute: what lies behind a window is freed an
  /// iteration late.
  package let inFlight: Int

  package init(blocks: Int, of cache: KVCacheSpec, inFlight: Int) {
    self.blocks = blocks
    self.cache = cache
    self.inFlight = inFlight
  }

  /// Tokens of a block.
  package var blockTokens: Int { cache.blockTokens }
  /// Bytes of a block on one GPU.
  package var blockBytes: Int { cache.blockBytes }
  /// Bytes of the pool on one GPU.
  package var bytes: Int { blocks * blockBytes }
  /// Token slots of the pool where all layers share one block table.
  package var tokens: Int { blocks * blockTokens }

  /// Blocks that a sequence holds once `tokens` of its tokens are computed, all groups.
  package func blocks(forTokens tokens: Int) -> Int {
    cache.groups.reduce(0) { $0 + $1.blocks(forTokens: tokens) }
  }

  /// The most blocks that a sequence holds while it grows to `tokens` tokens, all groups.
  package func blocksMax(forTokens tokens: Int) -> Int {
    cache.groups.reduce(0) { $0 + $1.blocksMax(forTokens: tokens, inFlight: inFlight) }
  }

  /// Blocks that sequences share.
  package var usableBlocks: Int { cache.countsNullBlock ? blocks - 1 : blocks }

  /// Whether the empty pool holds a sequence all the way to `tokens` tokens.
  package func holds(tokens: Int) -> Bool { blocksMax(forTokens: tokens) <= usableBlocks }

  /// Blocks that an engine counts for one sequence of `tokens` tokens, at least 1, when it starts: in a pool with a null
  /// block what vLLM reserves, else the most that the sequence holds.
  package func blocksReserved(forTokens tokens: Int) -> Int {
    guard cache.countsNullBlock else { return blocksMax(forTokens: tokens) }
    return cache.groups.reduce(0) { $0 + $1.blocksReserved(forTokens: tokens, inFlight: inFlight) }
  }

  /// Whether an engine starts with sequences of up to `modelLength` tokens.
  package func admits(modelLength: Int) -> Bool {
    blocksReserved(forTokens: modelLength) <= usableBlocks
  }

  /// The longest sequences, up to `limit` tokens, with which an engine starts; 0 for none.
  ///
  /// - Complexity: O(log limit).
  package func admittedLength(upTo limit: Int) -> Int {
    var (fitting, tooLong) = (0, limit + 1)
    while tooLong - fitting > 1 {
      let middle = (fitting + tooLong) / 2
      if admits(modelLength: middle) { fitting = middle } else { tooLong = middle }
    }
    return fitting
  }

  /// Sequences of `tokens` tokens, at least 1, that the pool holds side by side, the last in part.
  ///
  /// Where every token is kept, slots by tokens. Else blocks by what the engine counts for a sequence, the null block
  /// among them, as vLLM's log does.
  package func sequences(ofTokens tokens: Int) -> Double {
    if cache.groups.count == 1, cache.groups[0].keeps == .all, !cache.countsNullBlock {
      return Double(self.tokens) / Double(tokens)
    }
    return Double(blocks) / Double(blocksReserved(forTokens: tokens))
  }

  /// Tokens of sequences of `modelLength` tokens that the pool holds, the last in part: what vLLM's log calls its size.
  package func tokens(inSequencesOf modelLength: Int) -> Int {
    Int(sequences(ofTokens: modelLength) * Double(modelLength))
  }

  /// The longest sequence of whole blocks that the pool holds with `spared` blocks to spare; `nil`
  /// where no length is too long.
  ///
  /// - Complexity: O(log blocks).
  package func longestSequence(sparing spared: Int = 0) -> Int? {
    let room = usableBlocks - spared
    // Long past every window, and far from overflow.
    guard blocksMax(forTokens: .max / 2) > room else { return nil }
    var (fitting, tooLong) = (0, max(room, 0) + 1)
    while tooLong - fitting > 1 {
      let middle = (fitting + tooLong) / 2
      if blocksMax(forTokens: middle * blockTokens) <= room {
        fitting = middle
      } else {
        tooLong = middle
      }
    }
    return fitting * blockTokens
  }
}
