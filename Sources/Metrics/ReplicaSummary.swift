import Serving
import SimulationKernel
import Workload

/// What one replica of a fleet did over the measuring window; a row of `replicas.csv`.
package struct ReplicaSummary: Equatable, Sendable {
  /// From 0, in the order of the deployment.
  package var replica: Int
  package var system: String
  package var device: String
  /// Requests that the router gave it, and those of them that finished inside the window.
  package var requests: Int
  package var completed: Int
  package var rejected: Int
  /// Output tokens emitted inside the window per second of window.
  package var outputThroughput: Double
  /// Milliseconds; mean over the completed requests, `nil` for none.
  package var meanTTFT: Double?
  /// Time-weighted means over the window.
  package var meanBatchedRequests: Double
  package var meanWaitingRequests: Double
  package var iterations: Int
  package var preemptionsRecompute: Int
  package var preemptionsSwap: Int
  package var blocks: Int
  package var blockSize: Int
  /// Time-weighted mean shares of its KV pool.
  package var tokenState: Double
  package var free: Double
  /// Share of the queried tokens that its prefix cache had; `nil` without one.
  package var hitRate: Double?
}

/// What a replica is, as far as its summary repeats it.
package struct ReplicaLabels: Sendable {
  package var system: String
  package var device: String
  package var blocks: Int
  package var blockSize: Int

  package init(system: String, device: String, blocks: Int, blockSize: Int) {
    self.system = system
    self.device = device
    self.blocks = blocks
    self.blockSize = blockSize
  }
}

extension RunRecord {
  /// The replicas of a fleet, a row each; none for a single one.
  ///
  /// - Parameter labels: One for each replica.
  package func replicaSummaries(_ labels: [ReplicaLabels]) -> [ReplicaSummary] {
    guard replicas.count > 1 else { return [] }
    precondition(
      labels.count == replicas.count, "\(labels.count) labels, \(replicas.count) replicas")
    var rows = zip(labels, replicas).enumerated().map { number, pair in
      row(number, pair.0, pair.1)
    }
    var delays = Array(repeating: 0.0, count: rows.count)
    func count(_ request: Int, at number: Int) {
      rows[number].requests += 1
      if milestones[request].isRejected { rows[number].rejected += 1 }
      guard let finish = milestones[request].finish, window.contains(finish),
        let first = milestones[request].firstToken
      else { return }
      rows[number].completed += 1
      delays[number] += (first - requests[request].arrival).seconds * 1000
    }
    for (request, number) in assignment.enumerated() where number >= 0 {
      count(request, at: Int(number))
    }
    for (request, handOff) in handOffs.enumerated() where handOff.replica >= 0 {
      count(request, at: Int(handOff.replica))
    }
    for number in rows.indices where rows[number].completed > 0 {
      rows[number].meanTTFT = delays[number] / Double(rows[number].completed)
    }
    return rows
  }

  private func row(
    _ number: Int, _ labels: ReplicaLabels, _ replica: ReplicaRecord
  ) -> ReplicaSummary {
    let (from, to) = measured
    let (duration, seconds) = (Double((to - from).nanoseconds), (to - from).seconds)
    let slots = Double(labels.blocks * labels.blockSize)
    func mean(_ integral: Int128) -> Double { duration > 0 ? Double(integral) / duration : 0 }
    let sums = replica.history.total
    return ReplicaSummary(
      replica: number, system: labels.system, device: labels.device, requests: 0, completed: 0,
      rejected: 0, outputThroughput: seconds > 0 ? Double(replica.emittedTokens) / seconds : 0,
      meanBatchedRequests: mean(sums.runningRequests),
      meanWaitingRequests: mean(sums.waitingRequests), iterations: replica.iterations,
      preemptionsRecompute: replica.preemptionsRecompute,
      preemptionsSwap: replica.preemptionsSwap, blocks: labels.blocks,
      blockSize: labels.blockSize, tokenState: slots > 0 ? mean(sums.tokenState) / slots : 0,
      free: slots > 0 ? mean(sums.free) / slots : 0,
      hitRate: replica.prefixCache.flatMap {
        $0.queriedTokens > 0 ? Double($0.hitTokens) / Double($0.queriedTokens) : nil
      })
  }
}

extension RunSummary {
  /// The replica whose KV pool held the largest share of tokens, of equals the lower number, and how many times the mean
  /// over the replicas that is; no times where none held any. `nil` for a single replica.
  package var fullestReplica: (replica: ReplicaSummary, imbalance: Double?)? {
    let fullest = replicas.max { ($0.tokenState, $1.replica) < ($1.tokenState, $0.replica) }
    guard let fullest else { return nil }
    let mean = replicas.reduce(0) { $0 + $1.tokenState } / Double(replicas.count)
    return (fullest, mean > 0 ? fullest.tokenState / mean : nil)
  }
}
