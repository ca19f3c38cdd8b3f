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

  /// Adds `count` iterations of which `state` is the last.
  ///
  /// - Parameters:
  ///   - growth: The blocks that they took; not changed.
  ///   - changes: What each number has changed by, each change times the iterations before it.
  mutating func add(
    _ state: HeldState, count: Int, _ growth: inout SteadyGrowth,
    changes: (tokenState: Int, reserved: Int, internalFragmentation: Int)
  ) {
    self.count += count
    tokenState += state.ledger.tokenState * count - changes.tokenState
    reserved += state.ledger.reserved * count - changes.reserved
    internalFragmentation +=
      state.ledger.internalFragmentation * count - changes.internalFragmentation
    slots += state.ledger.total * count
    runningRequests += state.queues.running * count
    // Fractions are added one by one, in order: their sum is rounded.
    guard state.blocks.logical != state.blocks.physical else {
      for _ in 0..<count { sharingRatio += 1 }
      return
    }
    var blocks = state.blocks
    for index in 0..<growth.count {
      blocks.logical -= growth[index].logicalBlocks
      blocks.physical -= growth[index].blocks
    }
    var next = 0
    for iteration in 0..<count {
      if next < growth.count, growth[next].iteration == iteration {
        blocks.logical += growth[next].logicalBlocks
        blocks.physical += growth[next].blocks
        next += 1
      }
      sharingRatio += blocks.physical > 0 ? Double(blocks.logical) / Double(blocks.physical) : 1
    }
  }

  /// Counts each slot so many times; the sums of a run stay below 2⁶³ as shares of its pool.
  mutating func weigh(by weight: Int) {
    tokenState *= weight
    reserved *= weight
    internalFragmentation *= weight
    slots *= weight
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
