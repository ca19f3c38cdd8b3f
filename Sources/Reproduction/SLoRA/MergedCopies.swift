import CostModel
import Fleet
import Messages
import Planning
import Serving
import SimulationKernel
import Workload

/// A model of its own for each adapter, the adapter merged into its weights: as many processes on one GPU (vLLM-packed).
///
///     memory   | weights, pool | weights, pool | …      each process has the same share
///     time     |  a  |  b  |  c  |  a  |  b  | …         each gets its share, as if all always had work
enum MergedCopies {
  /// What the processes may have of the GPU, together.
  ///
  /// - Source: `--vllm-mem-ratio 0.92` of the study's launch scripts.
  static let memoryShare = 0.92

  /// Requests per second of as many processes as adapters.
  ///
  /// - Throws: ``UserError`` if they do not fit.
  static func run(_ scenario: Scenario, count: Int, seed: UInt32) throws -> Double {
    let workload = SLoRAWorkload(adapterCount: count, seed: seed)
    let resolved = try shared(scenario, count).resolved()
    let prices = TimeShare(resolved.costModel, processes: count)
    let ends = try (0..<count).map { adapter in
      try resolved.scenario.system.serve(
        workload.requests(of: adapter), settings: resolved.settings,
        executor: PricedExecutor(prices)
      ).end
    }
    return Double(workload.requests.count) / ((ends.max() ?? .zero) - .zero).seconds
  }

  /// The most processes for which there is room.
  static func most(_ scenario: Scenario) throws -> Int {
    var count = 0
    while (try? shared(scenario, count + 1)) != nil { count += 1 }
    return count
  }

  /// One of the processes. Each counts against its share what PyTorch allocates; its CUDA context lies outside of it.
  ///
  /// - Source: vLLM 0.2's profiling of memory, from memory.
  private static func shared(_ scenario: Scenario, _ count: Int) throws -> Scenario {
    var scenario = scenario
    scenario.gpuMemoryUtilization = memoryShare / Double(count)
    let resolved = try scenario.resolved()
    guard let budget = resolved.kvBudget else { return scenario }
    scenario.deviceBlocksOverride =
      (budget.kvBytes + budget.contextBytes) / budget.blockBytes
    return scenario
  }
}

/// Prices of one of several processes that take turns on a GPU.
final class TimeShare: IterationCostModel {
  private let base: any IterationCostModel
  private let processes: Int64

  init(_ base: any IterationCostModel, processes: Int) {
    self.base = base
    self.processes = Int64(processes)
  }

  var profile: CostProfile { base.profile }

  func duration(of work: IterationWork) -> SimDuration {
    SimDuration(nanoseconds: base.duration(of: work).nanoseconds * processes)
  }
}
