import Fleet
import Serving
import SimulationKernel
import Workload

/// What a fleet has to do, and what it may be made of.
package struct FleetRequest: Sendable {
  /// What the cheapest fleet is the cheapest in.
  package enum Objective: String, CaseIterable, Sendable {
    /// US dollars per hour.
    case cost
    case gpus
    /// Watts of all GPUs, in the mean over the run (``FleetRequest/watts(_:_:)``).
    case energy
    /// The mean end-to-end latency, with as many replicas as the GPUs allow.
    case latency
  }

  /// So many replicas that prefill for each so many that decode.
  package struct Split: Equatable, Sendable {
    package var prefill: Int
    package var decode: Int
    /// GPUs that share the model in one that decodes; `nil` for as many as in one that prefills.
    package var decodeTensorParallel: Int?

    package init(prefill: Int, decode: Int, decodeTensorParallel: Int? = nil) {
      self.prefill = prefill
      self.decode = decode
      self.decodeTensorParallel = decodeTensorParallel
    }

    /// Twelve, from one that prefills for six that decode to four for one.
    package static let usual = [
      (1, 6), (1, 4), (1, 3), (2, 5), (1, 2), (2, 3), (1, 1), (3, 2), (2, 1), (5, 2), (3, 1),
      (4, 1),
    ].map { Split(prefill: $0, decode: $1) }
  }

  /// One replica of each kind of engine that may be deployed.
  package var candidates: [Scenario]
  /// What tells candidates on the same GPUs apart, one for each; empty texts where nothing has to.
  package var labels: [String]
  /// How candidates split prefill and decode, one for each; `nil` for replicas that do both. Candidates that split follow the
  /// one with the same engine that does not.
  package var splits: [Split?]
  /// Which candidates are made of two others, one for each; `nil` for those that are not. They stand behind all others
  /// (``mix()``).
  package var mixes: [Mix?]
  /// What replicas that decode read others over; `nil` where no candidate splits.
  package var link: KVLink?
  package var router: Router
  /// A second, of what ``PlannedLoad`` counts.
  package var rate: Double
  /// Share of the rate that has to be sustained on top of it.
  package var headroom = 0.0
  package var maxGPUs: Int
  /// Most dollars a month; `nil` for no limit.
  package var budgetPerMonth: Double?
  package var objective = Objective.cost
  package var serviceLevel: ServiceLevel
  package var seed: UInt64 = 0
  /// Replicas that fail when half of the requests have come, and do not return; where they split prefill and decode, so many
  /// of either role.
  package var losses = 0
  /// Factor on the price of every iteration.
  package var kernelTimeScale = 1.0

  package init(
    candidates: [Scenario], router: Router, rate: Double, maxGPUs: Int, serviceLevel: ServiceLevel
  ) {
    self.candidates = candidates
    labels = candidates.map { _ in "" }
    splits = candidates.map { _ in nil }
    mixes = candidates.map { _ in nil }
    self.router = router
    self.rate = rate
    self.maxGPUs = maxGPUs
    self.serviceLevel = serviceLevel
  }

  /// Adds to each candidate those that split prefill and decode of its engine.
  package mutating func split(into splits: [Split]) {
    let whole = Array(zip(candidates, labels))
    let each = [nil] + splits
    candidates = whole.flatMap { candidate, _ in each.map { _ in candidate } }
    labels = whole.flatMap { _, label in each.map { _ in label } }
    self.splits = whole.flatMap { _ in each }
    mixes = candidates.map { _ in nil }
  }

  /// The smallest deployment of a candidate.
  func unit(of candidate: Int) -> Deployment {
    let scenario = candidates[candidate]
    guard let split = splits[candidate] else { return Deployment(scenario, router: router) }
    var deployment = Deployment(
      groups: [(ReplicaRole.prefill, split.prefill), (.decode, split.decode)].map { role, count in
        var group = Deployment.Group(scenario, count: count)
        group.role = role
        if role == .decode, let size = split.decodeTensorParallel {
          group.scenario.tensorParallel = size
        }
        return group
      }, router: router)
    deployment.link = link
    return deployment
  }

  /// The ways in which a fleet may fail that it has to stand: the first replicas of a role do when half of the requests have
  /// come. The fleet itself where none is lost.
  ///
  /// - Parameter starts: Requests, or sessions where turns wait.
  func failing(_ fleet: PreparedDeployment, starts: Int) throws -> [PreparedDeployment] {
    guard losses > 0 else { return [fleet] }
    let half = SimInstant.zero + SimDuration(rounding: Double(starts) / 2 / requiredRate)
    var first = 0
    return try fleet.deployment.groups.map { group in
      defer { first += group.count }
      return try fleet.failing(
        .listed((first..<first + losses).map { Failures.Outage(replica: $0, start: half) }))
    }
  }

  /// Units of a candidate that have a replica of each role left after the losses.
  func fewestUnits(of candidate: Int) -> Int {
    let least = splits[candidate].map { min($0.prefill, $0.decode) } ?? 1
    return losses / least + 1
  }

  /// Requests per second that a fleet has to sustain, headroom included.
  package var requiredRate: Double { rate * (1 + headroom) }
}

