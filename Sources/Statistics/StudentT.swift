/// Student's t distribution.
package enum StudentT {
  /// The 97.5th percentile: a mean ± this many standard errors is its 95 % confidence interval.
  ///
  /// - Parameter degrees: Degrees of freedom, at least 1.
  /// - Source: any table of it; beyond 30 degrees of freedom the normal distribution's 1.96 is within 4 %.
  package static func twoSided95(degrees: Int) -> Double {
    let table = [
      12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
      2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
      2.052, 2.048, 2.045, 2.042,
    ]
    return degrees <= table.count ? table[degrees - 1] : 1.96
  }
}
