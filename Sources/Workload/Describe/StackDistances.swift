/// Least-recently-used stack distances: how many other blocks were touched since a block was last touched. A cache of C
/// blocks that drops the least recently used holds a block exactly if its distance is below C, so that one pass tells the
/// hits of every cache size.
///
/// Prompts are touched as a whole, from the last block to the first, so that blocks lie in the stack by runs: the blocks
/// between two branchings of the prompts have been touched together, the first of them last.
///
///     touched   a b c d    a b x        runs a b, x and c d: the distance of d is 3 + 1, of b it is 1
///
/// Runs lie in the slots of a timeline by their last touch, each with the weight of its blocks (``TimelineWeights``). When
/// the timeline is full the runs close ranks.
///
/// - Complexity: O(log r) for each run of a prompt, amortised, with r runs, and O(1) for each block.
/// - Source: Mattson et al., "Evaluation techniques for storage hierarchies" (1970); Bennett and
///   Kruskal, "LRU stack processing" (1975).
struct StackDistances {
  /// Blocks that were always touched together, as a range of ``blocks``, and the slot of their last touch.
  private struct Run {
    var first: Int
    var count: Int32
    /// -1 between the cutting of a run and the touch that cut it.
    var slot: Int32 = -1
  }

  /// The hashes of all blocks, run by run.
  private var blocks: [UInt64] = []
  private var runs: [Run] = []
  /// The run that begins with a block.
  private var runsByFirst = RunIndex()
  /// The run that was put in each slot; it is there while the slot has a weight.
  private var timeline: [Int32] = []
  private var weights = TimelineWeights(slots: 0)
  private var next = 0
  /// The runs of the prompt that is being touched; kept for its storage.
  private var touched: [Int] = []
  /// Weight of all runs: distinct blocks touched.
  private(set) var count = 0

  init() { resize(to: 1 << 12) }

  /// The blocks at the beginning of `path` that were touched before, by runs: `body` is told the distance of the first and
  /// how many follow it at distances that rise by one.
  @inline(__always)
  func found(_ path: [UInt64], _ body: (_ distance: Int, _ blocks: Int) -> Void) {
    var index = 0
    while index < path.count, let number = run(from: path[index]) {
      let run = runs[number]
      let common = common(run, path, from: index)
      body(count - weights.sum(through: Int(run.slot)), common)
      index += common
      if common < run.count { return }
    }
  }

  /// Touches the blocks of a prompt, from the last to the first. The hash of a block stands for all before it, so that
  /// equal hashes follow equal hashes only.
  mutating func touch(_ path: [UInt64]) {
    touched.removeAll(keepingCapacity: true)
    var index = 0
    while index < path.count {
      if let run = run(from: path[index]) {
        let common = common(runs[run], path, from: index)
        if common < runs[run].count { cut(run, after: common) }
        touched.append(run)
        index += common
      } else {
        touched.append(append(path[index...]))
        index = path.count
      }
    }
    for place in touched.indices.reversed() { moveToTop(touched[place]) }
  }

  @inline(__always)
  private func run(from hash: UInt64) -> Int? {
    runsByFirst.find(hash) { blocks[runs[$0].first] == hash }
  }

  /// How many blocks of a run `path` goes through from `index` on. Equal hashes follow equal ones, so that the last that can
  /// be common tells of all.
  @inline(__always)
  private func common(_ run: Run, _ path: [UInt64], from index: Int) -> Int {
    let most = min(Int(run.count), path.count - index)
    if blocks[run.first + most - 1] == path[index + most - 1] { return most }
    var common = 1
    while blocks[run.first + common] == path[index + common] { common += 1 }
    return common
  }

  private mutating func append(_ path: ArraySlice<UInt64>) -> Int {
    let run = runs.count
    runs.append(Run(first: blocks.count, count: Int32(path.count)))
    blocks += path
    count += path.count
    note(run)
    return run
  }

  /// Makes a run of the blocks behind the first `kept`: it stays where the whole run was. The head is touched next.
  private mutating func cut(_ number: Int, after kept: Int) {
    let run = runs[number]
    runs.append(
      Run(first: run.first + kept, count: run.count - Int32(kept), slot: run.slot))
    timeline[Int(run.slot)] = Int32(runs.count - 1)
    weights.add(Int32(-kept), at: Int(run.slot))
    runs[number] = Run(first: run.first, count: Int32(kept))
    note(runs.count - 1)
  }

