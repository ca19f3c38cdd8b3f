import KVMemory
import Workload

/// A sequence that runs and computes the beginning of what a tier holds, while the end comes.
///
///     tokens   0     found          computedEnd            end        length
///              |─ hits ─|── computed ────|──── loaded ───────|── computed ──|
struct Restoring: Sendable {
  var computedEnd: Int
  var end: Int
}

extension Connection {
  mutating func preempt(_ sequence: Int32) {
    preempted.append(sequence)
    if restoring.removeValue(forKey: sequence) != nil { received.remove(sequence) }
  }
}

/// Sequences that compute and load at once (``RestoreRule/twoPointers``).
extension TokenBudgetScheduler {
  /// Whether a sequence has all the blocks that it computes in, which get their keys when the rest has come.
  func isRestoring(_ sequence: Int32) -> Bool { connection.restoring[sequence] != nil }

  /// A sequence got blocks for all that was found and for all that the tier holds; the end of it is loaded.
  mutating func startRestoring(
    _ sequence: Int32, _ state: TokenBudgetSequence, found: Int, _ external: ExternalTokens
  ) {
    let part = Restoring(computedEnd: found + external.computed, end: found + external.count)
    connection.restoring[sequence] = part
    connection.connector?.load(
      ConnectedSequence(sequence, state), found: found, external, in: &memory)
  }

  /// The tokens of the beginning that a sequence computes in this iteration; none if it has computed all and waits for the
  /// end. `nil` if it restores nothing, or no longer.
  mutating func tokensToRestore(_ sequence: Int32) -> Int? {
    guard let part = connection.restoring[sequence] else { return nil }
    let left = part.computedEnd - Int(sequences[Int(sequence)].computedTokens)
    guard left == 0 else { return min(budget.limited(left), budget.left, chunkLimit) }
    guard connection.received.remove(sequence) != nil else { return 0 }
    connection.restoring[sequence] = nil
    join(sequence, at: part.end)
    return nil
  }

  /// Both parts are there. The last token of a sequence is computed all the same: its output is what the iteration is for.
  private mutating func join(_ sequence: Int32, at end: Int) {
    var state = sequences[Int(sequence)]
    state.computedTokens = Int32(end)
    cacheFullBlocks(of: sequence, tokens: end, known: Int(state.length))
    if end == state.length {
      memory.retract(Int(sequence), by: 1)
      state.computedTokens -= 1
    }
    sequences.store(state, of: sequence)
  }
}
