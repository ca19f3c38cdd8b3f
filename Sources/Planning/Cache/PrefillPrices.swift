import CostModel
import KVMemory
import Serving
import SimulationKernel

/// What a replica takes to compute the beginning of a prompt, and how many bytes of keys and values that is.
package struct PrefillPrices: Sendable {
  /// Bytes of a token, over all GPUs of the replica.
  package let tokenBytes: Int
  /// Tokens of an iteration at most: prompts are cut there.
  package let chunkTokens: Int
  /// Tokens that the GPUs' own pool holds.
  package let poolTokens: Int
  package let gpus: Int
  package let dollarsPerGPUHour: Double?
  /// Layers that keep less than every token are counted as if they did.
  package let countsWholeContext: Bool
  package let profile: CostProfile
  private let costModel: any IterationCostModel
  private let attendedMax: Int?

  package init(_ resolved: ResolvedScenario) {
    let scenario = resolved.scenario
    tokenBytes = resolved.slotBytes
    chunkTokens = resolved.settings.maxBatchedTokens
    poolTokens = resolved.kvCapacity.tokens
    gpus = scenario.tensorParallel * scenario.pipelineParallel
    dollarsPerGPUHour = scenario.device.price?.dollarsPerHour
    countsWholeContext = resolved.kvCapacity.cache.groups.contains { $0.keeps != .all }
    costModel = resolved.costModel
    profile = costModel.profile
    attendedMax = scenario.model.attendedMax
  }

  /// Seconds to compute a prompt of `tokens` tokens by itself, chunk by chunk, to its first output token.
  package func seconds(prompt tokens: Int) -> Double {
    stride(from: 0, to: tokens, by: chunkTokens).reduce(0) {
      $0
        + seconds(
          chunk: min(chunkTokens, tokens - $1), context: $1, isLast: $1 + chunkTokens >= tokens)
    }
  }

  private func seconds(chunk tokens: Int, context: Int, isLast: Bool) -> Double {
    var work = IterationWork(attendedMax: attendedMax)
    work.prefillChunks = [.init(tokens: tokens, contextTokens: context)]
    work.sampledSequences = isLast ? 1 : 0
    return costModel.duration(of: work).seconds
  }

  /// What restoring takes over a link that the GPUs of the replica share.
  ///
  /// - Parameter bandwidth: Bytes a second.
  package func restoring(bandwidth: Double, upTo tokens: Int) -> RestorePrices {
    RestorePrices(
      compute: PrefillTable(restoring: costModel, attendedMax, limit: chunkTokens, upTo: tokens),
      loadSeconds: Double(tokenBytes) / bandwidth)
  }

  /// What tokens of a prompt take where iterations are full.
  package func table(upTo tokens: Int) -> PrefillTable {
    PrefillTable(chunkTokens: chunkTokens, upTo: tokens) {
      seconds(chunk: chunkTokens, context: $0, isLast: false)
    }
  }
}

extension PrefillTable {
  /// Chunks so short that the attention to what is before them hardly grows within one.
  ///
  /// - Parameter limit: Tokens of an iteration at most.
  init(
    restoring costModel: any IterationCostModel, _ attendedMax: Int?, limit: Int, upTo tokens: Int
  ) {
    let chunk = min(limit, 2048)
    self.init(chunkTokens: chunk, upTo: tokens) { context in
      var work = IterationWork(attendedMax: attendedMax)
      work.prefillChunks = [.init(tokens: chunk, contextTokens: context)]
      return costModel.duration(of: work).seconds
    }
  }
}
