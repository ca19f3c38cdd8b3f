import Foundation
import Metrics
import Testing

@testable import kvplan

/// Answers carry the error of served latency, and what they rest on nothing for.
@Suite(.serialized) struct ServedErrorOutputTests {
  private let trace =
    "arrival_s,prompt_tokens,output_tokens\n"
    + (0..<400).map { "\($0).5,\(100 + $0),\(20 + $0 % 50)\n" }.joined()

  private func run(_ arguments: [String]) throws -> Tool.Run {
    let run = try Tool.run(arguments, input: trace)
    #expect(run.status == 0, "\(run)")
    return run
  }

  private func object(_ run: Tool.Run) throws -> [String: Any] {
    try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any], "\(run)")
  }

  private let llama = ["-", "--model", "llama-3.1-70b", "--tensor-parallel-size", "4"]

  @Test func simulateSaysIt() throws {
    let arguments = ["simulate"] + llama + ["--device", "h100-sxm"]
    let text = try run(arguments).output
    #expect(text.contains("served error                 median %  p90 %  mean, off by p90\n"))
    #expect(
      text.contains(
        "of                           llama-3.1-70b on h100-sxm, vllm (the same model and device; 30 rows of "
          + "serving_points_dev.csv, 2026-11-30)\n"))
    let summary = try object(run(arguments + ["--format", "json"]))
    let provenance = try #require(summary["provenance"] as? [String: Any])
    let error = try #require(provenance["served_error"] as? [String: Any])
    let tpot = try #require((error["tpot"] as? [String: Double])?["p90"])
    let means = try #require(error["mean_tpot_ms"] as? [String: [String: Double]])
    let mean = try #require(summary["mean_tpot_ms"] as? Double)
    let (low, high) = ServedError.measured(for: mean, error: tpot)
    // Foundation's reader rounds each number: the eighth digit is beyond that.
    let ends = [low, try #require(high)].map { String(format: "%.8g", $0) }
    let found = try ["low", "high"].map { String(format: "%.8g", try #require(means["p90"]?[$0])) }
    #expect(found == ends)
    let paper = try Tool.run(paper: ["simulate", "-"], input: trace).output
    #expect(
      paper.contains("not known                    no served runs of `vllm-sosp23` on `a100-40gb`"))
  }

  /// The caveats of `simulate` stand in the text, in JSON and on standard error of every plan.
  @Test(arguments: ["capacity", "fleet", "scale"])
  func plansSayIt(verb: String) throws {
    let own = [
      "capacity": ["--device", "a100-80gb", "--no-explain", "--seeds", "1"],
      "fleet": ["--devices", "a100-80gb", "--request-rate", "2", "--tensor-parallel-sizes", "4"],
      "scale": ["--device", "a100-80gb", "--window", "200"],
    ]
    let split = verb == "fleet" ? Array(llama.prefix(3)) : llama
    let arguments =
      ["plan", verb] + split + ["--quantization", "fp8", "--slo", "ttft.p90<=5s, tpot.p90<=200ms"]
      + (own[verb] ?? [])
    let caveat =
      "no kernels of this kind were measured on `a100-80gb`: fp8 products; priced by formula"
    let text = try run(arguments)
    #expect(text.errors.contains("warning: \(caveat)\n"))
    let words = text.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(words.contains("Caveat: \(caveat)."))
    #expect(
      words.contains(
        "Error of served latency, of the nearest deployment that was measured, llama-3.1-70b on "))
    let plan = try object(run(arguments + ["--format", "json"]))
    #expect(plan["caveats"] as? [String] == [caveat])
    let error = try #require((plan["served_error"] as? [[String: Any]])?.first)
    #expect(error["same_model"] as? Bool == true && error["same_device"] as? Bool == false)
    let rate = try #require(plan["served_rate"] as? [String: [String: Any]])
    let (inner, outer) = (try #require(rate["median"]), try #require(rate["p90"]))
    let lows = [outer, inner].compactMap { $0["low"] as? Double }
    let highs = [inner, outer].compactMap { $0["high"] as? Double }
    #expect(lows == lows.sorted() && highs == highs.sorted() && !lows.isEmpty, "\(rate)")
  }

  @Test func errorsAreAskedForADay() throws {
    let run = try Tool.run(["validate", "errors", "points.csv", "--date", "today"])
    #expect(run.status == 2)
    #expect(run.errors == "error: `--date` must be a day such as `2026-11-29`, found `today`\n")
  }
}
