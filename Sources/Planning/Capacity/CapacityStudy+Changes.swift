import CostModel
import Fleet
import Messages
import Metrics
import Serving
import SimulationKernel
import Statistics
import Workload

extension CapacityStudy {
  /// What an operator could turn, one thing at a time, and what comes of it.
  package struct Levers: Sendable {
    /// What would raise the rate, best first.
    package var gains: [Variation] = []
    /// More GPUs that would lower it, with the reason.
    package var setbacks: [(variation: Variation, reason: String)] = []
    /// What raised or lowered it with the first seed, but not by more than its own interval over all seeds.
    package var withoutEffect: [Variation] = []
    /// What did not raise it with the first seed, in words; other seeds were not tried.
    package var withoutGain: [String] = []
  }

  private struct Lever: Sendable {
    var change: String
    var flag: String?
    var deployment: Deployment
  }

  func levers(_ prepared: PreparedDeployment, _ comparison: PairedSearch) throws -> Levers {
    let tried = try Parallel.map(possibleLevers()) { lever -> (Lever, RateProbe, Bool)? in
      let changed: PreparedDeployment
      // What the deployment cannot take is no lever of it.
      do {
        changed = try PreparedDeployment(lever.deployment, prices: prices)
      } catch is UserError { return nil }
      let probe = RateProbe(changed, trace: comparison.trace, serviceLevel: serviceLevel)
      let isMore = lever.deployment.gpus > deployment.gpus
      let moves =
        try comparison.isAbove(probe) ? true : isMore ? comparison.isBelow(probe) : false
      return (lever, probe, moves)
    }.compactMap { $0 }
    var levers = Levers()
    for (lever, probe, moves) in tried {
      let isMore = lever.deployment.gpus > deployment.gpus
      guard moves,
        let variation = try comparison.variation(
          lever.change, lever.flag, probe,
          factor: Double(lever.deployment.gpus) / Double(deployment.gpus))
      else {
        levers.withoutGain.append(lever.change)
        continue
      }
      if variation.isEffect == false {
        levers.withoutEffect.append(variation)
      } else if variation.rate.mean > comparison.capacity.rate * comparison.scale {
        levers.gains.append(variation)
      } else if isMore, variation.rate.mean < comparison.capacity.rate * comparison.scale {
        let point = comparison.capacity.best ?? comparison.capacity.limiting
        levers.setbacks.append((variation, try reason(lever.deployment, prepared, at: point)))
      } else {
        levers.withoutGain.append(lever.change)
      }
    }
    levers.gains.sort { $0.rate.mean > $1.rate.mean }
    return levers
  }

  private func possibleLevers() -> [Lever] {
    var levers = deployment.groups.count == 1 ? settingLevers() : []
    guard deployment.replicas > 1 else { return levers }
    for router in Router.plain where router != deployment.router {
      if router.comparesBlocks && trace.contents == nil { continue }
      var changed = deployment
      changed.router = router
      changed.router.loadPeriod = deployment.router.loadPeriod
      levers.append(
        Lever(
          change: "the router \(router.name)", flag: "--router \(router.name)",
          deployment: changed))
    }
    return levers
  }

  private func settingLevers() -> [Lever] {
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
    let more = deployment.with(replicas: deployment.replicas + 1)
    levers.append(
      Lever(change: "one replica more", flag: "--replicas \(more.replicas)", deployment: more))
    return levers
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
      + "\(milliseconds(try PreparedDeployment(changed, prices: prices))) on \(changed.gpus) GPUs and "
      + "\(milliseconds(prepared)) on \(deployment.gpus): each computes less, and the sums between "
      + "them take longer"
  }
}

extension CapacityStudy {
  /// How far kernel times and output lengths are moved.
  private static let sensitivityShare = 0.1

  func sensitivity(
    of prepared: PreparedDeployment, _ comparison: PairedSearch
  ) throws -> [Variation] {
    guard comparison.capacity.rate > 0 else { return [] }
    let cases: [(String, kernels: Double, outputs: Double)] = [
      ("kernels 10 % slower", 1 + Self.sensitivityShare, 1),
      ("kernels 10 % faster", 1 - Self.sensitivityShare, 1),
      ("outputs 10 % longer", 1, 1 + Self.sensitivityShare),
      ("outputs 10 % shorter", 1, 1 - Self.sensitivityShare),
    ]
    return try Parallel.map(cases) { change, kernels, outputs in
      var scaled = prepared
      scaled.kernelTimeScale = kernels
      let trace =
        outputs == 1 ? comparison.trace : try comparison.trace.scaled(prompts: 1, outputs: outputs)
      let probe = RateProbe(scaled, trace: trace, serviceLevel: serviceLevel)
      return try comparison.variation(change, nil, probe, factor: 1 / kernels)
    }.compactMap { $0 }
  }
}
