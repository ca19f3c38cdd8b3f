extension ScalingRule {
  package static let patient = ScalingRule(
    name: "patient", summary: "lets one go when several decisions in a row ask for fewer",
    period: 60, make: { Patient() })
}

/// As many as the last interval asks for, fewer only after several decisions in a row that ask for fewer: ours.
struct Patient: ScalingPolicy {
  /// Decisions in a row that asked for fewer.
  private var fewer = 0

  mutating func replicas(_ fleet: FleetReading, of autoscaler: Autoscaler) -> Int {
    let n = fleet.present
    let wanted = Self.rounded(autoscaler.replicas(forRateOf: Double(fleet.arrived)))
    let within = autoscaler.within(wanted)
    fewer = within < n ? fewer + 1 : 0
    guard within < n else { return within }
    guard fewer > autoscaler.patience else { return n }
    fewer = 0
    return within
  }
}
