extension RunRecord {
  /// One record of what the replicas of a cluster did; the history is left empty.
  ///
  /// - Parameters:
  ///   - records: Of the same requests and window, closed at the same instant.
  ///   - assignment: By request that was routed: the record that it is in.
  init(merging records: [RunRecord], assignment: [Int32]) {
    self.init(requests: records[0].requests, window: records[0].window)
    arrivedCount = assignment.count
    for (request, number) in assignment.enumerated() {
      milestones[request] = records[Int(number)].milestones[request]
    }
    for record in records {
      end = max(end, record.end)
      integrals.add(record.integrals)
      steps.add(record.steps)
      iterations += record.iterations
      emittedTokens += record.emittedTokens
      preemptionsRecompute += record.preemptionsRecompute
      preemptionsSwap += record.preemptionsSwap
      tokenGaps.add(record.tokenGaps)
      if let totals = record.prefixCache {
        prefixCache = (prefixCache ?? PrefixCacheTotals()) + totals
      }
    }
  }
}

extension Integrals {
  fileprivate mutating func add(_ other: Integrals) {
    tokenState += other.tokenState
    reserved += other.reserved
    internalFragmentation += other.internalFragmentation
    externalFragmentation += other.externalFragmentation
    cached += other.cached
    free += other.free
    logicalBlocks += other.logicalBlocks
    physicalBlocks += other.physicalBlocks
    runningRequests += other.runningRequests
    waitingRequests += other.waitingRequests
  }
}
