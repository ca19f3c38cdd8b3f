import CostModel
import Foundation
import KVMemory
import Kernels
import Messages
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
    #expect(
      try message { $0.temperature = -1 }
        == "error: `--temperature` must be zero or more, found `-1.0`")
    #expect(
      try message { $0.kvMemoryGiB = 0 }
        == "error: `--kv-memory` must be positive GiB, found `0.0`")
  }

  @Test func arenasThatTheMachineDoesNotHold() throws {
    func message(_ change: (inout CPUScenario) -> Void) throws -> String? {
      let scenario = try scenario(change)
      let error = #expect(throws: UserError.self) { try scenario.settings(machineMemory: 8 << 30) }
      return error?.description
    }
    #expect(
      try message { $0.kvMemoryGiB = 1e12 } == """
        error: the run does not fit this machine, which has 8.0 GiB: keys and values \
        1000000000000.0 GiB, swap space 0.5 GiB, weights of `toy-1m` 0.0 GiB

        hint: lower `--kv-memory` or `--swap-space`
        """)
    // 16 tokens × 2,048 bytes × 2^20 blocks = 32 GiB.
    #expect(
      try message { $0.base.deviceBlocksOverride = 1 << 20 } == """
        error: the run does not fit this machine, which has 8.0 GiB: keys and values 32.0 GiB, \
        swap space 0.5 GiB, weights of `toy-1m` 0.0 GiB

        hint: lower `--num-gpu-blocks-override` or `--swap-space`
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
    var old = profile
    old.version = 1
    let encoded = try old.encoded()
    let oldError = #expect(throws: UserError.self) {
      try CPUProfile.decode(encoded, path: "p.json")
    }
    #expect(
      oldError?.description == """
        error: `p.json` is a CPU profile of another version of kvplan

        hint: measure again with `kvplan calibrate cpu`
        """)
  }

  /// Rows are cut as the product cuts them: 64 at a time, and of the rest tiles of 8, 4, 2 and 1.
  @Test func rowsAreCutIntoTiles() {
    // Rows: tiles of 8, 4, 2, 1; a row alone; the one reading.
    let expected: [Int: [Double]] = [
      0: [0, 0, 0, 0, 0, 0], 1: [0, 0, 0, 0, 1, 1], 3: [0, 0, 1, 1, 0, 1],
      4: [0, 1, 0, 0, 0, 1], 15: [1, 1, 1, 1, 0, 1], 64: [8, 0, 0, 0, 0, 1],
      66: [8, 0, 1, 0, 0, 1], 77: [9, 1, 0, 1, 0, 1],
    ]
    for (rows, tiles) in expected { #expect(CPUFeatures.products(rows: rows) == tiles, "\(rows)") }
  }

  /// Between two block sizes that were measured the price lies between theirs.
  @Test func blockSizesInBetweenAreInterpolated() throws {
    let model = try ToyModels.find("toy-1m")
    var iteration = CPUIteration()
    iteration.work.decodeContextTokens = 100
    func shares(_ blockSize: Int) -> [Double] {
      let features = CPUFeatures(model, blockSize: blockSize).values(iteration)
      return Array(features[9..<14])
    }
    #expect(shares(1) == [100, 0, 0, 0, 0])
    #expect(shares(16) == [0, 0, 100, 0, 0])
    #expect(shares(64) == [0, 0, 0, 50, 50])
    #expect(shares(128) == [0, 0, 0, 0, 100])
    #expect(shares(512) == [0, 0, 0, 0, 100])
  }

  /// What is shared is priced by its own price, and the rest as context.
  @Test func sharedContextHasAPriceOfItsOwn() throws {
    var profile = profile
    for index in profile.prices.indices {
      let name = profile.prices[index].feature
      profile.prices[index].seconds =
        name == "shared_context_tokens" ? 1e-6 : name == "decode_context_tokens_block_16" ? 4e-6 : 0
    }
    let model = CPUCostModel(profile, model: try ToyModels.find("toy-1m"), blockSize: 16)
    var iteration = CPUIteration()
    iteration.work.decodeSequences = 2
    iteration.work.decodeContextTokens = 100
    #expect(model.duration(of: iteration).nanoseconds == 400_000)
    iteration.sharedContextTokens = 40
    #expect(model.duration(of: iteration).nanoseconds == 280_000)
    #expect(model.profile.error == "held-out error 3.4 %, p90 7.1 %")
  }

  @Test func sharedTokensAreThoseThatWereReadBefore() {
    var counter = SharedTokenCounter(blockSize: 16)
    // Blocks 3 and 7 are read twice: 32 tokens. Of block 9 the second reader has 5 tokens; the third
    // sequence does not get as far as its last block, which would be shared.
    let sequences: [(table: [BlockID], context: Int)] = [
      ([3, 7, 9], 45), ([3, 7, 9], 37), ([1, 3], 16),
    ]
    #expect(counter.sharedTokens(sequences) == 16 + 16 + 5)
    #expect(counter.sharedTokens([sequences[2]]) == 0)
  }

  @Test func repeatsAreSummedUpByMedians() {
    typealias Row = CPUComparison.Row
    let repeats = [(10.0, 11.0), (20, 18), (40, 40)].map { measured, simulated in
      [
        Row(name: "TTFT", measured: measured, simulated: simulated),
        Row(name: "preemptions", measured: 0, simulated: 1),
      ]
    }
    let rows = CPURepeats.summary(repeats)
    #expect(rows.map(\.name) == ["TTFT", "preemptions"])
    #expect(rows[0].measured == 20)
    #expect(rows[0].simulated == 18)
    // Errors +10 %, −10 %, 0 %; measured quartiles 15 and 30.
    #expect(rows[0].error.map { ($0.median * 1e6).rounded() } == 0)
    #expect(rows[0].error.map { ($0.lowerQuartile * 1e6).rounded() } == -50_000)
    #expect(rows[0].error.map { ($0.upperQuartile * 1e6).rounded() } == 50_000)
    #expect(rows[0].noise == 0.75)
    #expect(rows[1].error == nil)
    #expect(rows[1].noise == nil)
    #expect(CPURepeats.summary([]) == [])
  }

  /// A small workload, served for real and simulated: the same iterations and the same tokens.
  @Test func measuredAndSimulatedRunsSchedule() throws {
    let serving = CPUServing(try ToyModels.find("toy-1m"))
    // Prices far too low, so that the requests come nearly at once and run together on any machine.
    var profile = profile
    for index in profile.prices.indices { profile.prices[index].seconds = 1e-9 }
    let comparison = try serving.compare(
      .sharedPrefix, requests: 4, profile: profile, pacing: .processorTime)
    #expect(comparison.differing == 0)
    #expect(comparison.sequences == 4)
    #expect(comparison.measured.completed == 4)
    #expect(comparison.simulated.completed == 4)
    #expect(comparison.iterations.count >= comparison.measured.iterations)
    // Four prompts begin with the same 128 tokens, 8 blocks.
    #expect(comparison.iterations.contains { $0.iteration.sharedContextTokens > 0 })
    #expect(
      comparison.iterations.allSatisfy { $0.iteration.sharedContextTokens % 128 == 0 })
  }
}
