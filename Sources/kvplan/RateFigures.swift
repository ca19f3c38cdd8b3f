import Metrics
import Planning
import Results

/// Rate against latency, attainment and memory: where a deployment saturates.
enum RateFigures {
  /// - Parameter points: By rising rate, of one seed.
  static func figures(
    _ points: [RateProbe.Point], of deployment: String, _ serviceLevel: ServiceLevel
  ) -> [Figure] {
    typealias Value = (RateProbe.Point) -> Double?
    let quantities: [(title: String, unit: String, metric: ServiceLevel.Metric?, value: Value)] = [
      ("Time to first token, p99", "s", .ttft, { $0.summary.ttft.p99.map { $0 / 1000 } }),
      ("Time per output token, p99", "ms", .tpot, { $0.summary.tpot.p99 }),
      ("Requests that meet all targets", "%", nil, { $0.assessment.attainment * 100 }),
      ("KV pool held by requests", "%", nil, { $0.summary.kv.held * 100 }),
    ]
    return quantities.map { title, unit, metric, value in
      var chart = LineChart(
        title: title, xTitle: "request rate, req/s", yTitle: unit,
        series: [
          .init(
            deployment, points.compactMap { point in value(point).map { .init(point.rate, $0) } })
        ])
      let target = serviceLevel.targets.first { $0.metric == metric && $0.statistic != .mean }
      chart.level = target.map { unit == "ms" ? $0.bound * 1000 : $0.bound }
      // Far beyond the capacity latency only says how long the run was.
      chart.yMax = metric == nil ? 100 : chart.level.map { 4 * $0 }
      return Figure(title: "", charts: [.lines(chart)], columns: 1, chartWidth: 500)
    }
  }
}
