import CostModel

/// Iterations in which nothing is decided, unless blocks run short: each gives every cruising request its token, and
/// nobody finishes before the last.
package struct SteadyStretch: Equatable, Sendable {
  /// How many, at least 1.
  package var iterations: Int
  /// What they cost.
  package var decode: SteadyDecode
  /// Output tokens that each iteration gives.
  package var tokens: Int
  /// Slots of the ledger that they take.
  package var tokenSlots: Int
  /// Whether there are blocks for all of them and nobody can be admitted in between, whatever they give.
  package var isCertain: Bool
}

/// The blocks that iterations of a stretch took; filled anew for each stretch.
///
///     iteration   0    1    2    3    4          steps = [(1, 2 blocks), (3, 1 block)]
///     blocks           ██        █
package struct SteadyGrowth: Sendable {
  /// What one iteration took before it ran, less what it gave back, in token slots.
  struct Step: Equatable, Sendable {
    /// Its number in the stretch, from 0.
    var iteration: Int
    var blocks: Int
    /// The same as the sequences count them.
    var logicalBlocks: Int
    /// The slots of these blocks.
    var slots: Int
    /// Slots with tokens that were given back.
    var droppedSlots: Int
    /// Slots of them that no token will ever fill.
    var unusableSlots: Int
    /// Slots of blocks whose cached content was lost, less those that became cached.
    var evictedSlots: Int
  }

  /// Room for as many as there ever are; emptying an array costs more than counting.
  private var storage: [Step]
  /// Iterations that took blocks, or gave some back.
  private(set) var count = 0

  /// - Parameter iterations: Those of a stretch, at most.
  package init(iterations: Int) {
    let none = Step(
      iteration: 0, blocks: 0, logicalBlocks: 0, slots: 0, droppedSlots: 0, unusableSlots: 0,
      evictedSlots: 0)
    storage = Array(repeating: none, count: iterations)
  }

  /// What those took, in order.
  @inline(__always)
  subscript(index: Int) -> Step { storage[index] }

  @inline(__always)
  mutating func append(
    iteration: Int, blocks: Int, slots: Int, unusableSlots: Int, evictedSlots: Int = 0
  ) {
    append(
      Step(
        iteration: iteration, blocks: blocks, logicalBlocks: blocks, slots: slots, droppedSlots: 0,
        unusableSlots: unusableSlots, evictedSlots: evictedSlots))
  }

  @inline(__always)
  mutating func append(_ step: Step) {
    storage[count] = step
    count += 1
  }

  mutating func removeAll() { count = 0 }
}
