extension Distribution {
  /// Mean and quantiles of `values`, by linear interpolation between order statistics (as numpy does).
  ///
  /// - Complexity: O(n log n).
  package init(of values: [Double]) {
    guard !values.isEmpty else {
      self.init()
      return
    }
    let sorted = values.sorted()
    func quantile(_ probability: Double) -> Double {
      let position = Double(sorted.count - 1) * probability
      let rank = Int(position)
      let next = min(rank + 1, sorted.count - 1)
      return sorted[rank] + (sorted[next] - sorted[rank]) * (position - Double(rank))
    }
    self.init(
      count: values.count, mean: sorted.reduce(0, +) / Double(sorted.count), median: quantile(0.5),
      p90: quantile(0.9), p99: quantile(0.99))
  }
}