  private mutating func note(_ run: Int) {
    if runsByFirst.isFull {
      runsByFirst = RunIndex(room: 2 * runs.count)
      for run in runs.indices { runsByFirst.insert(run, blocks[runs[run].first]) }
    } else {
      runsByFirst.insert(run, blocks[runs[run].first])
    }
  }

  private mutating func moveToTop(_ run: Int) {
    let slot = Int(runs[run].slot)
    if slot >= 0 { weights.add(-runs[run].count, at: slot) }
    if next == timeline.count { closeRanks() }
    place(run)
  }

  private mutating func place(_ run: Int) {
    runs[run].slot = Int32(next)
    timeline[next] = Int32(run)
    weights.add(runs[run].count, at: next)
    next += 1
  }

  private mutating func closeRanks() {
    let kept = timeline.indices.filter { weights[$0] > 0 }.map { timeline[$0] }
    resize(to: max(timeline.count, 2 * kept.count))
    for run in kept { place(Int(run)) }
  }

  private mutating func resize(to count: Int) {
    timeline = [Int32](repeating: -1, count: count)
    weights = TimelineWeights(slots: count)
    next = 0
  }
}

/// Weights of the slots of a timeline, and their sums.
///
///     slots    |64|64|64|··|      a slot's sum: that of the groups before its own, and of its group up to it
///     groups   Fenwick tree
///
/// A group lies in four lines of the processor's cache, and the tree of groups stays in it: a tree of slots would not.
///
/// - Complexity: O(log groups) for a change and for a sum.
private struct TimelineWeights {
  private static let groupBits = 6
  private var slots: [Int32]
  /// Fenwick tree of the groups, from 1.
  private var tree: [Int]

  init(slots count: Int) {
    slots = [Int32](repeating: 0, count: count)
    tree = [Int](repeating: 0, count: (count >> Self.groupBits) + 2)
  }

  subscript(slot: Int) -> Int32 { slots[slot] }

  mutating func add(_ change: Int32, at slot: Int) {
    slots[slot] += change
    var group = (slot >> Self.groupBits) + 1
    while group < tree.count {
      tree[group] += Int(change)
      group += group & -group
    }
  }

  func sum(through slot: Int) -> Int {
    var group = slot >> Self.groupBits
    let first = group << Self.groupBits
    var sum = 0
    while group > 0 {
      sum += tree[group]
      group -= group & -group
    }
    return slots.withUnsafeBufferPointer { slots in
      var inside = 0
      for index in first...slot { inside &+= Int(slots[index]) }
      return sum + inside
    }
  }
}

/// Finds runs by the hash of their first block: open addressing, half of the places empty at least. A place has the
/// upper half of the hash and the number of the run, so that a look-up reads one line of the processor's cache.
private struct RunIndex {
  private var places: [UInt64]
  private var mask: Int
  private var count = 0

  init(room: Int = 1 << 10) {
    var size = 1
    while size < 2 * room { size *= 2 }
    places = [UInt64](repeating: 0, count: size)
    mask = size - 1
  }

  var isFull: Bool { 2 * count >= places.count }

  /// - Parameter isIt: Whether a run begins with the block: half a hash may be that of another.
  @inline(__always)
  func find(_ hash: UInt64, _ isIt: (_ run: Int) -> Bool) -> Int? {
    var place = Int(truncatingIfNeeded: hash) & mask
    while places[place] != 0 {
      if places[place] >> 32 == hash >> 32 {
        let run = Int(places[place] & 0xFFFF_FFFF) - 1
        if isIt(run) { return run }
      }
      place = (place + 1) & mask
    }
    return nil
  }

  /// - Precondition: It is not ``isFull``, and no run begins with the block.
  mutating func insert(_ run: Int, _ hash: UInt64) {
    var place = Int(truncatingIfNeeded: hash) & mask
    while places[place] != 0 { place = (place + 1) & mask }
    places[place] = hash & ~0xFFFF_FFFF | UInt64(run + 1)
    count += 1
  }
}
