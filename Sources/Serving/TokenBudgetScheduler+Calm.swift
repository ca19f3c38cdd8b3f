import KVMemory

/// The cruise beside a tier: a sequence joins it once the connector has nothing to decide for it, since its prompt was
/// offered and outputs are not.
///
///     iteration   load comes | prompt ▸ stored | d d d d d d d d | complete: the connector sees it
///                  waits     |     listed      |    cruises      |
///
/// In each iteration the connector is told of the listed ones, and of the blocks that cruising ones take: a copy of what they
/// held may be under way. Only while nothing moves iterations follow each other without plans.
///
/// Where tokens run ahead and where a decode may give blocks back, nobody cruises: the scheduler then looks ahead, and
/// decides the same.
extension TokenBudgetScheduler {
  /// Whether the connector has nothing to decide in the next iteration, if nobody is listed or admitted.
  var isCalm: Bool { connection.unseen.isEmpty && !hasTransfers }

  /// Whether a sequence that has a single token to compute may cruise.
  func mayJoin(_ sequence: Int32, _ state: TokenBudgetSequence) -> Bool {
    guard connects else { return true }
    return connection.connector?.ignoresDecodes(of: ConnectedSequence(sequence, state)) ?? true
  }

  /// The blocks that cruising sequences take in the iteration that is decided.
  mutating func takenByCruising() -> [BlockID] {
    (0..<batch.dueCount).map { memory.lastBlock(of: Int(batch.due[batch.phase, $0])) }
  }
}
