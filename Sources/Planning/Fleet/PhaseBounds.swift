import Serving
import Workload

/// Rates that units of one engine cannot exceed (``WorkBound``), computed once for all splits of it.
struct PhaseBounds {
  private let request: FleetRequest
  private let trace: Trace
  private let newTokens: [Int]?
  /// Seconds from the first arrival to the last at one request per second.
  private let unitSpan: Double
  private var known: [Side: WorkBound] = [:]

  /// Bounds differ by it.
  private struct Side: Hashable {
    var role: ReplicaRole
    var tensorParallel: Int
  }

  init(_ request: FleetRequest, trace: Trace, newTokens: [Int]?, unitSpan: Double) {
    self.request = request
    self.trace = trace
    self.newTokens = newTokens
    self.unitSpan = unitSpan
  }

  /// The highest rate by the number of units.
  mutating func rateMax(
    _ unit: PreparedDeployment, split: FleetRequest.Split?
  ) -> (_ units: Int) -> Double {
    let parts: [(bound: WorkBound, replicas: Int)] =
      split.map { [(bound(unit, .prefill), $0.prefill), (bound(unit, .decode), $0.decode)] }
      ?? [(bound(unit, .both), 1)]
    return { [unitSpan] units in
      parts.reduce(.infinity) {
        min($0, $1.bound.rateMax(replicas: $1.replicas * units, unitSpan: unitSpan))
      }
    }
  }

  private mutating func bound(_ unit: PreparedDeployment, _ role: ReplicaRole) -> WorkBound {
    let resolved = unit.resolved[role == .decode ? 1 : 0]
    let side = Side(role: role, tensorParallel: resolved.scenario.tensorParallel)
    if let bound = known[side] { return bound }
    let bound = WorkBound(
      resolved, trace: trace, kernelTimeScale: request.kernelTimeScale,
      newTokens: newTokens, role: role)
    known[side] = bound
    return bound
  }
}
