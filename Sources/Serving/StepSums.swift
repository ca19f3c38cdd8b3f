import KVMemory

/// Sums over the iterations that start inside the window: each counts once, however long it takes.
///
/// The PagedAttention artifact averages over iterations, where we average over time
/// (``Integrals``). Long iterations are those with prompts in them, so that the two differ by a
/// few per cent at most.
package struct StepSums: Equatable, Sendable {
  package private(set) var count = 0
  /// Token slots, over the iterations.
  package private(set) var tokenState = 0
  package private(set) var reserved = 0
  package private(set) var internalFragmentation = 0
  /// All slots of the pool, over the iterations.
  package private(set) var slots = 0
  package private(set) var runningRequests = 0
  /// Logical blocks by physical blocks, over the iterations that hold any.
  package private(set) var sharingRatio = 0.0

  package init() {}

  mutating func add(_ state: HeldState) {
    let blocks = state.blocks
    count += 1
    tokenState += state.ledger.tokenState
    reserved += state.ledger.reserved
    internalFragmentation += state.ledger.internalFragmentation
    slots += state.ledger.total
    runningRequests += state.queues.running
    // Equal numbers are the rule, and a division takes longer than all the sums.
    sharingRatio +=
      blocks.physical > 0 && blocks.logical != blocks.physical
      ? Double(blocks.logical) / Double(blocks.physical) : 1
  }

  mutating func add(_ other: StepSums) {
    count += other.count
    tokenState += other.tokenState
    reserved += other.reserved
    internalFragmentation += other.internalFragmentation
    slots += other.slots
    runningRequests += other.runningRequests
    sharingRatio += other.sharingRatio
  }
}
