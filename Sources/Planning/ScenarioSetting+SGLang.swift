import Serving

extension ScenarioSetting {
  /// What drafts, and what runs beside each other, by SGLang's names.
  static let sglang: [ScenarioSetting] = [
    .choice(
      "speculative-algorithm", \.sglang.drafts.drafter, of: SGLangDrafter.allCases,
      text: \.rawValue
    ).byEstimate.recorded(71, .ifSet),
    .count("speculative-num-steps", \.sglang.drafts.steps).byEstimate.recorded(72, .ifSet),
    .count("speculative-eagle-topk", \.sglang.drafts.branches).byEstimate.recorded(73, .ifSet),
    .count("speculative-num-draft-tokens", \.sglang.drafts.verified).byEstimate
      .recorded(74, .ifSet),
    .text("speculative-draft-model-path", \.sglang.drafts.model).byEstimate.recorded(75, .ifSet),
    .yesNo("enable-two-batch-overlap", \.twoBatchOverlap).byEstimate.recorded(76, .ifSet),
  ]
}
