import CostModel
import Messages
import Metrics
import ModelFiles
import Serving
import Testing
import Workload

@testable import Planning

/// `--overlap`: what comes out, what is said of it, and what is refused.
@Suite struct OverlapTests {
  private func scenario(
    _ overlap: String?, device: String = "a100-80gb", _ system: ServingSystem = .vllmV1,
    _ change: (inout Scenario) throws -> Void = { _ in }
  ) throws -> Scenario {
    var scenario = Scenario(
      system: system, model: try ModelCatalogue.find("llama-3.1-8b"),
      device: try DeviceCatalogue.find(device))
    (scenario.maxModelLength, scenario.maxBatchedTokens) = (16_384, 1024)
    scenario.requestRate = .infinity
    if let overlap { try ScenarioSetting.find("overlap").change(overlap)(&scenario) }
    try change(&scenario)
    return scenario
  }

  /// Prompts of 8,000 beside decodes: attention in one kernel is faster; apart, both read the weights, which a batch of both does
  /// once. Either is said to be a reconstruction.
  @Test func pricesChangeAndSaySo() throws {
    let requests = (0..<12).map { _ in Request(promptTokens: 8000, outputTokens: 100) }
    let trace = Trace(name: "long", requests: requests, hasArrivals: false)
    func run(_ overlap: String?) throws -> Simulation {
      try Simulation.run(try scenario(overlap), trace: trace)
    }
    let plain = try run(nil).result.summary.duration
    #expect(try run("none").result.summary.duration == plain)
    let (pod, bullet) = (try run("pod"), try run("bullet"))
    #expect(pod.result.summary.duration < plain)
    #expect(bullet.result.summary.duration != plain)
    for (run, rule) in [(pod, OverlapRule.pod), (bullet, .bullet)] {
      #expect(run.warnings.contains(try #require(rule.caveat)), "\(rule)")
    }
  }

  /// `--enable-two-batch-overlap` is refused where ranks send each other nothing; else prices are others, and say what they
  /// rest on.
  @Test func twoBatchesNeedRanks() throws {
    var scenario = Scenario(
      system: .sglang05, model: try ModelCatalogue.find("qwen3-30b-a3b"),
      device: try DeviceCatalogue.find("h100-sxm"))
    (scenario.maxModelLength, scenario.requestRate) = (4096, .infinity)
    scenario.twoBatchOverlap = true
    let error = try #require(throws: UserError.self) { _ = try scenario.resolved(prices: .none) }
    #expect(
      error.message
        == "`--enable-two-batch-overlap` hides what ranks send each other around their experts, and there is one rank"
    )
    (scenario.dataParallel, scenario.enableExpertParallel) = (2, true)
    let requests = (0..<16).map { _ in Request(promptTokens: 2000, outputTokens: 4) }
    let trace = Trace(name: "prompts", requests: requests, hasArrivals: false)
    let overlapped = try Simulation.run(scenario, trace: trace)
    scenario.twoBatchOverlap = nil
    let plain = try Simulation.run(scenario, trace: trace)
    #expect(overlapped.result.summary.duration != plain.result.summary.duration)
    #expect(overlapped.warnings.contains(PricedDeployment.twoBatchCaveat))
    #expect(!plain.warnings.contains(PricedDeployment.twoBatchCaveat))
  }

  @Test func whatIsNotKnownIsRefused() throws {
    func message(
      _ overlap: String, device: String = "a100-80gb", _ system: ServingSystem = .vllmV1,
      _ change: (inout Scenario) throws -> Void = { _ in }
    ) throws -> String {
      let scenario = try scenario(overlap, device: device, system, change)
      return try #require(throws: UserError.self) { _ = try scenario.resolved(prices: .none) }
        .message
    }
    #expect(
      try message("pod", device: "a100-80gb@2023")
        == "`--overlap pod`: the prices of `a100-80gb@2023` do not know it")
    #expect(
      try message("bullet") {
        $0.speculativeConfig = try SpeculativeConfig(
          #"{"method": "ngram", "num_speculative_tokens": 2}"#)
      } == "`--overlap bullet` is not simulated together with `--speculative-config`")
    #expect(
      try message("pod") { $0.chunkedPrefill = false }
        == "`--overlap pod` is not simulated together with `--no-enable-chunked-prefill`")
    #expect(
      try message("pod") { $0.disableCascade = false }
        == "`--overlap pod` is not simulated together with `--no-disable-cascade-attn`")
    #expect(try message("pod", .sglang05) == "`sglang` has no `--overlap`")
  }
}
