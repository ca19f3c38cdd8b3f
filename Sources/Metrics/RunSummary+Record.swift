import Serving
import SimulationKernel
import Workload

/// What a run was asked to do, as far as its summary repeats it.
package struct RunLabels: Sendable {
  package var system: String
  package var model: String
  package var device: String
  /// Requests per second that were offered.
  package var requestRate: Double
  package var blocks: Int
  package var blockSize: Int
  package var provenance: Provenance
  /// The names of the trace's classes.
  package var classNames: [String] = []
  /// What classes are to be served within; `nil` for nothing.
  package var targets: ServiceTargets?
  /// One for each replica of a fleet.
  package var replicas: [ReplicaLabels] = []
  /// Token slots of all pools, as the record counts them; `nil` for ``blocks`` × ``blockSize``.
  package var slots: Int?

  package init(
    system: String, model: String, device: String, requestRate: Double, blocks: Int,
    blockSize: Int, provenance: Provenance
  ) {
    self.system = system
    self.model = model
    self.device = device
    self.requestRate = requestRate
    self.blocks = blocks
    self.blockSize = blockSize
    self.provenance = provenance
  }
}

extension RunRecord {
  /// The requests of the run that had arrived when it ended, one row each.
  package var requestRecords: [RequestRecord] { requestRecords(classNames: []) }

  /// - Parameter classNames: The names of the trace's classes; of none, no record has one.
  package func requestRecords(classNames: [String]) -> [RequestRecord] {
    arrived.map { index in
      var record = requestRecord(index)
      let number = Int(requests[index].requestClass)
      if number > 0, number <= classNames.count { record.className = classNames[number - 1] }
      return record
    }
  }

  func requestRecord(_ index: Int) -> RequestRecord {
    let request = requests[index]
    let milestone = milestones[index]
    let status: RequestRecord.Status =
      milestone.isRejected ? .rejected : milestone.finish == nil ? .unfinished : .completed
    let tiers = tierTokens(of: index)
    var record = RequestRecord(
      index: index, status: status, arrival: request.arrival,
      promptTokens: Int(request.promptTokens), outputTokens: Int(request.outputTokens),
      sequences: Int(request.sequenceCount), firstScheduled: milestone.firstScheduled,
      firstToken: milestone.firstToken, finish: milestone.finish,
      preemptionsRecompute: Int(milestone.preemptionsRecompute),
      preemptionsSwap: Int(milestone.preemptionsSwap), cachedTokens: cachedTokens(of: index),
      hostTokens: tiers.map { Int($0.host) },
      diskTokens: prefixCache?.disk == nil ? nil : tiers.map { Int($0.disk) },
      recomputedTokens: recomputedTokens(of: index), replica: replica(of: index))
    record.preemptions = preemptions(of: index)
    if !handOffs.isEmpty, handOffs[index].replica >= 0 { record.handOff = handOffs[index] }
    return record
  }

  /// The answers of the run over its window.
  ///
  /// Latencies are those of the requests that finished inside the window; `docs/METRICS.md` defines each.
  package func summary(_ labels: RunLabels) -> RunSummary {
    let (from, to) = measured
    let duration = (to - from).seconds
    let outcomes = outcomes()
    let completed = outcomes.finished
    var values: [Double] = []
    values.reserveCapacity(completed)
    let perSecond = { (count: Int) in duration > 0 ? Double(count) / duration : 0 }
    var summary = RunSummary(
      system: labels.system, model: labels.model, device: labels.device,
      requestRate: labels.requestRate, completed: completed,
      rejected: outcomes.rejected, unfinished: outcomes.unfinished,
      duration: duration, requestThroughput: perSecond(completed),
      outputThroughput: perSecond(emittedTokens),
      ttft: distribution(&values, Self.ttft), tpot: distribution(&values, Self.tpot),
      itl: tokenGapDistribution, e2el: distribution(&values) { $0.latency * 1000 },
      meanNormalizedLatency: outcomes.meanNormalizedLatency,
      meanBatchedRequests: mean(integrals.runningRequests),
      meanWaitingRequests: mean(integrals.waitingRequests), iterations: iterations,
      preemptionsRecompute: preemptionsRecompute, preemptionsSwap: preemptionsSwap,
      kv: kvSummary(labels),
      provenance: labels.provenance)
    summary.steps = StepMeans(steps)
    summary.speculation = SpeculationSummary(sums.drafts)
    if replicas.count > 1 { summary.replicas = replicaSummaries(labels.replicas) }
    summary.handOffs = handOffSummary
    summary.failures = failures
    let targets = labels.targets?.byClass(labels.classNames)
    summary.attained = targets.flatMap { attained($0) }
    summary.classes = labels.classNames.enumerated().map { index, name in
      classSummary(name, number: UInt16(index + 1), targets)
    }
    return summary
  }

