import CostModel
import Foundation
import Kernels
import Metrics
import Planning
import Serving
import SimulationKernel
import Testing
import Workload

@testable import Validation

@Suite struct CPUScenarioTests {
  private func scenario(_ change: (inout CPUScenario) -> Void = { _ in }) throws -> CPUScenario {
    var scenario = CPUScenario(system: .vllmSOSP23, model: try ToyModels.find("toy-1m"))
    change(&scenario)
    return scenario
  }

  private func message(_ change: (inout CPUScenario) -> Void) throws -> String? {
    let scenario = try scenario(change)
    return #expect(throws: UserError.self) { try scenario.settings() }?.description
  }

  @Test func sizesBecomeBlocks() throws {
    let settings = try scenario { $0.kvMemoryGiB = 0.25 }.settings()
    // 4 layers × 2 (K and V) × 2 KV heads × 32 × 4 bytes = 2,048 bytes a token.
    #expect(settings.deviceBlocks == 8192)
    #expect(settings.hostBlocks == 16384)
  }

  @Test func messages() throws {
    #expect(
      try message { $0.base.blockSize = 0 }
        == "error: `--block-size` must be at least 1, found `0`")
    #expect(
      try message { $0.timeScale = 0 } == "error: `--time-scale` must be positive, found `0.0`")
    #expect(
      try message { $0.kvMemoryGiB = 0.001 } == """
        error: the arena is too small: 0.001 GiB hold 512 tokens of `toy-1m` (2048 bytes each), \
        a sequence may have 2048

        hint: raise `--kv-memory` or lower `--max-model-len`
        """)
  }

  @Test func arrivalsAreCompressed() throws {
    let trace = Trace(
      name: "two",
      requests: [
        Request(arrival: SimInstant(nanoseconds: 1000), promptTokens: 3, outputTokens: 2),
        Request(arrival: SimInstant(nanoseconds: 5000), promptTokens: 3, outputTokens: 2),
      ], hasArrivals: true)
    var warnings: [String] = []
    let served = try scenario { $0.timeScale = 4 }.prepared(trace, warnings: &warnings)
    #expect(served.requests.map(\.arrival.nanoseconds) == [250, 1250])
  }

  private var profile: CPUProfile {
    CPUProfile(
      model: "toy-1m",
      machine: KernelMachine(processor: "Z80", cores: 2, blas: "Zen", instructionSet: "avx2"),
      stopwatch: .wall, prices: CPUFeatures.names.map { .init(feature: $0, seconds: 1e-6) },
      samples: 10, heldOut: 2, meanError: 0.034, p90Error: 0.071)
  }

  @Test func aProfileOfAnotherMachineWarns() throws {
    var here = profile.machine
    #expect(try profile.warnings(for: "toy-1m", on: here) == [])
    here.cores = 4
    #expect(
      try profile.warnings(for: "toy-1m", on: here)
        == ["the profile was measured on another machine: cores `2`, here `4`"])
    let error = #expect(throws: UserError.self) {
      try profile.warnings(for: "toy-25m", on: here)
    }
    #expect(
      error?.description == """
        error: the profile is of `toy-1m`, not of `toy-25m`

        hint: measure with `kvplan calibrate cpu --model toy-25m`
        """)
  }

  @Test func profilesGoThroughFiles() throws {
    let data = try profile.encoded()
    #expect(try CPUProfile.decode(data, path: "p.json") == profile)
    let error = #expect(throws: UserError.self) {
      try CPUProfile.decode(Data("{}".utf8), path: "p.json")
    }
    #expect(
      error?.description == """
        error: `p.json` is no CPU profile

        hint: `kvplan calibrate cpu --output` writes one
        """)
  }

  /// Every feature is linear in between its knots, so that a price never jumps.
  @Test func pricesGrowWithTheIteration() throws {
    let model = CPUCostModel(profile, model: try ToyModels.find("toy-1m"), blockSize: 16)
    var last = SimDuration.zero
    for tokens in [1, 3, 17, 100, 900, 3000] {
      var shape = IterationShape()
      shape.prefillChunks = [.init(tokens: tokens, contextTokens: 0)]
      shape.sampledSequences = 1
      let duration = model.duration(of: shape)
      #expect(duration > last)
      last = duration
    }
    #expect(model.profile.error == "held-out error 3.4 %, p90 7.1 %")
  }

  /// A small workload, served for real and simulated: the same iterations and the same tokens.
  @Test func measuredAndSimulatedRunsSchedule() throws {
    let serving = CPUServing(try ToyModels.find("toy-1m"))
    let comparison = try serving.compare(
      .sharedPrefix, requests: 4, profile: profile, pacing: .processorTime)
    #expect(comparison.differing == 0)
    #expect(comparison.sequences == 4)
    #expect(comparison.measured.completed == 4)
    #expect(comparison.simulated.completed == 4)
  }
}
