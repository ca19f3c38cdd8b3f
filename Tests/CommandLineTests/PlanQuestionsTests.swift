import Foundation
import Testing

@testable import kvplan

/// `--request-rate 15,30` and `--what-if` of plans.
@Suite(.serialized) struct PlanQuestionsTests {
  /// Two hundred requests of three lengths.
  private let trace =
    "prompt_tokens,output_tokens\n"
    + (0..<200).map { "\(60 + $0 % 3 * 40),\(20 + $0 % 3 * 10)\n" }.joined()

  private let slo = ["--slo", "ttft.p90<=1s, tpot.p90<=80ms"]

  private func object(_ run: Tool.Run) throws -> [String: Any] {
    try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any], "\(run)")
  }

  private func capacity(_ arguments: [String]) throws -> Tool.Run {
    try Tool.run(
      ["plan", "capacity", "-", "--model", "opt-13b", "--device", "a100-80gb", "--no-explain"] + slo
        + arguments, input: trace)
  }

  private func fleet(_ arguments: [String]) throws -> Tool.Run {
    try Tool.run(
      [
        "plan", "fleet", "-", "--model", "opt-13b", "--devices", "a100-80gb", "--max-gpus", "4",
        "--tensor-parallel-sizes", "1",
      ] + slo + arguments, input: trace)
  }

  /// Twice the rate is asked about at twice the rate, a setting that is the default changes nothing at all, and longer
  /// outputs lower the rate by more than their own interval.
  @Test func capacityIsAskedAboutRatesAndChanges() throws {
    let run = try capacity([
      "--request-rate", "1,1000", "--what-if", "rate=x2", "--what-if", "block-size=16", "--what-if",
      "outputs=x2,prompts=x2", "--format", "json",
    ])
    #expect(run.status == 1, "\(run.errors)")
    let plan = try object(run)
    let asked = try #require(plan["asked"] as? [[String: Any]])
    #expect(asked.map { $0["holds"] as? String } == ["yes", "no"])
    let capacity = try #require(plan["capacity"] as? Double)
    let answers = try #require(plan["what_if"] as? [[String: Any]])
    #expect(
      answers.map { $0["what_if"] as? String } == [
        "rate=x2", "block-size=16", "outputs=x2,prompts=x2",
      ])
    let doubled = try #require(answers[0]["asked"] as? [[String: Any]])
    #expect(doubled.map { $0["request_rate"] as? Double } == [2, 2000])
    #expect(answers[0]["effect"] == nil)
    #expect(answers[1]["effect"] as? Double == 0)
    #expect(answers[1]["effect_found"] as? Bool == false)
    #expect(answers[1]["request_rate"] as? Double == capacity)
    #expect(answers[2]["effect_found"] as? Bool == true)
    let effect = try #require(answers[2]["effect"] as? Double)
    #expect(effect < -(try #require(answers[2]["effect_ci95"] as? Double)))
  }

  /// The plans of several rates are those of each, and what becomes of twice the rate is what is planned for it.
  @Test func aFleetIsPlannedForEachRate() throws {
    let both = try object(fleet(["--request-rate", "40,80", "--format", "json"]))
    let plans = try #require(both["plans"] as? [[String: Any]])
    // A plan alone has the command that made it; both together have theirs.
    let alone = try ["40", "80"].map {
      try object(fleet(["--request-rate", $0, "--format", "json"])).filter { $0.key != "run" }
    }
    for (plan, alone) in zip(plans, alone) {
      #expect(NSDictionary(dictionary: plan) == NSDictionary(dictionary: alone))
    }
    let best = try #require(alone[1]["recommendation"] as? [String: Any])
    let asked = try object(
      fleet(["--request-rate", "40", "--what-if", "rate=x2", "--format", "json"]))
    let answer = try #require((asked["what_if"] as? [[String: Any]])?.first)
    #expect(answer["recommendation"] as? String == best["deployment"] as? String)
    #expect(answer["dollars_per_month"] as? Double == best["dollars_per_month"] as? Double)
    #expect(answer["at_the_edge"] as? Bool == alone[1]["at_the_edge"] as? Bool)
    let rows = try fleet(["--request-rate", "40,80", "--format", "csv"]).output
      .split(separator: "\n")
    #expect(rows[0].hasPrefix("plan_request_rate,deployment,gpus,"))
    #expect(rows.dropFirst().contains { $0.hasPrefix("40.0,") })
    #expect(rows.dropFirst().contains { $0.hasPrefix("80.0,") })
  }

  @Test(
    arguments: [
      (
        ["--what-if", "rate=x2"],
        "`--what-if rate=x2` has no rate to multiply: what is sustained does not depend on it\n\n"
          + "hint: give the rates to try with `--request-rate`"
      ),
      (
        ["--what-if", "outputs=2"],
        "`--what-if outputs=` takes `x` and a positive factor, found `2`\n\n"
          + "hint: such as `--what-if outputs=x2`"
      ),
      (
        ["--what-if", "faster"],
        "`--what-if` must be what changes, `=` and how, found `faster`\n\n"
          + "hint: such as `--what-if rate=x2` or `--what-if kv-cache-dtype=fp8`"
      ),
      (
        ["--what-if", "block-size=8,block-size=16"],
        "`--what-if block-size=8,block-size=16` changes `block-size` twice"
      ),
      (["--what-if", "seed=3"], "`--what-if seed` changes what the plan decides by itself"),
      (["--what-if", "max-num-seq=8"], "unknown setting `max-num-seq`"),
      (
        ["--what-if", "rat=x2"], "unknown setting `rat`\n\nhint: did you mean `rate`?"
      ),
      (
        ["--what-if", "colour=x2"],
        "unknown setting `colour`\n\nhint: it may be `rate`, `prompts`, `outputs`, `lose` or a setting: settings have the "
          + "names of flags, which `kvplan simulate --help` lists"
      ),
      (
        ["--request-rate", "5,x"],
        "`--request-rate` must be positive numbers of requests per second, found `x`"
      ),
      (["--request-rate", "5,5"], "`--request-rate` names 5 twice"),
      (["--request-rate", "inf"], "`--request-rate` of a plan must be finite, found `inf`"),
    ])
  func whatIsNoQuestionIsRefused(_ arguments: [String], _ message: String) throws {
    let run = try capacity(arguments)
    #expect(run.status == 2)
    #expect(run.errors.contains("error: " + message), "\(run.errors)")
  }

  @Test func aFleetSearchesOverDevicesAnyway() throws {
    let run = try fleet(["--request-rate", "5", "--what-if", "device=h100-sxm"])
    #expect(run.status == 2)
    #expect(run.errors.contains("`--what-if device` changes what the plan decides by itself"))
  }
}
