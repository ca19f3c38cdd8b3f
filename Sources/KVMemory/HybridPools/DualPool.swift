/// A store for each kind, each with units of its own size and its own evictions.
///
///     pool   |──────── pages of keys and values ────────|──────── states ────────|
///                    T − int(T × share)                       int(T × share)
///
/// With no ``batches`` the boundary stays: `fixed_dual` and `avmp_static` of the study, which agree in every published
/// count. With one it moves (`DualPool+Rebalance.swift`): `avmp_dynamic`.
///
/// - Source: codepawl/cachepawl, after the separate pool of states that SGLang has for hybrid models.
package struct DualPool: HybridPool {
  let bytes: Int
  let unitBytes: [Int]
  /// Units of each kind that a rebalance takes from it; `nil` for none.
  let batches: [Int]?
  /// By the raw value of the kind.
  var stores: [UnitStore]
  package internal(set) var migratedBytes = 0

  /// - Parameters:
  ///   - bytes: Of the pool.
  ///   - stateShare: Of the pool, for states at first; between 0 and 1.
  ///   - batch: Units that a rebalance takes from either kind; `nil` for a boundary that stays.
  package init(bytes: Int, kvBytes: Int, stateBytes: Int, stateShare: Double, batch: Int? = nil) {
    self.init(
      bytes: bytes, kvBytes: kvBytes, stateBytes: stateBytes, stateShare: stateShare,
      batches: batch.map { [$0, $0] })
  }

  init(bytes: Int, kvBytes: Int, stateBytes: Int, stateShare: Double, batches: [Int]?) {
    self.bytes = bytes
    self.batches = batches
    unitBytes = [kvBytes, stateBytes]
    let states = Int(Double(bytes) * stateShare)
    stores = [
      UnitStore(unitCount: (bytes - states) / kvBytes), UnitStore(unitCount: states / stateBytes),
    ]
  }

  package mutating func allocate(
    _ count: Int, of kind: HybridUnit, for request: Int32
  ) -> [HybridHandle]? {
    if let handles = take(count, of: kind, for: request) { return handles }
    stores[kind.rawValue].evictOldest()
    if let handles = take(count, of: kind, for: request) { return handles }
    guard rebalance(to: kind) else { return nil }
    return take(count, of: kind, for: request)
  }

  /// As ``allocate(_:of:for:)`` where a scheduler says who makes way: nobody is dropped.
  mutating func takeFree(
    _ count: Int, of kind: HybridUnit, for request: Int32
  ) -> [HybridHandle]? {
    if let handles = take(count, of: kind, for: request) { return handles }
    return rebalance(to: kind) ? take(count, of: kind, for: request) : nil
  }

  package mutating func free(_ handles: [HybridHandle]) {
    for kind in HybridUnit.allCases {
      let own = handles.filter { $0.kind == kind && stores[kind.rawValue].isHeld($0) }
      stores[kind.rawValue].free(own.map(\.unit))
    }
  }

  private mutating func take(
    _ count: Int, of kind: HybridUnit, for request: Int32
  ) -> [HybridHandle]? {
    guard let units = stores[kind.rawValue].take(count, for: request) else { return nil }
    return units.map {
      HybridHandle(kind: kind, unit: $0, serial: stores[kind.rawValue].serials[Int($0)])
    }
  }

  package var brokenInvariant: String? {
    for kind in HybridUnit.allCases {
      if let broken = stores[kind.rawValue].brokenInvariant { return "\(kind): \(broken)" }
    }
    let used = zip(stores, unitBytes).reduce(0) { $0 + $1.0.unitCount * $1.1 }
    return used <= bytes ? nil : "units of \(used) bytes in a pool of \(bytes)"
  }
}
