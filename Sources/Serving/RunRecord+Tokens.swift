import SimulationKernel
import Workload

/// What a request lost to preemptions that dropped its KV cache, and had to compute again.
///
///     computed   |———————————————x            lost at x: `mark`
///     again          |—————————————————…      from what the prefix cache still had: `again` = mark − found
struct RecomputeLoss: Equatable, Sendable {
  /// Tokens that were computed at the most.
  private var mark: Int32 = 0
  /// Tokens below the mark that were computed once more.
  private(set) var again: Int32 = 0
  private var isWaiting = false

  /// - Parameter computed: Tokens whose keys and values were there; what was counted beyond them was not reached.
  mutating func preempted(at computed: Int32) {
    again -= max(0, mark - computed)
    mark = max(mark, computed)
    isWaiting = true
  }

  /// What it lost elsewhere before.
  mutating func add(_ earlier: RecomputeLoss) { again += earlier.again }

  /// It runs.
  ///
  /// - Parameter found: Tokens that it need not compute; looked at where it runs first after a preemption.
  mutating func ran(behind found: Int32) {
    guard isWaiting else { return }
    again += max(0, mark - found)
    isWaiting = false
  }
}

/// Tokens that came from each tier.
package struct TierTokens: Equatable, Sendable {
  package var host: Int32 = 0
  package var disk: Int32 = 0
}

extension RunRecord {
  /// The replica that a request was given to last, from 0; `nil` where none took it.
  package func replica(of request: Int) -> Int? {
    guard !assignment.isEmpty else { return 0 }
    return assignment[request] < 0 ? nil : Int(assignment[request])
  }

  private func prefixCache(of request: Int) -> PrefixCacheTotals? {
    replica(of: request).flatMap { replicas[$0].prefixCache }
  }

  /// Prompt tokens of a request that the prefix cache had when it ran first, of the first of several sequences; `nil` if it
  /// never ran or its replica has no prefix cache.
  package func cachedTokens(of request: Int) -> Int? {
    guard prefixCache(of: request) != nil,
      milestones[request].firstScheduled != nil
    else { return nil }
    return Int(log.entries.cachedTokens[request])
  }

  /// Prompt tokens of a request that came from tiers when it ran first, which are among those of ``cachedTokens(of:)``;
  /// `nil` if it never ran or its replica has no tier.
  package func tierTokens(of request: Int) -> TierTokens? {
    guard prefixCache(of: request)?.tier != nil,
      milestones[request].firstScheduled != nil
    else { return nil }
    return log.entries.tierTokens.pointee[RequestID(request)] ?? TierTokens()
  }

  /// Tokens of a request that were computed again after preemptions; from its last one on those that are still to come
  /// count. `nil` for several sequences, which V1 preempts one by one.
  package func recomputedTokens(of request: Int) -> Int? {
    guard requests[request].sequenceCount == 1 else { return nil }
    return Int(log.entries.losses.pointee[RequestID(request)]?.again ?? 0)
  }

  /// Starts of the iterations that began without a request that ran, in order; of several sequences, of any of them. None where
  /// the run did not keep them (``RequestLog``).
  package func preemptions(of request: Int) -> [SimInstant] {
    log.entries.preemptions.pointee?[RequestID(request)] ?? []
  }
}
