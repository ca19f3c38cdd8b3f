extension DualPool {
  /// Moves the boundary: the highest units, a batch of ``batches``, of the other kind become units of `kind`.
  ///
  ///     states  |held|free|held|free|free|free|      a batch of 3 can leave, one of 4 cannot
  ///
  /// What does not make a whole unit of `kind` is lost.
  ///
  /// - Returns: Whether it moved; not if one of those units is held, there are fewer, or `kind` would have more units
  ///   than the whole pool has room for.
  /// - Source: `avmp_dynamic` of codepawl/cachepawl, which rebalances where a request still does not fit after an eviction.
  ///   The thresholds of its pressure monitor (0.05 and 0.30) and its throttle do not decide here.
  mutating func rebalance(to kind: HybridUnit) -> Bool {
    guard let batches else { return false }
    let (donor, recipient) = (kind.other.rawValue, kind.rawValue)
    let batch = batches[donor]
    let moved = batch * unitBytes[donor]
    let units = moved / unitBytes[recipient]
    let unitsMax = bytes / unitBytes[recipient]
    guard stores[recipient].unitCount + units <= unitsMax, stores[donor].shrink(by: batch) else {
      return false
    }
    stores[recipient].grow(by: units)
    migratedBytes += moved
    return true
  }
}
