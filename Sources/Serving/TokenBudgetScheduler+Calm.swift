import KVMemory

/// Iterations beside a tier in which nothing moves, nobody waits, and every running sequence decodes: the connector has
/// nothing to decide in them, and sequences cruise as they do without one.
///
///     iteration   load comes | prompt ▸ stored | d d d d d d d d | complete: the connector sees it
///                 looked at one by one         |  they cruise    | looked at one by one
///
/// Blocks that sequences get meanwhile are made known to the connector in the next iteration that is looked at: no copy
/// is under way that their next user would wait for, and outputs are not stored.
extension TokenBudgetScheduler {
  /// Whether the next iterations are such ones; running sequences cruise then.
  mutating func isCalm() -> Bool {
    guard waitingSequences.count == 0, connection.unseen.isEmpty else { return false }
    return isCruising || enterCalm()
  }

  private mutating func enterCalm() -> Bool {
    guard mayBeCalm, !running.isEmpty, !hasTransfers, connection.isIdle else { return false }
    for sequence in running {
      let state = sequences[Int(sequence)]
      guard state.length - state.computedTokens == 1,
        connection.connector?.ignoresDecodes(of: ConnectedSequence(sequence, state)) ?? false
      else { return false }
    }
    isCruising = true
    for sequence in running { join(sequence, sequences[Int(sequence)]) }
    return true
  }

  /// Not where tokens run ahead, and where a decode may give blocks back.
  private var mayBeCalm: Bool {
    mayCruise && Memory.onlyTakes && connection.worker != nil && !options.isAsynchronous
      && options.speculation == nil
  }
}

extension Connection {
  /// Whether no sequence has more of its prompt to compute or to load.
  fileprivate var isIdle: Bool {
    prefilling.isEmpty && restoring.isEmpty && received.isEmpty && failed.isEmpty
      && reports.isEmpty
  }
}
