import CostModel
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
    let resolved = try deployment.groups.map { try $0.scenario.resolved(prices: prices) }
    let blockSizes = Set(resolved.map(\.settings.blockSize))
    guard blockSizes.count == 1 else {
      throw UserError(
        "the replicas of a deployment have block sizes \(blockSizes.sorted()), which cannot be "
          + "added up in one KV ledger", hint: "give all the same `--block-size`")
    }
    self.init(deployment, resolved: resolved)
  }

  private init(_ deployment: Deployment, resolved: [ResolvedScenario]) {
    self.deployment = deployment
    self.resolved = resolved
  }

  /// The same prices for another number of replicas.
  package func with(replicas: Int) -> PreparedDeployment {
    var copy = PreparedDeployment(deployment.with(replicas: replicas), resolved: resolved)
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

  /// Serves a trace whose arrivals are set, to its end.
  ///
  /// - Throws: ``UserError`` for a run that cannot go on.
  package func serve(_ trace: Trace, seed: UInt64) throws -> RunResult {
    let record: RunRecord
    do {
      record = try cluster(for: trace, seed: seed) { cluster in
        try cluster.serve(try replicas(for: trace))
      }
    } catch let failure as RunFailure {
      throw failure.userError(trace: trace.name, scenario: deployment.groups[0].scenario)
    }
    return result(of: record, trace: trace, seed: seed)
  }

  /// Serves a trace with as many replicas of the only group as the autoscaler asks for.
  ///
  /// - Returns: The result, the decisions, and the seconds of replicas that were paid for.
  package func serve(
    _ trace: Trace, autoscaler: Autoscaler, seed: UInt64
  ) throws -> (result: RunResult, scaling: [ScalingStep], replicaSeconds: Double) {
    do {
      return try cluster(for: trace, seed: seed) { cluster in
        let served = try cluster.serve(autoscaler) { try replica(of: 0, for: trace) }
        let result = result(of: served.record, trace: trace, seed: seed)
        return (result, served.scaling, cluster.replicaSeconds)
      }
    } catch let failure as RunFailure {
      throw failure.userError(trace: trace.name, scenario: deployment.groups[0].scenario)
    }
  }

  private func cluster<Value>(
    for trace: Trace, seed: UInt64, _ body: (inout Cluster) throws -> Value
  ) throws -> Value {
    var cluster = Cluster(
      requests: trace.requests, contents: trace.contents, window: MeasuringWindow(),
      router: deployment.router, seed: seed)
    return try body(&cluster)
  }

  private func replicas(for trace: Trace) throws -> [any Replica] {
    try deployment.groups.indices.flatMap { group in
      try (0..<deployment.groups[group].count).map { _ in try replica(of: group, for: trace) }
    }
  }

  private func replica(of group: Int, for trace: Trace) throws -> any Replica {
    let scenario = deployment.groups[group].scenario
    let costModel = resolved[group].costModel
    let executor =
      kernelTimeScale == 1
      ? priced(costModel) : priced(ScaledCostModel(base: costModel, scale: kernelTimeScale))
    return try scenario.system.replica(
      trace.requests, settings: resolved[group].settings, executor: executor,
      oversized: scenario.oversized, contents: trace.contents)
  }

  private func result(of record: RunRecord, trace: Trace, seed: UInt64) -> RunResult {
    let scenario = deployment.groups[0].scenario
    let blocks = zip(deployment.groups, resolved).reduce(0) {
      $0 + $1.0.count * $1.1.settings.deviceBlocks
    }
    let provenance = Provenance(
      seed: seed, version: toolVersion,
      scenario: [
        ScenarioField("trace", trace.name), ScenarioField("replicas", "\(deployment.replicas)"),
        ScenarioField("router", deployment.router.rawValue),
      ] + resolved[0].fields,
      costProfile: profiles.map { "\($0.name) (\($0.error))" }.joined(separator: "; "))
    var labels = RunLabels(
      system: scenario.system.rawValue, model: scenario.model.name,
      device: scenario.device.name, requestRate: trace.offeredRate, blocks: blocks,
      blockSize: resolved[0].settings.blockSize, provenance: provenance)
    labels.classNames = trace.classNames
    return RunResult(
      summary: record.summary(labels),
      requests: record.requestRecords(classNames: trace.classNames))
  }
}

/// Prices that are all too high or too low by one factor: what a sensitivity asks about.
struct ScaledCostModel: IterationCostModel {
  let base: any IterationCostModel
  let scale: Double

  var profile: CostProfile { base.profile }

  func duration(of shape: IterationShape) -> SimDuration {
    SimDuration(rounding: base.duration(of: shape).seconds * scale)
  }
}
