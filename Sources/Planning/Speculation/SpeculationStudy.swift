import CostModel
import Messages
import ModelFiles
import Serving
import SimulationKernel

/// At which batch drafting stops paying: the prices of decode iterations of one context, with drafts and without.
///
///     TPOT = iteration ⁄ tokens of a verification      a verification takes longer than a token, and drafting is added
///
/// Every sequence of a batch decodes at the same context; prompts beside them, and what queues do, are a simulation's to
/// say.
package struct SpeculationStudy: Sendable {
  package let scenario: Scenario
  /// Tokens of each sequence that are there.
  package let contextTokens: Int
  private let plain: any IterationCostModel
  private let drafting: any IterationCostModel
  /// Most sequences of an iteration.
  package let batchMax: Int
  /// Most sequences of that context that the pool holds.
  package let batchHeld: Int
  /// By position, the share of verifications that accept the draft there.
  private let accepted: [Double]
  private let byBatch: DraftsByBatch?

  /// - Throws: ``UserError`` for a scenario that is not valid or drafts nothing, and a context beyond its longest sequence.
  package init(_ scenario: Scenario, contextTokens: Int) throws {
    guard scenario.draftTokens > 0 else {
      throw UserError(
        "no tokens are drafted: there is nothing to plan",
        hint:
          "add `--speculative-config '{\"method\": \"eagle3\", \"num_speculative_tokens\": 3}'` "
          + "and `--acceptance`")
    }
    let resolved = try scenario.resolved()
    let longest = resolved.settings.maxModelLength - scenario.draftTokens - 1
    guard contextTokens >= 1, contextTokens <= longest else {
      throw UserError(
        "`--context` must lie from 1 to \(longest), what `--max-model-len` leaves, found `\(contextTokens)`"
      )
    }
    var without = scenario
    without.speculativeTokens = 0
    self.scenario = scenario
    self.contextTokens = contextTokens
    drafting = resolved.costModel
    plain = try without.resolved().costModel
    batchMax = resolved.settings.maxSequences
    let capacity = resolved.kvCapacity
    batchHeld =
      capacity.usableBlocks
      / max(capacity.blocks(forTokens: contextTokens + 1 + scenario.draftTokens), 1)
    guard batchHeld > 0 else {
      throw UserError(
        "the KV pool holds no sequence of `--context` \(contextTokens)",
        hint: "give a shorter one, or more memory")
    }
    byBatch = try scenario.drafter()?.byBatch
    accepted = try scenario.acceptance?.cumulative(scenario.draftTokens) ?? []
  }

  /// A batch of sequences that decode.
  package struct Point: Equatable, Sendable {
    package var batch: Int
    /// Seconds of an iteration: without drafts, with them verified, and of drafting behind it.
    package var plain: Double
    package var verifying: Double
    package var drafting: Double
    /// Tokens of a verification in the mean.
    package var tokens: Double

    package var tpot: Double { (verifying + drafting) / tokens }
    /// How many times as fast.
    package var speedup: Double { plain / tpot }
    /// Output tokens per second of the batch.
    package var throughput: Double { Double(batch) / tpot }
  }

  package func point(_ batch: Int) -> Point {
    let most = scenario.draftTokens
    let drafts = byBatch?.drafts(behind: batch, most: most) ?? most
    var work = IterationWork(attendedMax: scenario.model.attendedMax)
    work.decodeEach(batch, contextTokens: contextTokens + 1)
    work.sampledSequences = batch
    let plain = plain.duration(of: work).seconds
    work = IterationWork(attendedMax: scenario.model.attendedMax)
    work.decodeEach(batch, contextTokens: contextTokens + 1 + drafts)
    work.draftTokens = batch * drafts
    work.sampledSequences = batch * (1 + drafts)
    let whole = drafting.duration(of: work).seconds
    let behind = (drafting as? DraftingCostModel)?.drafting(behind: work).seconds ?? 0
    return Point(
      batch: batch, plain: plain, verifying: whole - behind, drafting: behind,
      tokens: accepted.prefix(drafts).reduce(1, +))
  }

  /// The largest batch for which drafting pays; `nil` if it does for none up to ``batchMax``.
  package var batchPaying: Int? { (1...batchMax).last { point($0).speedup > 1 } }
}

extension IterationWork {
  /// Sequences that decode at one context, those tokens included.
  fileprivate mutating func decodeEach(_ sequences: Int, contextTokens: Int) {
    decode(sequences, contextTokens: sequences * contextTokens)
  }
}
