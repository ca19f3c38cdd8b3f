import CostModel
import Messages
import Metrics
import Serving
import Testing
import Workload

@testable import Planning

/// `--no-disable-cascade-attn`: what comes out, and what is refused.
@Suite struct CascadeTests {
  private func scenario(
    model: String = "llama-3.1-8b", device: String = "h100-sxm", _ system: ServingSystem = .vllmV1,
    _ change: (inout Scenario) throws -> Void = { _ in }
  ) throws -> Scenario {
    var scenario = Scenario(
      system: system, model: try ModelCatalogue.find(model),
      device: try DeviceCatalogue.find(device))
    scenario.maxModelLength = 8192
    scenario.requestRate = .infinity
    try ScenarioSetting.find("disable-cascade-attn").change("false")(&scenario)
    try change(&scenario)
    return scenario
  }

  /// 64 requests with `shared` tokens in common, and 100 of their own.
  private func trace(shared: Int32) -> Trace {
    var contents = PromptContents()
    var requests: [Request] = []
    for id in 0..<64 {
      let own = TokenPiece(stream: PromptContents.ownStream(of: id), start: 0, count: 100)
      contents.append(
        shared > 0 ? [TokenPiece(stream: 1, start: 0, count: shared), own] : [own])
      requests.append(Request(promptTokens: shared + 100, outputTokens: 50))
    }
    var trace = Trace(name: "alike", requests: requests, hasArrivals: false)
    trace.contents = contents
    return trace
  }

  private func summary(_ scenario: Scenario, _ trace: Trace) throws -> RunSummary {
    var summary = try Simulation.run(scenario, trace: trace).result.summary
    summary.provenance.scenario = []
    return summary
  }

  @Test func whatIsSharedIsCheaper() throws {
    let trace = trace(shared: 4000)
    let plain = try #require(
      try summary(scenario { $0.disableCascade = nil }, trace).tpot.mean)
    let cascaded = try #require(try summary(scenario(), trace).tpot.mean)
    #expect(cascaded < plain)
  }

  @Test func withoutAPrefixNothingChanges() throws {
    let trace = trace(shared: 0)
    #expect(
      try summary(scenario(), trace) == summary(scenario { $0.disableCascade = nil }, trace))
    #expect(
      try summary(scenario { $0.disableCascade = true }, trace)
        == summary(scenario { $0.disableCascade = nil }, trace))
  }

  @Test func whatIsNotKnownIsRefused() throws {
    func message(
      model: String = "llama-3.1-8b", device: String = "h100-sxm",
      _ system: ServingSystem = .vllmV1,
      _ change: (inout Scenario) throws -> Void = { _ in }
    ) throws -> String {
      let scenario = try scenario(model: model, device: device, system, change)
      return try #require(throws: UserError.self) {
        _ = try scenario.resolved(prices: .none)
      }.message
    }
    #expect(
      try message { $0.prefixCaching = false }
        == "`--no-disable-cascade-attn` is not simulated together with `--no-enable-prefix-caching`"
    )
    #expect(
      try message { $0.kvOffloadingGiB = 4 }
        == "`--no-disable-cascade-attn` is not simulated together with `--kv-offloading-size`")
    #expect(
      try message(model: "gemma-3-4b")
        == "`--no-disable-cascade-attn`: the engine has it for heads that attend to the whole context, "
        + "and `gemma-3-4b` has others")
    #expect(
      try message(device: "a100-80gb@2023")
        == "`--no-disable-cascade-attn`: the prices of `a100-80gb@2023` do not know it")
    #expect(try message(.sglang05) == "`sglang` has no `--disable-cascade-attn`")
  }
}
