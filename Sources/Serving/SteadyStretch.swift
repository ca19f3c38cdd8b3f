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
  /// Whether there are blocks for all of them and nobody can be admitted in between, whatever they give.
  package var isCertain: Bool
}

/// The blocks that iterations of a stretch took; filled anew for each stretch.
///
///     iteration   0    1    2    3    4          steps = [(1, 2 blocks), (3, 1 block)]
///     blocks           ██        █
package struct SteadyGrowth: Sendable {
  /// What one iteration took before it ran, in token slots.
  struct Step: Equatable, Sendable {
    /// Its number in the stretch, from 0.
    var iteration: Int
    var blocks: Int
    /// The slots of these blocks.
    var slots: Int
    /// Slots of them that no token will ever fill.
    var unusableSlots: Int
    /// Slots of blocks whose cached content was lost.
    var evictedSlots: Int
  }

  /// Room for as many as there ever are; emptying an array costs more than counting.
  private var storage: [Step]
  /// Iterations that took blocks.
  private(set) var count = 0

  /// - Parameter iterations: Those of a stretch, at most.
  package init(iterations: Int) {
    let none = Step(iteration: 0, blocks: 0, slots: 0, unusableSlots: 0, evictedSlots: 0)
    storage = Array(repeating: none, count: iterations)
  }

  /// What those took, in order.
  @inline(__always)
  subscript(index: Int) -> Step { storage[index] }

  @inline(__always)
  mutating func append(
    iteration: Int, blocks: Int, slots: Int, unusableSlots: Int, evictedSlots: Int = 0
  ) {
    storage[count] = Step(
      iteration: iteration, blocks: blocks, slots: slots, unusableSlots: unusableSlots,
      evictedSlots: evictedSlots)
    count += 1
  }

  mutating func removeAll() { count = 0 }
}
