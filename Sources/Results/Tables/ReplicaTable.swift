import Metrics

/// The replicas of a fleet on the terminal, a line each; of many, those that tell most.
enum ReplicaTable {
  /// More than this do not fit a screen: then the table shows ``extremes(of:)``, and the files all.
  private static let shownMax = 16

  /// - Returns: `nil` for a single replica.
  static func rendered(_ replicas: [ReplicaSummary], title: String) -> String? {
    guard !replicas.isEmpty else { return nil }
    var table = TextTable([
      .init(title, .left), .init("requests"), .init("TTFT mean"), .init("batched"),
      .init("waiting"), .init("token state, %"), .init("preempt."),
    ])
    guard replicas.count > shownMax else {
      table.rows = replicas.map { row("\($0.replica)", $0) }
      return table.rendered()
    }
    table.rows = extremes(of: replicas).map { name, replica in
      row("\(name) of \(replicas.count): \(replica.replica)", replica)
    }
    return table.rendered()
  }

  private static func row(_ name: String, _ replica: ReplicaSummary) -> [String] {
    [
      name, "\(replica.requests)", Digits.significant(replica.meanTTFT),
      Digits.fixed(replica.meanBatchedRequests, decimals: 1),
      Digits.fixed(replica.meanWaitingRequests, decimals: 1), Digits.percent(replica.tokenState),
      "\(replica.preemptionsRecompute + replica.preemptionsSwap)",
    ]
  }

  /// The replicas whose KV pool was fullest, in the middle and emptiest on the mean; of equals the lower number.
  private static func extremes(
    of replicas: [ReplicaSummary]
  ) -> [(name: String, replica: ReplicaSummary)] {
    let byState = replicas.sorted {
      ($1.tokenState, $0.replica) < ($0.tokenState, $1.replica)
    }
    return [
      ("fullest", byState[0]), ("median", byState[(byState.count - 1) / 2]),
      ("emptiest", byState[byState.count - 1]),
    ]
  }
}
