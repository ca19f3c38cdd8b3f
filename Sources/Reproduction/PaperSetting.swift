import Metrics
import Planning
import Serving

/// What the figures are made from: the lengths, and how much of the paper's hours is simulated.
package struct PaperSetting: Sendable {
  package var traces: PaperTraces
  /// Whether the lengths are the ones that the paper used, not those of generated stand-ins.
  package var hasOriginalShareGPT: Bool
  package var seed: UInt64
  /// Shortens every run for a quick look; 1 for the paper's own lengths.
  package var timeScale: Double

  package init(
    traces: PaperTraces, hasOriginalShareGPT: Bool, seed: UInt64 = 0, timeScale: Double = 1
  ) {
    self.traces = traces
    self.hasOriginalShareGPT = hasOriginalShareGPT
    self.seed = seed
    self.timeScale = timeScale
  }

  /// Mean normalized latency at which a rate counts as sustained, seconds per token: the middle of the
  /// paper's axes. The paper names no threshold.
  package static let latencyThreshold = 0.5

  /// A run with this setting's seed and time scale.
  func run(
    _ system: ServingSystem, _ hardware: PaperHardware, _ workload: PaperWorkload, rate: Double,
    seconds: Double, window: ClosedRange<Double>? = nil
  ) -> PaperRun {
    var run = PaperRun(
      system, hardware, workload, rate: rate, seconds: seconds * timeScale,
      window: window.map { $0.lowerBound * timeScale...$0.upperBound * timeScale })
    run.seed = seed
    return run
  }

  /// The answers of several runs, side by side on the cores at hand.
  func summaries(_ runs: [PaperRun]) throws -> [RunSummary] {
    try Parallel.map(runs) { try $0.summary(traces: traces) }
  }
}

extension ServingSystem {
  /// The label of the paper's legends; the name for a system that is not in it.
  var paperName: String {
    Self.paperNames.first { $0.system == self }?.name ?? name
  }

  private static let paperNames: [(system: ServingSystem, name: String)] = [
    (.vllmSOSP23, "vLLM"), (.orcaOracle, "Orca (Oracle)"), (.orcaPow2, "Orca (Pow2)"),
    (.orcaMax, "Orca (Max)"), (.fasterTransformer, "FasterTransformer"),
  ]
}
