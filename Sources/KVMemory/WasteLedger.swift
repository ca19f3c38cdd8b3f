/// What each token slot of the KV pool is doing, at one moment; every slot is in exactly one class.
///
///     pool   |token state|reserved|internal|external|cached|free|
///
/// - Source: the classes of the PagedAttention paper's §3.1 and Figure 2, with `cached` for prefix
///   caches; `docs/METRICS.md` says where we draw the lines.
public struct WasteLedger: Equatable, Sendable {
  /// Slots that hold a computed token, or the one being computed in this iteration.
  public var tokenState = 0
  /// Slots that are held and will be used later by the request that holds them.
  public var reserved = 0
  /// Slots that are held and will never be used.
  public var internalFragmentation = 0
  /// Rounding of a contiguous allocator, or free but unusable for the request at the head of the queue.
  public var externalFragmentation = 0
  /// Slots of prefix-cache blocks that no request references.
  public var cached = 0
  public var free = 0

  public init() {}

  /// The ledger of two pools together.
  public static func + (one: Self, other: Self) -> Self {
    var sum = one
    sum.tokenState += other.tokenState
    sum.reserved += other.reserved
    sum.internalFragmentation += other.internalFragmentation
    sum.externalFragmentation += other.externalFragmentation
    sum.cached += other.cached
    sum.free += other.free
    return sum
  }

  /// All slots of the pool.
  public var total: Int {
    tokenState + reserved + internalFragmentation + externalFragmentation + cached + free
  }
}
