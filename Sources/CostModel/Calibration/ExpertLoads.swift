import Foundation

/// How the tokens of a batch fall on the experts of one layer, and what of it one rank gets.
///
///     rank 0 |e0 e1 e2 e3|   rank 1 |e4 e5 e6 e7|      experts cut over ranks, here two
///              9  1  0  3              2  4  1  0      rows of each: all ranks wait for rank 0
///
/// Loads of experts are drawn from a power law of exponent `skew` between one row and 0.8 of the tokens (below one
/// visit an expert: between 0.01 and 2), scaled to `tokens × top-k` in all; `skew` 0 is even.
///
/// - Source: aiconfigurator, `collector/helper.py` (Apache-2.0), whose tables of experts are measured so, with the
///   fullest rank (from memory of its published code; the tables' own ratio between distributions agrees).
package struct ExpertLoads: Equatable, Sendable {
  /// aiconfigurator's exponent for real traffic.
  package static let typicalSkew = 1.01

  /// Experts of the rank that get a row at all.
  package private(set) var visited = 0.0
  /// Rows of the rank, all experts.
  package private(set) var rows = 0.0

  /// Points of the distribution that stand for all experts.
  private static let points = 32
  /// Largest share of the tokens that fall on one expert.
  private static let largestShare = 0.8

  /// The fullest of `ranks` ranks.
  ///
  /// - Parameter spread: How far the fullest rank lies above the mean, in standard deviations of a rank's load beside
  ///   those of a normal distribution.
  package init(
    tokens: Double, topK: Double, experts: Double, ranks: Double, skew: Double, spread: Double
  ) {
    let all = tokens * topK
    let local = max(experts / ranks, 1)
    guard skew > 0 else {
      rows = max(all / ranks, 1)
      visited = min(local, rows)
      return
    }
    let (low, high) = all > experts ? (1, max(tokens * Self.largestShare, 1.01)) : (0.01, 2)
    let power = 1 - skew
    let isLogarithmic = abs(power) < 1e-9
    let (a, b) =
      isLogarithmic ? (log(low), log(high)) : (pow(low, power), pow(high, power))
    withUnsafeTemporaryAllocation(of: Double.self, capacity: Self.points) { loads in
      var (sum, squares) = (0.0, 0.0)
      for index in 0..<Self.points {
        let quantile = a + (b - a) * (Double(index) + 0.5) / Double(Self.points)
        let load = isLogarithmic ? exp(quantile) : pow(quantile, 1 / power)
        loads[index] = load
        sum += load
        squares += load * load
      }
      let mean = sum / Double(Self.points)
      let deviation = max(squares / Double(Self.points) / (mean * mean) - 1, 0).squareRoot()
      let fullest = 1 + spread * (2 * log(ranks)).squareRoot() * deviation / local.squareRoot()
      let factor = min(fullest, loads[Self.points - 1] / mean) * all / experts / mean
      let share = local / Double(Self.points)
      for index in 0..<Self.points {
        let expected = min(loads[index] * factor, tokens)
        visited += share * (1 - exp(-expected))
        rows += share * expected
      }
    }
    // Somebody computes each token.
    if visited < 1 {
      rows /= visited
      visited = 1
    }
  }
}
