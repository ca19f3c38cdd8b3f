import CostModel
import KVMemory
import Messages
import ModelFiles
import Serving

/// Tokens that are drafted and verified.
extension Scenario {
  /// Drafts behind each token; 0 for none.
  package var draftTokens: Int {
    speculativeTokens ?? speculativeConfig?.tokens ?? sglang.drafts.steps ?? 0
  }

  /// What drafts on the same GPUs; `nil` where no model does. What shares the model's head is stored as the model is.
  var draftModel: DraftModel? {
    guard draftTokens > 0, var draft = try? drafter()?.draft(for: model) else { return nil }
    if draft.sharesHead { draft.weights = weights }
    return draft
  }

  /// What `--speculative-config` (or SGLang's flags), `--num-speculative-tokens` and `--acceptance` come to; `nil` where
  /// nothing is drafted.
  ///
  /// Keys of blocks stand for the token behind them in the release whose step traces were recorded, where no tier looks
  /// blocks up by what they hold; otherwise a hit gives its last block back. In which release that changed was not read:
  /// the newest alone is taken to have it.
  ///
  /// - Throws: ``UserError`` for what is missing, contradicts itself or has no price.
  func speculation(_ limits: IterationLimits) throws -> Speculation? {
    guard draftTokens > 0, let config = try drafter() else { return nil }
    guard let acceptance else {
      throw UserError(
        "how many of \(draftTokens) drafts are accepted decides what comes of them, and is not said",
        hint: "add `--acceptance 0.8,0.6`, a share by position as vLLM logs them, `geometric:0.8`, "
          + "or `length:2.4`")
    }
    var speculation = Speculation(draftTokens: draftTokens)
    speculation.byBatch = config.byBatch
    speculation.acceptance = AcceptanceDraws(
      cumulative: try acceptance.cumulative(draftTokens), seed: seed)
    let draft = try config.draft(for: model)
    if draft != nil { speculation.lookaheadSlots = draftTokens }
    let release = release.flatMap { VLLMRelease($0) }
    if config.method == .draftModel, release.map({ $0 >= .draftSlots }) ?? true {
      speculation.draftSlots = 1
    }
    if config.method == .eagle3 || config.method == .mtp {
      if kvOffloadingGiB == nil, release.map({ $0 >= .keysOfNextToken }) ?? true {
        speculation.caching.keyLookahead = 1
      } else {
        speculation.caching.dropsLastHit = choices.prefixCaching
      }
    }
    try requireRoom(for: speculation, limits)
    return speculation
  }

  /// Refuses settings of drafts that are incomplete or have no price, and a model that cannot draft.
  func requireSpeculation() throws {
    try requireSGLangDrafts()
    let flag = draftingFlag
    if let speculativeTokens, speculativeTokens < 0 {
      throw UserError(
        "`--num-speculative-tokens` must be zero or more, found `\(speculativeTokens)`")
    }
    guard let config = try drafter() else {
      guard draftTokens == 0 else {
        throw UserError(
          "`--num-speculative-tokens` \(draftTokens) does not say what drafts",
          hint: "add `--speculative-config '{\"method\": \"ngram\"}'`, or one of eagle3, mtp, "
            + "draft_model and magicdec")
      }
      guard acceptance == nil || speculativeTokens == 0 else {
        throw UserError(
          "`--acceptance` decides nothing without drafts",
          hint: "leave it out, or add \(flag)")
      }
      return
    }
    guard speculativeTokens != nil || config.tokens != nil else {
      throw UserError(
        "\(flag) does not say how many tokens are drafted",
        hint: "add `num_speculative_tokens` to it, or `--num-speculative-tokens 3`")
    }
    guard draftTokens > 0 else { return }
    guard device.software == .present else {
      throw UserError(
        "\(flag): the prices of `\(device.name)` do not know drafts",
        hint: "leave it out, or choose the device of today")
    }
    guard pipelineParallel == 1 else {
      throw UserError(
        "\(flag): drafts have no price with `--pipeline-parallel-size` \(pipelineParallel)",
        hint: "leave one of them out")
    }
    guard !model.layers.kinds.contains(where: \.layer.isRecurrent) else {
      throw UserError(
        "\(flag): drafts have no price in the recurrent layers of `\(model.name)`",
        hint: "leave it out")
    }
    guard dataParallel == 1 || !system.capabilities.admitsByEstimate else {
      throw UserError(
        "\(flag) and `--data-parallel-size` \(dataParallel) are not simulated together: SGLang then lets no rank decode "
          + "while another computes a prompt",
        hint: "leave one of them out")
    }
    _ = try config.draft(for: model)
  }

  /// Refuses drafts that no iteration, or no sequence, has room for.
  private func requireRoom(
    for speculation: Speculation, _ limits: IterationLimits
  ) throws(UserError) {
    let needed = 1 + speculation.draftTokens + speculation.draftSlots
    // The chunk of a system that admits by estimate bounds prompts alone.
    guard needed <= limits.tokens || system.capabilities.admitsByEstimate else {
      throw UserError(
        "\(speculation.draftTokens) drafts and their token need \(needed) tokens of an iteration, and "
          + "`--max-num-batched-tokens` is \(limits.tokens)",
        hint: "draft fewer, or raise `--max-num-batched-tokens`")
    }
    guard speculation.draftTokens + 2 <= limits.modelLength else {
      throw UserError(
        "\(speculation.draftTokens) drafts look ahead beyond the longest sequence: `--max-model-len` is "
          + "\(limits.modelLength)", hint: "draft fewer, or raise `--max-model-len`")
    }
  }

  /// The prices of the model with what drafts for it.
  func drafting(
    _ base: any IterationCostModel, _ deployment: PricedDeployment, _ prices: PriceSource
  ) throws -> any IterationCostModel {
    guard let draft = draftModel else { return base }
    var drafting = deployment
    drafting.model = draft.shape
    drafting.weights = draft.weights
    drafting.overheads = overheads.ofDrafting(for: model)
    return DraftingCostModel(
      base, draft: try prices.kernelModel(drafting, profile: deviceProfile), drafts: draftTokens,
      byBatch: try drafter()?.byBatch, budget: draft.budget)
  }
}
