/// Which blocks hold which key.
///
/// Several blocks may hold the same one: a request that was not allowed to hit a block computes it
/// again, and both stay. Such duplicates stand in a ring from oldest to newest; the oldest is the
/// one that is hit.
///
///     slots   | · | 5 | · | 7 | · | …      5 is the oldest block of its key, found by hash
///                   ⇅
///     ring    | 5 | ⇄ | 9 | ⇄ | 2 | ⇄ (5)  9 and 2 hold the same key
///
/// The slots are at most half full, and what stands behind a slot that becomes empty moves up, so a
/// search ends at the first empty slot. A map that never held a key takes no memory.
///
/// - Complexity: O(1) for every operation but ``blocks``, expected over the hashes.
struct BlockKeyMap: Sendable {
  private struct Slot {
    /// The oldest block that holds the key, or −1.
    var block: BlockID
    var hash: UInt32
    static let empty = Slot(block: -1, hash: 0)
  }

  /// What a block that holds a key knows.
  private struct Holder {
    var key: BlockKey
    var older: BlockID
    var newer: BlockID
  }

  private let capacity: Int
  private var slots: [Slot] = []
  private var holders: [Holder] = []
  private var isMapped: [Bool] = []
  /// Blocks that hold a key.
  private(set) var count = 0

  init(capacity: Int) { self.capacity = capacity }

  func contains(_ block: BlockID) -> Bool { count > 0 && isMapped[Int(block)] }

  /// The oldest block that holds `key`.
  func block(for key: BlockKey) -> BlockID? {
    guard count > 0 else { return nil }
    let block = slots[slot(of: key)].block
    return block >= 0 ? block : nil
  }

  /// Gives a block that holds no key this one.
  mutating func insert(_ block: BlockID, key: BlockKey) {
    if slots.isEmpty { allocate() }
    precondition(!isMapped[Int(block)], "BlockKeyMap.insert: block \(block) holds a key already")
    isMapped[Int(block)] = true
    count += 1
    let slot = slot(of: key)
    let oldest = slots[slot].block
    guard oldest >= 0 else {
      slots[slot] = Slot(block: block, hash: key.hash)
      holders[Int(block)] = Holder(key: key, older: block, newer: block)
      return
    }
    let newest = holders[Int(oldest)].older
    holders[Int(block)] = Holder(key: key, older: newest, newer: oldest)
    holders[Int(newest)].newer = block
    holders[Int(oldest)].older = block
  }

  /// Takes the key from a block.
  mutating func remove(_ block: BlockID) {
    precondition(contains(block), "BlockKeyMap.remove: block \(block) holds no key")
    isMapped[Int(block)] = false
    count -= 1
    let holder = holders[Int(block)]
    let slot = slot(of: block, hash: holder.key.hash)
    guard holder.newer != block else { return empty(slot) }
    holders[Int(holder.older)].newer = holder.newer
    holders[Int(holder.newer)].older = holder.older
    if slots[slot].block == block { slots[slot].block = holder.newer }
  }

  /// All blocks that hold a key, by number.
  ///
  /// - Complexity: O(capacity).
  var blocks: [BlockID] { isMapped.indices.filter { isMapped[$0] }.map { BlockID($0) } }

  // MARK: Slots

  private mutating func allocate() {
    let slotCount = 1 << (Int.bitWidth - (2 * capacity).leadingZeroBitCount)
    slots = Array(repeating: .empty, count: slotCount)
    holders = Array(repeating: Holder(key: .root, older: -1, newer: -1), count: capacity)
    isMapped = Array(repeating: false, count: capacity)
  }

  /// Where a key stands, or where it would be put.
  private func slot(of key: BlockKey) -> Int {
    let mask = slots.count - 1
    var place = Int(key.hash) & mask
    while slots[place].block >= 0 {
      if slots[place].hash == key.hash, holders[Int(slots[place].block)].key == key { break }
      place = (place + 1) & mask
    }
    return place
  }

  /// Where a block stands, or an empty slot if it is not the oldest of its key.
  private func slot(of block: BlockID, hash: UInt32) -> Int {
    let mask = slots.count - 1
    var place = Int(hash) & mask
    while slots[place].block >= 0, slots[place].block != block { place = (place + 1) & mask }
    return place
  }

  /// Empties a slot, and moves up what was pushed behind it.
  private mutating func empty(_ slot: Int) {
    let mask = slots.count - 1
    var hole = slot
    var place = (slot + 1) & mask
    while slots[place].block >= 0 {
      let pushed = (place - Int(slots[place].hash)) & mask
      if pushed >= (place - hole) & mask {
        slots[hole] = slots[place]
        hole = place
      }
      place = (place + 1) & mask
    }
    slots[hole] = .empty
  }
}
