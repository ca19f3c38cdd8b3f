import SimulationKernel
import Statistics

/// The highest rate that a deployment sustains.
package struct Capacity: Equatable, Sendable {
  /// Requests per second, for each seed: the highest rate found that is sustained; 0 for none, infinite where the
  /// targets hold even if all requests come at once.
  package var bySeed: [Double]
  /// Every rate that was tried, by seed and rising rate. Those of the first seed have all their figures.
  package var trials: [RateProbe.Trial]
  /// Width of the bracket, as a share of the rate, at which the search stopped.
  package var tolerance: Double

  /// Rates of the first seed.
  package var points: [RateProbe.Point] {
    trials.filter { $0.seed == trials.first?.seed }.compactMap(\.point)
  }

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
    points.filter { !$0.isSustained }.min { $0.rate < $1.rate }
  }

  /// The highest rate tried with the first seed that was sustained.
  package var best: RateProbe.Point? {
    points.filter(\.isSustained).max { $0.rate < $1.rate }
  }
}

/// Brackets and halves on a ladder of rates (``RateLadder``): the rung from which on a deployment does not meet its targets.
///
///     sustained   ●─●───●                    up or down from the first guess, twice as far each time
///     not               ●─●─●───────●        then halves, until both ends are neighbours
///
/// Whether a rate is sustained is not quite monotonic in the rate, so that what is found may depend on where a search
/// begins. One that begins where another ended finds the same rung if no run differs: where a change makes no difference
/// to a run, it makes none to the answer.
package struct CapacitySearch: Sendable {
  package var probe: RateProbe
  /// Where to look first, requests per second.
  package var firstGuess: Double
  /// How far rates are apart that are tried, as a share.
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

  var ladder: RateLadder { RateLadder(tolerance: tolerance) }

  /// What was found with one seed.
  private struct Found {
    /// `nil` where no rung is sustained, and where every rung is.
    var rung: Int?
    var rate: Double
    var trials: [RateProbe.Trial]
  }

  /// Searches with every seed, on all cores.
  ///
  /// - Parameter near: A rate that the answer is thought to be near to, in place of the first guess; `nil` for none.
  /// - Throws: What a simulation throws.
  package func run(seeds: [UInt64], near: Double? = nil) throws -> Capacity {
    let first = try search(
      seed: seeds[0], from: start(near ?? 0), stride: near == nil ? ladder.doubling : 1,
      hasFigures: true)
    let rung = first.rung ?? start(0)
    let others = try Parallel.map(Array(seeds.dropFirst())) { seed in
      try search(seed: seed, from: rung, stride: 1, hasFigures: false)
    }
    let all = [first] + others
    return Capacity(
      bySeed: all.map(\.rate), trials: all.flatMap(\.trials), tolerance: tolerance)
  }

  /// The highest rates of a changed deployment, by seed.
  ///
  /// The first seed says how far it is from the unchanged one, and the others are looked for as far from theirs.
  ///
  /// - Parameters:
  ///   - unchanged: The rates of the unchanged deployment, by seed.
  ///   - factor: What the change is thought to multiply them by.
  func rates(_ seeds: [UInt64], unchanged: [Double], factor: Double) throws -> [Double] {
    let starts = unchanged.map(start)
    let first = try search(
      seed: seeds[0], from: starts[0] + ladder.rung(near: factor), stride: 1, hasFigures: false)
    let moved = first.rung.map { $0 - starts[0] } ?? 0
    let others = try Parallel.map(Array(zip(seeds, starts).dropFirst())) { seed, start in
      try search(seed: seed, from: start + moved, stride: 1, hasFigures: false).rate
    }
    return [first.rate] + others
  }

  /// The rung of a rate, or of the first guess where there is none.
  private func start(_ rate: Double) -> Int {
    ladder.rung(near: rate > 0 && rate.isFinite ? rate : firstGuess)
  }

  /// - Parameters:
  ///   - stride: Rungs to the second rate.
  ///   - hasFigures: Whether runs that fail go on to their end.
  private func search(
    seed: UInt64, from start: Int, stride: Int, hasFigures: Bool
  ) throws -> Found {
    let ladder = ladder
    var trials: [RateProbe.Trial] = []
    func isSustained(_ rung: Int) throws -> Bool {
      let rate = ladder.rate(rung)
      let trial =
        hasFigures
        ? RateProbe.Trial(try probe.point(rate: rate, seed: seed))
        : try probe.trial(rate: rate, seed: seed)
      trials.append(trial)
      return trial.isSustained
    }
    func found(_ rung: Int?, _ rate: Double) -> Found {
      Found(rung: rung, rate: rate, trials: trials.sorted { $0.rate < $1.rate })
    }
    let strideMax = 2 * ladder.doubling
    var stride = stride
    var (low, high) = (start, start)
    if try isSustained(start) {
      repeat {
        guard ladder.rate(high) < Self.highestRate else { return found(nil, .infinity) }
        low = high
        high += stride
        stride = min(2 * stride, strideMax)
      } while try isSustained(high)
    } else {
      repeat {
        guard ladder.rate(low) > ladder.rate(start) * Self.lowestShare else { return found(nil, 0) }
        high = low
        low -= stride
        stride = min(2 * stride, strideMax)
      } while try !isSustained(low)
    }
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if try isSustained(middle) { low = middle } else { high = middle }
    }
    return found(low, ladder.rate(low))
  }
}
