import Serving
import SimulationKernel

extension Router {
  package static let powerOfTwo = Router(
    name: "power-of-two", summary: "of two replicas that are drawn, the one with fewer requests",
    reads: .outstanding
  ) { PowerOfTwo(seed: $0.seed) }
}

/// Two replicas are drawn, and the one with fewer requests taken.
///
/// - Source: Mitzenmacher, "The power of two choices in randomized load balancing" (2001).
struct PowerOfTwo: RoutingPolicy {
  private var draws: RandomStream

  init(seed: UInt64) { draws = RandomStream(seed: seed, label: "router") }

  mutating func pick(_ request: RequestID, in fleet: borrowing FleetView) -> Int {
    let open = fleet.open
    guard open.count > 1 else { return open[0] }
    let first = draws.below(open.count)
    let second = (first + 1 + draws.below(open.count - 1)) % open.count
    let (a, b) = (open[first], open[second])
    return fleet.loads[b] < fleet.loads[a] ? b : a
  }
}
