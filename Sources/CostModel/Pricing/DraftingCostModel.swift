import SimulationKernel

/// The price of an iteration that verifies drafts and then drafts the next ones with a model.
///
///     |── the model: prompts, and 1 + k tokens of each decoding sequence ──|── draft 1 ──|── draft 2 ──|… k
///                                                                        the same tokens   one of each
///
/// The first pass of the drafting model computes the tokens of the iteration, prompts too, so that its keys and values
/// are there; each further pass adds a token to every sequence that has yielded one. Nothing of the host stands between.
///
/// - Source: the order of passes in vLLM's proposer for EAGLE heads, from memory; the law of speculation
///   Ω·T / (k·T_draft + T_verify) of MagicDec is the same sum.
package final class DraftingCostModel: IterationCostModel {
  private let model: any IterationCostModel
  private let draft: any IterationCostModel
  private let drafts: Int
  private let byBatch: DraftsByBatch?

  /// - Parameters:
  ///   - model: With `drafts` as ``PricedDeployment/draftTokens``.
  ///   - draft: The drafting model, with the same.
  ///   - drafts: Tokens drafted behind each token, at least 1, and at most where `byBatch` says how many.
  package init(
    _ model: any IterationCostModel, draft: any IterationCostModel, drafts: Int,
    byBatch: DraftsByBatch? = nil
  ) {
    precondition(drafts > 0, "DraftingCostModel: \(drafts) drafts")
    self.model = model
    self.draft = draft
    self.drafts = drafts
    self.byBatch = byBatch
  }

  package var profile: CostProfile { model.profile }

  package func duration(of work: IterationWork) -> SimDuration {
    model.duration(of: work) + drafting(behind: work)
  }

  /// The passes of the drafting model; the first one where nothing is drafted too, for its keys and values.
  package func drafting(behind work: IterationWork) -> SimDuration {
    guard work.batchedTokens > 0 else { return .zero }
    let drafting = work.sampledSequences - work.draftTokens
    var pass = work
    pass.sampledSequences = drafting
    (pass.copiedBlocks, pass.swappedInBlocks, pass.swappedOutBlocks) = (0, 0, 0)
    var duration = draft.duration(of: pass)
    let sequences = work.decodeSequences + work.prefillChunks.count
    let drafts = byBatch?.drafts(behind: sequences, most: drafts) ?? drafts
    guard drafts > 1, drafting > 0 else { return duration }
    let context = work.prefillChunks.reduce(work.decodeContextTokens) {
      $0 + $1.contextTokens + $1.tokens
    }
    for index in 1..<drafts {
      var further = IterationWork(attendedMax: work.attendedMax)
      further.decode(drafting, contextTokens: drafting * context / sequences + index * drafting)
      further.sampledSequences = drafting
      duration = duration + draft.duration(of: further)
    }
    return duration
  }
}

extension EngineOverheads {
  /// What a pass of a drafting model adds to its kernels beside a model's own iteration: nothing of the host.
  package func ofDrafting(for model: ModelSpec) -> EngineOverheads {
    var overheads = of(model)
    overheads.mixtures = nil
    overheads.iterationSeconds = 0
    overheads.sequenceSeconds = 0
    overheads.gapSeconds = 0
    overheads.hidesHost = false
    return overheads
  }
}
