/// A cache that shares its room between blocks used once lately and blocks used more often, and moves the border by what
/// it misses of either.
///
///     |── b1: dropped ──|── t1: used once ──┊── t2: used again ──|── b2: dropped ──|
///                       |──────────── capacity, cached ──────────|
///
/// A use of a block in b1 says that t1 was too small, one in b2 that t2 was: ``target`` for t1 moves by 1, or by how much
/// longer the other list of dropped blocks is.
///
/// - Complexity: O(1) a use.
/// - Source: Megiddo and Modha, "ARC: a self-tuning, low overhead replacement cache" (FAST 2003), Figure 4.
struct ARCCache: Sendable {
  private enum List { static let (t1, t2, b1, b2) = (0, 1, 2, 3) }

  private let capacity: Int
  private var blocks: LinkedBlocks
  /// Blocks that t1 should have.
  private(set) var target = 0.0

  /// - Parameter blocks: Distinct blocks, numbered from 0.
  init(capacity: Int, blocks count: Int) {
    precondition(capacity > 0, "ARCCache of \(capacity) blocks")
    self.capacity = capacity
    blocks = LinkedBlocks(lists: 4, blocks: count)
  }

  func contains(_ block: Int32) -> Bool {
    blocks.list(of: block).map { $0 == List.t1 || $0 == List.t2 } ?? false
  }

  /// Blocks of t1, t2, b1 and b2.
  var counts: [Int] { blocks.counts }

  mutating func use(_ block: Int32) {
    let dropped = (Double(counts[List.b1]), Double(counts[List.b2]))
    switch blocks.list(of: block) {
    case List.t1, List.t2: break
    case List.b1:
      target = min(Double(capacity), target + max(1, dropped.1 / dropped.0))
      makeRoom(isInB2: false)
    case List.b2:
      target = max(0, target - max(1, dropped.0 / dropped.1))
      makeRoom(isInB2: true)
    default:
      takeIn()
      return blocks.moveToFront(block, of: List.t1)
    }
    blocks.moveToFront(block, of: List.t2)
  }

  /// Makes room for a block that is not known.
  private mutating func takeIn() {
    let recent = counts[List.t1] + counts[List.b1]
    let all = counts.reduce(0, +)
    if recent == capacity {
      if counts[List.t1] < capacity {
        forgetLast(List.b1)
        makeRoom(isInB2: false)
      } else {
        forgetLast(List.t1)
      }
    } else if all >= capacity {
      if all == 2 * capacity { forgetLast(List.b2) }
      makeRoom(isInB2: false)
    }
  }

  /// Drops a cached block and keeps its name.
  private mutating func makeRoom(isInB2: Bool) {
    let recent = Double(counts[List.t1])
    if counts[List.t1] > 0, recent > target || (isInB2 && recent == target) {
      moveLast(List.t1, to: List.b1)
    } else {
      moveLast(List.t2, to: List.b2)
    }
  }

  private mutating func moveLast(_ list: Int, to other: Int) {
    if let last = blocks.last(list) { blocks.moveToFront(last, of: other) }
  }

  private mutating func forgetLast(_ list: Int) {
    if let last = blocks.last(list) { blocks.remove(last) }
  }
}
