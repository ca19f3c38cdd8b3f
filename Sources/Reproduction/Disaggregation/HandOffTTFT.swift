import CostModel
import Fleet
import Metrics
import Planning
import Serving
import SimulationKernel
import Workload

/// TTFT of one client whose prompts one engine computes and another decodes.
///
/// - Source: Mooncake's measurements of Qwen3-8B between two nodes of eight H800, one replica each; the link as
///   `kvplan calibrate link` finds it in the transfers of the same rows.
enum HandOffTTFT {
  private static let link = KVLink(
    latency: SimDuration(rounding: 0.393e-3), bandwidth: 138.1e9)

  /// Milliseconds.
  static func measure(promptTokens: Int32) throws -> Double {
    var scenario = Scenario(
      system: .vllmV1, model: try ModelCatalogue.find("qwen3-8b"),
      device: try DeviceCatalogue.find("h800"))
    scenario.tensorParallel = 8
    scenario.prefixCaching = false
    scenario.maxConcurrency = 1
    let requests = Array(
      repeating: Request(promptTokens: promptTokens, outputTokens: 128), count: 4)
    let trace = Trace(name: "one client", requests: requests, hasArrivals: false)
    let deployment = Deployment.apart(scenario, scenario, prefill: 1, decode: 1, link: link)
    return try Simulation.run(deployment, trace: trace).result.summary.ttft.mean ?? .nan
  }
}
