import Serving
import SimulationKernel

extension Router {
  package static let random = Router(
    name: "random", summary: "a replica that is drawn", reads: .nothing
  ) { RandomPick(seed: $0.seed) }
}

/// Each replica with the same chance.
struct RandomPick: RoutingPolicy {
  private var draws: RandomStream

  init(seed: UInt64) { draws = RandomStream(seed: seed, label: "router") }

  mutating func pick(_ request: RequestID, in fleet: borrowing FleetView) -> Int {
    fleet.open[draws.below(fleet.open.count)]
  }
}
