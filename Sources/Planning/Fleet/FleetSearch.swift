import CostModel
import Fleet
import Messages
import Metrics
import Serving
import SimulationKernel
import Workload

/// What a search for a fleet found.
package struct FleetPlan: Sendable {
  /// The best deployment that sustains the rate; `nil` where none does.
  package var best: FleetPoint?
  /// How the best fared with seeds that did not find it; `nil` before it was tried.
  package var confirmation: Confirmation?
  /// Better ones that did not stand, with the first seed's favourite in front.
  package var rejected: [(point: FleetPoint, confirmation: Confirmation)] = []
  /// Every deployment that was simulated, in the order of the simulations.
  package var simulated: [FleetPoint]
  package var ruledOut: [RuledOut]
  /// Where some candidates split prefill and decode and others do not: what the shape that lost came to; `nil` where one shape
  /// was looked at.
  package var otherShape: OtherShape?

  package struct OtherShape: Sendable {
    /// Its best fleet; `nil` where none sustains the rate.
    package var best: FleetPoint?
    /// Where none does, the simulated one that comes nearest.
    package var nearest: FleetPoint?
  }

  /// Sustaining deployments that none of the others beats in cost and in mean end-to-end latency at once; by rising cost. All
  /// of them meet the targets: by how little fewer requests miss them than have to is no merit.
  package var front: [FleetPoint] {
    let feasible = simulated.filter(\.isFeasible)
    return feasible.filter { point in !feasible.contains { $0.dominates(point) } }
      .sorted { ($0.cost, $0.meanLatency) < ($1.cost, $1.meanLatency) }
  }
}

extension FleetPoint {
  func isSame(as other: FleetPoint) -> Bool {
    candidate == other.candidate && units == other.units
  }

  /// Milliseconds from arrival to the last token; infinite where nothing was completed.
  package var meanLatency: Double { point?.summary.e2el.mean ?? .infinity }

  /// Share of the requests that meet all targets; 0 where the run ended early.
  var attainment: Double { point?.assessment.attainment ?? 0 }

  fileprivate func dominates(_ other: FleetPoint) -> Bool {
    let (mine, theirs) = ((cost, meanLatency), (other.cost, other.meanLatency))
    return mine.0 <= theirs.0 && mine.1 <= theirs.1 && mine != theirs
  }
}

