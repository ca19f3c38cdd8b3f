extension ScalingRule {
  package static let hpa = ScalingRule(
    name: "hpa",
    summary:
      "asks for rate ⁄ target unless that is within 10 % of what there is, and for fewer only by the most "
      + "that was asked for in 300 s",
    period: 15, make: { HPA { $1.replicas(forRateOf: Double($0.arrived)) } })
}

/// The horizontal pod autoscaler of Kubernetes, and KEDA's while there is a replica.
///
/// Not simulated: its limits on how fast it adds.
///
/// - Source: `reference/systems-scheduling.md` §9; the comparison as in `GetExternalPerPodMetricReplicas` of
///   `pkg/controller/podautoscaler/replica_calculator.go` of Kubernetes.
struct HPA: ScalingPolicy {
  /// How many replicas the metric is the targets of: its sum by the target of one.
  private let asks: @Sendable (FleetReading, Autoscaler) -> Double
  private var window = HPAWindow()

  init(asks: @escaping @Sendable (FleetReading, Autoscaler) -> Double) { self.asks = asks }

  mutating func replicas(_ fleet: FleetReading, of autoscaler: Autoscaler) -> Int {
    window.replicas(
      asks(fleet, autoscaler), present: fleet.present, up: 1, down: autoscaler.decisions(in: 300))
  }
}

/// What the autoscaler of Kubernetes makes of what is asked for.
///
///     asked for   3 3 5 5 5 5 5 3 3 3 3 3        present 3, windows of 3 decisions up and 4 down
///     there       3 3 3 3 5 5 5 5 5 5 3 3        the least of the last 3, then the most of the last 4
///
/// Newer releases, which have a tolerance for each direction, tolerate 1.1 times what there is as well.
struct HPAWindow: Sendable {
  /// What was asked for in the last decisions, the newest last.
  private var asked: [Int] = []

  /// No action within this share of what there is.
  private static let tolerance = 0.1

  /// - Parameters:
  ///   - asks: Replicas, not rounded.
  ///   - up: Decisions of which the one that asked for the least may add; until there were so many, none is added.
  ///   - down: Decisions of which the one that asked for the most may let some go.
  mutating func replicas(_ asks: Double, present n: Int, up: Int, down: Int) -> Int {
    let isWithin = abs(asks / Double(n) - 1) <= Self.tolerance
    asked.append(isWithin ? n : Int(asks.rounded(.up)))
    asked.removeFirst(max(0, asked.count - max(up, down)))
    let least = asked.count < up ? n : asked.suffix(up).min() ?? n
    let most = asked.suffix(down).max() ?? n
    return least > n ? least : min(n, most)
  }
}
