import Messages
import ModelFiles
import Serving

/// Drafts as SGLang's flags say them: `--speculative-algorithm` and what stands beside it.
///
///     EAGLE, NEXTN    a layer like the model's last, with its LM head: what `{"method": "mtp"}` is
///     EAGLE3          {"method": "eagle3"}, `model` by `--speculative-draft-model-path`
///     STANDALONE      {"method": "draft_model"}, the same
///
/// Steps are drafts, one behind the other. With trees (`--speculative-eagle-topk` above 1) nothing says how many are
/// accepted along which branch: they are refused.
///
/// - Source: SGLang 0.5.23, `speculative_hook.py`: which flags go together, and what follows from them.
extension Scenario {
  /// What drafts, by whichever flag it is said; `nil` for none.
  func drafter() throws -> SpeculativeConfig? {
    guard let name = sglang.drafts.drafter else { return speculativeConfig }
    let method: SpeculativeConfig.Method =
      switch name {
      case .eagle, .nextn: .mtp
      case .eagle3: .eagle3
      case .standalone: .draftModel
      }
    return try SpeculativeConfig(
      method, model: sglang.drafts.model, tokens: sglang.drafts.steps,
      flag: "`--speculative-draft-model-path`")
  }

  /// The flag that says what drafts.
  var draftingFlag: String {
    sglang.drafts.drafter == nil ? "`--speculative-config`" : "`--speculative-algorithm`"
  }

  /// What drafts rest on where no step trace has them.
  var caveatOfDrafts: String? {
    guard draftTokens > 0 else { return nil }
    if speculativeConfig?.method.isEngines == false {
      return
        "`magicdec` is reconstructed from a summary of its paper, and no method of an engine: the command that starts a server "
        + "leaves it out"
    }
    guard system.capabilities.admitsByEstimate else { return nil }
    return
      "drafts in `\(system.name)` follow its sources, chains only: no step trace with drafts is recorded, and no "
      + "served run was compared"
  }

  /// Refuses flags of SGLang's that contradict each other, or decide nothing.
  func requireSGLangDrafts() throws(UserError) {
    let drafts = sglang.drafts
    guard let drafter = drafts.drafter else {
      let idle = [
        ("num-steps", drafts.steps != nil), ("eagle-topk", drafts.branches != nil),
        ("num-draft-tokens", drafts.verified != nil), ("draft-model-path", drafts.model != nil),
      ]
      guard let flag = idle.first(where: \.1)?.0 else { return }
      throw UserError(
        "`--speculative-\(flag)` decides nothing without `--speculative-algorithm`",
        hint: "add that, or leave it out")
    }
    guard speculativeConfig == nil else {
      throw UserError(
        "`--speculative-config` and `--speculative-algorithm` both say what drafts",
        hint: "leave one of them out")
    }
    for (flag, value) in [
      ("num-steps", drafts.steps), ("eagle-topk", drafts.branches),
      ("num-draft-tokens", drafts.verified),
    ] {
      if let value, value < 1 {
        throw UserError("`--speculative-\(flag)` must be at least 1, found `\(value)`")
      }
    }
    if let branches = drafts.branches, branches > 1 {
      throw UserError(
        "`--speculative-eagle-topk` \(branches) drafts trees, which are not simulated",
        hint: "chains are: give 1")
    }
    if speculativeTokens == nil {
      guard let steps = drafts.steps else {
        throw UserError(
          "`--speculative-algorithm \(drafter.rawValue)` does not say how many tokens are drafted",
          hint: "add `--speculative-num-steps 3`, which SGLang takes for DeepSeek and most others")
      }
      if let verified = drafts.verified, verified != steps + 1 {
        throw UserError(
          "`--speculative-num-draft-tokens` is \(verified): a chain of \(steps) "
            + "\(steps == 1 ? "step" : "steps") verifies \(steps + 1) tokens, as SGLang sets it by itself",
          hint: "give \(steps + 1), or leave it out")
      }
    }
    try requireDraftModel(of: drafter, drafts.model)
  }

  private func requireDraftModel(
    of drafter: SGLangDrafter, _ model: String?
  ) throws(UserError) {
    switch drafter {
    case .eagle, .nextn:
      guard let model else { return }
      throw UserError(
        "`--speculative-draft-model-path \(printable(model))` decides nothing: a layer of the model's own size drafts "
          + "for `--speculative-algorithm \(drafter.rawValue)`",
        hint: "leave it out")
    case .eagle3: return
    case .standalone:
      guard model == nil else { return }
      throw UserError(
        "`--speculative-algorithm STANDALONE` does not say which model drafts",
        hint: "name it with `--speculative-draft-model-path`, as `--model` would")
    }
  }
}