/// Finds the cheapest fleet with few simulations.
///
/// Every kind of replica needs at least so many (``WorkBound``), and more replicas of a kind are assumed to
/// serve no worse. So a kind is done with by one simulation of the largest fleet of it that would be
/// cheaper than the best so far, if that one does not sustain the rate; otherwise its smallest fleet is
/// found by halving. Kinds are taken by rising cost of their least fleet, `waveWidth` at a time and on all
/// cores; the width is fixed, so that the same simulations are run on every machine.
package struct FleetSearch: Sendable {
  package let request: FleetRequest
  package let trace: Trace
  /// Of its kinds.
  let prices: PriceSource
  /// How requests of the trace come at a rate.
  let load: PlannedLoad
  var kinds: [FleetKind]
  private let ruledOut: [RuledOut]

  /// Kinds that are looked at side by side.
  static let waveWidth = 4

  /// Rules out what cannot fit or cannot keep up.
  ///
  /// - Parameter prices: Where prices come from; its own unless several searches share them.
  /// - Throws: ``UserError`` where a candidate has no price and the objective is cost.
  package init(
    _ request: FleetRequest, trace: Trace, prices: PriceSource = .shared(PreparedPrices())
  ) throws {
    self.request = request
    self.trace = trace
    self.prices = prices
    load = request.load(of: trace)
    let bounded = load.starting()
    let unitSpan = try load.unitSpan(seed: request.seed)
    let newTokens = bounded.contents?.newTokens()
    // A candidate, and those that split the same engine: they have their bounds in common.
    let starts = request.unmixed.filter { request.splits[$0] == nil }
    let ends = starts.dropFirst() + [request.unmixed.endIndex]
    let engines = zip(starts, ends).map { $0..<$1 }
    let sorted = try Parallel.map(engines) { candidates -> [Result<FleetKind, Excluded>] in
      var bounds = PhaseBounds(request, trace: bounded, newTokens: newTokens, unitSpan: unitSpan)
      return try candidates.map { index in
        do {
          return .success(try Self.kind(index, request, trace: trace, &bounds, prices))
        } catch let excluded as Excluded {
          return .failure(excluded)
        }
      }
    }.flatMap { $0 }
    kinds = sorted.compactMap { try? $0.get() }
    ruledOut = sorted.enumerated().compactMap { candidate, result in
      guard case .failure(let excluded) = result else { return nil }
      return RuledOut(
        candidate: candidate, scenario: request.candidates[candidate], reason: excluded.reason)
    }
  }

  /// Why a candidate is not looked at.
  private struct Excluded: Error { var reason: String }

  private static func kind(
    _ index: Int, _ request: FleetRequest, trace: Trace, _ bounds: inout PhaseBounds,
    _ prices: PriceSource
  ) throws -> FleetKind {
    let deployment = request.unit(of: index)
    let gpus = deployment.gpus
    let what =
      deployment.replicas == 1 ? "one replica takes" : "\(deployment.replicas) replicas take"
    guard gpus <= request.maxGPUs else {
      throw Excluded(reason: "\(what) \(gpus) GPUs, `--max-gpus` is \(request.maxGPUs)")
    }
    let maxUnits = min(request.maxGPUs / gpus, try affordable(deployment, request))
    var prepared: PreparedDeployment
    do {
      prepared = try PreparedDeployment(deployment, prices: prices)
    } catch let error as UserError {
      throw Excluded(reason: error.message)
    }
    if let reason = turnsAwayTooMany(prepared, request, trace) { throw Excluded(reason: reason) }
    prepared.kernelTimeScale = request.kernelTimeScale
    let rateMax = bounds.rateMax(prepared, split: request.splits[index])
    // Who is to lose some has more.
    let fewest = request.fewestUnits(of: index)
    guard fewest <= maxUnits else {
      throw Excluded(reason: request.tooFewToLose(maxUnits, of: index))
    }
    guard let needed = (fewest...maxUnits).first(where: { rateMax($0) >= request.requiredRate })
    else {
      let most = rateMax(maxUnits)
      throw Excluded(
        reason:
          "\(maxUnits * deployment.replicas) replicas cannot compute more than \(plainNumber((most * 100).rounded() / 100)) \(request.load(of: trace).unit)"
      )
    }
    return FleetKind(
      index: index, prepared: prepared, isSplit: request.splits[index] != nil,
      unitCost: try unitCost(deployment, request.objective), minUnits: needed, maxUnits: maxUnits)
  }

  /// Why replicas turn away more requests than may go without an answer; `nil` if they do not.
  static func turnsAwayTooMany(
    _ prepared: PreparedDeployment, _ request: FleetRequest, _ trace: Trace
  ) -> String? {
    for (group, resolved) in zip(prepared.deployment.groups, prepared.resolved) {
      let capacity = resolved.kvCapacity
      // Who prefills stores prompts. The last token of an output is never stored.
      let lost = trace.requests.count {
        let outputs = group.role == .prefill ? 1 : $0.outputTokens
        return !capacity.holds(tokens: Int($0.promptTokens + outputs) - 1)
      }
      guard lost > request.serviceLevel.unansweredMax(of: trace.requests.count) else { continue }
      return
        "\(lost) of \(trace.requests.count) requests are longer than the \(capacity.tokens) tokens "
        + "that the KV cache of one replica holds"
    }
    return nil
  }

  /// Units that the budget pays for, at least one.
  private static func affordable(_ deployment: Deployment, _ request: FleetRequest) throws -> Int {
    guard let budget = request.budgetPerMonth else { return .max }
    let price = try dollarsPerHour(deployment) * Deployment.hoursPerMonth
    // A hair more, so that a budget of exactly so many replicas pays for them.
    let count = price > 0 ? budget / price * (1 + 1e-12) : .infinity
    guard count >= 1 else {
      throw Excluded(
        reason:
          "\(deployment.replicas == 1 ? "one replica costs" : "\(deployment.replicas) replicas cost") \(plainNumber(price.rounded(.up))) $ a month, `--budget` is \(plainNumber(budget))"
      )
    }
    return Int(min(count, Double(request.maxGPUs)))
  }

  private static func dollarsPerHour(_ deployment: Deployment) throws -> Double {
    if let price = deployment.dollarsPerHour { return price }
    let device = deployment.groups[0].scenario.device.name
    throw UserError(
      "the price of `\(device)` is not known", hint: "give it: `--price \(device)=2.50`")
  }

  static func unitCost(
    _ deployment: Deployment, _ objective: FleetRequest.Objective
  ) throws -> Double {
    switch objective {
    case .cost: return try dollarsPerHour(deployment)
    case .energy: return deployment.wattsMin
    case .gpus, .latency: return Double(deployment.gpus)
    }
  }

  /// The same search where some fleets are known to fail.
  ///
  /// - Parameter failing: By kind, the most replicas that fail; fewer do too.
  func knowing(failing: [Int: Int]) -> FleetSearch {
    var copy = self
    copy.kinds = kinds.compactMap { kind in
      var kind = kind
      kind.minUnits = max(kind.minUnits, (failing[kind.index] ?? 0) + 1)
      return kind.minUnits <= kind.maxUnits ? kind : nil
    }
    return copy
  }

  /// A fleet that was recommended under other assumptions, as it is under these; `nil` where it has no place here.
  func again(_ point: FleetPoint) throws -> FleetPoint? {
    let units = point.units
    guard let kind = kinds.first(where: { $0.index == point.candidate }),
      units <= kind.maxUnits
    else { return nil }
    return try simulate(kind, units: units)
  }

  /// Runs the search.
  ///
  /// - Parameters:
  ///   - known: A fleet that was simulated before, which cheaper ones have to beat.
  ///   - progress: Told of each simulation, and of the best deployment so far.
  /// - Throws: What a simulation throws.
  package func run(
    from known: FleetPoint? = nil,
    progress: @Sendable (_ simulated: Int, _ best: FleetPoint?) -> Void = { _, _ in }
  ) throws -> FleetPlan {
    var plan = FleetPlan(
      best: known.flatMap { $0.isFeasible ? $0 : nil }, simulated: known.map { [$0] } ?? [],
      ruledOut: ruledOut)
    var waiting = kinds.sorted {
      ($0.cost($0.minUnits), $0.index) < ($1.cost($1.minUnits), $1.index)
    }
    while !waiting.isEmpty {
      let bar = request.objective == .latency ? nil : plan.best?.cost
      waiting.removeAll { kind in bar.map { kind.cost(kind.minUnits) >= $0 } ?? false }
      // Where a fleet is known, the cheapest kind that is left is likely to do, and to rule out the others.
      let wave = Array(waiting.prefix(known == nil ? Self.waveWidth : 1))
      waiting.removeFirst(wave.count)
      let found = try Parallel.map(wave) { try best(of: $0, below: bar) }
      for points in found {
        plan.simulated += points
        for point in points where point.isFeasible && isBetter(point, than: plan.best) {
          plan.best = point
        }
      }
      progress(plan.simulated.count, plan.best)
    }
    return plan
  }

  func isBetter(_ point: FleetPoint, than best: FleetPoint?) -> Bool {
    guard let best else { return true }
    if request.objective == .latency {
      return (point.meanLatency, point.cost) < (best.meanLatency, best.cost)
    }
    return (point.cost, point.meanLatency) < (best.cost, best.meanLatency)
  }

  /// The smallest sustaining fleet of every kind that neither splits nor mixes, and the same with one replica more: what the best is
  /// compared with. Kinds of which no fleet sustains the rate give their largest.
  ///
  /// - Parameter known: What was simulated before; it is not simulated again.
  package func field(known: [FleetPoint]) throws -> [FleetPoint] {
    let found = try Parallel.map(kinds.filter { !$0.isSplit && !$0.isMixed }) {
      kind -> [FleetPoint] in
      var points = known.filter { $0.candidate == kind.index }
      let sustaining = points.filter(\.isFeasible).map(\.units).min()
      let least = try smallest(of: kind, knownToSustain: sustaining, &points)
      if let least, least < kind.maxUnits {
        _ = try isFeasible(kind, least + 1, &points)
      }
      return points
    }
    let all = found.flatMap { $0 }
    return all.filter { point in !known.contains { $0.isSame(as: point) } }
  }

  /// Whether some kinds split prefill and decode, and others do not.
  var hasBothShapes: Bool { Set(kinds.map(\.isSplit)).count == 2 }

  /// What fleets of the other shape come to: they are searched by themselves, from what is known of them.
  func other(than best: FleetPoint, known: [FleetPoint]) throws -> FleetPlan.OtherShape {
    var search = self
    let isSplit = best.deployment.handsOff
    search.kinds = kinds.filter { $0.isSplit != isSplit }
    let points = known.filter { $0.deployment.handsOff != isSplit }
    let start = points.filter(\.isFeasible).reduce(FleetPoint?.none) {
      isBetter($1, than: $0) ? $1 : $0
    }
    let plan = try search.run(from: start)
    let nearest =
      plan.best != nil
      ? nil : try whole(points + plan.simulated).max { $0.attainment < $1.attainment }
    return FleetPlan.OtherShape(best: plan.best, nearest: nearest)
  }

  /// The smallest fleet of a kind that sustains the rate, by halving; `nil` where none does.
  func smallest(
    of kind: FleetKind, knownToSustain: Int?, _ points: inout [FleetPoint]
  ) throws -> Int? {
    var low = kind.minUnits - 1
    var high = knownToSustain ?? kind.maxUnits + 1
    // Where nothing is known, up from the least fleet in growing steps.
    var step = 1
    while high > kind.maxUnits, low < kind.maxUnits {
      let next = min(low + step, kind.maxUnits)
      if try isFeasible(kind, next, &points) { high = next } else { low = next }
      step *= 2
    }
    while high - low > 1, high <= kind.maxUnits {
      let middle = (low + high) / 2
      if try isFeasible(kind, middle, &points) { high = middle } else { low = middle }
    }
    return high <= kind.maxUnits ? high : nil
  }

  func isFeasible(
    _ kind: FleetKind, _ units: Int, _ points: inout [FleetPoint]
  ) throws -> Bool {
    if let known = points.first(where: { $0.units == units }) {
      return known.isFeasible
    }
    let point = try simulate(kind, units: units)
    points.append(point)
    return point.isFeasible
  }

  /// Simulates what it takes to know the smallest fleet of one kind that costs less than `bar`.
  private func best(of kind: FleetKind, below bar: Double?) throws -> [FleetPoint] {
    var points: [FleetPoint] = []
    if request.objective == .latency {
      _ = try isFeasible(kind, kind.maxUnits, &points)
      return points
    }
    var sustaining: Int?
    if let bar {
      let most = (kind.minUnits...kind.maxUnits).last { kind.cost($0) < bar }
      guard let most, try isFeasible(kind, most, &points) else { return points }
      sustaining = most
    }
    _ = try smallest(of: kind, knownToSustain: sustaining, &points)
    return points
  }

  /// The same fleets with all their figures: runs that ended early are run again, to their end.
  func whole(_ points: [FleetPoint]) throws -> [FleetPoint] {
    try Parallel.map(points) { point in
      guard point.point == nil, let kind = kinds.first(where: { $0.index == point.candidate })
      else { return point }
      var whole = point
      let probe = RateProbe(
        kind.fleet(point.units), trace: trace, serviceLevel: request.serviceLevel)
      whole.trial = .init(try probe.point(rate: point.trial.rate, seed: point.trial.seed))
      return whole
    }
  }

  /// A fleet at the rate; where it may fail in several ways, in the worst of them: one that it does not stand, else the one
  /// in which the fewest requests meet the targets.
  private func simulate(_ kind: FleetKind, units: Int) throws -> FleetPoint {
    let ways = try request.failing(kind.fleet(units), starts: load.startCount)
    let points = try ways.map { prepared in
      let probe = RateProbe(prepared, trace: trace, serviceLevel: request.serviceLevel)
      let trial = try probe.trial(rate: request.requiredRate, seed: request.seed)
      return FleetPoint(
        candidate: kind.index, units: units, deployment: prepared.deployment, trial: trial,
        cost: request.watts(prepared.deployment, trial) ?? kind.cost(units))
    }
    func order(_ point: FleetPoint) -> (Int, Double) {
      (point.isFeasible ? 1 : 0, point.attainment)
    }
    return points.dropFirst().reduce(points[0]) { order($1) < order($0) ? $1 : $0 }
  }

  /// Simulates every deployment there is: what the search is held against.
  package func exhaustively() throws -> FleetPlan {
    let all = kinds.flatMap { kind in
      (request.fewestUnits(of: kind.index)...kind.maxUnits).map { (kind, $0) }
    }
    let points = try Parallel.map(all) { try simulate($0.0, units: $0.1) }
    var plan = FleetPlan(best: nil, simulated: points, ruledOut: ruledOut)
    for point in points where point.isFeasible && isBetter(point, than: plan.best) {
      plan.best = point
    }
    return plan
  }
}
