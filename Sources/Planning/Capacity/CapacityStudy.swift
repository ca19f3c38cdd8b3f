import CostModel
import Messages
import Metrics
import Serving
import SimulationKernel
import Workload

/// Everything that is said about the capacity of one deployment: the rate, why it is not higher, what would
/// raise it, and how far it can be trusted.
package struct CapacityStudy: Sendable {
  package let deployment: Deployment
  package let trace: Trace
  package let serviceLevel: ServiceLevel
  package var seeds: [UInt64]
  package var tolerance: Double
  /// Whether settings are changed to see what the rate depends on.
  package var explains = true

  package init(
    _ deployment: Deployment, trace: Trace, serviceLevel: ServiceLevel, seeds: [UInt64],
    tolerance: Double
  ) {
    self.deployment = deployment
    self.trace = trace
    self.serviceLevel = serviceLevel
    self.seeds = seeds
    self.tolerance = tolerance
  }

  /// A change, and the rate that comes of it.
  package struct Variation: Equatable, Sendable {
    /// What is changed, in words.
    package var change: String
    /// The flag that changes it; `nil` for what no flag changes.
    package var flag: String?
    /// Requests per second, with the first seed.
    package var rate: Double
  }

  package struct Answer: Sendable {
    package var capacity: Capacity
    /// Lower rates, with the first seed: how latency grows towards the capacity.
    package var below: [RateProbe.Point] = []
    /// No rate above this is steady, whatever the scheduler does; `nil` for unlike replicas.
    package var bound: Double?
    /// Settings that would raise the rate, best first.
    package var levers: [Variation]
    /// More GPUs that would lower the rate, with the reason.
    package var setbacks: [(variation: Variation, reason: String)] = []
    /// Kernel times and output lengths 10 % up and down.
    package var sensitivity: [Variation]
    package var prepared: PreparedDeployment
    package var warnings: [String]
  }

  /// Lower rates that are simulated for the picture, as shares of the capacity.
  private static let sharesBelow = [0.1, 0.25, 0.5, 0.75, 0.9]
  /// How far kernel times and output lengths are moved.
  private static let sensitivityShare = 0.1
  /// Variations are compared with the first seed to this width.
  private static let variationTolerance = 0.02

  /// - Parameter progress: Told of each simulation, never from two threads at once.
  /// - Throws: ``UserError`` for settings that are not valid and runs that cannot go on.
  package func run(
    progress: @escaping @Sendable (RateProbe.Point) -> Void = { _ in }
  ) throws -> Answer {
    let prepared = try PreparedDeployment(deployment)
    let bound = try bound(of: prepared)
    let probe = RateProbe(prepared, trace: trace, serviceLevel: serviceLevel)
    let guess = bound.map { $0 / 2 } ?? Double(deployment.replicas)
    let capacity = try CapacitySearch(probe, firstGuess: guess, tolerance: tolerance)
      .run(seeds: seeds, progress: progress)
    guard !capacity.isUnlimited else {
      throw UserError(
        "the \(trace.requests.count) requests of `\(trace.name)` meet \(serviceLevel.text) even if all "
          + "come at once: there is no highest rate",
        hint: "give more requests with `--num-prompts`, or bound a latency more tightly")
    }
    var answer = Answer(
      capacity: capacity, bound: bound, levers: [], sensitivity: [], prepared: prepared,
      warnings: warnings(capacity))
    guard explains else { return answer }
    let base = capacity.bySeed[0]
    answer.below = try Parallel.map(Self.sharesBelow) { share -> RateProbe.Point? in
      guard base > 0 else { return nil }
      let point = try probe.point(rate: base * share, seed: seeds[0])
      progress(point)
      return point
    }.compactMap { $0 }
    let levers = levers()
    let found = try Parallel.map(levers) { lever in
      try variation(lever.change, lever.flag, near: base, progress) {
        RateProbe(
          try PreparedDeployment(lever.deployment), trace: trace, serviceLevel: serviceLevel)
      }
    }
    answer.levers = found.compactMap { $0 }.filter { $0.rate > base * (1 + tolerance) }
      .sorted { $0.rate > $1.rate }
    for (lever, variation) in zip(levers, found) where lever.deployment.gpus > deployment.gpus {
      guard let variation, variation.rate < base * (1 - Self.variationTolerance) else { continue }
      answer.setbacks.append(
        (variation, try reason(lever.deployment, prepared, at: capacity.best ?? capacity.limiting)))
    }
    if base > 0 { answer.sensitivity = try sensitivity(of: prepared, near: base, progress) }
    return answer
  }

  /// Why more GPUs give less: what an iteration takes on them.
  private func reason(
    _ changed: Deployment, _ prepared: PreparedDeployment, at point: RateProbe.Point?
  ) throws -> String {
    guard let kv = point?.summary.kv, let batch = point?.summary.meanBatchedRequests, batch >= 1
    else { return "no run to compare with" }
    let capacity = prepared.resolved[0].kvCapacity
    var work = IterationWork(attendedMax: prepared.resolved[0].settings.attendedMax)
    work.decode(Int(batch), contextTokens: Int(kv.tokenState * Double(capacity.tokens)))
    work.sampledSequences = work.decodeSequences
    func milliseconds(_ prepared: PreparedDeployment) -> String {
      let seconds = prepared.resolved[0].costModel.duration(of: work).seconds
      return "\(plainNumber((seconds * 1e5).rounded() / 100)) ms"
    }
    return "an iteration of \(work.decodeSequences) sequences takes "
      + "\(milliseconds(try PreparedDeployment(changed))) on \(changed.gpus) GPUs and "
      + "\(milliseconds(prepared)) on \(deployment.gpus): each computes less, and the sums between "
      + "them take longer"
  }

  private func bound(of prepared: PreparedDeployment) throws -> Double? {
    guard deployment.groups.count == 1 else { return nil }
    let timed = try trace.retimed(poissonRate: 1, seed: seeds[0])
    guard let first = timed.requests.first, let last = timed.requests.last else { return nil }
    let rate = WorkBound(prepared.resolved[0], trace: trace).rateMax(
      replicas: deployment.replicas, unitSpan: (last.arrival - first.arrival).seconds)
    return rate.isFinite ? rate : nil
  }

  /// - Returns: `nil` where the change cannot be made.
  private func variation(
    _ change: String, _ flag: String?, near rate: Double,
    _ progress: @escaping @Sendable (RateProbe.Point) -> Void, probe: () throws -> RateProbe
  ) throws -> Variation? {
    let changed: RateProbe
    do { changed = try probe() } catch is UserError { return nil }
    let guess = rate > 0 ? rate : Double(deployment.replicas)
    let found = try CapacitySearch(
      changed, firstGuess: guess, tolerance: Self.variationTolerance
    ).run(seeds: [seeds[0]], progress: progress)
    guard !found.isUnlimited else { return nil }
    return Variation(change: change, flag: flag, rate: found.rate)
  }

  private func sensitivity(
    of prepared: PreparedDeployment, near rate: Double,
    _ progress: @escaping @Sendable (RateProbe.Point) -> Void
  ) throws -> [Variation] {
    let cases: [(String, kernels: Double, outputs: Double)] = [
      ("kernels 10 % slower", 1 + Self.sensitivityShare, 1),
      ("kernels 10 % faster", 1 - Self.sensitivityShare, 1),
      ("outputs 10 % longer", 1, 1 + Self.sensitivityShare),
      ("outputs 10 % shorter", 1, 1 - Self.sensitivityShare),
    ]
    return try Parallel.map(cases) { change, kernels, outputs in
      try variation(change, nil, near: rate, progress) {
        var scaled = prepared
        scaled.kernelTimeScale = kernels
        let trace = outputs == 1 ? trace : try trace.scaled(prompts: 1, outputs: outputs)
        return RateProbe(scaled, trace: trace, serviceLevel: serviceLevel)
      }
    }.compactMap { $0 }
  }

  private func warnings(_ capacity: Capacity) -> [String] {
    let count = trace.requests.count
    var warnings = serviceLevel.thinQuantiles(of: trace).map { target, requests, needed in
      "`\(target.name)` rests on \(requests) requests: at least \(needed) put one beyond it, and "
        + "\(10 * needed) make it steady"
    }
    warnings += capacity.points.map(\.assessment).vacuous.map {
      "`\($0)` has no samples in `\(trace.name)`: it is vacuous, and bounds nothing"
    }
    if let point = capacity.best, let mean = point.summary.e2el.mean {
      let span = Double(count) / point.rate
      if span < 2 * mean / 1000 {
        warnings.append(
          "at \(plainNumber((point.rate * 100).rounded() / 100)) req/s the \(count) requests come "
            + "in \(plainNumber(span.rounded())) s, and one takes "
            + "\(plainNumber((mean / 1000).rounded())) s: too few to see a steady state; give more "
            + "with `--num-prompts`")
      }
    }
    return warnings
  }
}

