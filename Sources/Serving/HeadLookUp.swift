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
  /// The key of the first block not found, if the limit has not ended the search.
  private(set) var missing: BlockKey?
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

  /// The sequence at the head found no blocks.
  mutating func block(_ sequence: Int32) { blocked = sequence }

  /// Looks up the sequence at the head, of which the memory knows what it consists of.
  ///
  /// - Parameters:
  ///   - limit: Most blocks that may be hit.
  ///   - memory: Not changed; as a plain parameter it would be copied.
  mutating func find(_ sequence: Int32, limit: Int, in memory: inout PrefixCachingMemory) {
    freeHits = memory.lookUp(Int(sequence), limit: limit, hits: &hits)
    missing = hits.count < limit ? memory.key(ofBlock: hits.count, of: Int(sequence)) : nil
    self.sequence = sequence
  }

  /// References came or went, or the head was taken.
  mutating func forget() {
    sequence = nil
    missing = nil
    blocked = nil
  }

  mutating func noticeEvicted(_ blocks: [BlockID]) {
    guard sequence != nil, freeHits > 0 else { return }
    if blocks.contains(where: { hits.contains($0) }) { forget() }
  }
}