  private func classSummary(
    _ name: String, number: UInt16, _ targets: [ServiceTarget?]?
  ) -> ClassSummary {
    let outcomes = outcomes(of: number)
    var values: [Double] = []
    values.reserveCapacity(outcomes.finished)
    return ClassSummary(
      name: name, completed: outcomes.finished, rejected: outcomes.rejected,
      ttft: distribution(&values, of: number, Self.ttft),
      tpot: distribution(&values, of: number, Self.tpot),
      e2el: distribution(&values, of: number) { $0.latency * 1000 },
      meanNormalizedLatency: outcomes.meanNormalizedLatency,
      attained: targets.flatMap { attained($0) { $0.requestClass == number } })
  }

  /// Milliseconds.
  private static func ttft(_ finished: FinishedRequest) -> Double? {
    (finished.firstToken - finished.arrival).seconds * 1000
  }

  private static func tpot(_ finished: FinishedRequest) -> Double? {
    let outputTokens = finished.outputTokens
    return outputTokens > 1
      ? (finished.finish - finished.firstToken).seconds / (Double(outputTokens) - 1) * 1000 : nil
  }

  private var tokenGapDistribution: Distribution {
    let quantiles = tokenGaps.quantiles(Distribution.probabilities).map { $0 * 1000 }
    guard !quantiles.isEmpty else { return Distribution() }
    return Distribution(
      count: Int(tokenGaps.count), mean: tokenGaps.mean.map { $0 * 1000 }, quantiles: quantiles)
  }

  /// The time-weighted mean of a number over the window.
  private func mean(_ integral: Int128) -> Double {
    let duration = measured.to - measured.from
    return duration.nanoseconds > 0 ? Double(integral) / Double(duration.nanoseconds) : 0
  }

  private func kvSummary(_ labels: RunLabels) -> KVSummary {
    let (blocks, blockSize) = (labels.blocks, labels.blockSize)
    let slots = Double(labels.slots ?? blocks * blockSize)
    let share = { (integral: Int128) in slots > 0 ? mean(integral) / slots : 0 }
    let logical = mean(integrals.logicalBlocks)
    return KVSummary(
      blocks: blocks, blockSize: blockSize, tokenState: share(integrals.tokenState),
      reserved: share(integrals.reserved),
      internalFragmentation: share(integrals.internalFragmentation),
      externalFragmentation: share(integrals.externalFragmentation),
      cached: share(integrals.cached), free: share(integrals.free),
      sharingSaving: logical > 0 ? 1 - mean(integrals.physicalBlocks) / logical : 0,
      prefixCache: prefixCache.map {
        PrefixCacheSummary(
          queriedTokens: $0.queriedTokens, hitTokens: $0.hitTokens,
          evictedBlocks: $0.evictedBlocks, tier: $0.tier.map { TierSummary(.host, $0) },
          disk: $0.disk.map { TierSummary(.disk, $0) })
      })
  }
}

extension TierSummary {
  fileprivate init(_ place: Place, _ totals: TierTotals) {
    self.init(
      place: place, hitTokens: totals.hitTokens, computedTokens: totals.computedTokens,
      storedBytes: totals.storedBytes,
      loadedBytes: totals.loadedBytes, loads: totals.loads,
      loadSeconds: totals.loads > 0
        ? Double(totals.loadNanoseconds) / 1e9 / Double(totals.loads) : nil,
      flushSeconds: Double(totals.flushNanoseconds) / 1e9)
  }
}

extension RunRecord {
  /// One measure, in milliseconds, over the requests that finished inside the window: one at a time, as a run may have
  /// many millions.
  ///
  /// - Parameter values: Scratch, used for one measure after the other.
  private func distribution(
    _ values: inout [Double], of only: UInt16? = nil,
    _ milliseconds: (FinishedRequest) -> Double?
  ) -> Distribution {
    values.removeAll(keepingCapacity: true)
    forEachFinished(of: only) { if let value = milliseconds($0) { values.append(value) } }
    return Distribution(reordering: &values)
  }
}
