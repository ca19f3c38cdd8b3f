/// Least-recently-used stack distances: how many other blocks were touched since a block was last touched. A cache of C
/// blocks that drops the least recently used holds a block exactly if its distance is below C, so that one pass tells the
/// hits of every cache size.
///
/// Prompts are touched as a whole, from the last block to the first, so that blocks lie in the stack by runs: the blocks
/// between two branchings of the prompts have been touched together, the first of them last.
///
///     touched   a b c d    a b x        runs a b, x and c d: the distance of d is 3 + 1, of b it is 1
///
/// Slots of a timeline are marked by the runs last touched there, each with the weight of its blocks; a Fenwick tree adds
/// the weights. When the timeline is full the marks close ranks.
///
/// - Complexity: O(log r) for each run of a prompt, amortised, with r runs, and O(1) for each block.
/// - Source: Mattson et al., "Evaluation techniques for storage hierarchies" (1970); Bennett and
///   Kruskal, "LRU stack processing" (1975).
struct StackDistances {
  /// Blocks that were always touched together, as a range of ``blocks``, and the slot of their last touch.
  private struct Run {
    var range: Range<Int>
    /// -1 between the cutting of a run and the touch that cut it.
    var slot = -1
  }

  /// The hashes of all blocks, run by run.
  private var blocks: [UInt64] = []
  private var runs: [Run] = []
  /// The run that begins with a block.
  private var runsByFirst: [UInt64: Int32] = [:]
  /// The run in each slot of the timeline, -1 where it moved on.
  private var timeline: [Int32] = []
  private var next = 0
  /// Fenwick tree of the weights, from 1.
  private var tree: [Int32] = []
  /// The runs of the prompt that is being touched; kept for its storage.
  private var touched: [Int] = []
  /// Weight of all runs: distinct blocks touched.
  private(set) var count = 0

  init() { resize(to: 1 << 12) }

  /// The blocks at the beginning of `path` that were touched before, by runs: `body` is told the distance of the first and
  /// how many follow it at distances that rise by one.
  func found(_ path: [UInt64], _ body: (_ distance: Int, _ blocks: Int) -> Void) {
    var index = 0
    while index < path.count, let run = runsByFirst[path[index]] {
      let common = common(Int(run), path, from: index)
      body(count - sum(through: runs[Int(run)].slot), common)
      index += common
      if common < runs[Int(run)].range.count { return }
    }
  }

  /// Touches the blocks of a prompt, from the last to the first. The hash of a block stands for all before it, so that
  /// equal hashes follow equal hashes only.
  mutating func touch(_ path: [UInt64]) {
    touched.removeAll(keepingCapacity: true)
    var index = 0
    while index < path.count {
      if let run = runsByFirst[path[index]].map(Int.init) {
        let common = common(run, path, from: index)
        if common < runs[run].range.count { cut(run, after: common) }
        touched.append(run)
        index += common
      } else {
        touched.append(append(path[index...]))
        index = path.count
      }
    }
    for place in touched.indices.reversed() { moveToTop(touched[place]) }
  }

  /// How many blocks of a run `path` goes through from `index` on.
  private func common(_ run: Int, _ path: [UInt64], from index: Int) -> Int {
    let range = runs[run].range
    let most = min(range.count, path.count - index)
    var common = 1
    while common < most, blocks[range.lowerBound + common] == path[index + common] { common += 1 }
    return common
  }

  private mutating func append(_ path: ArraySlice<UInt64>) -> Int {
    runs.append(Run(range: blocks.count..<blocks.count + path.count))
    blocks += path
    count += path.count
    runsByFirst[path[path.startIndex]] = Int32(runs.count - 1)
    return runs.count - 1
  }

  /// Makes a run of the blocks behind the first `kept`: it stays where the whole run was. The head is touched next.
  private mutating func cut(_ run: Int, after kept: Int) {
    let (range, slot) = (runs[run].range, runs[run].slot)
    let middle = range.lowerBound + kept
    runs.append(Run(range: middle..<range.upperBound, slot: slot))
    runsByFirst[blocks[middle]] = Int32(runs.count - 1)
    timeline[slot] = Int32(runs.count - 1)
    add(Int32(-kept), at: slot)
    runs[run] = Run(range: range.lowerBound..<middle)
  }

  private mutating func moveToTop(_ run: Int) {
    if runs[run].slot >= 0 {
      timeline[runs[run].slot] = -1
      add(-weight(run), at: runs[run].slot)
    }
    if next == timeline.count { closeRanks() }
    place(run)
  }

  private func weight(_ run: Int) -> Int32 { Int32(runs[run].range.count) }

  private mutating func place(_ run: Int) {
    runs[run].slot = next
    timeline[next] = Int32(run)
    add(weight(run), at: next)
    next += 1
  }

  private mutating func closeRanks() {
    let kept = timeline.filter { $0 >= 0 }
    resize(to: max(timeline.count, 2 * kept.count))
    for run in kept { place(Int(run)) }
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
