/// What each token slot of the KV pool is doing, at one moment; every slot is in exactly one class.
///
///     pool   |token state|reserved|internal|external|cached|free|
///
/// - Source: the classes of the PagedAttention paper's §3.1 and Figure 2, with `cached` for prefix
///   caches; `docs/METRICS.md` says where we draw the lines.
package struct WasteLedger: Equatable, Sendable {
  /// Slots that hold a computed token, or the one being computed in this iteration.
  package var tokenState = 0
  /// Slots that are held and will be used later by the request that holds them.
  package var reserved = 0
  /// Slots that are held and will never be used.
  package var internalFragmentation = 0
  /// Rounding of a contiguous allocator, or free but unusable for the request at the head of the queue.
  package var externalFragmentation = 0
  /// Slots of prefix-cache blocks that no request references.
  package var cached = 0
  package var free = 0

  package init() {}

  /// All slots of the pool.
  package var total: Int {
    tokenState + reserved + internalFragmentation + externalFragmentation + cached + free
  }
}
