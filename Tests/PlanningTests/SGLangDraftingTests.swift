import CostModel
import KVMemory
import Messages
import ModelFiles
import Serving
import Testing
import Workload

@testable import Planning

/// Drafts in `sglang` as its users ask for them.
@Suite struct SGLangDraftingTests {
  private func scenario(_ settings: [String: String]) throws -> Scenario {
    var scenario = Scenario(
      system: .sglang05, model: try ModelFile.find("llama-3.1-8b"),
      device: try DeviceFile.find("h100-sxm"))
    scenario.maxModelLength = 8192
    for (name, text) in settings.sorted(by: { $0.key < $1.key }) {
      try ScenarioSetting.find(name).change(text)(&scenario)
    }
    return scenario
  }

  private func settings(_ settings: [String: String]) throws -> EngineSettings {
    try scenario(settings).resolved(prices: .none).settings
  }

  private let eagle3 = [
    "speculative-algorithm": "EAGLE3", "speculative-num-steps": "3", "speculative-eagle-topk": "1",
    "speculative-num-draft-tokens": "4", "acceptance": "0.8,0.6,0.5",
  ]

  /// SGLang's flags are vLLM's in other words.
  @Test func bothWaysOfSayingItAreOne() throws {
    let ours = try settings(eagle3)
    let vllms = try settings([
      "speculative-config": #"{"method": "eagle3", "num_speculative_tokens": 3}"#,
      "acceptance": "0.8,0.6,0.5",
    ])
    #expect(ours == vllms)
    let speculation = try #require(ours.sglang.speculation)
    #expect(speculation.draftTokens == 3 && speculation.caching.keyLookahead == 1)
    #expect(speculation.acceptance?.cumulative == [0.8, 0.6, 0.5])
    let plain = try scenario([:])
    let drafting = try scenario(eagle3)
    #expect(plain.kvCacheSpec.blockBytes * 33 == drafting.kvCacheSpec.blockBytes * 32)
    // EAGLE and NEXTN are two names of a layer like the model's.
    let (eagle, nextn) = try (
      scenario(eagle3.merging(["speculative-algorithm": "EAGLE"]) { $1 }),
      scenario(eagle3.merging(["speculative-algorithm": "NEXTN"]) { $1 })
    )
    #expect(eagle.draftModel == nextn.draftModel)
    #expect(eagle.draftModel == DraftModel(predictorOf: eagle.model))
    // A smaller model has keys of its own tokens alone.
    let model = try settings([
      "speculative-algorithm": "STANDALONE", "speculative-num-steps": "2",
      "speculative-draft-model-path": "llama-3.2-1b", "acceptance": "0.7,0.5",
    ])
    #expect(model.sglang.speculation?.caching == DraftRules())
  }

  /// SGLang lets 48 requests run where tokens are drafted, unless it is told.
  @Test func fewerRequestsRun() throws {
    let plain = try settings([:])
    #expect(plain.maxSequences == 4096)
    #expect(try settings(eagle3).maxSequences == 48)
    #expect(try settings(eagle3.merging(["max-num-seqs": "200"]) { $1 }).maxSequences == 200)
  }

  /// Results say that no run of the engine with drafts was recorded.
  @Test func whatDraftsRestOnIsSaid() throws {
    let trace = Trace(
      name: "one", requests: [Request(promptTokens: 64, outputTokens: 9)], hasArrivals: false)
    func warnings(_ settings: [String: String]) throws -> [String] {
      var scenario = try scenario(settings)
      scenario.requestRate = .infinity
      return try Simulation.run(scenario, trace: trace).warnings
    }
    let said =
      "drafts in `sglang` follow its sources, chains only: no step trace with drafts is recorded, and no served run was "
      + "compared"
    #expect(try warnings(eagle3).contains(said))
    #expect(try !warnings([:]).contains(said))
  }

  /// No drafts are the run without them.
  @Test func noneIsNone() throws {
    #expect(
      try settings(eagle3.merging(["num-speculative-tokens": "0"]) { $1 }) == settings([:]))
  }

  @Test(arguments: [
    (
      "speculative-num-steps=3",
      "`--speculative-num-steps` decides nothing without `--speculative-algorithm`"
    ),
    (
      "speculative-algorithm=EAGLE|acceptance=0.5",
      "`--speculative-algorithm EAGLE` does not say how many tokens are drafted"
    ),
    (
      "speculative-algorithm=EAGLE|speculative-num-steps=3",
      "how many of 3 drafts are accepted decides what comes of them, and is not said"
    ),
    (
      "speculative-algorithm=EAGLE|speculative-num-steps=0|acceptance=0.5",
      "`--speculative-num-steps` must be at least 1, found `0`"
    ),
    (
      "speculative-algorithm=EAGLE|speculative-num-steps=5|speculative-eagle-topk=4|acceptance=geometric:0.5",
      "`--speculative-eagle-topk` 4 drafts trees, which are not simulated"
    ),
    (
      "speculative-algorithm=EAGLE|speculative-num-steps=3|speculative-num-draft-tokens=8|acceptance=geometric:0.5",
      "`--speculative-num-draft-tokens` is 8: a chain of 3 steps verifies 4 tokens, as SGLang sets it by itself"
    ),
    (
      "speculative-algorithm=NEXTN|speculative-num-steps=1|speculative-draft-model-path=x|acceptance=0.5",
      "`--speculative-draft-model-path x` decides nothing: a layer of the model's own size drafts for `--speculative-algorithm NEXTN`"
    ),
    (
      "speculative-algorithm=STANDALONE|speculative-num-steps=1|acceptance=0.5",
      "`--speculative-algorithm STANDALONE` does not say which model drafts"
    ),
    (
      #"speculative-algorithm=EAGLE|speculative-num-steps=1|speculative-config={"method": "ngram"}|acceptance=0.5"#,
      "`--speculative-config` and `--speculative-algorithm` both say what drafts"
    ),
    (
      #"speculative-config={"method": "ngram", "num_speculative_tokens": 1, "num_speculative_tokens_per_batch_size": [[1, 8, 1]]}|acceptance=0.5"#,
      "`num_speculative_tokens_per_batch_size`: `sglang` drafts as many tokens behind every batch"
    ),
    (
      #"speculative-config={"method": "ngram", "num_speculative_tokens": 1}|enable-mixed-chunk=true|acceptance=0.5"#,
      "`--enable-mixed-chunk` does nothing beside drafts of a look-up or of a model: SGLang turns it off"
    ),
    (
      "speculative-algorithm=EAGLE|speculative-num-steps=1|enable-hierarchical-cache=true|acceptance=0.5",
      "drafts and `--enable-hierarchical-cache` are not simulated together"
    ),
    (
      "model=qwen3-30b-a3b|speculative-algorithm=EAGLE|speculative-num-steps=1|data-parallel-size=2|acceptance=0.5",
      "`--speculative-algorithm` and `--data-parallel-size` 2 are not simulated together: SGLang then lets no rank decode while another computes a prompt"
    ),
    (
      "system=vllm-v1|speculative-algorithm=EAGLE",
      "`vllm-v1` has no `--speculative-algorithm`"
    ),
  ])
  func mistakesAreNamed(settings: String, message: String) throws {
    let pairs = settings.split(separator: "|").map {
      $0.split(separator: "=", maxSplits: 1).map(String.init)
    }
    let error = try #require(throws: UserError.self) {
      _ = try scenario(Dictionary(uniqueKeysWithValues: pairs.map { ($0[0], $0[1]) }))
        .resolved(prices: .none)
    }
    #expect(error.message == message)
  }
}
