import Fleet
import Serving
import Workload

extension Router {
  static let byLength = Router(
    name: "by-length", summary: "prompts of 1,000 tokens and more have the last replica alone",
    reads: .nothing
  ) { ByLength(requests: $0.requests) }
}

/// Long prompts go to the last replica, the others take turns on the rest.
struct ByLength: RoutingPolicy {
  let requests: [Request]
  var turn = 0

  init(requests: [Request]) { self.requests = requests }

  mutating func pick(_ request: RequestID, in fleet: borrowing FleetView) -> Int {
    let last = fleet.open.count - 1
    guard last > 0, requests[Int(request)].promptTokens < 1000 else { return fleet.open[last] }
    turn = (turn + 1) % last
    return fleet.open[turn]
  }
}
