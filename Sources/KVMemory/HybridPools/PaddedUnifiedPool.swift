/// One store for both kinds, whose unit is the larger of the two: the smaller kind is padded.
///
/// A unit is known by its number alone. So a request that was evicted and ends later gives back the units that it once
/// had, whoever has them now. The published counts need this.
///
/// - Source: `padded_unified` of codepawl/cachepawl, after the pages of one size that vLLM gives hybrid models.
package struct PaddedUnifiedPool: HybridPool {
  private(set) var store: UnitStore

  /// - Parameter bytes: Of the pool.
  package init(bytes: Int, kvBytes: Int, stateBytes: Int) {
    store = UnitStore(unitCount: bytes / max(kvBytes, stateBytes))
  }

  package mutating func allocate(
    _ count: Int, of kind: HybridUnit, for request: Int32
  ) -> [HybridHandle]? {
    if let units = store.take(count, for: request) { return handles(units, kind) }
    store.evictOldest()
    return store.take(count, for: request).map { handles($0, kind) }
  }

  package mutating func free(_ handles: [HybridHandle]) { store.free(handles.map(\.unit)) }

  package var migratedBytes: Int { 0 }

  package var brokenInvariant: String? { store.brokenInvariant }

  private func handles(_ units: [Int32], _ kind: HybridUnit) -> [HybridHandle] {
    units.map { HybridHandle(kind: kind, unit: $0, serial: store.serials[Int($0)]) }
  }
}
