import Fleet
import SimulationKernel

/// The routers that llm-d's benchmark compares, by its names.
///
/// - Source: the configurations of llm-d-kv-cache's benchmark `73-capacity`. They have other weights than the router's own
///   defaults, and its estimate hashes the prompt's characters: 64 a block, which the scorer's authors count as 16 tokens,
///   256 blocks of a prompt, 31,250 blocks a pod.
package enum RouterPolicy: String, CaseIterable, Sendable {
  case precise = "precise-scheduling"
  case estimated = "estimated-scheduling"
  case random = "random-scheduling"
  case load = "load-scheduling"

  /// Between two looks of the router at the metrics of a pod; from memory.
  private static let loadPeriod = SimDuration(nanoseconds: 50_000_000)

  package var router: Router {
    var router: Router
    switch self {
    case .precise: router = .llmdPrecise
    case .estimated:
      var rules = EstimatedIndex.Rules()
      rules.blockTokens = 16
      rules.tokensMax = 256 * 16
      router = .endpointPicker(
        name: rawValue, summary: "the estimate with equal weights",
        EndpointScorers(queue: 1, freeShare: 1, prefix: 1, prefixes: .estimated(rules)))
    case .random: router = .random
    case .load: router = .llmdLoad
    }
    router.loadPeriod = Self.loadPeriod
    return router
  }
}
