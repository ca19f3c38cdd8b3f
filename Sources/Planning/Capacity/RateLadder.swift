/// The rates that searches try: each is higher than the one before by the same share.
///
///     rung        −1       0       1       2
///     rate   1 / 1.02      1    1.02  1.0404     requests per second, with steps of 2 %
///
/// All searches climb the same ladder, so that where they begin decides how many rates they try, and not which.
struct RateLadder: Sendable {
  /// Rate of a rung over that of the one below.
  private let step: Double

  /// - Parameter tolerance: How much higher each rate is, as a share.
  init(tolerance: Double) { step = 1 + tolerance }

  /// - Complexity: O(log rungs).
  func rate(_ rung: Int) -> Double {
    var (result, power, rest) = (1.0, step, rung.magnitude)
    while rest > 0 {
      if rest & 1 == 1 { result *= power }
      power *= power
      rest >>= 1
    }
    return rung < 0 ? 1 / result : result
  }

  /// The rung whose rate is nearest, by ratio; `rate` is above 0.
  ///
  /// - Complexity: O(rungs).
  func rung(near rate: Double) -> Int {
    let half = step.squareRoot()
    var (rung, low) = (0, 1.0)
    while low * half < rate {
      low *= step
      rung += 1
    }
    while low > rate * half {
      low /= step
      rung -= 1
    }
    return rung
  }

  /// Rungs that about double the rate: a power of two, so that halving ends on rungs.
  var doubling: Int {
    var rungs = 1
    while rate(2 * rungs) <= 2 { rungs *= 2 }
    return rungs
  }
}
