import CostModel
import Messages
import Workload

// Fleets of two devices: a fleet of one rarely needs all of its last replica, and a smaller device may do for the rest.

extension FleetSearch {
  /// Looks at fleets of two devices too, and takes the best of them into the plan if it is better.
  ///
  /// Those of a fixed number of the first device are one kind, of which the search knows how to find the smallest fleet. Looked
  /// at are those that cost less than the best of one device with one unit more: what is above the best stands in line if
  /// other seeds reject it (``confirm(_:standing:)``).
  ///
  /// - Returns: The search over all of them.
  /// - Throws: What a simulation throws.
  func addingMixes(to plan: inout FleetPlan) throws -> FleetSearch {
    guard request.mixes.contains(where: { $0 != nil }) else { return self }
    let spare = plan.best.flatMap { best in
      kinds.first { $0.index == best.candidate }.map { kind in
        // No fleet draws more than its TDP.
        request.objective == .energy
          ? kind.fleet(best.units + 1).deployment.watts : kind.cost(best.units + 1)
      }
    }
    var mixed = self
    mixed.kinds = try mixedKinds(below: spare)
    let found = try mixed.run(from: plan.best)
    plan.simulated += found.simulated.filter { point in
      !plan.simulated.contains { $0.isSame(as: point) }
    }
    plan.best = found.best
    mixed.kinds = kinds + mixed.kinds
    return mixed
  }

  /// The same search with every fleet of two devices in it.
  func withMixes() throws -> FleetSearch {
    var copy = self
    copy.kinds += try mixedKinds(below: nil)
    return copy
  }

  /// What replicas of a candidate are in a mix.
  private struct Part {
    var deployment: Deployment
    var cost: Double
    var bound: WorkBound
  }

  /// - Parameter most: What a fleet has to cost less than; `nil` for no limit.
  private func mixedKinds(below most: Double?) throws -> [FleetKind] {
    let bounded = load.starting()
    let newTokens = bounded.contents?.newTokens()
    let unitSpan = try load.unitSpan(seed: request.seed)
    var parts: [Part?] = []
    for index in request.unmixed {
      parts.append(try part(index, bounded, newTokens: newTokens))
    }
    // Those of one pair differ by a number of replicas.
    var pairs: [[Int]: (prepared: PreparedDeployment, bound: MixedBound)] = [:]
    return try request.mixes.enumerated().compactMap { index, mix in
      guard let mix, let first = parts[mix.first], let second = parts[mix.second] else {
        return nil
      }
      let fixedCost = first.cost * Double(mix.count)
      if let most, fixedCost + second.cost >= most { return nil }
      if pairs[[mix.first, mix.second]] == nil {
        let groups = first.deployment.groups + second.deployment.groups
        pairs[[mix.first, mix.second]] = (
          try PreparedDeployment(
            Deployment(groups: groups, router: request.router), prices: prices),
          MixedBound(first.bound, second.bound, unitSpan: unitSpan)
        )
      }
      guard let (alike, bound) = pairs[[mix.first, mix.second]] else { return nil }
      var prepared = alike
      prepared.kernelTimeScale = request.kernelTimeScale
      let maxUnits = try self.maxUnits(mix, first, second, below: most)
      guard maxUnits > 0,
        let needed = (1...maxUnits).first(where: {
          bound.rateMax(mix.count, $0) >= request.requiredRate
        })
      else { return nil }
      return FleetKind(
        index: index, prepared: prepared.with(counts: [mix.count, 1]), isSplit: false,
        mixed: mix.count, fixedCost: fixedCost, unitCost: second.cost, minUnits: needed,
        maxUnits: maxUnits)
    }
  }

  /// - Returns: `nil` for a candidate that cannot serve the trace. One that has too few GPUs to serve it alone can.
  private func part(_ index: Int, _ bounded: Trace, newTokens: [Int]?) throws -> Part? {
    let deployment = request.unit(of: index)
    guard let prepared = try? PreparedDeployment(deployment, prices: prices),
      Self.turnsAwayTooMany(prepared, request, trace) == nil
    else { return nil }
    return Part(
      deployment: deployment, cost: try Self.unitCost(deployment, request.objective),
      bound: WorkBound(
        prepared.resolved[0], trace: bounded, kernelTimeScale: request.kernelTimeScale,
        newTokens: newTokens))
  }

  /// Replicas of the second device that GPUs, budget and `most` leave room for.
  private func maxUnits(
    _ mix: FleetRequest.Mix, _ first: Part, _ second: Part, below most: Double?
  ) throws -> Int {
    let (gpus, fixed) = (second.deployment.gpus, mix.count * first.deployment.gpus)
    let room = (request.maxGPUs - fixed) / gpus
    guard room > 0 else { return 0 }
    let dollars = [first, second].map { $0.deployment.dollarsPerHour ?? 0 }
    return (1...room).last { units in
      let cost = first.cost * Double(mix.count) + second.cost * Double(units)
      let month =
        (dollars[0] * Double(mix.count) + dollars[1] * Double(units)) * Deployment.hoursPerMonth
      // A hair more, so that a budget of exactly so many replicas pays for them.
      return (most.map { cost < $0 } ?? true)
        && (request.budgetPerMonth.map { month <= $0 * (1 + 1e-12) } ?? true)
    } ?? 0
  }
}
