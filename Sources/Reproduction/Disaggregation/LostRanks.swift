import CostModel
import Planning
import Serving
import SimulationKernel

/// What ranks of wide expert parallelism decode together when some of them are gone and clients stay.
///
/// - Source: EEP (arXiv 2605.10670): 48 GPUs, 512 clients, prompts of 256 and outputs of 4,096 tokens. Model and GPU are not
///   in our notes of that run; DeepSeek-V3 is the model of its backup in host memory.
struct LostRanks: Sendable {
  static let ranks = 48
  static let clients = 512
  /// A sequence halfway through its output.
  private static let context = 256 + 4096 / 2

  /// Clients of the fullest of so many ranks.
  static func fullest(ranks: Int) -> Int { (clients + ranks - 1) / ranks }

  /// Tokens per second that all clients get of so many ranks, each of which has an equal share of them, rounded up: the
  /// fullest decides.
  static func tokensPerSecond(ranks: Int) throws -> Double {
    var scenario = Scenario(
      system: .vllmV1, model: try ModelCatalogue.find("deepseek-v3"),
      device: try DeviceCatalogue.find("h100-sxm"))
    scenario.dataParallel = ranks
    scenario.enableExpertParallel = true
    scenario.simulatesOneRank = true
    let costModel = try scenario.resolved().costModel
    let fullest = fullest(ranks: ranks)
    var work = IterationWork()
    work.decode(fullest, contextTokens: fullest * context)
    work.sampledSequences = fullest
    return Double(clients) / costModel.duration(of: work).seconds
  }
}
