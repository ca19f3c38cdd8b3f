import CostModel
import Messages
import Metrics
import Serving
import SimulationKernel
import Statistics
import Workload

/// Everything that is said about the capacity of one deployment: the rate, whether it holds, why it is not
/// higher, what would raise it, and how far it can be trusted.
package struct CapacityStudy: Sendable {
  package let deployment: Deployment
  package let trace: Trace
  /// How requests of the trace come at a rate.
  package let load: PlannedLoad
  package let serviceLevel: ServiceLevel
  package var seeds: [UInt64]
  package var tolerance: Double
  /// Whether settings are changed to see what the rate depends on.
  package var explains = true
  /// Rates to be tried, requests per second.
  package var rates: [Double] = []
  package var whatIfs: [WhatIf] = []
  /// Of the deployment and of those that are compared with it.
  let prices = PriceSource.shared(PreparedPrices())

  package init(
    _ deployment: Deployment, trace: Trace, serviceLevel: ServiceLevel, seeds: [UInt64],
    tolerance: Double
  ) {
    self.deployment = deployment
    self.trace = trace
    load = PlannedLoad(trace, thinkTime: deployment.groups[0].scenario.thinkTime)
    self.serviceLevel = serviceLevel
    self.seeds = seeds
    self.tolerance = tolerance
  }

  package struct Answer: Sendable {
    package var capacity: Capacity
    /// The rate to plan for; `nil` where none is sustained.
    package var advice: Advice?
    /// Rates around the capacity, with the first seed: how latency grows towards it and beyond.
    package var around: [RateProbe.Point] = []
    /// No rate above this is steady, whatever the scheduler does; `nil` for unlike replicas, and where it is too far
    /// above the capacity to say anything.
    package var bound: Double?
    /// Changes of one setting, and more GPUs that would lower the rate.
    package var levers = Levers()
    /// Requests that levers and sensitivities were simulated with: the trace's, or a sample of them.
    package var comparedRequests: Int?
    /// Kernel times and output lengths 10 % up and down.
    package var sensitivity: [Variation] = []
    /// How the rates fare that were asked about.
    package var asked: [Asked] = []
    package var whatIfs: [WhatIfAnswer] = []
    package var prepared: PreparedDeployment
    package var warnings: [String]

    /// Where the capacity lies if served latencies are off by what was measured.
    package var servedIntervals: [ServedInterval] {
      capacity.servedIntervals(prepared.latencyErrors, with: around)
    }

    /// Whether seeds that did not find the rate reject it.
    package var isAtTheEdge: Bool { advice.map { !$0.confirmation.stands } ?? false }
  }

  /// The mean rate, or a little less, as it stands with seeds that did not find it.
  package struct Advice: Equatable, Sendable {
    /// Requests per second: the highest tried that stands, or the mean where none does.
    package var rate: Double
    package var confirmation: Confirmation
    /// How the mean itself fared.
    package var ofMean: Confirmation
  }

  /// The mean is lowered by steps as wide as the search's bracket, but no narrower than this share of the rate.
  private static let loweringStep = 0.02
  /// The mean is lowered by its confidence interval at most, or by this share of it where that is more.
  private static let loweringMax = 0.25
  /// Changes are compared on so many requests at most: effects of a few per cent show in them. A plan's default has
  /// five times as many.
  private static let comparedMax = 4000
  /// A bound more than so many times the capacity is not given: it would say nothing.
  private static let boundReach = 3.0

  /// - Throws: ``UserError`` for settings that are not valid, runs that cannot go on, and requests too few to have a
  ///   highest rate.
  package func run() throws -> Answer {
    let prepared = try PreparedDeployment(deployment, prices: prices)
    let bound = try bound(of: prepared)
    let probe = RateProbe(prepared, trace: trace, serviceLevel: serviceLevel)
    let guess = bound.map { $0 / 2 } ?? Double(deployment.replicas)
    let search = CapacitySearch(probe, firstGuess: guess, tolerance: tolerance)
    let sampled = try sampled(search)
    let capacity = try search.run(seeds: seeds, near: sampled?.capacity.bySeed[0])
    guard !capacity.isUnlimited else {
      throw UserError(
        "the \(load.startCount) \(load.starters) of `\(trace.name)` meet \(serviceLevel.text) even if all "
          + "come at once: there is no highest rate",
        hint: "give more requests with `--num-prompts`, or bound a latency more tightly")
    }
    var answer = Answer(
      capacity: capacity, bound: bound.flatMap { $0 <= Self.boundReach * capacity.rate ? $0 : nil },
      prepared: prepared, warnings: prepared.caveats + warnings(capacity))
    answer.advice = try advice(capacity, probe)
    answer.asked = try asked(probe, rates)
    guard explains || !whatIfs.isEmpty else { return answer }
    // Not needed for a long trace with which no change is tried: levers and sensitivities are, with its sample.
    let whole =
      whatIfs.isEmpty && sampled != nil && capacity.rate > 0
      ? nil
      : PairedSearch(base: search, capacity: capacity, trace: trace, seeds: seeds)
    if let whole { answer.whatIfs = try whatIfs.map { try self.answer($0, whole) } }
    guard explains else { return answer }
    answer.around = try probe.points(around: capacity.bySeed[0], seed: seeds[0])
    let compared =
      (capacity.rate > 0 ? sampled : nil).map { search, found in
        PairedSearch(
          base: search, capacity: found, trace: search.probe.load.trace,
          scale: capacity.rate / found.rate, seeds: seeds)
      } ?? whole
    guard let compared else { return answer }
    answer.comparedRequests = compared.trace.requests.count
    answer.levers = try levers(prepared, compared)
    answer.sensitivity = try sensitivity(of: prepared, compared)
    return answer
  }

  /// The same search on a sample of a long trace, and what it found: where to look with the whole trace, and what changes
  /// are compared with.
  ///
  /// - Returns: `nil` for a short trace, and where the sample has no highest rate.
  private func sampled(
    _ search: CapacitySearch
  ) throws -> (search: CapacitySearch, capacity: Capacity)? {
    guard trace.requests.count > Self.comparedMax else { return nil }
    let sample = try trace.sampled(count: Self.comparedMax, seed: seeds[0])
    var search = search
    search.probe = RateProbe(
      search.probe.prepared, trace: sample, serviceLevel: serviceLevel)
    let capacity = try search.run(seeds: explains ? seeds : [seeds[0]])
    return capacity.isUnlimited || capacity.rate == 0 ? nil : (search, capacity)
  }

  /// - Returns: `nil` where no rate is sustained.
  private func advice(_ capacity: Capacity, _ probe: RateProbe) throws -> Advice? {
    let mean = capacity.rate
    guard mean > 0, let last = seeds.last else { return nil }
    let lowest = mean - max(capacity.confidence ?? 0, mean * Self.loweringMax)
    let ofMean = try Confirmation(probe, rate: mean, after: last)
    var (rate, confirmation) = (mean, ofMean)
    while !confirmation.stands {
      rate /= 1 + max(tolerance, Self.loweringStep)
      guard rate >= lowest else { return Advice(rate: mean, confirmation: ofMean, ofMean: ofMean) }
      confirmation = try Confirmation(probe, rate: rate, after: last)
    }
    return Advice(rate: rate, confirmation: confirmation, ofMean: ofMean)
  }

  private func bound(of prepared: PreparedDeployment) throws -> Double? {
    guard deployment.groups.count == 1 else { return nil }
    let rate = WorkBound(prepared.resolved[0], trace: load.starting()).rateMax(
      replicas: deployment.replicas, unitSpan: try load.unitSpan(seed: seeds[0]))
    return rate.isFinite ? rate : nil
  }

  private func warnings(_ capacity: Capacity) -> [String] {
    var warnings = serviceLevel.thinQuantiles(of: trace).map { target, requests, needed in
      "`\(target.name)` rests on \(requests) requests: at least \(needed) put one beyond it, and "
        + "\(10 * needed) make it steady"
    }
    warnings += capacity.points.map(\.assessment).vacuous.map {
      "`\($0)` has no samples in `\(trace.name)`: it is vacuous, and bounds nothing"
    }
    if let point = capacity.best, let warning = load.isTooShort(point) { warnings.append(warning) }
    return warnings
  }
}
