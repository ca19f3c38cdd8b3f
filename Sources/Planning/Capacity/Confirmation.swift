/// A recommendation, tried with seeds that did not find it.
///
/// It stands if the targets hold with at least three of four; one that does not is *at the edge*.
package struct Confirmation: Equatable, Sendable {
  package static let seedCount = 4
  package static let heldMin = 3

  /// One for each seed.
  package var points: [RateProbe.Point]

  package var held: Int { points.count(where: \.isSustained) }
  package var stands: Bool { held >= Self.heldMin }

  /// The seeds to try with.
  static func seeds(after last: UInt64) -> [UInt64] {
    (1...UInt64(seedCount)).map { last &+ $0 }
  }

  /// Tries a rate.
  ///
  /// - Parameters:
  ///   - last: The last of the seeds that the recommendation was found with.
  ///   - progress: Told of each simulation, from any thread.
  init(
    _ probe: RateProbe, rate: Double, after last: UInt64,
    progress: @Sendable (RateProbe.Point) -> Void = { _ in }
  ) throws {
    points = try Parallel.map(Self.seeds(after: last)) { seed in
      let point = try probe.point(rate: rate, seed: seed)
      progress(point)
      return point
    }
  }

  init(points: [RateProbe.Point]) { self.points = points }
}
