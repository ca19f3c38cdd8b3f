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
  package var requestRecords: [RequestRecord] {
    (0..<arrivedCount).map { requestRecord($0) }
  }

  func requestRecord(_ index: Int) -> RequestRecord {
    let request = requests[index]
    let milestone = milestones[index]
    let status: RequestRecord.Status =
      milestone.isRejected ? .rejected : milestone.finish == nil ? .unfinished : .completed
    return RequestRecord(
      index: index, status: status, arrival: request.arrival,
      promptTokens: Int(request.promptTokens), outputTokens: Int(request.outputTokens),
      sequences: Int(request.sequenceCount), firstScheduled: milestone.firstScheduled,
      firstToken: milestone.firstToken, finish: milestone.finish,
      preemptionsRecompute: Int(milestone.preemptionsRecompute),
      preemptionsSwap: Int(milestone.preemptionsSwap))
  }

  /// The answers of the run over its window.
  ///
  /// Latencies are those of the requests that finished inside the window; `docs/METRICS.md` defines each.
  package func summary(_ labels: RunLabels) -> RunSummary {
    let (from, to) = measured
    let duration = (to - from).seconds
    let finished = (0..<arrivedCount).lazy
      .filter { milestones[$0].finish.map(window.contains) ?? false }
      .map { requestRecord($0) }
    let completed = Array(finished)
    let perSecond = { (count: Int) in duration > 0 ? Double(count) / duration : 0 }
    let normalized = completed.compactMap(\.normalizedLatency)
    var summary = RunSummary(
      system: labels.system, model: labels.model, device: labels.device,
      requestRate: labels.requestRate, completed: completed.count,
      rejected: milestones[..<arrivedCount].count { $0.isRejected },
      unfinished: milestones[..<arrivedCount].count { $0.finish == nil && !$0.isRejected },
      duration: duration, requestThroughput: perSecond(completed.count),
      outputThroughput: perSecond(emittedTokens), ttft: milliseconds(completed, \.ttft),
      tpot: milliseconds(completed, \.tpot), itl: tokenGapDistribution,
      e2el: milliseconds(completed, \.e2el),
      meanNormalizedLatency: normalized.isEmpty
        ? nil : normalized.reduce(0, +) / Double(normalized.count),
      meanBatchedRequests: mean(integrals.runningRequests),
      meanWaitingRequests: mean(integrals.waitingRequests), iterations: iterations,
      preemptionsRecompute: preemptionsRecompute, preemptionsSwap: preemptionsSwap,
      kv: kvSummary(blocks: labels.blocks, blockSize: labels.blockSize),
      provenance: labels.provenance)
    summary.steps = StepMeans(steps)
    return summary
  }

  private func milliseconds(
    _ records: [RequestRecord], _ quantity: KeyPath<RequestRecord, Double?>
  ) -> Distribution {
    Distribution(of: records.compactMap { $0[keyPath: quantity].map { $0 * 1000 } })
  }

  private var tokenGapDistribution: Distribution {
    let quantiles = tokenGaps.quantiles([0.5, 0.9, 0.99]).map { $0 * 1000 }
    guard quantiles.count == 3 else { return Distribution() }
    return Distribution(
      count: Int(tokenGaps.count), mean: tokenGaps.mean.map { $0 * 1000 }, median: quantiles[0],
      p90: quantiles[1], p99: quantiles[2])
  }

  /// The time-weighted mean of a number over the window.
  private func mean(_ integral: Int128) -> Double {
    let duration = measured.to - measured.from
    return duration.nanoseconds > 0 ? Double(integral) / Double(duration.nanoseconds) : 0
  }

  private func kvSummary(blocks: Int, blockSize: Int) -> KVSummary {
    let slots = Double(blocks * blockSize)
    let share = { (integral: Int128) in slots > 0 ? mean(integral) / slots : 0 }
    let logical = mean(integrals.logicalBlocks)
    return KVSummary(
      blocks: blocks, blockSize: blockSize, tokenState: share(integrals.tokenState),
      reserved: share(integrals.reserved),
      internalFragmentation: share(integrals.internalFragmentation),
      externalFragmentation: share(integrals.externalFragmentation),
      cached: share(integrals.cached), free: share(integrals.free),
      sharingSaving: logical > 0 ? 1 - mean(integrals.physicalBlocks) / logical : 0)
  }
}
