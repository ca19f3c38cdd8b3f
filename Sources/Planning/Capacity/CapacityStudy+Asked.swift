import SimulationKernel

extension CapacityStudy {
  /// How a deployment fares at a rate that was asked about.
  package struct Asked: Sendable {
    package enum Verdict: String, Sendable {
      case yes
      /// Either the first seed or too many of the others say otherwise.
      case atTheEdge = "at the edge"
      case no
    }

    /// With the study's first seed.
    package var point: RateProbe.Point
    /// With seeds that the study's capacity was not found with.
    package var confirmation: Confirmation

    package var verdict: Verdict {
      switch (point.isSustained, confirmation.stands) {
      case (true, true): .yes
      case (false, false): .no
      default: .atTheEdge
      }
    }
  }

  /// Tries each of `rates`, with five seeds.
  func asked(_ probe: RateProbe, _ rates: [Double]) throws -> [Asked] {
    try rates.map { rate in
      Asked(
        point: try probe.point(rate: rate, seed: seeds[0]),
        confirmation: try Confirmation(probe, rate: rate, after: seeds[seeds.count - 1]))
    }
  }
}
