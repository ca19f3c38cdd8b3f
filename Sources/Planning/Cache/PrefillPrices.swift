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

  /// What tokens of a prompt take where iterations are full: by the number of the chunk, seconds up to its end.
  ///
  ///     tokens    0            chunk          2 × chunk
  ///     seconds   |────────────|──────────────|         even within a chunk
  package func table(upTo tokens: Int) -> PrefillTable {
    var ends = [0.0]
    for start in stride(from: 0, to: tokens, by: chunkTokens) {
      ends.append(ends[ends.count - 1] + seconds(chunk: chunkTokens, context: start, isLast: false))
    }
    return PrefillTable(chunkTokens: chunkTokens, ends: ends)
  }
}

/// Seconds that a replica takes for the first tokens of a prompt, beside others in full iterations.
package struct PrefillTable: Sendable {
  let chunkTokens: Int
  let ends: [Double]

  package func seconds(_ tokens: Int) -> Double {
    let chunk = min(tokens / chunkTokens, ends.count - 2)
    guard chunk >= 0 else { return 0 }
    let inside = Double(tokens - chunk * chunkTokens) / Double(chunkTokens)
    return ends[chunk] + inside * (ends[chunk + 1] - ends[chunk])
  }
}
