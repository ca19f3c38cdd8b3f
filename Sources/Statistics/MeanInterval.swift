/// The mean of a few independent values, and how far it can be trusted.
package struct MeanInterval: Equatable, Sendable {
  package var mean: Double
  /// Half of the 95 % confidence interval of the mean, by Student's t; `nil` for a single value.
  package var half: Double?
  /// Standard deviation of the values, over *n* − 1; `nil` for a single value.
  package var deviation: Double?

  /// A mean with its interval, computed before.
  package init(mean: Double, half: Double?) {
    self.mean = mean
    self.half = half
  }

  /// - Parameter values: At least one.
  package init(_ values: [Double]) {
    mean = values.reduce(0, +) / Double(values.count)
    guard values.count > 1 else { return }
    let mean = mean
    let variance =
      values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)
    deviation = variance.squareRoot()
    half =
      StudentT.twoSided95(degrees: values.count - 1)
      * (variance / Double(values.count)).squareRoot()
  }
}
