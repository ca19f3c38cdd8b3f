/// Least-recently-used stack distances: how many other things were touched since a thing was last
/// touched. A cache of C things that drops the least recently used holds a thing exactly if its
/// distance is below C, so that one pass tells the hits of every cache size.
///
///     touched   a b c a b     distance of a at the fourth touch: b and c, so 2
///
/// Slots of a timeline are marked by the things last touched there; a Fenwick tree counts marks.
/// When the timeline is full the marks close ranks.
///
/// - Complexity: O(log n) for each call, amortised, with n things.
/// - Source: Mattson et al., "Evaluation techniques for storage hierarchies" (1970); Bennett and
///   Kruskal, "LRU stack processing" (1975).
struct StackDistances {
  /// The slot of each thing's last touch; a thing without one has -1.
  private var slots: [Int] = []
  /// The thing in each slot of the timeline, -1 where it moved on.
  private var timeline: [Int32] = []
  private var next = 0
  /// Fenwick tree of the marks, from 1.
  private var tree: [Int32] = []
  private var marks = 0

  init() { resize(to: 1 << 12) }

  /// Distinct things touched after `thing` was, or `nil` if it never was.
  func distance(of thing: Int) -> Int? {
    guard thing < slots.count, slots[thing] >= 0 else { return nil }
    return marks - sum(through: slots[thing])
  }

  /// Makes `thing` the most recently touched. Things are numbered from 0 without gaps.
  mutating func touch(_ thing: Int) {
    while slots.count <= thing { slots.append(-1) }
    if slots[thing] >= 0 {
      timeline[slots[thing]] = -1
      add(-1, at: slots[thing])
      marks -= 1
    }
    if next == timeline.count { closeRanks() }
    slots[thing] = next
    timeline[next] = Int32(thing)
    add(1, at: next)
    marks += 1
    next += 1
  }

  private mutating func closeRanks() {
    let kept = timeline.filter { $0 >= 0 }
    resize(to: max(timeline.count, 2 * kept.count))
    for thing in kept {
      slots[Int(thing)] = next
      timeline[next] = thing
      add(1, at: next)
      next += 1
    }
  }

  private mutating func resize(to count: Int) {
    timeline = [Int32](repeating: -1, count: count)
    tree = [Int32](repeating: 0, count: count + 1)
    next = 0
  }

  private mutating func add(_ change: Int32, at slot: Int) {
    var index = slot + 1
    while index < tree.count {
      tree[index] += change
      index += index & -index
    }
  }

  private func sum(through slot: Int) -> Int {
    var index = slot + 1
    var sum = 0
    while index > 0 {
      sum += Int(tree[index])
      index -= index & -index
    }
    return sum
  }
}
