import KVMemory

/// What the prefix cache holds for the head of the waiting queue: looked up once, and again when
/// something has changed that it rests on.
///
///     keys   | k0 | k1 | k2 | k3 | …       limit = 4
///     hits   | b7 | b2 |  ?                missing = k2
///
/// Only three things change the answer: a block gets the key `missing`, a block of `hits` is taken
/// for something else, or references come or go. A head that waits for blocks is so not looked up
/// again in every iteration, which costs as much as it has hits.
struct HeadLookUp: Sendable {
  /// The blocks found, first to last.
  private(set) var hits: [BlockID] = []
  /// How many of `hits` nobody references.
  private(set) var freeHits = 0
  /// Whose answer it is; `nil` once it is out of date.
  private var sequence: Int32?
  private var missing: BlockKey?
  /// The head that found no blocks; `nil` once it may find some.
  private var blocked: Int32?

  /// Whether the answer is that of `sequence`, and still true.
  func holds(_ sequence: Int32) -> Bool { self.sequence == sequence }

  /// Whether `sequence` has found too few blocks, and nothing was noticed since.
  ///
  /// It then finds too few in the next iteration as well, if others only take blocks in it: who takes a block that it
  /// has found takes the last of those that are free (they queue up so), and leaves it one less to fetch back and
  /// one less that is free.
  func isBlocked(_ sequence: Int32?) -> Bool { sequence != nil && blocked == sequence }

  /// Whether a block with one of these keys would be one more of its hits.
  func isMissing(anyOf keys: [BlockKey]) -> Bool { missing.map { keys.contains($0) } ?? false }

  /// The sequence at the head found no blocks.
  mutating func block(_ sequence: Int32) { blocked = sequence }

  /// Looks up the sequence at the head.
  ///
  /// - Parameters:
  ///   - keys: Keys of the sequence's full blocks, first to last; at least `limit`.
  ///   - limit: Most blocks that may be hit.
  mutating func find(
    _ keys: [BlockKey], limit: Int, for sequence: Int32, in memory: PrefixCachingMemory
  ) {
    freeHits = memory.lookUp(keys, limit: limit, hits: &hits)
    missing = hits.count < limit ? keys[hits.count] : nil
    self.sequence = sequence
  }

  /// References came or went, or the head was taken.
  mutating func forget() {
    sequence = nil
    blocked = nil
  }

  mutating func noticeCached(_ keys: ArraySlice<BlockKey>) {
    if let missing, keys.contains(missing) { forget() }
  }

  mutating func noticeEvicted(_ blocks: [BlockID]) {
    guard sequence != nil, freeHits > 0 else { return }
    if blocks.contains(where: { hits.contains($0) }) { forget() }
  }
}
