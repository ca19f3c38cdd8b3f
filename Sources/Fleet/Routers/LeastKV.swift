import Serving

extension Router {
  package static let leastKV = Router(
    name: "least-kv",
    summary: "the replica whose running requests hold the smallest share of its KV pool",
    reads: .held
  ) { _ in LeastKV() }
}

/// The replica that holds the smallest share of its KV pool; equals take turns.
struct LeastKV: RoutingPolicy {
  private var next = 0

  mutating func pick(_ request: RequestID, in fleet: borrowing FleetView) -> Int {
    let picked = fleet.least(from: next, by: fleet.heldShare)
    next = picked + 1
    return picked
  }
}
