import Fleet
import Messages
import Metrics
import Serving
import SimulationKernel
import Workload

/// Traffic that changes over a day: how many replicas each part of it needs, and what an autoscaler would have
/// made of it.
package struct ScalingStudy: Sendable {
  /// One replica; the number of replicas is what is asked for. Its failures, drawn ones, are those of the whole trace: what
  /// a window needs, and what a replica sustains, is without.
  package let deployment: Deployment
  /// With arrivals of its own.
  package let trace: Trace
  package let serviceLevel: ServiceLevel
  package var seed: UInt64
  /// Seconds of the pieces that the trace is cut into.
  package var windowSeconds: Double
  /// Seconds between two decisions of the autoscaler.
  package var intervalSeconds: Double
  /// Seconds from the decision to start a replica until it takes requests.
  package var startUpSeconds: Double
  /// Share of what one replica sustains that the autoscaler gives it.
  package var targetUtilization: Double
  package var minReplicas: Int
  package var maxReplicas: Int
  /// The autoscaler's rule.
  package var rule = ScalingRule.patient
  /// Requests at a time that it gives a replica; `nil` for the rule's own number.
  package var targetRequests: Double?
  /// What becomes of replicas that it lets go; `nil` for what the rule does.
  package var removal: ScalingRule.Removal?

  package init(
    _ deployment: Deployment, trace: Trace, serviceLevel: ServiceLevel, seed: UInt64,
    windowSeconds: Double, intervalSeconds: Double, startUpSeconds: Double,
    targetUtilization: Double, minReplicas: Int, maxReplicas: Int
  ) {
    self.deployment = deployment
    self.trace = trace
    self.serviceLevel = serviceLevel
    self.seed = seed
    self.windowSeconds = windowSeconds
    self.intervalSeconds = intervalSeconds
    self.startUpSeconds = startUpSeconds
    self.targetUtilization = targetUtilization
    self.minReplicas = minReplicas
    self.maxReplicas = maxReplicas
  }

  /// One piece of the trace.
  package struct Window: Equatable, Sendable {
    /// Seconds.
    package var start: Double
    /// How long it lasts; the last one ends with the trace.
    package var seconds: Double
    package var requests: Int
    /// Requests per second.
    package var rate: Double
    /// The fewest replicas with which the requests of this piece meet their targets, on an empty system;
    /// `nil` if ``ScalingStudy/maxReplicas`` do not.
    package var needed: Int?
    /// Names of the targets that no request of this piece is a sample of: they are vacuous here.
    package var vacuous: [String] = []
  }

  /// A way to run the whole trace.
  package struct Operation: Sendable {
    package var result: RunResult
    package var assessment: Assessment
    /// Hours of GPUs, start-up included.
    package var gpuHours: Double
    /// Whether the targets hold if the server is slower, at each of ``ServedError/Level``; empty where no served error is
    /// known.
    package var ifSlower: [Bool]
    /// The same traffic with the gaps of each window in another order, by seeds that found nothing.
    package var confirmation: Confirmation

    /// Whether the targets hold over the whole trace, and on enough of the other days.
    package var stands: Bool { assessment.isMet && confirmation.stands }
    /// Whether they hold over the trace as it is, and on too few of the others.
    package var isAtTheEdge: Bool { assessment.isMet && !confirmation.stands }
  }

  package struct Answer: Sendable {
    package var windows: [Window]
    /// What one replica sustains, requests per second.
    package var replicaRate: Double
    /// Where that lies if served latencies are off by what was measured.
    package var servedIntervals: [ServedInterval]
    /// As many replicas all day as the busiest window needs, or up to a quarter more (two at least) where the whole trace
    /// and other orders of it ask for more; `nil` where some window cannot be served.
    package var fixed: (replicas: Int, operation: Operation)?
    package var autoscaled: Operation
    package var scaling: [ScalingStep]
    package var prepared: PreparedDeployment

    /// Hours of GPUs if each window had just what it needs, without start-ups; `nil` where some window cannot be
    /// served.
    package var idealGPUHours: Double?

    /// Whether what is recommended is rejected by other orders of the same traffic.
    package var isAtTheEdge: Bool {
      autoscaled.isAtTheEdge || fixed.map { !$0.operation.stands } ?? false
    }
  }

  /// Requests whose lengths the capacity of one replica is measured with, at most.
  private static let capacityRequests = 2000

  /// - Parameter progress: Told how many windows are done, never from two threads at once.
  /// - Throws: ``UserError`` for a trace without arrivals, and where one replica sustains no rate at all.
  package func run(
    progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws -> Answer {
    guard trace.hasArrivals, !trace.requests.isEmpty else {
      throw UserError(
        "`\(trace.name)` has no arrival times, so that nothing changes over time",
        hint: "use `kvplan plan fleet` for a constant rate")
    }
    var steady = deployment.with(replicas: 1)
    steady.failures = nil
    let steadily = try PreparedDeployment(steady)
    let windows = try self.windows(steadily, progress: progress)
    let (replicaRate, servedIntervals) = try replicaRate(steadily)
    let prepared = try deployment.failures.map { try steadily.failing($0) } ?? steadily
    let gpus = Double(prepared.deployment.gpus)
    var autoscaler = Autoscaler(
      minReplicas: minReplicas, maxReplicas: maxReplicas,
      interval: SimDuration(rounding: intervalSeconds),
      startUp: SimDuration(rounding: startUpSeconds),
      targetRate: replicaRate * targetUtilization, patience: Self.patience, rule: rule)
    autoscaler.targetRequests = targetRequests ?? autoscaler.targetRequests
    autoscaler.removal = removal ?? rule.removal
    autoscaler.limits = prepared.replicaLimits
    let served = try prepared.serve(trace, autoscaler: autoscaler, seed: seed)
    SimulationCount.add()
    let others = try confirmation(prepared) { [autoscaler] trace, seed in
      try prepared.serve(trace, autoscaler: autoscaler, seed: seed).result
    }
    let ideal: Double? = windows.reduce(0) { sum, window in
      sum.flatMap { sum in window.needed.map { sum + Double($0) * window.seconds } }
    }
    return Answer(
      windows: windows, replicaRate: replicaRate,
      servedIntervals: servedIntervals,
      fixed: try fixed(prepared, windows: windows),
      autoscaled: Operation(
        result: served.result, assessment: serviceLevel.assess(served.result),
        gpuHours: served.replicaSeconds * gpus / 3600,
        ifSlower: try ifSlower(prepared) { [autoscaler] in
          try $0.serve(trace, autoscaler: autoscaler, seed: seed).result
        }, confirmation: others),
      scaling: served.scaling, prepared: prepared, idealGPUHours: ideal.map { $0 * gpus / 3600 })
  }

  /// Decisions in a row that have to ask for fewer replicas before there are fewer.
  package static let patience = 5

  private func windows(
    _ prepared: PreparedDeployment, progress: @escaping @Sendable (Int, Int) -> Void
  ) throws -> [Window] {
    let end = trace.requests.last?.arrival.seconds ?? 0
    let count = Int(end / windowSeconds) + 1
    // No window is looked up in an empty stretch: nothing arrives there.
    let counts = trace.requests.reduce(into: Array(repeating: 0, count: count)) {
      $0[Int($1.arrival.seconds / windowSeconds)] += 1
    }
    var windows: [Window] = []
    for index in 0..<count {
      let start = Double(index) * windowSeconds
      // The last one ends with the trace; a request alone at its start has to be given some time.
      let seconds = end > start ? min(windowSeconds, end - start) : windowSeconds
      let piece =
        counts[index] > 0 ? try trace.sliced(from: start, to: start + windowSeconds) : nil
      let guess = windows.last?.needed ?? 1
      let found = try piece.map { try needed(prepared, $0, guess: guess) }
      windows.append(
        Window(
          start: start, seconds: seconds, requests: counts[index],
          rate: Double(counts[index]) / seconds, needed: found.map(\.replicas) ?? 0,
          vacuous: found?.vacuous ?? []))
      progress(index + 1, count)
    }
    return windows
  }

  /// The fewest replicas, from a guess on: the window before needed about as many. And which targets have no
  /// sample, however many there are.
  private func needed(
    _ prepared: PreparedDeployment, _ piece: Trace, guess: Int
  ) throws -> (replicas: Int?, vacuous: [String]) {
    var assessments: [Assessment] = []
    func isEnough(_ replicas: Int) throws -> Bool {
      let probe = RateProbe(
        prepared.with(replicas: replicas), trace: piece, serviceLevel: serviceLevel)
      let result = try probe.prepared.serve(piece, seed: seed)
      let point = probe.point(of: result, rate: piece.offeredRate, seed: seed)
      assessments.append(point.assessment)
      return point.isSustained
    }
    var (low, high) = (0, maxReplicas + 1)
    var next = min(max(guess, 1), maxReplicas)
    while high - low > 1 {
      if try isEnough(next) { high = next } else { low = next }
      // Nearby first, then by halves.
      let near = high == next ? next - 1 : next + 1
      next = abs(near - guess) <= 1 ? near : (low + high) / 2
      next = min(max(next, low + 1), high - 1)
    }
    return (high <= maxReplicas ? high : nil, assessments.vacuous)
  }

  private func replicaRate(
    _ prepared: PreparedDeployment
  ) throws -> (rate: Double, served: [ServedInterval]) {
    let count = min(trace.requests.count, Self.capacityRequests)
    let lengths = count < trace.requests.count ? try trace.sampled(count: count, seed: seed) : trace
    let probe = RateProbe(prepared, trace: lengths, serviceLevel: serviceLevel)
    let found = try CapacitySearch(probe, firstGuess: 1, tolerance: 0.02).run(seeds: [seed])
    guard found.rate > 0 else {
      throw UserError(
        "one replica of `\(prepared.deployment.text)` meets \(serviceLevel.text) at no rate",
        hint: "`kvplan plan capacity` says which target is missed, and by how much")
    }
    guard !found.isUnlimited else {
      throw UserError(
        "one replica of `\(prepared.deployment.text)` meets \(serviceLevel.text) even if all "
          + "\(count) requests come at once: nothing says what an autoscaler may give it",
        hint: "give a longer trace, or bound a latency more tightly")
    }
    let around = try probe.points(around: found.rate, seed: seed)
    return (found.rate, found.servedIntervals(prepared.latencyErrors, with: around))
  }

  private func fixed(
    _ prepared: PreparedDeployment, windows: [Window]
  ) throws -> (replicas: Int, operation: Operation)? {
    guard windows.allSatisfy({ $0.needed != nil }),
      let most = windows.compactMap(\.needed).max()
    else { return nil }
    let least = max(most, 1)
    let first = try operation(prepared.with(replicas: least))
    var (replicas, found) = (least, first)
    // Windows begin on an empty system, and other days are not this one: both may take a little more.
    let limit = min(least + max(least / 4, 2), maxReplicas)
    while !found.stands {
      guard replicas < limit else { return (least, first) }
      replicas += 1
      found = try operation(prepared.with(replicas: replicas))
    }
    return (replicas, found)
  }

  /// The whole trace on a fixed number of replicas.
  private func operation(_ prepared: PreparedDeployment) throws -> Operation {
    let result = try prepared.serve(trace, seed: seed)
    SimulationCount.add()
    return Operation(
      result: result, assessment: serviceLevel.assess(result),
      gpuHours: result.summary.duration / 3600 * Double(prepared.deployment.gpus),
      ifSlower: try ifSlower(prepared) { try $0.serve(trace, seed: seed) },
      confirmation: try confirmation(prepared) { try prepared.serve($0, seed: $1) })
  }

  /// Serves the trace again on a server whose iterations take longer by the error of TPOT, at each level.
  ///
  /// Other latencies than TPOT are off by their own errors: by how much those differ, their bounds are moved.
  private func ifSlower(
    _ prepared: PreparedDeployment, _ serve: @Sendable (PreparedDeployment) throws -> RunResult
  ) throws -> [Bool] {
    guard let errors = prepared.latencyErrors else { return [] }
    return try ServedError.Level.allCases.map { level in
      let error = errors.iteration(at: level)
      guard error < 1 else { return false }
      var slower = prepared
      slower.kernelTimeScale = 1 / (1 - error)
      let result = try serve(slower)
      SimulationCount.add()
      return serviceLevel.isMet(by: result, serviceLevel.assess(result)) { metric in
        max(0, 1 - errors.of(metric, at: level)) / (1 - error)
      }
    }
  }

  private func confirmation(
    _ prepared: PreparedDeployment,
    _ serve: @Sendable (_ trace: Trace, _ seed: UInt64) throws -> RunResult
  ) throws -> Confirmation {
    let probe = RateProbe(prepared, trace: trace, serviceLevel: serviceLevel)
    let trials = try Parallel.map(Confirmation.seeds(after: seed)) { seed in
      let day = trace.reshuffled(window: windowSeconds, seed: seed)
      let result = try serve(day, seed)
      SimulationCount.add()
      return RateProbe.Trial(probe.point(of: result, rate: day.offeredRate, seed: seed))
    }
    return Confirmation(trials: trials)
  }
}
