import SimulationKernel
import Workload

extension FleetSearch {
  /// A kind in line to be recommended, with the smallest fleet of it that nothing speaks against yet.
  fileprivate struct Offer {
    let kind: FleetKind
    /// What was simulated of the kind.
    var points: [FleetPoint]
    /// Fewer replicas do not sustain the rate, or did not stand.
    var least: Int
    /// The fleet of so many, which sustains the rate with the search's seed; `nil` while that is not known.
    var point: FleetPoint?
    /// Whether a fleet of the kind was turned down: larger ones are then tried one by one.
    var wasRejected = false

    /// What the offer costs at least, and what it does cost once its fleet is known.
    var cost: Double { point?.cost ?? kind.cost(least) }
  }

  /// Replaces the best fleet by the best that stands with seeds that did not find it: larger ones of its kind, or of
  /// others. Where none does, the best stays, at the edge.
  ///
  /// Fleets are tried by rising cost, those of one cost by latency, until one stands.
  ///
  /// - Parameter standing: A fleet that is known to stand; `nil` for none. It has no confirmation.
  /// - Throws: What a simulation throws.
  func confirm(_ plan: inout FleetPlan, standing: FleetPoint? = nil) throws {
    guard let first = plan.best else { return }
    if request.objective == .latency { return try confirmFastest(&plan) }
    var offers = kinds.compactMap { offer($0, among: plan.simulated) }
    while let cost = offers.map(\.cost).min() {
      // What costs as much has to be known before the faster of them is chosen.
      if let open = offers.firstIndex(where: { $0.cost == cost && $0.point == nil }) {
        if !(try resolve(&offers[open])) { plan.add([offers.remove(at: open)]) }
        continue
      }
      let equals = offers.indices.filter { offers[$0].cost == cost }
      let choice = equals.dropFirst().reduce(equals[0]) { best, next in
        guard let point = offers[next].point else { return best }
        return isBetter(point, than: offers[best].point) ? next : best
      }
      guard let point = offers[choice].point else { break }
      if let standing, point.isSame(as: standing) {
        plan.add(offers)
        (plan.best, plan.confirmation) = (point, nil)
        return
      }
      let confirmation = try confirmation(of: point, offers[choice].kind)
      if confirmation.stands {
        plan.add(offers)
        (plan.best, plan.confirmation) = (point, confirmation)
        return
      }
      plan.rejected.append((point, confirmation))
      offers[choice].point = nil
      offers[choice].least += 1
      offers[choice].wasRejected = true
      if offers[choice].least > offers[choice].kind.maxUnits {
        plan.add([offers.remove(at: choice)])
      }
    }
    plan.add(offers)
    plan.confirmation = plan.rejected.first { $0.point.isSame(as: first) }?.confirmation
  }

  /// Of the fleets that were simulated the fastest that stands: there are no larger ones.
  private func confirmFastest(_ plan: inout FleetPlan) throws {
    let feasible = plan.simulated.filter(\.isFeasible)
    for point in feasible.sorted(by: { isBetter($0, than: $1) }) {
      guard let kind = kinds.first(where: { $0.index == point.candidate }) else { continue }
      let confirmation = try confirmation(of: point, kind)
      if confirmation.stands {
        (plan.best, plan.confirmation) = (point, confirmation)
        return
      }
      plan.rejected.append((point, confirmation))
    }
    plan.confirmation = plan.rejected.first?.confirmation
  }

  private func offer(_ kind: FleetKind, among simulated: [FleetPoint]) -> Offer? {
    let points = simulated.filter { $0.candidate == kind.index }
    let sustaining = points.filter(\.isFeasible).min {
      $0.units < $1.units
    }
    let failed = points.filter { !$0.isFeasible }.map(\.units).max()
    let known = sustaining?.units
    let least = failed.map { max($0 + 1, kind.minUnits) } ?? kind.minUnits
    guard known != nil || least <= kind.maxUnits else { return nil }
    // Whether fewer than the known fleet suffice is open unless one fewer failed.
    let isLeast = known.map { $0 == kind.minUnits || failed == $0 - 1 } ?? false
    return Offer(
      kind: kind, points: points, least: isLeast ? known ?? least : min(least, known ?? least),
      point: isLeast ? sustaining : nil)
  }

  /// Finds the smallest fleet of an offer that sustains the rate.
  ///
  /// - Returns: Whether there is one.
  private func resolve(_ offer: inout Offer) throws -> Bool {
    let kind = offer.kind
    if offer.wasRejected {
      while offer.least <= kind.maxUnits,
        !(try isFeasible(kind, offer.least, &offer.points))
      { offer.least += 1 }
    } else {
      let known = offer.points.filter(\.isFeasible).map(\.units).min()
      let smallest = try smallest(of: kind, knownToSustain: known, &offer.points)
      offer.least = smallest ?? kind.maxUnits + 1
    }
    offer.point = offer.points.first { $0.units == offer.least && $0.isFeasible }
    return offer.point != nil
  }

  private func confirmation(of point: FleetPoint, _ kind: FleetKind) throws -> Confirmation {
    var fleet = kind.fleet(point.units)
    if let failures = point.deployment.failures { fleet = try fleet.failing(failures) }
    return try point.confirmation(
      RateProbe(fleet, trace: trace, serviceLevel: request.serviceLevel))
  }
}

extension FleetPlan {
  /// Takes over what was simulated for offers.
  fileprivate mutating func add(_ offers: [FleetSearch.Offer]) {
    for point in offers.flatMap(\.points) where !simulated.contains(where: { $0.isSame(as: point) })
    {
      simulated.append(point)
    }
  }
}
