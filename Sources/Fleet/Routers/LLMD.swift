import Serving
import SimulationKernel
import Workload

/// The weighted scorers of llm-d's endpoint picker, each from 0 to 1.
package struct EndpointScorers: Sendable {
  /// Which prefixes are where.
  package enum Prefixes: Sendable {
    /// Nobody asks.
    case ignored
    /// By what the router has sent where.
    case estimated(EstimatedIndex.Rules)
    /// By what the prefix caches hold when the request comes.
    case precise
  }

  /// Of the shortest queue of waiting requests: 1 for the shortest, 0 for the longest.
  package var queue: Double
  /// Of the share of the KV pool that is not held.
  package var freeShare: Double
  /// Of the share of the prompt that is cached.
  package var prefix: Double
  package var prefixes: Prefixes

  package init(queue: Double, freeShare: Double, prefix: Double, prefixes: Prefixes) {
    self.queue = queue
    self.freeShare = freeShare
    self.prefix = prefix
    self.prefixes = prefixes
  }
}

extension Router {
  package static let llmd = endpointPicker(
    name: "llm-d", summary: "llm-d's scorers: queue, free KV and the prefixes it has sent where",
    EndpointScorers(
      queue: 2, freeShare: 2, prefix: 3, prefixes: .estimated(EstimatedIndex.Rules())))

  package static let llmdPrecise = endpointPicker(
    name: "llm-d-precise", summary: "llm-d's scorers: queue, free KV and what prefix caches hold",
    EndpointScorers(queue: 2, freeShare: 2, prefix: 3, prefixes: .precise))

  package static let llmdLoad = endpointPicker(
    name: "llm-d-load", summary: "llm-d's scorers: queue and free KV",
    EndpointScorers(queue: 1, freeShare: 1, prefix: 0, prefixes: .ignored))

  /// llm-d's endpoint picker with scorers of one's own.
  package static func endpointPicker(
    name: String, summary: String, _ scorers: EndpointScorers
  ) -> Router {
    let needs: Needs =
      switch scorers.prefixes {
      case .ignored: .nothing
      case .estimated: .contents
      case .precise: .caches
      }
    return Router(
      name: name, summary: summary, reads: .held, comparesBlocks: needs != .nothing, needs: needs
    ) { EndpointPicker(scorers, $0) }
  }
}

/// The replica of the highest sum of weighted scores; of equals one is drawn.
///
/// llm-d reads metrics every 50 ms: `--router-load-period 0.05`. What prefix caches hold it hears from their events, which
/// are taken to arrive at once.
///
/// - Source: llm-d's inference scheduler: `queue-scorer`, `kv-cache-utilization-scorer`, `prefix-cache-scorer`,
///   `max-score-picker`, with the weights of its default configuration; those of `llm-d-load` are the ones of its benchmark
///   `73-capacity`.
/// - Complexity: O(replicas × blocks of the prompt) a request.
struct EndpointPicker: RoutingPolicy {
  private let scorers: EndpointScorers
  private let requests: [Request]
  private var index: EstimatedIndex?
  private var draws: RandomStream

  init(_ scorers: EndpointScorers, _ run: RoutedRun) {
    self.scorers = scorers
    requests = run.requests
    draws = RandomStream(seed: run.seed, label: "router")
    if case .estimated(let rules) = scorers.prefixes, let contents = run.contents {
      index = EstimatedIndex(rules, run.requests, contents)
    }
  }

  mutating func pick(_ request: RequestID, in fleet: borrowing FleetView) -> Int {
    let keys = index?.keys(of: Int(request)) ?? []
    let queues = fleet.open.map(fleet.waiting)
    let (longest, shortest) = (queues.max() ?? 0, queues.min() ?? 0)
    var best: [Int] = []
    var bestScore = -Double.infinity
    for (replica, queue) in zip(fleet.open, queues) {
      let isShort =
        longest == shortest ? 1 : Double(longest - queue) / Double(longest - shortest)
      let found: Double
      switch scorers.prefixes {
      case .ignored: found = 0
      case .estimated:
        found = Double(index?.matched(keys, at: replica) ?? 0) / Double(max(keys.count, 1))
      case .precise:
        found =
          Double(fleet.cachedTokens(replica)) / Double(requests[Int(request)].promptTokens)
      }
      let score =
        scorers.queue * isShort + scorers.freeShare * (1 - fleet.heldShare(replica))
        + scorers.prefix * found
      if score > bestScore { (best, bestScore) = ([], score) }
      if score == bestScore { best.append(replica) }
    }
    let picked = best.count == 1 ? best[0] : best[draws.below(best.count)]
    index?.record(keys, at: picked)
    return picked
  }
}
