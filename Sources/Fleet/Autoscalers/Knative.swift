extension ScalingRule {
  package static let knative = ScalingRule(
    name: "knative",
    summary:
      "asks for the mean rate of 60 s by the target, at least half of what there is, and on twice that within "
      + "6 s lets none go for 60 s",
    period: 2, make: { Knative() })
}

/// Knative's pod autoscaler, on the rate of arrivals in place of requests at a time.
///
/// - Source: `reference/systems-scheduling.md` §9.
struct Knative: ScalingPolicy {
  /// Requests of the last intervals, the newest last.
  private var arrivals: [Int] = []
  /// Decisions since the last burst; `nil` for none yet.
  private var sinceBurst: Int?

  private static let (stableSeconds, burstSeconds, burstFactor) = (60.0, 6.0, 2)

  mutating func replicas(_ fleet: FleetReading, of autoscaler: Autoscaler) -> Int {
    let n = fleet.present
    let stable = autoscaler.decisions(in: Self.stableSeconds)
    let burst = autoscaler.decisions(in: Self.burstSeconds)
    arrivals.append(fleet.arrived)
    arrivals.removeFirst(max(0, arrivals.count - stable))
    func asks(_ last: ArraySlice<Int>) -> Int {
      Self.rounded(
        autoscaler.replicas(forRateOf: Double(last.reduce(0, +)) / Double(last.count)))
    }
    let (mean, recent) = (asks(arrivals[...]), asks(arrivals.suffix(burst)))
    sinceBurst = recent >= Self.burstFactor * n ? 0 : sinceBurst.map { $0 + 1 }
    if let sinceBurst, sinceBurst < stable { return max(n, recent) }
    return max(mean, n / 2)
  }
}
