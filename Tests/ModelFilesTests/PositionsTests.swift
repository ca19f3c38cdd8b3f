import CostModel
import Foundation
import Messages
import Testing

@testable import ModelFiles

/// Positions of configurations, and what `--hf-overrides` makes of them.
@Suite struct PositionsTests {
  private static let older = VLLMRelease(0, 29, 0)

  private func positions(_ config: String) throws -> ModelPositions {
    let value = try JSONDecoder().decode(ConfigValue.self, from: Data(config.utf8))
    guard case .object(let values) = value else { preconditionFailure("no object: \(config)") }
    return try ModelPositions(ConfigFields(file: "config.json", values: values))
  }

  private func longest(_ rope: String) throws -> [Int] {
    let read = try positions(
      "{\"max_position_embeddings\": 4096, \"original_max_position_embeddings\": 512, \(rope)}")
    return [read.longest(in: Self.older), read.longest(), read.usual(in: VLLMRelease(0, 33))]
  }

  @Test func kindsOfStretching() throws {
    let yarn = #"{"rope_type": "yarn", "factor": 8, "original_max_position_embeddings": 1024}"#
    #expect(try longest("\"rope_scaling\": \(yarn)") == [8192, 4096, 4096])
    #expect(
      try longest("\"rope_parameters\": {\"full_attention\": \(yarn)}") == [8192, 4096, 4096])
    #expect(
      try longest(#""rope_scaling": {"type": "linear", "factor": 4.0}"#) == [16384, 16384, 16384])
    #expect(
      try longest(#""rope_scaling": {"rope_type": "llama3", "factor": 8.0}"#) == [4096, 4096, 4096])
    #expect(try longest(#""rope_scaling": {"type": "su"}"#) == [4096, 4096, 512])
    #expect(
      try longest(#""rope_scaling": {"type": "mrope", "factor": 8.0}"#) == [4096, 4096, 4096])
    #expect(
      try longest(#""model_type": "gemma3_text", "rope_scaling": {"type": "linear", "factor": 8}"#)
        == [4096, 4096, 4096])
  }

  @Test func theSmallestFieldCounts() throws {
    let two = try positions(#"{"max_position_embeddings": 4096, "seq_length": 2048}"#)
    #expect((two.field, two.stated) == ("seq_length", 2048))
    let last = try positions(#"{"max_position_embeddings": 8192, "model_max_length": 131072}"#)
    #expect((last.field, last.stated) == ("model_max_length", 131_072))
  }

  @Test func overridesStandInForFields() throws {
    func applied(_ json: String, to model: ModelPositions) throws -> [Int] {
      let changed = try PositionOverrides(json).applied(to: model)
      // Applied twice, they change nothing more.
      #expect(try PositionOverrides(json).applied(to: changed) == changed)
      return [changed.longest(in: Self.older), changed.longest()]
    }
    let qwen = ModelPositions(stated: 40960)
    let yarn =
      #""rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}"#
    #expect(try applied("{\(yarn)}", to: qwen) == [131_072, 40960])
    #expect(
      try applied("{\(yarn), \"max_position_embeddings\": 131072}", to: qwen) == [131_072, 131_072])
    #expect(try applied("{\"text_config\": {\(yarn)}}", to: qwen) == [131_072, 40960])
    #expect(
      try applied(#"{"rope_scaling": {"rope_type": "yarn", "factor": 2.0}}"#, to: qwen)
        == [81920, 40960])
    let stretched = ModelPositions(stated: 4096, stretch: .factor(4))
    #expect(
      try applied(#"{"rope_scaling": {"rope_type": "default"}}"#, to: stretched) == [4096, 4096])
    #expect(try applied(#"{"rope_scaling": null}"#, to: stretched) == [4096, 4096])
    #expect(try applied(#"{"model_max_length": 50000}"#, to: qwen) == [50000, 50000])
    #expect(try applied(#"{"seq_length": 50000}"#, to: qwen) == [40960, 40960])
  }

  @Test func whatIsNoOverrideIsRefused() {
    func message(_ json: String) -> String {
      do {
        return "\(try PositionOverrides(json).applied(to: ModelPositions(stated: 4096)))"
      } catch { return "\(error)" }
    }
    #expect(
      message("max_position_embeddings=5") == """
        error: `--hf-overrides` must be a JSON object, found `max_position_embeddings=…`

        hint: give the fields of a `config.json`: `{"max_position_embeddings": 65536}`
        """)
    #expect(
      message(#"{"hidden_size": 8192}"#) == """
        error: `--hf-overrides` sets `hidden_size`: only a model's positions can be overridden

        hint: for another field, give the path of a `config.json` that has it so as `--model`
        """)
    #expect(
      message(#"{"max_position_embeddings": -1}"#)
        == "error: `--hf-overrides`: `max_position_embeddings` must be a whole number from 1 to "
        + "1073741824, found `-1`")
    #expect(
      message(#"{"rope_scaling": {"type": "linear", "factor": 1e9}}"#).hasPrefix(
        "error: `--hf-overrides`: `max_position_embeddings` 4096 × `factor` 1000000000.0 comes to "
          + "4096000000000 positions, beyond a billion"))
  }
}
