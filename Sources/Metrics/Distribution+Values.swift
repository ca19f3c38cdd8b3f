import Statistics

extension Distribution {
  /// Mean and quantiles of `values`, by linear interpolation between order statistics (as numpy does).
  ///
  /// - Complexity: O(n) on average: order statistics are selected, nothing is sorted.
  package init(of values: consuming [Double]) {
    var values = consume values
    self.init(reordering: &values)
  }

  /// The same of values whose order may be changed.
  init(reordering values: inout [Double]) {
    guard !values.isEmpty else {
      self.init()
      return
    }
    let mean = values.reduce(0, +) / Double(values.count)
    let quantiles = Quantile.linear(Self.probabilities, reordering: &values)
    self.init(count: values.count, mean: mean, quantiles: quantiles)
  }

  /// Those of the quantiles that are kept, in ascending order.
  static let probabilities = [0.5, 0.9, 0.95, 0.99]

  /// - Parameter quantiles: One for each of ``probabilities``.
  init(count: Int, mean: Double?, quantiles: [Double]) {
    self.init(
      count: count, mean: mean, median: quantiles[0], p90: quantiles[1], p95: quantiles[2],
      p99: quantiles[3])
  }
}
