/// Quantiles of a sample, by each of the definitions in use here.
///
/// They differ where a quantile falls between two values, and in the last bits of a result, so each caller keeps its
/// own: a number that was printed once stays the same.
///
/// - Source: Hyndman and Fan, "Sample quantiles in statistical packages", The American Statistician 50 (1996).
package enum Quantile {
  /// The quantile by linear interpolation between order statistics: definition 7 of the source, numpy's default.
  ///
  ///     rank    probability · (n − 1): the whole part names a value, the fraction how far to the next
  ///
  /// Values may be infinite: the result is infinite where the interpolation reaches an infinite one.
  ///
  /// - Parameters:
  ///   - probability: In [0, 1].
  ///   - count: Values there are, at least 1.
  ///   - value: The value of a rank, from 0, in ascending order; asked for two ranks at most.
  package static func linear(
    _ probability: Double, count: Int, valueAt value: (_ rank: Int) -> Double
  ) -> Double {
    let position = Double(count - 1) * probability
    let rank = Int(position)
    return interpolated(
      value(rank), value(min(rank + 1, count - 1)), fraction: position - Double(rank))
  }

  /// The same of values in ascending order, of which there is one at least.
  package static func linear(_ probability: Double, ofSorted sorted: [Double]) -> Double {
    linear(probability, count: sorted.count) { sorted[$0] }
  }

  /// The same for several probabilities in ascending order, of values in any order.
  ///
  /// - Parameter values: At least one; in another order afterwards.
  /// - Complexity: O(n) on average for each probability: order statistics are selected, nothing is sorted.
  package static func linear(
    _ probabilities: [Double], reordering values: inout [Double]
  ) -> [Double] {
    var selected = 0
    return probabilities.map { probability in
      let position = Double(values.count - 1) * probability
      let rank = Int(position)
      // Probabilities rise, and nothing before a selected rank is larger: it need not be looked at again.
      let lower = values.select(rank, from: selected)
      selected = rank
      // What lies behind a selected rank is no smaller than what stands there.
      let upper = rank + 1 < values.count ? values[(rank + 1)...].min() ?? lower : lower
      return interpolated(lower, upper, fraction: position - Double(rank))
    }
  }

  /// The value of the nearest rank above, ⌈probability · n⌉ counted from 1: always one of the sample.
  ///
  /// Definition 1 of the source.
  ///
  /// - Parameter sorted: Values in ascending order, at least one.
  package static func nearestRankAbove(
    _ probability: Double, ofSorted sorted: [Double]
  ) -> Double {
    sorted[max(0, Int((probability * Double(sorted.count)).rounded(.up)) - 1)]
  }

  /// The value that `percent` in a hundred values lie before: rank ⌊percent · n ⁄ 100⌋, counted from 0, or the last.
  ///
  /// Whole numbers decide, so that no rounding does.
  ///
  /// - Parameter sorted: Values in ascending order, at least one.
  package static func rank(percent: Int, ofSorted sorted: [Double]) -> Double {
    sorted[min(sorted.count - 1, sorted.count * percent / 100)]
  }

  /// The middle value, or half the sum of the two middle ones.
  ///
  /// - Parameter sorted: Values in ascending order, at least one.
  package static func median(ofSorted sorted: [Double]) -> Double {
    (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }

  /// - Parameter fraction: How far from `lower` to `upper`, in [0, 1).
  private static func interpolated(_ lower: Double, _ upper: Double, fraction: Double) -> Double {
    // ∞ · 0 is no number.
    guard upper < .infinity else { return fraction > 0 ? upper : lower }
    return lower + (upper - lower) * fraction
  }
}
