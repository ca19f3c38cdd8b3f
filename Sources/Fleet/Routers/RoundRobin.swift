import Serving

extension Router {
  package static let roundRobin = Router(
    name: "round-robin", summary: "one replica after the other", reads: .nothing
  ) { _ in RoundRobin() }
}

/// One after the other.
struct RoundRobin: RoutingPolicy {
  /// The replica after the one that was picked last.
  private var next = 0

  mutating func pick(_ request: RequestID, in fleet: borrowing FleetView) -> Int {
    let open = fleet.open
    // Where all are open, number and place are one.
    let isPlace = next < open.count && open[next] == next
    let picked = isPlace ? next : open.first { $0 >= next } ?? open[0]
    next = picked + 1
    return picked
  }
}
