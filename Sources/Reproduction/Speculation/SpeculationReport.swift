import CostModel
import Messages
import Metrics
import Planning
import Results
import Serving
import SimulationKernel
import Workload

/// Speculative decoding: laws and published speedups beside ours.
package enum SpeculationReport {
  static let figure = "speculation"

  /// - Parameter seed: Of the acceptance that is drawn.
  package static func report(seed: UInt64) throws -> FigureReport {
    let magic = try MagicDec()
    return FigureReport(
      name: figure, title: "Speculative decoding: laws and published speedups",
      claims: try lengths(seed: seed) + magic.claims + headClaims(), data: magic.data,
      figure: nil, remarks: remarks)
  }

  // MARK: Tokens of a verification

  /// Ω of a few shares and numbers of drafts, against an engine that draws them.
  private static func lengths(seed: UInt64) throws -> [Claim] {
    try [(0.6, 1), (0.8, 3), (0.9, 5)].map { share, drafts in
      var scenario = Scenario(
        system: .vllmV1, model: try ModelCatalogue.find("llama-3.1-8b"),
        device: try DeviceCatalogue.find("h100-sxm"))
      scenario.seed = seed
      scenario.requestRate = .infinity
      try set(&scenario, #"{"method": "ngram"}"#, drafts: drafts, "geometric:\(share)")
      let requests = (0..<64).map { _ in Request(promptTokens: 100, outputTokens: 500) }
      let summary = try Simulation.run(
        scenario, trace: Trace(name: "64 answers", requests: requests, hasArrivals: false)
      ).result.summary
      return Claim(
        figure, "tokens of a verification, a = \(share), \(drafts) drafts",
        Claim.relative(SelfDraft.tokens(drafts: drafts, acceptance: share), 0.02),
        ours: summary.speculation?.acceptanceLength ?? 0,
        note: "Ω of MagicDec; ours from a served trace, drafts beyond its end cut")
    }
  }

  private static func set(
    _ scenario: inout Scenario, _ config: String, drafts: Int, _ acceptance: String
  ) throws {
    try ScenarioSetting.find("speculative-config").change(config)(&scenario)
    scenario.speculativeTokens = drafts
    scenario.acceptance = try Acceptance(acceptance)
  }

  // MARK: Published speedups of EAGLE-3 heads

  private static func study(
    _ model: String, drafts: Int, length: Double
  ) throws -> SpeculationStudy {
    var scenario = Scenario(
      system: .vllmV1, model: try ModelCatalogue.find(model),
      device: try DeviceCatalogue.find("h100-sxm"))
    scenario.maxModelLength = 4096
    try set(&scenario, #"{"method": "eagle3"}"#, drafts: drafts, "length:\(length)")
    return try SpeculationStudy(scenario, contextTokens: 1000)
  }

  private static func headClaims() throws -> [Claim] {
    let vllm = try [("qwen3-8b", 257.3 / 149.6), ("qwen3-32b", 80.4 / 43.4)].map { model, ratio in
      Claim(
        figure, "EAGLE-3 in vLLM, \(model), one sequence, times as fast",
        Claim.relative(ratio, 0.25),
        ours: try study(model, drafts: 2, length: 2).point(1).speedup,
        note:
          "AngelSlim, from a summary: acceptance length 2.0 as published (1.74 to 2.2 over models); device and number of "
          + "drafts are not recorded, an H100, two drafts and a context of 1,000 are assumed")
    }
    // What length the published speedup at one sequence asks for, then tried on 64.
    let (drafts, published) = (5, 373.3 / 158.3)
    let single = try study("llama-3.1-8b", drafts: drafts, length: 1).point(1)
    let length = published / single.speedup
    let many = try study("llama-3.1-8b", drafts: drafts, length: 1).point(64).speedup * length
    return vllm + [
      Claim(
        figure,
        "EAGLE-3 in SGLang, llama-3.1-8b, acceptance length that its speedup at one sequence asks for",
        .nothing, ours: length,
        note:
          "2.36 times as fast, from a summary; the length is not recorded, a chain of five drafts is assumed"
      ),
      Claim(
        figure, "the same length at 64 sequences, times as fast", Claim.relative(1.38, 0.25),
        ours: many,
        note: "from a summary; the length and the drafts of the run at 64 are not recorded"),
    ]
  }

  private static let remarks = [
    "MagicDec's tables are images that were not read: its law, its critical context and its maxima are taken from summaries. Its "
      + "acceptance is not among them, so that a maximum is held only against what every draft accepted would give; the "
      + "critical context needs none.",
    "Prices are those of kernels alone for MagicDec, and of vLLM's engine for EAGLE-3 heads; a head is priced by its size "
      + "(one layer, an LM head of 32,000 tokens).",
    "VeriCache is not repeated: how its rings of bandwidth and memory are booked was not found.",
  ]
}
