import CostModel
import Fleet
import Messages
import Metrics
import Serving
import SimulationKernel
import Workload

/// A deployment with its sizes resolved and its prices at hand, to be run many times.
package struct PreparedDeployment: Sendable {
  package let deployment: Deployment
  /// One for each group.
  package let resolved: [ResolvedScenario]
  /// Factor on the price of every iteration; 1 unless a sensitivity is asked for.
  package var kernelTimeScale = 1.0

  /// - Parameter prices: Where prices come from; the scenarios' own unless deployments share them.
  /// - Throws: ``UserError`` for settings that are not valid or a model that does not fit.
  package init(_ deployment: Deployment, prices: PriceSource = .own) throws {
    try deployment.checkRoles()
    try deployment.checkRouter()
    try deployment.checkFailures()
    let resolved = try deployment.groups.map { try $0.scenario.resolved(prices: prices) }
    let blockSizes = Set(resolved.map(\.settings.blockSize)).sorted()
    guard blockSizes.count == 1 || !deployment.router.comparesBlocks else {
      throw UserError(
        "the replicas have block sizes \(blockSizes.map(String.init).joined(separator: " and ")), "
          + "and `--router \(deployment.router.name)` compares what their blocks hold",
        hint: "give all the same `--block-size`, or choose a router that reads loads, such as "
          + "`\(Router.leastOutstanding.name)`")
    }
    self.init(deployment, resolved: resolved)
  }

  private init(_ deployment: Deployment, resolved: [ResolvedScenario]) {
    self.deployment = deployment
    self.resolved = resolved
  }

  /// The same prices for another number of replicas.
  package func with(replicas: Int) -> PreparedDeployment {
    with(deployment.with(replicas: replicas))
  }

  /// The same prices for other numbers of replicas, one for each group.
  package func with(counts: [Int]) -> PreparedDeployment {
    with(deployment.with(counts: counts))
  }

  /// The same where replicas fail.
  ///
  /// - Throws: ``UserError`` for replicas that cannot.
  func failing(_ failures: Failures) throws -> PreparedDeployment {
    var deployment = deployment
    deployment.failures = failures
    try deployment.checkFailures()
    return with(deployment)
  }

  private func with(_ deployment: Deployment) -> PreparedDeployment {
    var copy = PreparedDeployment(deployment, resolved: resolved)
    copy.kernelTimeScale = kernelTimeScale
    return copy
  }

  /// Where the prices come from: one profile for each kind of device.
  package var profiles: [CostProfile] {
    var profiles: [CostProfile] = []
    for profile in resolved.map(\.costModel.profile) where !profiles.contains(profile) {
      profiles.append(profile)
    }
    return profiles
  }

  /// What rules, prices and memory rest on nothing recorded or measured for, a sentence each.
  package var caveats: [String] {
    var caveats: [String] = []
    func add(_ caveat: String?) {
      if let caveat, !caveats.contains(caveat) { caveats.append(caveat) }
    }
    for group in deployment.groups {
      add(group.scenario.system.caveat)
      add(group.scenario.service?.caveat)
      add(group.scenario.overlap?.caveat)
      add(group.scenario.twoBatchOverlap == true ? PricedDeployment.twoBatchCaveat : nil)
      add(group.scenario.caveatOfDrafts)
      add(group.scenario.sglang.hierarchicalCache == true ? HiCacheSettings.caveat : nil)
    }
    for (group, resolved) in zip(deployment.groups, resolved) where !resolved.unmeasured.isEmpty {
      add(
        "no kernels of this kind were measured on `\(group.scenario.device.name)`: "
          + resolved.unmeasured.joined(separator: ", ") + "; priced by formula")
    }
    for resolved in resolved {
      add(resolved.kvCapacity.cache.warning(model: resolved.scenario.model.name))
      add(resolved.scenario.caveatOfServer)
    }
    return caveats
  }

  /// Serves a trace whose arrivals are set, to its end.
  ///
  /// - Parameter isDecided: Whether it need not go on; see ``Fleet/Load/isDecided``.
  /// - Throws: ``UserError`` for a run that cannot go on, ``Fleet/Decided`` for one that need not.
  package func serve(
    _ trace: Trace, seed: UInt64, isDecided: ((RequestLog) -> Bool)? = nil
  ) throws -> RunResult {
    result(of: try record(of: trace, seed: seed, isDecided: isDecided), trace: trace, seed: seed)
  }

  /// What happens when the replicas serve a trace whose arrivals are set.
  ///
  /// - Parameters:
  ///   - frontEnd: What closed-loop clients reach the engines through.
  ///   - keepingPreemptions: Whether the record says when each preemption was.
  ///   - isDecided: Whether it need not go on; see ``Fleet/Load/isDecided``.
  /// - Throws: ``UserError`` for a run that cannot go on, ``Fleet/Decided`` for one that need not.
  package func record(
    of trace: Trace, seed: UInt64, frontEnd: FrontEnd = FrontEnd(),
    keepingPreemptions: Bool = false, isDecided: ((RequestLog) -> Bool)? = nil
  ) throws -> RunRecord {
    for resolved in resolved {
      try resolved.scenario.requireSeen(trace)
      try resolved.scenario.requireTargets(of: trace)
    }
    if deployment.handsOff { try trace.requireHandOffs() }
    try deployment.checkRouter(for: trace)
    var load = resolved[0].load(trace)
    load.frontEnd = frontEnd
    load.keepsPreemptions = keepingPreemptions
    load.isDecided = isDecided
    return try explaining(trace) {
      try Fleet.serve(
        load, on: places, router: deployment.router,
        link: deployment.link ?? .free, failures: deployment.failures, seed: seed
      ).record
    }
  }

  /// Serves a trace with as many replicas of the only group as the autoscaler asks for.
  ///
  /// - Returns: The result, the decisions, and the seconds of replicas that were paid for.
  package func serve(
    _ trace: Trace, autoscaler: Autoscaler, seed: UInt64
  ) throws -> (result: RunResult, scaling: [ScalingStep], replicaSeconds: Double) {
    try resolved[0].scenario.requireTargets(of: trace)
    try deployment.checkRouter(for: trace)
    let (record, scaling, replicaSeconds) = try explaining(trace) {
      try Fleet.serve(
        resolved[0].load(trace), autoscaler: autoscaler, replica: maker(of: 0),
        router: deployment.router, failures: deployment.failures, seed: seed)
    }
    return (result(of: record, trace: trace, seed: seed), scaling, replicaSeconds)
  }

  /// What a replica of the only group is configured for.
  var replicaLimits: ReplicaLimits {
    let settings = resolved[0].settings
    return ReplicaLimits(
      kvTokens: settings.poolBlocks * settings.blockSize,
      maxBatchedTokens: settings.maxBatchedTokens, maxSequences: settings.maxSequences)
  }

  private func explaining<Value>(_ trace: Trace, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let failure as RunFailure {
      throw failure.userError(trace: trace.name, scenario: deployment.groups[0].scenario)
    }
  }

  private var places: [Fleet.Place] {
    deployment.groups.indices.flatMap { group in
      var place = Fleet.Place(slotBytes: resolved[group].slotBytes, make: maker(of: group))
      place.role = deployment.groups[group].role
      if place.role == .decode { place.localPrefillMax = deployment.localPrefillMax }
      place.kvBytes = { [resolved = resolved[group]] in resolved.kvBytes($0, behind: $1) }
      return Array(repeating: place, count: deployment.groups[group].count)
    }
  }

  /// Replicas of a group share their prices.
  private func maker(of group: Int) -> Fleet.Maker {
    let (system, settings) = (deployment.groups[group].scenario.system, resolved[group].settings)
    let costModel = resolved[group].costModel
    let executor = PricedExecutor(
      kernelTimeScale == 1 ? costModel : ScaledCostModel(base: costModel, scale: kernelTimeScale))
    return { try system.replica($0, settings: settings, executor: executor) }
  }

  private func result(of record: RunRecord, trace: Trace, seed: UInt64) -> RunResult {
    var labels = labels(
      of: record, trace: trace,
      requestRate: resolved[0].scenario.thinkTime == nil ? trace.offeredRate : record.arrivalRate,
      seed: seed,
      replicas: deployment.routerFields)
    labels.provenance.costProfile =
      profiles.map { "\($0.name) (\($0.error))" }.joined(separator: "; ")
    return RunResult(
      summary: record.summary(labels),
      requests: record.requestRecords(classNames: trace.classNames))
  }

  /// What the summary of a run repeats.
  ///
  /// - Parameter replicas: The settings that tell how many there are, where those are said.
  func labels(
    of record: RunRecord, trace: Trace, requestRate: Double, seed: UInt64,
    replicas: [ScenarioField]
  ) -> RunLabels {
    let scenario = deployment.groups[0].scenario
    let kinds = zip(deployment.groups, resolved)
    var labels = RunLabels(
      system: scenario.system.name, model: scenario.model.name,
      device: scenario.device.name, requestRate: requestRate,
      blocks: kinds.reduce(0) { $0 + $1.0.count * $1.1.settings.poolBlocks },
      blockSize: resolved[0].settings.blockSize,
      provenance: Provenance(
        seed: seed, version: toolVersion,
        scenario: [ScenarioField("trace", trace.name)]
          + (trace.sample?.fields ?? []).map { ScenarioField($0.name, $0.value) } + replicas
          + deployment.failureFields + fields,
        costProfile: ""))
    labels.classNames = trace.classNames
    labels.targets = scenario.targets
    let rows = kinds.flatMap { group, resolved in
      Array(
        repeating: ReplicaLabels(
          system: group.scenario.system.name, device: group.scenario.device.name,
          blocks: resolved.settings.poolBlocks, blockSize: resolved.settings.blockSize),
        count: group.count)
    }
    // An autoscaler makes more of the only kind, or fewer.
    labels.replicas =
      record.replicas.count == rows.count
      ? rows : Array(repeating: rows[0], count: record.replicas.count)
    let weights =
      Fleet.slotWeights(
        kinds.flatMap { Array(repeating: $1.slotBytes, count: $0.count) })
      ?? Array(repeating: 1, count: rows.count)
    labels.slots = zip(rows, weights).reduce(0) { $0 + $1.0.blocks * $1.0.blockSize * $1.1 }
    return labels
  }
}

/// Prices that are all too high or too low by one factor: what a sensitivity asks about.
final class ScaledCostModel: IterationCostModel {
  private let base: any IterationCostModel
  private let scale: Double

  init(base: any IterationCostModel, scale: Double) {
    self.base = base
    self.scale = scale
  }

  var profile: CostProfile { base.profile }

  func duration(of work: IterationWork) -> SimDuration {
    SimDuration(rounding: base.duration(of: work).seconds * scale)
  }
}
