import CostModel
import Planning
import Serving
import SimulationKernel

/// Prompts of DeepSeek-V3 on ranks that spread its experts, with two batches beside each other and with one
/// (`--enable-two-batch-overlap`).
///
/// - Source: SGLang's report of large-scale expert parallelism (lmsys.org, May 2025), as summarised in our reference.
enum TwoBatches {
  private static let (ranks, ranksOfServer, promptTokens) = (32, 8, 4096)
  /// Prompt tokens of each rank in an iteration.
  private static let tokens = 8192

  static func claims(_ figure: String) throws -> [Claim] {
    let (plain, overlapped) = (try prices(overlaps: false), try prices(overlaps: true))
    let (serial, beside) = (
      plain.duration(of: work).seconds, overlapped.duration(of: work).seconds
    )
    let sent = plain.breakdown(of: work).filter { $0.name == "all-gather and reduce-scatter" }
      .reduce(0) { $0 + $1.seconds }
    let what = "deepseek-v3, prompts of 4K on \(ranks) H100, 8K tokens each"
    return [
      Claim(
        figure, "\(what): throughput of two batches over one, %", .span(27 * 0.8...35 * 1.2),
        ours: (serial / beside - 1) * 100,
        note:
          "published 27 to 35, ±20 %; ours computes longer, so that less of an iteration is left to hide"
      ),
      Claim(
        figure, "\(what): tokens a second of a server", Claim.relative(50_302, 0.2),
        ours: Double(tokens * ranksOfServer) / beside,
        note: "the tokens of its iterations are not in the summary; prices of kernels as of today"),
      Claim(
        figure, "\(what): sent between ranks, % of an iteration of one batch", .nothing,
        ours: sent / serial * 100, note: "no published share is in the summary"),
    ]
  }

  /// What every rank computes in an iteration.
  private static var work: IterationWork {
    var work = IterationWork()
    work.prefillChunks = Array(
      repeating: .init(tokens: promptTokens, contextTokens: 0), count: tokens / promptTokens)
    work.sampledSequences = work.prefillChunks.count
    return work
  }

  private static func prices(overlaps: Bool) throws -> KernelCostModel {
    var scenario = Scenario(
      system: .sglang05, model: try ModelCatalogue.find("deepseek-v3"),
      device: try DeviceCatalogue.find("h100-sxm"))
    (scenario.dataParallel, scenario.enableExpertParallel) = (ranks, true)
    scenario.simulatesOneRank = true
    scenario.twoBatchOverlap = overlaps
    guard let prices = try scenario.resolved().costModel as? KernelCostModel else {
      preconditionFailure("TwoBatches: ranks are priced by another model than that of kernels")
    }
    return prices
  }
}
