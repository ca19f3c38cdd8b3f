import CostModel
import Fleet
import Messages
import Metrics
import Serving
import SimulationKernel
import Testing
import Workload

@testable import Planning

/// A serving system that exists in this file only goes all the way from a scenario to a summary: what another one
/// takes besides is its line in `ServingSystem.all`.
private struct HastyOptions: SystemOptions {
  var watermarkShare = 0.01
}

extension ServingSystem {
  /// The scheduler of `vllm-0.2` that keeps a share of its pool free, by release; its sequences depend on the device.
  fileprivate static let hasty = ServingSystem(
    name: "hasty", summary: "a system of this test", releases: ["1", "2"],
    capabilities: Capabilities(isPaged: true, swaps: true),
    defaults: { known in
      Defaults(
        maxSequences: known.device?.name == "h100-sxm" ? 512 : 128, maxBatchedTokens: 2560,
        gpuMemoryUtilization: 0.90, swapSpaceGiB: 4)
    },
    configure: { choices, settings in
      settings[HastyOptions.self].watermarkShare = choices.release == "2" ? 0.5 : 0.01
    },
    make: {
      let share = $0.settings[HastyOptions.self].watermarkShare
      return $0.replica(
        PromptOrDecodeScheduler(
          requests: $0.requests, settings: $0.settings,
          watermarkBlocks: Int(share * Double($0.settings.deviceBlocks))))
    })
}

@Suite struct NewSystemTests {
  private static let trace = Trace(
    name: "new",
    requests: (0..<60).map { (index: Int) -> Request in
      let outputs = 30 + 7 * (index % 11)
      return Request(
        arrival: SimInstant(nanoseconds: Int64(index) * 10_000_000),
        promptTokens: Int32(40 + index), outputTokens: Int32(outputs))
    }, hasArrivals: true)

  private func scenario(
    _ system: ServingSystem, device: String = "a100-40gb",
    _ change: (inout Scenario) -> Void = { _ in }
  ) throws -> Scenario {
    var scenario = Scenario(
      system: system, model: try ModelCatalogue.find("opt-13b"),
      device: try DeviceCatalogue.find(device))
    scenario.deviceBlocksOverride = 200
    scenario.maxSequences = 64
    change(&scenario)
    return scenario
  }

  private func summary(
    _ system: ServingSystem, _ change: (inout Scenario) -> Void = { _ in }
  ) throws -> RunSummary {
    try Simulation.run(try scenario(system, change), trace: Self.trace).result.summary
  }

  /// With the watermark of `vllm-0.2` it does what that system does; its other release holds requests back.
  @Test func runsFromTheScenarioToTheSummary() throws {
    let mine = try summary(.hasty) { $0.engineRelease = "1" }
    let model = try summary(.vllm02)
    #expect(mine.system == "hasty" && mine.completed == 60)
    #expect(mine.ttft == model.ttft && mine.tpot == model.tpot && mine.e2el == model.e2el)
    #expect(mine.kv == model.kv)
    #expect(mine.provenance.scenario.contains(ScenarioField("engine-release", "1")))
    let held = try summary(.hasty)
    #expect(held.provenance.scenario.contains(ScenarioField("engine-release", "2")))
    #expect(try #require(held.ttft.mean) > 2 * (try #require(mine.ttft.mean)))
  }

  @Test func defaultsAreThoseOfTheDevice() throws {
    for (device, sequences) in [("a100-40gb", 128), ("h100-sxm", 512)] {
      let resolved = try scenario(.hasty, device: device) { $0.maxSequences = nil }.resolved()
      #expect(resolved.settings.maxSequences == sequences)
    }
  }

  /// It has the settings that its capabilities say, and refuses the others.
  @Test func hasTheSettingsOfItsCapabilities() throws {
    let own = ScenarioSetting.ofSomeSystems.filter { $0.isOf(.hasty) }.map(\.name)
    #expect(own == ["swap-space", "preemption-mode", "engine-release"])
    #expect(
      throws: UserError(
        "`hasty` has no `--enable-prefix-caching`",
        hint: "leave it out, or choose a system that has it: `vllm-v1` and `sglang` and `trtllm`")
    ) { try scenario(.hasty) { $0.prefixCaching = true }.resolved() }
    #expect(throws: UserError("`hasty` has no release `3`", hint: "its releases are `1` and `2`")) {
      try scenario(.hasty) { $0.engineRelease = "3" }.resolved()
    }
  }

  /// A deployment of it behind a router, as plans run it.
  @Test func servesBehindARouter() throws {
    let deployment = Deployment(try scenario(.hasty), replicas: 2, router: .roundRobin)
    let result = try PreparedDeployment(deployment).serve(Self.trace, seed: 1)
    #expect(result.summary.completed == 60 && result.summary.system == "hasty")
  }

  /// Results of unlike replicas name every kind.
  @Test func fleetsNameAllTheirKinds() throws {
    let kinds = Deployment(groups: [
      .init(try scenario(.hasty) { $0.maxSequences = 8 }, count: 2),
      .init(try scenario(.vllmV1, device: "h100-sxm")),
    ])
    let fields = try PreparedDeployment(kinds).serve(Self.trace, seed: 1).summary.provenance
      .scenario
    func value(_ name: String) -> String? { fields.first { $0.name == name }?.value }
    #expect(value("replica") == "2 × hasty on a100-40gb; 1 × vllm-v1 on h100-sxm")
    #expect(value("max-num-seqs") == "8; 64")
    #expect(value("block-size") == "16")
    #expect(value("engine-release") == "2; 0.33")
    #expect(value("swap-space") == "4.0; –" && value("enable-prefix-caching") == "–; true")
    #expect(Set(fields.map(\.name)).count == fields.count)
    let alike = Deployment(try scenario(.hasty), replicas: 3)
    let plain = try PreparedDeployment(alike).serve(Self.trace, seed: 1).summary.provenance.scenario
    #expect(!plain.contains { $0.name == "replica" })
  }
}
