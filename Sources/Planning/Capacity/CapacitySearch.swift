import SimulationKernel
import Statistics

/// The highest rate that a deployment sustains.
package struct Capacity: Equatable, Sendable {
  /// Requests per second, for each seed: the highest rate found that is sustained; 0 for none, infinite where the
  /// targets hold even if all requests come at once.
  package var bySeed: [Double]
  /// Every rate that was tried, by seed and rising rate.
  package var points: [RateProbe.Point]
  /// Width of the bracket, as a share of the rate, at which the search stopped.
  package var tolerance: Double

  /// Whether some seed has so few requests, or targets so lax, that no rate is too high.
  package var isUnlimited: Bool { bySeed.contains(.infinity) }

  /// Itself, unless it is unlimited.
  var limited: Capacity? { isUnlimited ? nil : self }

  /// Mean over the seeds.
  package var rate: Double { MeanInterval(bySeed).mean }

  /// Half of the 95 % confidence interval of the mean; `nil` for a single seed.
  package var confidence: Double? { MeanInterval(bySeed).half }

  /// The lowest rate tried with the first seed that was not sustained: why there is no more.
  package var limiting: RateProbe.Point? {
    points.filter { $0.seed == points.first?.seed && !$0.isSustained }.min { $0.rate < $1.rate }
  }

  /// The highest rate tried with the first seed that was sustained.
  package var best: RateProbe.Point? {
    points.filter { $0.seed == points.first?.seed && $0.isSustained }.max { $0.rate < $1.rate }
  }
}

/// Brackets and halves: the rate at which a deployment stops meeting its targets.
///
///     sustained   ●────●──────●                   factors of two up or down from the first guess
///     not                      ●───●────────●      then geometric means until the bracket is narrow
///
/// Whether a rate is sustained is not quite monotonic in the rate, so that what is found depends on the rates that
/// are tried. Searches that are compared therefore begin at the same rates: where a change makes no difference to a
/// run, it makes none to the answer.
package struct CapacitySearch: Sendable {
  package var probe: RateProbe
  /// Where to look first, requests per second.
  package var firstGuess: Double
  /// Width of the final bracket as a share of the rate.
  package var tolerance = 0.02

  /// Below this share of the first guess no rate is tried: no rate at all is sustained then.
  private static let lowestShare = 1e-4
  /// Requests a second above which no rate is tried: gaps are whole nanoseconds, and all of them 0 then.
  private static let highestRate = 1e10

  package init(_ probe: RateProbe, firstGuess: Double, tolerance: Double = 0.02) {
    self.probe = probe
    self.firstGuess = firstGuess
    self.tolerance = tolerance
  }

  /// What was found with one seed.
  typealias Found = (rate: Double, points: [RateProbe.Point])

  /// Searches with every seed, on all cores.
  ///
  /// - Parameters:
  ///   - near: A rate that the answer is thought to be near to, in place of the first guess; `nil` for none.
  ///   - progress: Told of each simulation, from any thread.
  /// - Throws: What a simulation throws.
  package func run(
    seeds: [UInt64], near: Double? = nil,
    progress: @escaping @Sendable (RateProbe.Point) -> Void = { _ in }
  ) throws -> Capacity {
    let first =
      if let near {
        try found([seeds[0]], near: near, progress)[0]
      } else {
        try search(seed: seeds[0], guess: firstGuess, factor: 2, progress)
      }
    let all = try [first] + found(Array(seeds.dropFirst()), near: first.rate, progress)
    return Capacity(
      bySeed: all.map(\.rate), points: all.flatMap(\.points), tolerance: tolerance)
  }

  /// What seeds give whose searches begin at a rate, of the unchanged deployment where searches are compared: a narrow
  /// first bracket saves simulations.
  func rates(
    _ seeds: [UInt64], near rate: Double, _ progress: @Sendable (RateProbe.Point) -> Void
  ) throws -> [Double] {
    try found(seeds, near: rate, progress).map(\.rate)
  }

  private func found(
    _ seeds: [UInt64], near rate: Double, _ progress: @Sendable (RateProbe.Point) -> Void
  ) throws -> [Found] {
    let guess = rate > 0 && rate.isFinite ? rate : firstGuess
    return try Parallel.map(seeds) { seed in
      try search(seed: seed, guess: guess, factor: 1.1, progress)
    }
  }

  private func search(
    seed: UInt64, guess: Double, factor: Double, _ tell: (RateProbe.Point) -> Void
  ) throws -> Found {
    var points: [RateProbe.Point] = []
    func isSustained(_ rate: Double) throws -> Bool {
      let point = try probe.point(rate: rate, seed: seed)
      points.append(point)
      tell(point)
      return point.isSustained
    }
    var step = factor
    var (low, high) = (0.0, guess)
    if try isSustained(guess) {
      low = guess
      high = guess * step
      while try isSustained(high) {
        guard high < Self.highestRate else { return (.infinity, points) }
        low = high
        step *= step
        high *= min(step, 4)
      }
    } else {
      while low == 0, high > guess * Self.lowestShare {
        let rate = high / min(step, 4)
        if try isSustained(rate) { low = rate } else { high = rate }
        step *= step
      }
    }
    while low > 0, high > low * (1 + tolerance) {
      let middle = (low * high).squareRoot()
      if try isSustained(middle) { low = middle } else { high = middle }
    }
    return (low, points.sorted { $0.rate < $1.rate })
  }
}
