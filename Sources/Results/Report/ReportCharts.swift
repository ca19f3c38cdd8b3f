import Metrics

/// The drawings of a report.
struct ReportCharts {
  private let runs: [RunResult]
  /// Request rates of the runs, rising, each once.
  private let rates: [Double]
  /// Systems in order of appearance.
  private let systems: [String]

  private static let classes = [
    "token state", "reserved", "internal", "external", "cached", "free",
  ]
  /// Bars of a ledger over time; history comes in up to 256 pieces.
  private static let barsMax = 64

  init(_ runs: [RunResult]) {
    self.runs = runs
    rates = Array(Set(runs.map(\.summary.requestRate))).sorted()
    var systems: [String] = []
    for run in runs where !systems.contains(run.summary.system) {
      systems.append(run.summary.system)
    }
    self.systems = systems
  }

  /// Curves over the rate, where there are several rates.
  var latencies: [Figure] {
    let quantities: [(title: String, unit: String, value: (RunSummary) -> Double?)] = [
      ("Normalized latency", "s/token", { $0.meanNormalizedLatency }),
      ("Time to first token, mean", "s", { $0.ttft.mean.map { $0 / 1000 } }),
      ("Time per output token, mean", "ms", { $0.tpot.mean }),
      ("Output throughput", "tokens/s", { $0.outputThroughput }),
    ]
    guard rates.count > 1 else { return [] }
    return quantities.map { quantity in
      let series = systems.map { system in
        LineChart.Series(
          system,
          runs.map(\.summary).filter { $0.system == system }
            .sorted { $0.requestRate < $1.requestRate }
            .compactMap { run in quantity.value(run).map { .init(run.requestRate, $0) } })
      }
      let chart = LineChart(
        title: quantity.title, xTitle: "request rate, req/s", yTitle: quantity.unit,
        series: series)
      return Figure(title: "", charts: [.lines(chart)], columns: 1, chartWidth: 500)
    }
  }

  /// One chart a rate, one bar a system.
  var ledgers: [Figure] {
    rates.map { rate in
      let bars = runs.map(\.summary).filter { $0.requestRate == rate }.map { summary in
        let kv = summary.kv
        let shares = [
          kv.tokenState, kv.reserved, kv.internalFragmentation, kv.externalFragmentation, kv.cached,
          kv.free,
        ]
        return BarChart.Bar(
          summary.system.replacing("-", with: "\n"), shares.map { $0 * 100 }, hint: summary.system)
      }
      var chart = BarChart(
        title: "\(SVGText.number(rate)) req/s", yTitle: "KV pool, %", parts: Self.classes,
        bars: bars)
      chart.yMax = 100
      return Figure(title: "", charts: [.bars(chart)], columns: 1, chartWidth: 500)
    }
  }

  /// The runs at the highest rate: what happens there is what the others are compared for.
  private var busiest: [RunResult] {
    runs.filter { $0.summary.requestRate == rates.last && !$0.history.isEmpty }
  }

  var ledgersOverTime: [Figure] {
    busiest.map { run in
      let points = Self.joined(run.history)
      let labelled = max(1, points.count / 6)
      let bars = points.enumerated().map { index, point in
        let second = SVGText.number(point.second)
        return BarChart.Bar(
          index % labelled == 0 ? second : "", point.shares.map { $0 * 100 },
          hint: "\(run.summary.system) at \(second) s")
      }
      var chart = BarChart(
        title: label(run), yTitle: "KV pool, %", parts: Self.classes, bars: bars)
      chart.xTitle = "time, s"
      chart.yMax = 100
      return Figure(title: "", charts: [.bars(chart)], columns: 1, chartWidth: 500)
    }
  }

  var queuesOverTime: [Figure] {
    let quantities: [(title: String, value: (HistoryPoint) -> Double)] = [
      ("running requests", { $0.running }), ("waiting requests", { $0.waiting }),
      ("preemptions", { Double($0.preemptions) }),
    ]
    guard !busiest.isEmpty else { return [] }
    return quantities.map { quantity in
      let series = busiest.map { run in
        LineChart.Series(
          run.summary.system, run.history.map { .init($0.second, quantity.value($0)) })
      }
      let chart = LineChart(
        title: "\(quantity.title) at \(SVGText.number(rates.last ?? 0)) req/s",
        xTitle: "time, s", yTitle: quantity.title, series: series)
      return Figure(title: "", charts: [.lines(chart)], columns: 1, chartWidth: 500)
    }
  }

  private func label(_ run: RunResult) -> String {
    "\(run.summary.system), \(SVGText.number(run.summary.requestRate)) req/s"
  }

  /// Neighbouring pieces joined until few enough for bars are left.
  private static func joined(_ points: [HistoryPoint]) -> [HistoryPoint] {
    let size = (points.count + barsMax - 1) / barsMax
    guard size > 1 else { return points }
    return stride(from: 0, to: points.count, by: size).map { start in
      let group = points[start..<min(start + size, points.count)]
      var point = points[start]
      point.shares = point.shares.indices.map { index in
        group.reduce(0) { $0 + $1.shares[index] } / Double(group.count)
      }
      return point
    }
  }
}