/// A candidate with its prices at hand and what is known of it without a simulation. Its fleets are made of units: replicas, or
/// so many that prefill with so many that decode; where two devices are mixed, replicas of the second, beside as many of the
/// first in all of them.
struct FleetKind: Sendable {
  /// Its position among the candidates.
  let index: Int
  /// One unit.
  let prepared: PreparedDeployment
  let isSplit: Bool
  /// Replicas of its first device in every fleet of a kind that mixes two; `nil` for others.
  var mixed: Int?
  /// What those add to the objective.
  var fixedCost = 0.0
  /// What one unit adds to the objective; 1 a GPU for latency, which is not a sum. For energy what it adds at least, since
  /// what is drawn is known by a simulation only.
  let unitCost: Double
  /// Units below which the rate cannot be sustained; more than ``maxUnits`` where none can.
  var minUnits: Int
  let maxUnits: Int

  var isMixed: Bool { mixed != nil }

  /// What a fleet of so many units costs; for energy, at least.
  func cost(_ units: Int) -> Double { fixedCost + unitCost * Double(units) }

  /// A fleet of so many units.
  func fleet(_ units: Int) -> PreparedDeployment {
    if let mixed { return prepared.with(counts: [mixed, units]) }
    return prepared.with(counts: prepared.deployment.groups.map { $0.count * units })
  }
}

/// A deployment that was simulated at the rate that a fleet has to sustain.
package struct FleetPoint: Sendable {
  /// Position of its kind among the candidates.
  package var candidate: Int
  /// How many times the smallest deployment of its kind it is.
  package var units: Int
  package var deployment: Deployment
  package var trial: RateProbe.Trial
  /// In the unit of the objective.
  package var cost: Double

  package var isFeasible: Bool { trial.isSustained }

  /// What was found; `nil` for a run that ended as soon as its targets were missed for certain, which no fleet that sustains
  /// the rate does.
  package var point: RateProbe.Point? { trial.point }

  /// A rate that is sustained with the search's own seed, tried with others.
  func confirmation(_ probe: RateProbe) throws -> Confirmation {
    try Confirmation(probe, rate: trial.rate, after: trial.seed)
  }
}

/// A candidate that was ruled out without a simulation.
package struct RuledOut: Sendable {
  package var candidate: Int
  package var scenario: Scenario
  package var reason: String
}

extension FleetRequest {
  /// Why so many units of a candidate cannot lose what they are to lose.
  func tooFewToLose(_ units: Int, of candidate: Int) -> String {
    guard let split = splits[candidate] else { return "\(units) replicas cannot lose \(losses)" }
    return "\(units * split.prefill) replicas that prefill and \(units * split.decode) that decode "
      + "cannot lose \(losses) of either"
  }

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
