import Foundation
import Testing

@testable import kvplan

/// Drafts from the command line to JSON and back.
@Suite struct SpeculationCommandTests {
  private let trace = """
    arrival_s,prompt_tokens,output_tokens
    0,64,9
    0,64,9

    """

  /// Two of three drafts every time: 1, 3, 3 and 2 tokens for each of two requests.
  @Test func whatComesOfDraftsIsInTheResult() throws {
    let run = try Tool.run(
      [
        "simulate", "-", "--model", "llama-3.1-8b", "--device", "h100-sxm", "--max-model-len",
        "512",
        "--speculative-config", #"{"method": "eagle3"}"#, "--num-speculative-tokens", "3",
        "--acceptance", "1,1,0", "--format", "json",
      ], input: trace)
    #expect(run.status == 0, "\(run.errors)")
    let result = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    #expect(result["spec_decode_acceptance_length"] as? Double == 3)
    #expect(result["spec_decode_num_drafts"] as? Int == 6)
    #expect(result["spec_decode_draft_tokens"] as? Int == 18)
    #expect(result["spec_decode_accepted_tokens"] as? Int == 12)
    #expect(
      result["spec_decode_per_position_acceptance_rates"] as? [Double] == [1.0, 1.0, 0.0])
    #expect(result["tokens_per_step"] as? Double == 8.0 / 3)
    #expect(result["iterations"] as? Int == 4)
    let provenance = try #require(result["provenance"] as? [String: Any])
    let scenario = try #require(provenance["scenario"] as? [String: Any])
    #expect(scenario["speculative-config"] as? String == #"{"method": "eagle3"}"#)
    #expect(scenario["num-speculative-tokens"] as? String == "3")
    #expect(scenario["acceptance"] as? String == "1.0,1.0,0.0")
  }

  /// The same in `sglang`, by its own flags.
  @Test func sglangDraftsByItsOwnFlags() throws {
    let run = try Tool.run(
      [
        "simulate", "-", "--system", "sglang", "--model", "llama-3.1-8b", "--device", "h100-sxm",
        "--max-model-len", "512", "--speculative-algorithm", "EAGLE3", "--speculative-num-steps",
        "3", "--speculative-eagle-topk", "1", "--speculative-num-draft-tokens", "4",
        "--acceptance", "1,1,0", "--format", "json",
      ], input: trace)
    #expect(run.status == 0, "\(run.errors)")
    let result = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    #expect(result["spec_decode_acceptance_length"] as? Double == 3)
    #expect(result["spec_decode_num_drafts"] as? Int == 6)
    #expect(result["spec_decode_accepted_tokens"] as? Int == 12)
    #expect(result["tokens_per_step"] as? Double == 8.0 / 3)
    let provenance = try #require(result["provenance"] as? [String: Any])
    let scenario = try #require(provenance["scenario"] as? [String: Any])
    #expect(scenario["speculative-algorithm"] as? String == "EAGLE3")
    #expect(scenario["speculative-num-steps"] as? String == "3")
  }

  /// No draft is accepted: verifying them and drafting is lost.
  @Test func aPlanThatDoesNotPaySaysSo() throws {
    let run = try Tool.run([
      "plan", "speculation", "--model", "llama-3.1-8b", "--device", "h100-sxm", "--context", "1000",
      "--max-model-len", "4096", "--speculative-config",
      #"{"method": "eagle3", "num_speculative_tokens": 2}"#, "--acceptance", "geometric:0",
      "--batch", "1,4096",
    ])
    #expect(run.status == 2)
    #expect(run.errors.contains("`--batch` takes whole numbers from 1 to "))
    let paying = try Tool.run([
      "plan", "speculation", "--model", "llama-3.1-8b", "--device", "h100-sxm", "--context", "1000",
      "--max-model-len", "4096", "--speculative-config",
      #"{"method": "eagle3", "num_speculative_tokens": 2}"#, "--acceptance", "geometric:0",
    ])
    #expect(paying.status == 1)
    #expect(
      paying.errors.contains("drafting pays at no batch: one token at a time is faster"))
  }
}
