import Serving
import SimulationKernel
import Workload

extension Router {
  package static let dynamo = Router(
    name: "dynamo",
    summary: "Dynamo's cost: prompt tokens to compute there, queued ones too, and tokens held",
    reads: .held, comparesBlocks: true, needs: .caches
  ) { DynamoCost($0) }
}

/// The least cost: tokens of prompts that the replica would have to compute, those of requests that wait there included, and
/// tokens that its requests hold; of equals one is drawn.
///
///     cost = (prompt − cached) + prompts that wait + held
///
/// - Source: Dynamo's KV router (`lib/kv-router`) with an overlap weight of 1 and a temperature of 0. It counts blocks where we
///   count tokens, and it is told when a prompt is computed; that the requests that wait are those it sent last is ours.
/// - Complexity: O(replicas + requests that wait) a request.
struct DynamoCost: RoutingPolicy {
  private let requests: [Request]
  private var draws: RandomStream
  /// By replica: tokens to compute of the requests that it was sent, in order, the last ones.
  private var sent: [[Int]] = []

  init(_ run: RoutedRun) {
    requests = run.requests
    draws = RandomStream(seed: run.seed, label: "router")
  }

  mutating func pick(_ request: RequestID, in fleet: borrowing FleetView) -> Int {
    let prompt = Int(requests[Int(request)].promptTokens)
    var best: [(replica: Int, lacking: Int)] = []
    var bestCost = Int.max
    for replica in fleet.open {
      while sent.count <= replica { sent.append([]) }
      let waiting = fleet.waiting(replica)
      sent[replica].removeFirst(max(sent[replica].count - waiting, 0))
      let lacking = prompt - fleet.cachedTokens(replica)
      let cost = lacking + sent[replica].reduce(0, +) + fleet.heldTokens(replica)
      if cost < bestCost { (best, bestCost) = ([], cost) }
      if cost == bestCost { best.append((replica, lacking)) }
    }
    let picked = best.count == 1 ? best[0] : best[draws.below(best.count)]
    sent[picked.replica].append(picked.lacking)
    return picked.replica
  }
}
