import Serving

extension Router {
  package static let leastOutstanding = Router(
    name: "least-outstanding", summary: "the replica with the fewest requests that run or wait",
    reads: .outstanding
  ) { _ in LeastOutstanding() }
}

/// The replica with the fewest requests; equals take turns.
struct LeastOutstanding: RoutingPolicy {
  private var next = 0

  mutating func pick(_ request: RequestID, in fleet: borrowing FleetView) -> Int {
    let picked = fleet.loads.least(from: next)
    next = picked + 1
    return picked
  }
}
