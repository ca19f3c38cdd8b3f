import CostModel
import Metrics
import SimulationKernel
import Workload

/// Everything that is said about the fleet for one rate: the recommendation, what else there is, and how far
/// it can be trusted.
package struct FleetStudy: Sendable {
  package let request: FleetRequest
  package let trace: Trace
  /// How requests of the trace come at a rate.
  package let load: PlannedLoad
  package let isExhaustive: Bool
  package var whatIfs: [WhatIf] = []
  /// Of all its searches: a change of work changes no price.
  private let prices = PriceSource.shared(PreparedPrices())

  package init(request: FleetRequest, trace: Trace, isExhaustive: Bool) {
    self.request = request
    self.trace = trace
    load = request.load(of: trace)
    self.isExhaustive = isExhaustive
  }

  package struct Answer: Sendable {
    package var plan: FleetPlan
    /// Simulations that found the recommendation; those after it are for comparison.
    package var searched: Int
    /// What the recommended deployment sustains at most, requests per second; `nil` where no rate is too high for so
    /// few requests.
    package var capacity: Capacity?
    /// Rates around that, with the first seed: how latency grows towards it and beyond.
    package var around: [RateProbe.Point] = []
    /// The recommendation with one replica more: it stands the loss of one.
    package var spare: FleetPoint?
    /// What would be recommended if kernels were slower or faster, or outputs longer or shorter.
    package var alternatives: [Alternative]
    package var whatIfs: [Alternative] = []
    package var warnings: [String]

    /// Where the capacity lies if served latencies are off by what was measured.
    package var servedIntervals: [ServedInterval] = []

    /// Whether seeds that did not find the recommendation reject it.
    package var isAtTheEdge: Bool { plan.isAtTheEdge }
  }

  /// A recommendation under other assumptions.
  package struct Alternative: Sendable {
    package var change: String
    /// Whether the prices were changed, or else the trace.
    package var changesPrices: Bool
    package var best: FleetPoint?
    package var isAtTheEdge: Bool
    /// Fleets that were simulated for it.
    package var simulated: Int
  }

  /// Kernel times and output lengths are moved so far to see whether the recommendation changes.
  package static let sensitivityShare = 0.1
  /// Seeds that the capacity of the recommendation is measured with.
  private static let capacitySeeds: UInt64 = 3

  package func run(
    progress: @escaping @Sendable (_ simulated: Int, _ best: FleetPoint?) -> Void = { _, _ in }
  ) throws -> Answer {
    let search = try FleetSearch(request, trace: trace, prices: prices)
    let everything = isExhaustive ? try search.withMixes() : search
    var plan = isExhaustive ? try everything.exhaustively() : try search.run(progress: progress)
    let all = isExhaustive ? everything : try search.addingMixes(to: &plan)
    try all.confirm(&plan)
    let searched = plan.simulated.count
    if !isExhaustive && request.objective != .latency {
      if let best = plan.best, search.hasBothShapes {
        plan.otherShape = try search.other(than: best, known: plan.simulated)
      }
      plan.simulated += try search.field(known: plan.simulated)
    }
    var answer = Answer(
      plan: plan, searched: searched, capacity: nil, spare: nil, alternatives: [],
      warnings: warnings(plan))
    answer.whatIfs = try whatIfs.map(self.answer)
    guard let best = plan.best else {
      // How far the nearest are from it is all there is to say.
      answer.plan.simulated = try all.whole(plan.simulated)
      return answer
    }
    let prepared = try PreparedDeployment(best.deployment, prices: prices)
    answer.warnings = prepared.caveats + answer.warnings
    let probe = RateProbe(prepared, trace: trace, serviceLevel: request.serviceLevel)
    answer.capacity = try CapacitySearch(
      probe, firstGuess: request.requiredRate, tolerance: 0.02
    ).run(
      seeds: (0..<Self.capacitySeeds).map { request.seed &+ $0 }, near: request.requiredRate
    ).limited
    if let capacity = answer.capacity {
      answer.around = try probe.points(around: capacity.bySeed[0], seed: request.seed)
      answer.servedIntervals = capacity.servedIntervals(
        prepared.latencyErrors, with: answer.around)
    }
    // Of each role one more.
    let more = prepared.with(counts: best.deployment.groups.map { $0.count + 1 })
    let spare = RateProbe.Trial(
      try RateProbe(more, trace: trace, serviceLevel: request.serviceLevel)
        .point(rate: request.requiredRate, seed: request.seed))
    answer.spare = FleetPoint(
      candidate: best.candidate, units: best.units + 1, deployment: more.deployment, trial: spare,
      cost: try request.watts(more.deployment, spare)
        ?? FleetSearch.unitCost(more.deployment, request.objective))
    answer.alternatives = try alternatives(to: plan)
    return answer
  }

  private func warnings(_ plan: FleetPlan) -> [String] {
    request.serviceLevel.thinQuantiles(of: trace).map {
      "`\($0.target.name)` rests on \($0.requests) requests: at least \($0.needed) put one beyond it"
    }
      + plan.simulated.compactMap(\.point?.assessment).vacuous.map {
        "`\($0)` has no samples in `\(trace.name)`: it is vacuous, and bounds nothing"
      }
      + [load.countsSessions ? plan.best?.point.flatMap(load.isTooShort) : nil].compactMap { $0 }
  }

  /// What is recommended where work is a little more or less.
  ///
  /// What the plan has found is a start: where work is more, fleets that failed fail again, and where it is less, the
  /// recommendation stands again and is only to be beaten by cheaper ones. An exhaustive plan, and one for the lowest latency,
  /// begin anew.
  private func alternatives(to plan: FleetPlan) throws -> [Alternative] {
    let (more, less) = (1 + Self.sensitivityShare, 1 - Self.sensitivityShare)
    let isNew = isExhaustive || request.objective == .latency
    let failing = plan.failing
    let cases: [(change: String, kernels: Double, outputs: Double)] = [
      ("kernels 10 % slower", more, 1), ("kernels 10 % faster", less, 1),
      ("outputs 10 % longer", 1, more), ("outputs 10 % shorter", 1, less),
    ]
    return try Parallel.map(cases) { change, kernels, outputs in
      var changed = request
      changed.kernelTimeScale = kernels
      let trace = outputs == 1 ? trace : try trace.scaled(prompts: 1, outputs: outputs)
      var search = try FleetSearch(changed, trace: trace, prices: prices)
      var (known, standing): (FleetPoint?, FleetPoint?)
      if !isNew, let best = plan.best {
        if kernels > 1 || outputs > 1 {
          search = search.knowing(failing: failing)
        } else if plan.confirmation?.stands == true {
          standing = best
        }
        known = try search.again(best)
        if let known, !known.isFeasible {
          search = search.knowing(failing: [known.candidate: known.units])
        }
      }
      return try alternative(
        change, changesPrices: kernels != 1, search, from: known, standing: standing)
    }
  }

  func alternative(
    _ change: String, changesPrices: Bool, _ request: FleetRequest, trace: Trace
  ) throws -> Alternative {
    try alternative(
      change, changesPrices: changesPrices,
      FleetSearch(request, trace: trace, prices: prices), from: nil, standing: nil)
  }

  private func alternative(
    _ change: String, changesPrices: Bool, _ search: FleetSearch, from known: FleetPoint?,
    standing: FleetPoint?
  ) throws -> Alternative {
    var plan = try search.run(from: known)
    try search.addingMixes(to: &plan).confirm(&plan, standing: standing)
    return Alternative(
      change: change, changesPrices: changesPrices, best: plan.best, isAtTheEdge: plan.isAtTheEdge,
      simulated: plan.simulated.count)
  }
}

extension FleetPlan {
  /// By kind, the most replicas that were simulated and do not sustain the rate, below the fewest that do.
  fileprivate var failing: [Int: Int] {
    let feasible = simulated.filter(\.isFeasible)
    let least = Dictionary(
      feasible.map { ($0.candidate, $0.units) }, uniquingKeysWith: min)
    let failed = simulated.filter {
      !$0.isFeasible && $0.units < least[$0.candidate] ?? .max
    }
    return Dictionary(
      failed.map { ($0.candidate, $0.units) }, uniquingKeysWith: max)
  }

  /// Whether seeds that did not find the best reject it.
  package var isAtTheEdge: Bool { confirmation.map { !$0.stands } ?? false }
}

extension FleetStudy.Answer {
  /// Whether another deployment is recommended when kernels are a little slower or faster.
  package var dependsOnPrices: Bool {
    alternatives.contains {
      $0.changesPrices
        && ($0.best?.candidate != plan.best?.candidate
          || $0.best?.units != plan.best?.units)
    }
  }
}
