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
  /// Token slots of the pool.
  package var tokens: Int { blocks * blockTokens }

  /// Blocks that a sequence holds once `tokens` of its tokens are computed, all groups.
  package func blocks(forTokens tokens: Int) -> Int {
    cache.groups.reduce(0) { $0 + $1.blocks(forTokens: tokens) }
  }

  /// The most blocks that a sequence holds while it grows to `tokens` tokens, all groups.
  package func blocksMax(forTokens tokens: Int) -> Int {
    cache.groups.reduce(0) { $0 + $1.blocksMax(forTokens: tokens, inFlight: inFlight) }
  }

  /// Whether the empty pool holds a sequence all the way to `tokens` tokens.
  package func holds(tokens: Int) -> Bool { blocksMax(forTokens: tokens) <= blocks }

  /// Sequences of `tokens` tokens, at least 1, that the pool holds side by side, the last in part.
  ///
  /// Where every token is kept, slots by tokens. A window caps what a sequence takes: its blocks at
  /// most are counted.
  package func sequences(ofTokens tokens: Int) -> Double {
    if cache.groups.count == 1, cache.groups[0].keeps == .all {
      return Double(self.tokens) / Double(tokens)
    }
    return Double(blocks) / Double(blocksMax(forTokens: tokens))
  }

  /// The longest sequence of whole blocks that the pool holds with `spared` blocks to spare; `nil`
  /// where no length is too long.
  ///
  /// - Complexity: O(log blocks).
  package func longestSequence(sparing spared: Int = 0) -> Int? {
    let room = blocks - spared
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
