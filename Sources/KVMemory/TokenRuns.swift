/// Which block holds which part of which run of tokens: the map of the prefix cache.
///
///     sequence   |───── run 5 ─────|── run 3 ──|        blocks that end in run 5: b7, b2; in run 3: b9
///     blocks     |── b7 ──|── b2 ──|── b9 ──|
///
///     run 5      | b7 | b2 | · | · |                    a place for each block that ends in it
///     run 3      | b9 |
///
/// A run is found by its identity once for each sequence that it is part of; its blocks are then found by counting. It
/// has a number as long as somebody holds it: sequences in flight, and blocks with one of its keys.
///
/// - Complexity: O(1) for each operation, expected over the hashes.
struct TokenRuns: Sendable {
  struct Run: BitwiseCopyable {
    var identity = RunIdentity.root
    /// Its places in `blocks`.
    var start = 0
    var capacity: Int32 = 0
    var holders: Int32 = 0
    /// The next run of the same head; of a number without a run, the next such number.
    var next: Int32 = 0
  }

  /// By number. Number 0 stands for none.
  private(set) var runs = PlainRows(repeating: Run(), count: 64)
  /// The last run of each hash; twice as many as `runs`.
  private(set) var heads = PlainRows<Int32>(repeating: 0, count: 128)
  /// The places of all runs; 0 where no block holds the key.
  private(set) var blocks = PlainRows<BlockID>(repeating: 0, count: 512)
  private(set) var ranges = ArenaRanges()
  /// The first of the numbers that were given back, and how many were given out.
  private(set) var unused: Int32 = 0
  private(set) var used: Int32 = 1
  /// Runs that have a number.
  private(set) var count = 0

  /// Gives this value memory of its own.
  mutating func detach() {
    runs.detach()
    heads.detach()
    blocks.detach()
  }

  /// The places from that of `key` on.
  @inline(__always)
  func places(from key: BlockKey) -> UnsafeMutablePointer<BlockID> {
    blocks.pointer(to: runs[Int(key.run)].start + Int(key.index))
  }

  /// Holds a run, and gives it a number if it has none.
  ///
  /// - Parameter blocks: Blocks of the holder that end in it.
  mutating func enter(_ identity: RunIdentity, blocks count: Int) -> Int32 {
    var run = heads[head(of: identity)]
    while run != 0, runs[Int(run)].identity != identity { run = runs[Int(run)].next }
    if run == 0 { run = add(identity) }
    if count > runs[Int(run)].capacity { makePlaces(count, for: Int(run)) }
    runs[Int(run)].holders += 1
    return run
  }

  /// Holds a run for blocks that get its keys.
  @inline(__always)
  mutating func hold(_ run: Int32, times: Int) { runs[Int(run)].holders += Int32(times) }

  /// Lets go of a run; who was the last to hold it takes its number.
  @inline(__always)
  mutating func leave(_ run: Int32, times: Int = 1) {
    let row = runs.pointer(to: Int(run))
    row.pointee.holders -= Int32(times)
    precondition(row.pointee.holders >= 0, "TokenRuns.leave: nobody holds run \(run)")
    if row.pointee.holders == 0 { remove(run) }
  }

  private mutating func add(_ identity: RunIdentity) -> Int32 {
    if unused == 0 && Int(used) == runs.count { makeNumbers() }
    let run = unused != 0 ? unused : used
    if unused != 0 { unused = runs[Int(unused)].next } else { used += 1 }
    let head = head(of: identity)
    runs[Int(run)] = Run(identity: identity, next: heads[head])
    heads[head] = run
    count += 1
    return run
  }

  private mutating func remove(_ run: Int32) {
    let row = runs[Int(run)]
    let head = head(of: row.identity)
    if heads[head] == run {
      heads[head] = row.next
    } else {
      var before = heads[head]
      while runs[Int(before)].next != run { before = runs[Int(before)].next }
      runs[Int(before)].next = row.next
    }
    // No block holds a key of it: its places are all 0.
    if row.capacity > 0 { ranges.give(row.start, capacity: row.capacity) }
    runs[Int(run)] = Run(next: unused)
    unused = run
    count -= 1
  }

  /// Moves a run to where it has more places.
  private mutating func makePlaces(_ count: Int, for run: Int) {
    let old = runs[run]
    let capacity = ArenaRanges.capacity(for: count)
    let start = ranges.take(capacity)
    if ranges.end > blocks.count { blocks.grow(to: 2 * ranges.end, with: 0) }
    for index in 0..<Int(old.capacity) {
      blocks[start + index] = blocks[old.start + index]
      blocks[old.start + index] = 0
    }
    if old.capacity > 0 { ranges.give(old.start, capacity: old.capacity) }
    runs[run].start = start
    runs[run].capacity = capacity
  }

  /// Doubles the numbers, and the heads with them.
  private mutating func makeNumbers() {
    runs.grow(to: 2 * runs.count, with: Run())
    heads = PlainRows(repeating: 0, count: 2 * runs.count)
    // None is unused: each number given out has a run.
    for run in 1..<used {
      let head = head(of: runs[Int(run)].identity)
      runs[Int(run)].next = heads[head]
      heads[head] = run
    }
  }

  @inline(__always)
  func head(of identity: RunIdentity) -> Int { Int(identity.hash) & (heads.count - 1) }
}
