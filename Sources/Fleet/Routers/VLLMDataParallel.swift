import Serving

extension Router {
  package static let vllmDataParallel = Router(
    name: "vllm-dp",
    summary: "vLLM's score: requests, and those that wait again where the pool is over half full",
    reads: .held
  ) { _ in VLLMDataParallel() }
}

/// The least score of vLLM's data-parallel client; equals take turns.
///
/// vLLM's counts are up to 100 ms old: `--router-load-period 0.1`.
///
/// - Source: as ``DataParallelScheduler``, which does so within a replica.
struct VLLMDataParallel: RoutingPolicy {
  private var next = 0

  mutating func pick(_ request: RequestID, in fleet: borrowing FleetView) -> Int {
    let (loads, waiting, held) = (fleet.loads, fleet.waiting, fleet.heldShare)
    let picked = fleet.least(from: next) {
      dataParallelScore(requests: loads[$0], waiting: waiting($0), heldShare: held($0))
    }
    next = picked + 1
    return picked
  }
}
