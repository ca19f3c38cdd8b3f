import Serving

/// Means over the iterations of the window, each counted once however long it took: what the plots of
/// the PagedAttention artifact show. All zero where no iteration ran.
package struct StepMeans: Equatable, Sendable {
  /// Shares of the pool.
  package var tokenState = 0.0
  package var reserved = 0.0
  package var internalFragmentation = 0.0
  /// What the other three leave of the pool: the buddy allocator's rounding, the ends of blocks and free
  /// slots together, as the artifact's plot has it.
  package var rest = 0.0
  package var batchedRequests = 0.0
  /// 1 − 1 ⁄ mean(logical ⁄ physical blocks).
  package var sharingSaving = 0.0

  package init() {}

  init(_ sums: StepSums) {
    guard sums.count > 0, sums.slots > 0 else { return }
    let slots = Double(sums.slots)
    let steps = Double(sums.count)
    tokenState = Double(sums.tokenState) / slots
    reserved = Double(sums.reserved) / slots
    internalFragmentation = Double(sums.internalFragmentation) / slots
    rest = 1 - tokenState - reserved - internalFragmentation
    batchedRequests = Double(sums.runningRequests) / steps
    sharingSaving = 1 - steps / sums.sharingRatio
  }
}
