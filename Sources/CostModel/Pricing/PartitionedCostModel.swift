import SimulationKernel

/// The price of iterations whose prompts and decodes run side by side, on parts of the multiprocessors.
///
///     n of N for decodes     |── decodes · max(1, knee ⁄ n) ──|         memory is busy from `knee` multiprocessors on
///     N − n for prompts      |── prompts · N ⁄ (N − n) ──────────|      they compute
///                                                          the longer of both, and what they lose to each other
///
/// The part is the one with which both end soonest, in steps of two multiprocessors; where that is longer than one after the
/// other, decodes pause. Batches of one kind have the whole GPU.
///
/// - Source: Bullet (ASPLOS 2026) as summarised in our reference: its time of a phase on n of N multiprocessors, bandwidth
///   that is reached with about 30 of an A100's 108, masks of two multiprocessors, contention of up to 8 %, decodes that may
///   pause. It follows the targets of its requests where both cannot be met too; here both are balanced always.
package final class PartitionedCostModel: IterationCostModel {
  private let base: any IterationCostModel
  /// Seconds of prompts and of decodes, times what they take on the whole GPU, for each part.
  private let slowdowns: [(prompts: Double, decodes: Double)]

  /// Share of the multiprocessors that reaches the memory's bandwidth.
  private static let knee = 30.0 / 108
  private static let contention = 1.08
  private static let step = 2

  /// - Parameter base: On the whole GPU.
  package init(_ base: any IterationCostModel, multiprocessors: Int) {
    precondition(
      multiprocessors > Self.step, "PartitionedCostModel: \(multiprocessors) multiprocessors")
    self.base = base
    let all = Double(multiprocessors)
    slowdowns = stride(from: Self.step, through: multiprocessors - 1, by: Self.step).map { part in
      let part = Double(part)
      return (
        Self.contention * all / (all - part), Self.contention * max(1, Self.knee * all / part)
      )
    }
  }

  package var profile: CostProfile { base.profile }

  package func duration(of work: IterationWork) -> SimDuration {
    guard work.decodeSequences > 0, !work.prefillChunks.isEmpty else {
      return base.duration(of: work)
    }
    let (prompts, decodes) = work.promptsAndDecodes
    let alone = (base.duration(of: prompts).seconds, base.duration(of: decodes).seconds)
    let beside = slowdowns.lazy.map { max(alone.0 * $0.prompts, alone.1 * $0.decodes) }.min()
    return SimDuration(rounding: min(beside ?? .infinity, alone.0 + alone.1))
  }

  package func durations(
    _ decode: SteadyDecode, into durations: UnsafeMutableBufferPointer<SimDuration>
  ) { base.durations(decode, into: durations) }
}

extension IterationWork {
  /// What prompts do of it, blocks that move included, and what sequences that decode do.
  fileprivate var promptsAndDecodes: (prompts: IterationWork, decodes: IterationWork) {
    var (prompts, decodes) = (self, self)
    decodes.prefillChunks = []
    decodes.sampledSequences = min(sampledSequences, decodeSequences + draftTokens)
    (decodes.copiedBlocks, decodes.swappedInBlocks, decodes.swappedOutBlocks) = (0, 0, 0)
    (prompts.decodeSequences, prompts.decodeContextTokens, prompts.decodeSkippedTokens) = (0, 0, 0)
    prompts.draftTokens = 0
    prompts.sampledSequences = sampledSequences - decodes.sampledSequences
    return (prompts, decodes)
  }
}
