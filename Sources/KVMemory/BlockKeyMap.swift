/// Which blocks hold which key.
///
/// Several blocks may hold the same one: a request that was not allowed to hit a block computes it
/// again, and both stay. Such duplicates are linked from oldest to newest; the oldest is the one
/// that is hit.
///
///     key k ▶ oldest | 5 | ⇄ | 9 | ⇄ | 2 | newest
///
/// - Complexity: O(1) for every operation but ``blocks``.
struct BlockKeyMap: Sendable {
  private struct Duplicates {
    var oldest: BlockID
    var newest: BlockID
  }

  private var duplicates: [BlockKey: Duplicates] = [:]
  private var keys: [BlockKey]
  private var isMapped: [Bool]
  /// The neighbours of each mapped block among those of its key, or −1.
  private var older: [BlockID]
  private var newer: [BlockID]
  /// Blocks that hold a key.
  private(set) var count = 0

  init(capacity: Int) {
    keys = Array(repeating: .root, count: capacity)
    isMapped = Array(repeating: false, count: capacity)
    older = Array(repeating: -1, count: capacity)
    newer = Array(repeating: -1, count: capacity)
  }

  func contains(_ block: BlockID) -> Bool { isMapped[Int(block)] }

  /// The oldest block that holds `key`.
  func block(for key: BlockKey) -> BlockID? { duplicates[key]?.oldest }

  /// Gives a block that holds no key this one.
  mutating func insert(_ block: BlockID, key: BlockKey) {
    precondition(!isMapped[Int(block)], "BlockKeyMap.insert: block \(block) holds a key already")
    keys[Int(block)] = key
    isMapped[Int(block)] = true
    newer[Int(block)] = -1
    count += 1
    if let present = duplicates[key] {
      older[Int(block)] = present.newest
      newer[Int(present.newest)] = block
      duplicates[key] = Duplicates(oldest: present.oldest, newest: block)
    } else {
      older[Int(block)] = -1
      duplicates[key] = Duplicates(oldest: block, newest: block)
    }
  }

  /// Takes the key from a block.
  mutating func remove(_ block: BlockID) {
    precondition(isMapped[Int(block)], "BlockKeyMap.remove: block \(block) holds no key")
    isMapped[Int(block)] = false
    count -= 1
    let before = older[Int(block)]
    let after = newer[Int(block)]
    if before >= 0 { newer[Int(before)] = after }
    if after >= 0 { older[Int(after)] = before }
    let key = keys[Int(block)]
    switch (before < 0, after < 0) {
    case (true, true): duplicates[key] = nil
    case (true, false): duplicates[key]?.oldest = after
    case (false, true): duplicates[key]?.newest = before
    case (false, false): break
    }
  }

  /// All blocks that hold a key, by number.
  ///
  /// - Complexity: O(capacity).
  var blocks: [BlockID] { isMapped.indices.filter { isMapped[$0] }.map { BlockID($0) } }
}
