extension RunRecord {
  /// One record of what the replicas of a cluster did.
  ///
  /// - Parameters:
  ///   - records: Of the same requests and window, closed at the same instant.
  ///   - assignment: By request that was routed: the record that it is in.
  init(merging records: [RunRecord], assignment: [Int32]) {
    self.init(requests: records[0].requests, window: records[0].window)
    history = records[0].history
    arrivedCount = assignment.count
    for (request, number) in assignment.enumerated() {
      milestones[request] = records[Int(number)].milestones[request]
    }
    for record in records.dropFirst() { history.add(record.history) }
    for record in records {
      end = max(end, record.end)
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
