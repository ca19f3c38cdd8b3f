/// Two stores over one pool, keys and values in one and states in the other, whose boundary may move: AVMP and its
/// baseline, where a scheduler says who makes way.
///
/// Type 0 are blocks of keys and values, type 1 states. With nobody dropped, what remains of the study's rules is where a
/// boundary lies, that a batch leaves a store from its end only, and that one batch moves for a taking. A batch is a 128th
/// of the pool, as the study's 128 pages of 64 KiB are of its GiB; of either kind, which is ours: its count of units would
/// be more states than there are.
package struct SplitUnits: PageStore {
  package typealias Page = HybridHandle

  private(set) var pool: DualPool
  private var usedUnits = [0, 0]

  /// - Parameters:
  ///   - stateShare: Of the pool, for states at first.
  ///   - isDynamic: Whether the boundary moves.
  package init(bytes: Int, kvBytes: Int, stateBytes: Int, stateShare: Double, isDynamic: Bool) {
    let batches = [kvBytes, stateBytes].map { unit in
      let other = kvBytes + stateBytes - unit
      return max(bytes / 128 / unit, (other + unit - 1) / unit)
    }
    pool = DualPool(
      bytes: bytes, kvBytes: kvBytes, stateBytes: stateBytes, stateShare: stateShare,
      batches: isDynamic ? batches : nil)
  }

  package var bytes: Int { pool.bytes }

  package func pageBytes(_ type: Int) -> Int { pool.unitBytes[type] }

  private func free(_ type: Int) -> Int { pool.stores[type].freeStack.count }

  /// Batches that could leave a store now.
  private func batches(from donor: Int) -> Int {
    guard let batch = pool.batches?[donor] else { return 0 }
    return (pool.stores[donor].serials.reversed().prefix { $0 == 0 }.count) / batch
  }

  /// Units that a batch of the other store becomes.
  private func gain(_ type: Int) -> Int {
    (pool.batches?[1 - type] ?? 0) * pool.unitBytes[1 - type] / pool.unitBytes[type]
  }

  /// What either store could hold at most, by itself and with batches of the other one.
  package func holds(_ counts: [Int]) -> Bool {
    guard pool.batches != nil else {
      return counts.indices.allSatisfy { counts[$0] <= pool.stores[$0].unitCount }
    }
    return zip(counts, pool.unitBytes).reduce(0) { $0 + $1.0 * $1.1 } <= bytes - bytes / 64
  }

  package func canTake(_ counts: [Int]) -> Bool {
    for type in [0, 1] where counts[type] > free(type) {
      let moves = (counts[type] - free(type) + max(1, gain(type)) - 1) / max(1, gain(type))
      let unitsMax = bytes / pool.unitBytes[type]
      guard gain(type) > 0, moves <= batches(from: 1 - type),
        pool.stores[type].unitCount + moves * gain(type) <= unitsMax,
        counts[1 - type] <= free(1 - type) - moves * pool.batches![1 - type]
      else { return false }
    }
    return true
  }

  package mutating func take(
    _ type: Int, for request: Int32
  ) -> (page: HybridHandle, evicted: [HybridHandle])? {
    guard let kind = HybridUnit(rawValue: type),
      let handle = pool.takeFree(1, of: kind, for: request)?.first
    else { return nil }
    usedUnits[type] += 1
    return (handle, [])
  }

  package mutating func give(_ page: HybridHandle, type: Int, age: PageAge?) {
    precondition(age == nil, "SplitUnits: nothing is cached")
    pool.free([page])
    usedUnits[type] -= 1
  }

  package mutating func reuse(_ page: HybridHandle, type: Int) {
    preconditionFailure("SplitUnits: nothing is cached")
  }

  package var parts: StoreParts {
    var parts = StoreParts()
    for type in [0, 1] {
      parts.used += usedUnits[type] * pool.unitBytes[type]
      parts.bound += free(type) * pool.unitBytes[type]
    }
    parts.lost = bytes - parts.total
    return parts
  }

  package var brokenInvariant: String? {
    if let broken = pool.brokenInvariant { return broken }
    let held = pool.stores.map { $0.unitCount - $0.freeStack.count }
    return held == usedUnits ? nil : "\(held) units are held, \(usedUnits) counted"
  }
}
