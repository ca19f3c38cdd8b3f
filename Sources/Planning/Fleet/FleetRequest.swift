import Fleet
import Serving
import Workload

/// What a fleet has to do, and what it may be made of.
package struct FleetRequest: Sendable {
  /// What the cheapest fleet is the cheapest in.
  package enum Objective: String, CaseIterable, Sendable {
    /// US dollars per hour.
    case cost
    case gpus
    /// Thermal design power of all GPUs, watts.
    case energy
    /// The mean end-to-end latency, with as many replicas as the GPUs allow.
    case latency
  }

  /// One replica of each kind of engine that may be deployed.
  package var candidates: [Scenario]
  /// What tells candidates on the same GPUs apart, one for each; empty texts where nothing has to.
  package var labels: [String]
  package var router: Router
  /// Requests per second.
  package var rate: Double
  /// Share of the rate that has to be sustained on top of it.
  package var headroom = 0.0
  package var maxGPUs: Int
  /// Most dollars a month; `nil` for no limit.
  package var budgetPerMonth: Double?
  package var objective = Objective.cost
  package var serviceLevel: ServiceLevel
  package var seed: UInt64 = 0
  /// Factor on the price of every iteration.
  package var kernelTimeScale = 1.0

  package init(
    candidates: [Scenario], router: Router, rate: Double, maxGPUs: Int, serviceLevel: ServiceLevel
  ) {
    self.candidates = candidates
    labels = candidates.map { _ in "" }
    self.router = router
    self.rate = rate
    self.maxGPUs = maxGPUs
    self.serviceLevel = serviceLevel
  }

  /// Requests per second that a fleet has to sustain, headroom included.
  package var requiredRate: Double { rate * (1 + headroom) }
}

/// A candidate with its prices at hand and what is known of it without a simulation.
struct FleetKind: Sendable {
  /// Its position among the candidates.
  let index: Int
  let prepared: PreparedDeployment
  let bound: WorkBound
  /// GPUs of one replica.
  let gpus: Int
  /// What one replica adds to the objective; 1 a GPU for latency, which is not a sum.
  let unitCost: Double
  /// Replicas below which the rate cannot be sustained; more than ``maxReplicas`` where none can.
  var minReplicas: Int
  let maxReplicas: Int

  func cost(_ replicas: Int) -> Double { unitCost * Double(replicas) }
}

/// A deployment that was simulated at the rate that a fleet has to sustain.
package struct FleetPoint: Sendable {
  /// Position of its kind among the candidates.
  package var candidate: Int
  package var deployment: Deployment
  package var point: RateProbe.Point
  /// In the unit of the objective.
  package var cost: Double

  package var isFeasible: Bool { point.isSustained }

  /// A rate that is sustained with the search's own seed, tried with others.
  func confirmation(_ probe: RateProbe) throws -> Confirmation {
    try Confirmation(probe, rate: point.rate, after: point.seed)
  }
}

/// A candidate that was ruled out without a simulation.
package struct RuledOut: Sendable {
  package var candidate: Int
  package var scenario: Scenario
  package var reason: String
}

extension FleetRequest {
  /// How large a fleet may be, in words.
  package var limits: String {
    "\(maxGPUs) GPUs" + (budgetPerMonth.map { " and \(plainNumber($0)) $ a month" } ?? "")
  }

  /// A deployment of one of the candidates, in words.
  package func text(_ point: FleetPoint) -> String {
    let label = labels[point.candidate]
    return label.isEmpty ? point.deployment.text : "\(point.deployment.text), \(label)"
  }
}
