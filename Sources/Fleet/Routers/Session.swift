import Serving
import SimulationKernel
import Workload

extension Router {
  package static let session = Router(
    name: "session",
    summary: "the replica that a hash of the session names, else the one with the fewest requests",
    reads: .outstanding
  ) { Session(requests: $0.requests) }
}

/// Each session has its replica, by a hash that moves few sessions when replicas come or go; a request of no session goes
/// where the fewest are.
///
/// - Source: `session` of vLLM's production-stack, which has a hash ring and the lowest rate of requests where we have the
///   highest hash of session and replica and the fewest requests.
struct Session: RoutingPolicy {
  private let requests: [Request]
  private var next = 0

  init(requests: [Request]) { self.requests = requests }

  mutating func pick(_ request: RequestID, in fleet: borrowing FleetView) -> Int {
    guard let session = requests[Int(request)].session else {
      let picked = fleet.loads.least(from: next)
      next = picked + 1
      return picked
    }
    let hash = splitmix64(UInt64(bitPattern: Int64(session)))
    return fleet.least(from: 0) { ~splitmix64(hash ^ UInt64($0)) }
  }
}
