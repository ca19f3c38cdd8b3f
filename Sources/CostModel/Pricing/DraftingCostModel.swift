import SimulationKernel

/// The price of an iteration that verifies drafts and then drafts the next ones with a model.
///
///     |── the model: prompts, and 1 + k tokens of each decoding sequence ──|── draft 1 ──|── draft 2 ──|… k
///                                                                        the same tokens   one of each
///
/// The first pass of the drafting model computes the tokens of the iteration, prompts too, so that its keys and values
/// are there; each further pass adds a token to every sequence that has yielded one. Nothing of the host stands between. A
/// model that drafts for itself has keys and values already: all its passes are of the further kind.
///
/// - Source: the order of passes in vLLM's proposer for EAGLE heads, from memory; the law of speculation
///   Ω·T / (k·T_draft + T_verify) of MagicDec is the same sum.
package final class DraftingCostModel: IterationCostModel {
  private let model: any IterationCostModel
  private let draft: any IterationCostModel
  private let drafts: Int
  private let byBatch: DraftsByBatch?
  private let budget: Int?

  /// - Parameters:
  ///   - model: With `drafts` as ``PricedDeployment/draftTokens``.
  ///   - draft: The drafting model, with the same.
  ///   - drafts: Tokens drafted behind each token, at least 1, and at most where `byBatch` says how many.
  ///   - budget: ``DraftModel/budget``.
  package init(
    _ model: any IterationCostModel, draft: any IterationCostModel, drafts: Int,
    byBatch: DraftsByBatch? = nil, budget: Int? = nil
  ) {
    precondition(drafts > 0, "DraftingCostModel: \(drafts) drafts")
    self.model = model
    self.draft = draft
    self.drafts = drafts
    self.byBatch = byBatch
    self.budget = budget
  }

  package var profile: CostProfile { model.profile }

  package func duration(of work: IterationWork) -> SimDuration {
    model.duration(of: work) + drafting(behind: work)
  }

  /// Ranks verify together, and wait for each other behind each pass of the drafting model.
  package func duration(ofRanks works: [IterationWork]) -> SimDuration {
    let passes = works.map(passes)
    let most = passes.map(\.count).max() ?? 0
    return (0..<most).reduce(model.duration(ofRanks: works)) { duration, index in
      duration
        + draft.duration(ofRanks: passes.map { index < $0.count ? $0[index] : IterationWork() })
    }
  }

  /// The passes of the drafting model; the first one where nothing is drafted too, for its keys and values.
  package func drafting(behind work: IterationWork) -> SimDuration {
    passes(behind: work).reduce(.zero) { $0 + draft.duration(of: $1) }
  }

  /// What each pass of the drafting model computes.
  private func passes(behind work: IterationWork) -> [IterationWork] {
    guard work.batchedTokens > 0 else { return [] }
    let drafting = work.sampledSequences - work.draftTokens
    var pass = work
    pass.sampledSequences = drafting
    (pass.copiedBlocks, pass.swappedInBlocks, pass.swappedOutBlocks) = (0, 0, 0)
    let sequences = work.decodeSequences + work.prefillChunks.count
    let drafts = byBatch?.drafts(behind: sequences, most: drafts) ?? drafts
    let first = budget == nil ? [pass] : []
    guard drafts > first.count, drafting > 0 else { return first }
    let context = work.prefillChunks.reduce(work.decodeContextTokens) {
      $0 + $1.contextTokens + $1.tokens
    }
    return first
      + (first.count..<drafts).map { index in
        var further = IterationWork(attendedMax: budget ?? work.attendedMax)
        further.decode(drafting, contextTokens: drafting * context / sequences + index * drafting)
        further.sampledSequences = drafting
        return further
      }
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
