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