extension CapacityStudy {
  private struct Lever: Sendable {
    var change: String
    var flag: String?
    var deployment: Deployment
  }

  /// What an operator could turn, one thing at a time.
  private func levers() -> [Lever] {
    guard deployment.groups.count == 1 else { return [] }
    let scenario = deployment.groups[0].scenario
    guard let resolved = try? scenario.resolved() else { return [] }
    let settings = resolved.settings
    var levers: [Lever] = []
    func add(_ change: String, _ flag: String?, _ set: (inout Scenario) -> Void) {
      var changed = deployment
      set(&changed.groups[0].scenario)
      levers.append(Lever(change: change, flag: flag, deployment: changed))
    }
    let (blocks, sequences) = (settings.deviceBlocks * 2, settings.maxSequences * 2)
    add("twice the KV blocks", "--num-gpu-blocks-override \(blocks)") {
      $0.deviceBlocksOverride = blocks
    }
    add("twice the sequences", "--max-num-seqs \(sequences)") { $0.maxSequences = sequences }
    let budgets = [settings.maxBatchedTokens * 2, settings.maxBatchedTokens / 2]
    for (budget, word) in zip(budgets, ["twice", "half"]) where budget > 0 {
      add("\(word) the token budget", "--max-num-batched-tokens \(budget)") {
        // The pool stays, so that only one thing is changed.
        $0.deviceBlocksOverride = settings.deviceBlocks
        $0.maxBatchedTokens = budget
      }
    }
    if scenario.system.capabilities.hasPrefixCache, trace.contents != nil,
      !scenario.choices.prefixCaching
    {
      add("a prefix cache", "--enable-prefix-caching") { $0.prefixCaching = true }
    }
    if scenario.deviceBlocksOverride == nil {
      let gpus = scenario.tensorParallel * 2
      add("twice the GPUs a replica", "--tensor-parallel-size \(gpus)") {
        $0.tensorParallel = gpus
      }
    }
    var more = deployment
    more.groups[0].count += 1
    levers.append(
      Lever(
        change: "one replica more", flag: "--replicas \(more.replicas)", deployment: more))
    return levers
  }
}
