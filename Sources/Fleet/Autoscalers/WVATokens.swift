extension ScalingRule {
  package static let wvaTokens = ScalingRule(
    name: "wva-v2",
    summary:
      "asks for as many as hold the tokens of running and waiting requests at 85 % of what one can, lets go what is left "
      + "at 70 %, and acts on what was asked for all of 240 s",
    period: 60, reads: .reports(4), target: .own, make: { WVATokens() })
}

/// The second saturation rule of llm-d's workload variant autoscaler: tokens in place of shares.
///
///     demand      tokens in use + requests that wait × mean prompt, over all replicas
///     capacity    of a replica: the least of 80 % of its pool and what it was seen, or is reckoned, to compute
///     more        ⌈(demand ⁄ 0.85 − what those there and starting hold) ⁄ capacity⌉
///     fewer       ⌊(what those there hold − demand ⁄ 0.70) ⁄ capacity⌋
///
/// What a replica computes: the tokens in use while 5 requests or more wait; else the mean of the last 10 such observations,
/// which are kept apart by the length of outputs (below 100, below 500, longer); else n · (I + O ⁄ 2) with
/// n = min(token budget · O ⁄ (I + O), sequences at most), for mean prompts I and outputs O.
///
/// - Source: `internal/engines/analyzers/saturation_v2/analyzer.go` and `pipeline/cost_aware_optimizer.go` of
///   llm-d-workload-variant-autoscaler; ours: I and O are means over the fleet, not by replica, of the last 300 s. Left out:
///   requests that wait in the router, of which there are none here, and variants. Kubernetes acts as with ``WVASaturation``.
struct WVATokens: ScalingPolicy {
  /// What was seen to be computed, the newest last, by the length of outputs.
  private var seen: [[Int]] = [[], [], []]
  /// Of the last decisions, the newest last.
  private var answered: [AnsweredRequests] = []
  private var window = HPAWindow()

  private static let (shareMax, queueMax) = (0.8, 5)
  private static let (upShare, downShare) = (0.85, 0.70)
  private static let seenMax = 10
  private static let lengthSeconds = 300.0

  mutating func replicas(_ fleet: FleetReading, of autoscaler: Autoscaler) -> Int {
    let n = fleet.present
    answered.append(fleet.answered)
    answered.removeFirst(max(0, answered.count - autoscaler.decisions(in: Self.lengthSeconds)))
    let wanted = autoscaler.within(asks(fleet, autoscaler.knownLimits))
    let decisions = autoscaler.decisions(in: WVASaturation.windowSeconds) + 1
    return window.replicas(Double(wanted), present: n, up: decisions, down: decisions)
  }

  private mutating func asks(_ fleet: FleetReading, _ limits: ReplicaLimits) -> Int {
    let n = fleet.present
    var lengths = AnsweredRequests()
    for some in answered { lengths += some }
    let count = Double(max(lengths.count, 1))
    let (input, output) = (
      Double(lengths.promptTokens) / count, Double(lengths.outputTokens) / count
    )
    var demand = 0
    var capacities: [Int] = []
    for replica in fleet.peaks {
      let inUse = Int(replica.heldShare * Double(limits.kvTokens))
      demand += inUse + replica.waiting * Int(input)
      let room = Int(Double(limits.kvTokens) * Self.shareMax)
      let computed = computes(replica, inUse: inUse, input: input, output: output, limits) ?? room
      capacities.append(min(room, computed))
    }
    let capacity = Double(Self.median(capacities))
    guard capacity > 0 else { return n }
    let missing = Double(demand) / Self.upShare - Double(n) * capacity
    if missing > 0 { return n + Self.rounded(missing / capacity) }
    let spare = Double(capacities.count) * capacity - Double(demand) / Self.downShare
    return spare > 0 ? n - min(Int(spare / capacity), n - 1) : n
  }

  /// `nil` where nothing was seen, and nothing can be reckoned.
  private mutating func computes(
    _ replica: ReplicaReport, inUse: Int, input: Double, output: Double, _ limits: ReplicaLimits
  ) -> Int? {
    let length = output < 100 ? 0 : output < 500 ? 1 : 2
    if replica.waiting >= Self.queueMax, inUse > 0 {
      seen[length].append(inUse)
      seen[length].removeFirst(max(0, seen[length].count - Self.seenMax))
      return inUse
    }
    if !seen[length].isEmpty { return seen[length].reduce(0, +) / seen[length].count }
    guard output > 0 else { return nil }
    let budget = Double(limits.maxBatchedTokens)
    let sequences = min(budget * output / (input + output), Double(limits.maxSequences))
    let reckoned = Int(sequences * (input + output / 2))
    return reckoned > 0 ? reckoned : nil
  }

  /// Of an even number, the mean of the two in the middle; 0 of none.
  private static func median(_ values: [Int]) -> Int {
    guard !values.isEmpty else { return 0 }
    let (sorted, half) = (values.sorted(), values.count / 2)
    return values.count.isMultiple(of: 2) ? (sorted[half - 1] + sorted[half]) / 2 : sorted[half]
  }
}
