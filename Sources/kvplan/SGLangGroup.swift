import ArgumentParser
import Planning
import Serving

/// What drafts, and what runs beside each other, by SGLang's flags.
struct SGLangFlags: ParsableArguments {
  @Option(
    help: """
      What drafts: EAGLE and NEXTN (a layer like the model's, its own module or a head), EAGLE3 (a head on three layers), \
      STANDALONE (a smaller model); needs `--acceptance`; \(only("speculative-algorithm")) (default: nothing).
      """)
  var speculativeAlgorithm: String?

  @Option(
    help: "Tokens that are drafted behind each; \(only("speculative-num-steps")).")
  var speculativeNumSteps: Int?

  @Option(
    help: """
      How many drafts follow each draft: 1, a chain; trees are refused; \(only("speculative-eagle-topk")) (default: 1).
      """)
  var speculativeEagleTopk: Int?

  @Option(
    help: """
      Tokens that are verified: the drafts of a chain and the token before them; \
      \(only("speculative-num-draft-tokens")) (default: steps + 1).
      """)
  var speculativeNumDraftTokens: Int?

  @Option(
    help: """
      The model that drafts, of STANDALONE, or the `config.json` of an EAGLE3 head; \
      \(only("speculative-draft-model-path")) (default: a head of the usual size).
      """)
  var speculativeDraftModelPath: String?

  @Flag(
    inversion: .prefixedNo,
    help: ArgumentHelp(
      """
      Let what ranks send each other hide behind the other half of their batches; \
      \(only("enable-two-batch-overlap")) (default: no).
      """))
  var enableTwoBatchOverlap: Bool?

  func apply(to scenario: inout Scenario) throws {
    if let speculativeAlgorithm {
      try ScenarioSetting.find("speculative-algorithm").change(speculativeAlgorithm)(&scenario)
    }
    scenario.sglang.drafts.steps = speculativeNumSteps
    scenario.sglang.drafts.branches = speculativeEagleTopk
    scenario.sglang.drafts.verified = speculativeNumDraftTokens
    scenario.sglang.drafts.model = speculativeDraftModelPath
    scenario.twoBatchOverlap = enableTwoBatchOverlap
  }
}
