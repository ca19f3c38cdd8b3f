extension ScalingRule {
  package static let apa = ScalingRule(
    name: "apa",
    summary:
      "acts on rates 10 % off the target, at most doubles or halves, and lets go 300 s after the last change",
    // That of AIBrix is not known to us: that of HPA.
    period: 15, make: { APA() })
}

/// The pod autoscaler of AIBrix.
///
/// - Source: `reference/systems-scheduling.md` §9; how it counts the 300 s is reconstructed.
struct APA: ScalingPolicy {
  /// Decisions since the last change; `nil` for none yet.
  private var sinceChange: Int?

  private static let tolerance = 0.1
  private static let downSeconds = 300.0

  mutating func replicas(_ fleet: FleetReading, of autoscaler: Autoscaler) -> Int {
    let n = fleet.present
    let ratio = autoscaler.replicas(forRateOf: Double(fleet.arrived)) / Double(n)
    let cooldown = autoscaler.decisions(in: Self.downSeconds)
    sinceChange = sinceChange.map { $0 + 1 }
    var wanted = n
    if ratio > 1 + Self.tolerance {
      wanted = min(Self.rounded(ratio * Double(n)), 2 * n)
    } else if ratio < 1 - Self.tolerance, sinceChange.map({ $0 >= cooldown }) ?? true {
      wanted = max(Self.rounded(ratio * Double(n)), n / 2)
    }
    if wanted != n { sinceChange = 0 }
    return wanted
  }
}
