import Statistics

/// One workload served again and again: medians, and how far the repeats lie apart.
package struct CPURepeats: Sendable {
  package private(set) var comparisons: [CPUComparison] = []

  package init() {}

  package mutating func append(_ comparison: CPUComparison) { comparisons.append(comparison) }

  /// A quantity over the repeats.
  package struct Row: Equatable, Sendable {
    package var name: String
    /// Medians.
    package var measured: Double
    package var simulated: Double
    /// Of simulated against measured, each pair from one repeat; `nil` where nothing was measured.
    package var error: Spread?
    /// How far the measured values themselves lie apart: the interquartile range over the median.
    package var noise: Double?
  }

  package var rows: [Row] {
    Self.summary(comparisons.map(\.rows))
  }

  /// Rows of repeats, by their names; a quantity that some repeat lacks is left out.
  static func summary(_ repeats: [[CPUComparison.Row]]) -> [Row] {
    (repeats.first ?? []).compactMap { first in
      let rows = repeats.compactMap { rows in rows.first { $0.name == first.name } }
      guard rows.count == repeats.count, let measured = Spread(rows.map(\.measured)),
        let simulated = Spread(rows.map(\.simulated))
      else { return nil }
      let errors = rows.compactMap(\.error)
      return Row(
        name: first.name, measured: measured.median, simulated: simulated.median,
        error: errors.count == rows.count ? Spread(errors) : nil,
        noise: measured.median == 0
          ? nil : (measured.upperQuartile - measured.lowerQuartile) / measured.median)
    }
  }
}

/// Median and quartiles, interpolated between neighbours.
package struct Spread: Equatable, Sendable {
  package var median: Double
  package var lowerQuartile: Double
  package var upperQuartile: Double

  /// `nil` for no values.
  package init?(_ values: [Double]) {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    median = Quantile.linear(0.5, ofSorted: sorted)
    lowerQuartile = Quantile.linear(0.25, ofSorted: sorted)
    upperQuartile = Quantile.linear(0.75, ofSorted: sorted)
  }
}
