extension ScalingRule {
  package static let wvaSaturation = ScalingRule(
    name: "wva-v1",
    summary:
      "adds one where replicas have on average less than 10 % of the pool or 3 requests to spare below 80 % and 5, lets "
      + "one go where the others would keep that, each 240 s after it asks, and meanwhile decides nothing",
    period: 60, reads: .reports(4), target: .own, make: { WVASaturation() })
}

/// The first saturation rule of llm-d's workload variant autoscaler, and the autoscaler of Kubernetes that acts on it.
///
///     KV used   |██████████░░░░░░│····|      80 %: a replica beyond is saturated, as with 5 requests that wait
///                         └ spare ┘          the mean over those that are not: below 10 % or 3 requests, one more
///
/// One fewer is safe if the load of the N that are not saturated, spread over N − 1, leaves as much. While what it asked for
/// is not there, or a replica does not report, it keeps asking for the same. Kubernetes acts on what was asked for all of
/// 240 s, and not on what is within 10 % of what there is: from eleven replicas on one more, and from ten on one fewer, is
/// never done, and nothing is decided any more.
///
/// - Source: `internal/saturation/analyzer.go` of llm-d-workload-variant-autoscaler (`shouldScaleUp`, `isScaleDownSafe`,
///   `CalculateSaturationTargets`), its queries (`max_over_time(…[1m])`) and the behaviour of its chart's HPA
///   (`stabilizationWindowSeconds: 240`). Ours: it asks for no more than the most. Left out: the chart's limit of
///   10 pods in 150 s, and variants: all replicas are one.
struct WVASaturation: ScalingPolicy {
  private var asked: Int?
  private var window = HPAWindow()

  private static let (shareMax, queueMax) = (0.8, 5.0)
  private static let (shareSpare, queueSpare) = (0.1, 3.0)
  static let windowSeconds = 240.0

  mutating func replicas(_ fleet: FleetReading, of autoscaler: Autoscaler) -> Int {
    let n = fleet.present
    let wanted: Int
    if let asked, asked != n {
      wanted = asked
    } else if fleet.isInTransition {
      wanted = n
    } else {
      wanted = autoscaler.within(n + Self.change(fleet.peaks))
    }
    asked = wanted
    // The window holds what was asked for then, too.
    let decisions = autoscaler.decisions(in: Self.windowSeconds) + 1
    return window.replicas(Double(wanted), present: n, up: decisions, down: decisions)
  }

  /// One more, one fewer, or none.
  private static func change(_ replicas: [ReplicaReport]) -> Int {
    let free = replicas.filter { $0.heldShare < shareMax && Double($0.waiting) < queueMax }
    let count = Double(free.count)
    // Without any there is nothing to spare.
    let share = free.isEmpty ? shareMax : free.reduce(0) { $0 + $1.heldShare } / count
    let queue = free.isEmpty ? queueMax : Double(free.reduce(0) { $0 + $1.waiting }) / count
    func leaves(_ factor: Double) -> Bool {
      shareMax - share * factor >= shareSpare && queueMax - queue * factor >= queueSpare
    }
    guard leaves(1) else { return 1 }
    return free.count > 1 && leaves(count / (count - 1)) ? -1 : 0
  }
}

extension FleetReading {
  /// The most of each that replicas reported since the decision before, of those that report now.
  var peaks: [ReplicaReport] {
    now.map { last in
      reports.joined().reduce(into: last) { peak, report in
        guard report.replica == last.replica else { return }
        peak.heldShare = max(peak.heldShare, report.heldShare)
        peak.waiting = max(peak.waiting, report.waiting)
      }
    }
  }
}
