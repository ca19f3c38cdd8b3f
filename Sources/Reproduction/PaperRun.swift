import CostModel
import Fleet
import Messages
import Metrics
import Planning
import Serving
import SimulationKernel
import Workload

/// One experiment of the paper as a value: who serves what, on which hardware, at which rate, and when it
/// is measured.
///
/// Everything else is as in the artifact: swap space of 20 GiB a GPU, 2,560 tokens an iteration, 95 % of
/// the memory, sequences of at most 2,048 tokens.
package struct PaperRun: Sendable {
  package var system: ServingSystem
  package var hardware: PaperHardware
  package var workload: PaperWorkload
  /// Requests per second.
  package var rate: Double
  /// How long requests arrive, seconds.
  package var seconds: Double
  /// When it is measured, seconds; `nil` measures everything to the last answer.
  package var window: ClosedRange<Double>?
  package var blockSize = 16
  package var preemptionMode = PreemptionMode.automatic
  /// Most sequences of an iteration, in place of the system's own.
  package var maxSequences: Int?
  /// Token slots of the pool, in place of what the engine makes of the memory.
  package var slots: Int?
  /// Settings beside those of the protocol, by name.
  package var settings: KeyValuePairs<String, String> = [:]
  package var seed: UInt64 = 0

  package init(
    _ system: ServingSystem, _ hardware: PaperHardware, _ workload: PaperWorkload, rate: Double,
    seconds: Double, window: ClosedRange<Double>? = nil
  ) {
    self.system = system
    self.hardware = hardware
    self.workload = workload
    self.rate = rate
    self.seconds = seconds
    self.window = window
  }

  /// Runs the experiment.
  ///
  /// - Throws: ``UserError`` for a run that cannot go on.
  package func summary(traces: PaperTraces) throws -> RunSummary {
    let scenario = try scenario()
    let resolved = try scenario.resolved()
    var settings = resolved.settings
    var requests = traces.requests(
      workload, rate: rate, seconds: seconds, seed: seed)
    var prices = resolved.costModel
    if case .translation(let prefix) = workload {
      let shared = system.capabilities.isPaged ? prefix.sharedTokens(blockSize: blockSize) : 0
      let own = Int32(prefix.tokens - shared)
      for index in requests.indices { requests[index].promptTokens += own }
      settings.deviceBlocks -= shared / blockSize
      prices = SharedPrefixCostModel(prices, prefixTokens: shared)
    }
    let record: RunRecord
    do {
      record = try system.serve(
        requests, settings: settings, executor: PricedExecutor(prices),
        window: resolved.window)
    } catch let failure as RunFailure {
      throw failure.userError(trace: "\(workload)", scenario: scenario)
    }
    return record.summary(
      RunLabels(
        system: system.name, model: scenario.model.name, device: scenario.device.name,
        requestRate: rate, blocks: settings.deviceBlocks, blockSize: blockSize,
        provenance: Provenance(
          seed: seed, version: toolVersion, scenario: resolved.fields,
          costProfile: "\(resolved.costModel.profile.name) (\(resolved.costModel.profile.error))")))
  }

  private func scenario() throws -> Scenario {
    var scenario = Scenario(
      system: system, model: try ModelCatalogue.find(hardware.model),
      device: try DeviceCatalogue.find(hardware.device))
    scenario.tensorParallel = hardware.gpus
    scenario.blockSize = blockSize
    scenario.preemptionMode = preemptionMode
    scenario.maxSequences = maxSequences ?? staticBatch
    scenario.maxModelLength = min(scenario.model.maxPositions, 2048)
    scenario.windowFrom = window?.lowerBound ?? 0
    scenario.windowTo = window?.upperBound
    scenario.seed = seed
    scenario.deviceBlocksOverride = slots.map { $0 / blockSize }
    for (name, value) in settings { try ScenarioSetting.find(name).change(value)(&scenario) }
    return scenario
  }

  /// The batch that the artifact's scripts allow FasterTransformer, by model and data set.
  private var staticBatch: Int? {
    guard system.capabilities.hasStaticBatches else { return nil }
    return workload == .sharegpt ? hardware.staticBatches.sharegpt : hardware.staticBatches.alpaca
  }
}

/// A model on the GPUs that the paper gave it.
package enum PaperHardware: String, CaseIterable, Sendable {
  case opt13B = "OPT-13B"
  case opt66B = "OPT-66B"
  case opt175B = "OPT-175B"
  case llama13B = "LLaMA-13B"

  package var model: String { rawValue.lowercased() }

  package var device: String { self == .opt175B ? "a100-80gb@2023" : "a100-40gb@2023" }

  package var gpus: Int {
    switch self {
    case .opt13B, .llama13B: 1
    case .opt66B: 4
    case .opt175B: 8
    }
  }

  /// FasterTransformer's largest batch.
  var staticBatches: (alpaca: Int, sharegpt: Int) {
    switch self {
    case .opt13B, .llama13B: (14, 5)
    case .opt66B: (8, 2)
    case .opt175B: (80, 24)
    }
  }
}

/// Prices iterations in which each sequence attends to a prefix that is stored once.
///
/// The scheduler counts own tokens only, as the artifact's shared-prefix engine does; the prefix enters
/// as context that attention reads for each sequence. After the first one it comes from the L2 cache: one
/// layer of 336 tokens is 6.9 MB, and an A100 has 40 MB.
final class SharedPrefixCostModel: IterationCostModel {
  private let prefixTokens: Int
  private let base: any IterationCostModel

  /// Time to read from the L2 cache instead of memory: 5,120 bytes a clock at 1.41 GHz are 7.2 TB/s,
  /// memory has 1.555 TB/s (A100 whitepaper).
  private static let cachedReadShare = 1555.0 / 7219

  init(_ base: any IterationCostModel, prefixTokens: Int) {
    self.base = base
    self.prefixTokens = prefixTokens
  }

  var profile: CostProfile { base.profile }

  func duration(of own: IterationWork) -> SimDuration {
    var work = own
    let reads = work.decodeSequences * prefixTokens
    let first = min(reads, prefixTokens)
    work.decodeContextTokens +=
      first + Int((Double(reads - first) * Self.cachedReadShare).rounded())
    for index in work.prefillChunks.indices {
      work.prefillChunks[index].contextTokens += prefixTokens
    }
    return base.duration(of: work)
  }
}
