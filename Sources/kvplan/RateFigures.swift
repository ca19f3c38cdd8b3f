import Metrics
import Planning
import Results

/// Rate against latency, attainment and memory: where a deployment saturates.
enum RateFigures {
  /// What one figure draws against the rate.
  struct Curve {
    var title: String
    var unit: String
    /// In the unit, as the values are; `nil` where nothing is bounded.
    var bound: Double?
    var value: (RateProbe.Point) -> Double?
  }

  /// Figures end so far above what is sustained: farther up, latency only says how long the run was.
  private static let reach = 1.25

  /// - Parameters:
  ///   - points: Of one seed.
  ///   - sustained: A second; 0 for none: then every rate is drawn.
  static func figures(
    _ points: [RateProbe.Point], sustained: Double, of deployment: String,
    _ serviceLevel: ServiceLevel, _ load: PlannedLoad
  ) -> [Figure] {
    // A rate that was asked for as a share of what is sustained is not lost to rounding.
    let last = sustained > 0 ? sustained * reach * (1 + 1e-9) : .infinity
    let drawn = points.filter { $0.rate <= last }.sorted { $0.rate < $1.rate }
    let curves =
      ShownLatencies(serviceLevel).curves + [
        Curve(title: "Requests that meet all targets", unit: "%") {
          $0.assessment.attainment * 100
        },
        Curve(title: "KV pool held by requests", unit: "%") { $0.summary.kv.held * 100 },
      ]
    return curves.map { curve in
      var chart = LineChart(
        title: curve.title,
        xTitle: load.countsSessions ? "sessions started, sessions/s" : "request rate, req/s",
        yTitle: curve.unit,
        series: [
          .init(
            deployment,
            drawn.compactMap { point in curve.value(point).map { .init(point.rate, $0) } })
        ])
      chart.level = curve.bound
      let highest = chart.series[0].points.map(\.y).max() ?? 0
      chart.yMax =
        curve.unit == "%" ? 100 : curve.bound.flatMap { highest > 4 * $0 ? 4 * $0 : nil }
      return Figure(title: "", charts: [.lines(chart)], columns: 1, chartWidth: 500)
    }
  }
}
