import KVMemory

/// What the prefix cache holds for the head of the waiting queue: looked up once, and again when something has changed
/// that it rests on.
///
/// Three things change the answer: a block gets a key that was missing, a block of the answer is taken for something else,
/// or references come or go. A head that waits for blocks is so not looked up again in every iteration, which costs as
/// much as it has hits.
struct HeadLookUp<Found: FoundPrefix>: Sendable {
  private(set) var found = Found()
  /// Whose answer it is; `nil` once it is out of date.
  private var sequence: Int32?
  /// The head that found no blocks; `nil` once it may find some.
  private var blocked: Int32?

  /// The key at which the answer ended, if it is still true and rests on one.
  var missing: BlockKey? { sequence == nil ? nil : found.missing }

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
  ///   - length: Its tokens.
  ///   - memory: As a plain parameter it would be copied.
  mutating func find<Memory: TokenBudgetMemory>(
    _ sequence: Int32, length: Int, in memory: inout Memory
  ) where Memory.Found == Found {
    memory.lookUp(Int(sequence), length: length, &found)
    self.sequence = sequence
  }

  /// The sequence at the head holds blocks, and nothing is looked up of it.
  mutating func findNothing() {
    found = Found()
    forget()
  }

  /// References came or went, or the head was taken.
  mutating func forget() {
    sequence = nil
    blocked = nil
  }

  mutating func noticeEvicted(_ blocks: [BlockID]) {
    guard sequence != nil, found.freeHits > 0 else { return }
    if blocks.contains(where: { found.contains($0) }) { forget() }
  }
}
