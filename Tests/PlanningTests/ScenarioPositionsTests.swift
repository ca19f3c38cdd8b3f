import CostModel
import Messages
import Metrics
import ModelFiles
import Serving
import Testing

@testable import Planning

/// `--max-model-len` against the model's positions.
@Suite struct ScenarioPositionsTests {
  private func scenario(_ model: String, release: String? = nil) throws -> Scenario {
    var scenario = Scenario(
      system: .vllmV1, model: try ModelCatalogue.find(model),
      device: try DeviceCatalogue.find("h100-sxm"))
    scenario.engineRelease = release
    return scenario
  }

  @Test func positionsEndSequences() throws {
    var scenario = try scenario("llama-2-13b")
    scenario.maxModelLength = 16384
    let error = UserError(
      "`--max-model-len` is 16384, but `llama-2-13b` has 4096 positions (`max_position_embeddings`)",
      hint:
        "use at most 4096; vLLM takes more with `VLLM_ALLOW_LONG_MAX_MODEL_LEN=1`, where outputs may be "
        + "wrong: `--hf-overrides '{\"model_max_length\": 16384}'` stands for it")
    #expect(throws: error) { try scenario.memoryFit() }
    #expect(throws: error) { try scenario.resolved() }
    scenario.hfOverrides = try PositionOverrides(#"{"model_max_length": 16384}"#)
    #expect(try scenario.memoryFit().maxModelLength == 16384)
    let resolved = try scenario.resolved()
    #expect(resolved.settings.maxModelLength == 16384)
    #expect(
      resolved.fields.first { $0.name == "hf-overrides" }?.value == #"{"model_max_length": 16384}"#)
  }

  /// Qwen3's cards advise this for 131,072 tokens; from 0.30 on it takes the stated length too.
  @Test func yarnStretchesByRelease() throws {
    let rope =
      #"{"rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}}"#
    var older = try scenario("qwen3-8b", release: "0.10")
    older.hfOverrides = try PositionOverrides(rope)
    #expect(try older.memoryFit().maxModelLength == 131_072)
    older.maxModelLength = 131_073
    #expect {
      try older.memoryFit()
    } throws: {
      "\($0)".contains(
        "has 131072 positions (`original_max_position_embeddings` 32768 × `factor` 4.0)")
    }
    var newer = older
    newer.engineRelease = "0.33"
    newer.maxModelLength = nil
    #expect(try newer.memoryFit().maxModelLength == 40960)
  }

  @Test func longRoPEIsServedUnstretched() throws {
    #expect(try scenario("phi-3-mini-128k").memoryFit().maxModelLength == 4096)
    #expect(
      try scenario("phi-3-mini-128k", release: "0.11.0").memoryFit().maxModelLength == 131_072)
    var asked = try scenario("phi-3-mini-128k")
    asked.maxModelLength = 131_072
    #expect(try asked.memoryFit().maxModelLength == 131_072)
  }
}
