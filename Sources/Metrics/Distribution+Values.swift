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
    let quantiles = Quantile.linear([0.5, 0.9, 0.99], reordering: &values)
    self.init(
      count: values.count, mean: mean, median: quantiles[0], p90: quantiles[1], p99: quantiles[2])
  }
}
