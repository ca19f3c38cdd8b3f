import CostModel
import Foundation
import Kernels
import Messages
import ModelFiles
import Planning
import Serving
import SimulationKernel
import Workload

/// A run that really happens on this machine's processor: a scenario, and what only a real run has.
package struct CPUScenario: Sendable {
  /// System, model, engine settings, load. Its device is ``cpu`` and its pool that of ``kvMemoryGiB``
  /// unless blocks are given.
  package var base: Scenario
  /// Memory for keys and values, GiB.
  package var kvMemoryGiB = 0.5
  /// Arrivals come this many times as fast as the trace says.
  package var timeScale = 1.0
  /// Of the sampling; 0 is greedy.
  package var temperature = 1.0

  package init(system: ServingSystem, model: ModelSpec) {
    base = Scenario(system: system, model: model, device: Self.cpu)
    // A system that does not swap has no such setting.
    if system.capabilities.swaps { base.swapSpaceGiB = 0.5 }
    base.maxModelLength = 2048
  }

  /// Stands where scenarios name a device; nothing but its name is used.
  private static var cpu: DeviceSpec {
    var device = DeviceCatalogue.all[0]
    device.name = "cpu"
    device.aliases = []
    return device
  }

  /// Has so many tokens drafted behind each, of which as many are right as is drawn; nothing drafts them.
  package mutating func force(_ acceptance: Acceptance, drafts: Int) throws {
    base.speculativeConfig = try SpeculativeConfig(
      .ngram, model: nil, tokens: drafts, flag: "`--num-speculative-tokens`")
    base.speculativeTokens = drafts
    base.acceptance = acceptance
  }

  /// Checks the settings and turns sizes into blocks; an fp32 block is twice as large as the
  /// catalogue counts it.
  ///
  /// - Parameter machineMemory: What this machine has, bytes.
  /// - Throws: ``UserError`` for settings out of range, for an arena that holds no sequence of the
  ///   longest length, and for one that this machine does not hold.
  package func settings(
    machineMemory: UInt64 = ProcessInfo.processInfo.physicalMemory
  ) throws -> EngineSettings {
    if let standIn = base.system.capabilities.cpuStandIn {
      throw UserError(
        "`\(base.system.name)` maps pages with a GPU's driver, which no CPU has",
        hint: "simulate it (`kvplan simulate`), or serve `\(standIn)`, whose scheduler it has")
    }
    guard timeScale > 0, timeScale.isFinite else {
      throw UserError("`--time-scale` must be positive, found `\(timeScale)`")
    }
    guard temperature >= 0, temperature.isFinite else {
      throw UserError("`--temperature` must be zero or more, found `\(temperature)`")
    }
    guard base.blockSize > 0 else {
      throw UserError("`--block-size` must be at least 1, found `\(base.blockSize)`")
    }
    guard kvMemoryGiB > 0, kvMemoryGiB.isFinite else {
      throw UserError("`--kv-memory` must be positive GiB, found `\(kvMemoryGiB)`")
    }
    let tokenBytes = ToyModels.kvBytesPerToken(base.model)
    try checkMemory(tokenBytes: tokenBytes, machineMemory: machineMemory)
    let cache = ToyModels.kvCache(base.model, blockTokens: base.blockSize)
    var scenario = base
    if scenario.deviceBlocksOverride == nil {
      let arena = Self.capacity(of: cache, gibibytes: kvMemoryGiB)
      let longest = base.maxModelLength ?? base.model.maxPositions
      guard arena.holds(tokens: longest) else {
        throw UserError(
          "the arena is too small: \(kvMemoryGiB) GiB hold \(arena.tokens) tokens of "
            + "`\(base.model.name)` (\(tokenBytes) bytes each), a sequence may have "
            + "\(longest)",
          hint: "raise `--kv-memory` or lower `--max-model-len`")
      }
      scenario.deviceBlocksOverride = arena.blocks
    }
    var settings = try scenario.resolved().settings
    settings.hostBlocks = Self.capacity(of: cache, gibibytes: base.hostMemoryGiB).blocks
    // The kernels run request by request: each iteration has to list who runs.
    settings.stepping = .iteration
    return settings
  }

  private static func capacity(of cache: KVCacheSpec, gibibytes: Double) -> KVCapacity {
    KVCapacity(blocks: Int(gibibytes * Double(1 << 30)) / cache.blockBytes, of: cache, inFlight: 1)
  }

  /// - Throws: ``UserError`` if arenas and weights are larger than the memory of the machine.
  private func checkMemory(tokenBytes: Int, machineMemory: UInt64) throws {
    let gibibyte = Double(1 << 30)
    // Counts that users give may be too large to multiply as integers.
    let device =
      base.deviceBlocksOverride.map {
        Double($0) * Double(base.blockSize) * Double(tokenBytes) / gibibyte
      } ?? kvMemoryGiB
    let weights = Double(ToyModels.weightBytes(base.model)) / gibibyte
    let machine = Double(machineMemory) / gibibyte
    guard device + base.hostMemoryGiB + weights > machine else { return }
    func text(_ value: Double) -> String { "\((value * 10).rounded() / 10) GiB" }
    throw UserError(
      "the run does not fit this machine, which has \(text(machine)): keys and values "
        + "\(text(device)), swap space \(text(base.hostMemoryGiB)), weights of "
        + "`\(base.model.name)` \(text(weights))",
      hint:
        "lower `\(base.deviceBlocksOverride == nil ? "--kv-memory" : "--num-gpu-blocks-override")`"
        + " or `--swap-space`")
  }

  /// The trace as it is served: arrivals come ``timeScale`` times as fast.
  package func prepared(_ trace: Trace, warnings: inout [String]) throws -> Trace {
    var trace = try base.prepared(trace, warnings: &warnings)
    for index in trace.requests.indices {
      let arrival = Double(trace.requests[index].arrival.nanoseconds)
      trace.requests[index].arrival = SimInstant(nanoseconds: Int64(arrival / timeScale))
    }
    return trace
  }
}
