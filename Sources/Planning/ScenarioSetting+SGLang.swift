import Serving

extension ScenarioSetting {
  /// What drafts, by SGLang's names.
  static let sglangDrafts: [ScenarioSetting] = [
    .choice(
      "speculative-algorithm", \.sglang.drafts.drafter, of: SGLangDrafter.allCases,
      text: \.rawValue
    ).byEstimate.recorded(100, .ifSet),
    .count("speculative-num-steps", \.sglang.drafts.steps).byEstimate.recorded(101, .ifSet),
    .count("speculative-eagle-topk", \.sglang.drafts.branches).byEstimate.recorded(102, .ifSet),
    .count("speculative-num-draft-tokens", \.sglang.drafts.verified).byEstimate
      .recorded(103, .ifSet),
    .text("speculative-draft-model-path", \.sglang.drafts.model).byEstimate.recorded(104, .ifSet),
  ]
}
