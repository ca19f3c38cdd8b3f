/// A recommendation, tried with seeds that did not find it.
///
/// It stands if the targets hold with at least three of four; one that does not is *at the edge*.
package struct Confirmation: Equatable, Sendable {
  package static let seedCount = 4
  package static let heldMin = 3

  /// One for each seed.
  package var trials: [RateProbe.Trial]

  package var held: Int { trials.count(where: \.isSustained) }
  package var stands: Bool { held >= Self.heldMin }

  /// The seeds to try with.
  static func seeds(after last: UInt64) -> [UInt64] {
    (1...UInt64(seedCount)).map { last &+ $0 }
  }

  /// Tries a rate.
  ///
  /// - Parameter last: The last of the seeds that the recommendation was found with.
  init(_ probe: RateProbe, rate: Double, after last: UInt64) throws {
    trials = try Parallel.map(Self.seeds(after: last)) { try probe.trial(rate: rate, seed: $0) }
  }

  init(trials: [RateProbe.Trial]) { self.trials = trials }
}
