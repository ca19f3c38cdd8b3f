import Metrics
import Statistics

extension RunFigures {
  /// What is drawn of the runs by itself, a figure a metric.
  ///
  /// - Parameter kinds: In the order in which they are wanted.
  package func usual(_ kinds: [FigureRequest.Kind] = FigureRequest.Kind.allCases) -> [Figure] {
    kinds.filter { $0 != .curve || hasCurves }.flatMap(FigureRequest.usual).compactMap(figure)
  }

  /// The figure of a request; `nil` where nothing of it was measured.
  package func figure(_ request: FigureRequest) -> Figure? {
    var drawn = Drawn()
    for metric in request.metrics { drawn.add(charts(metric, of: request)) }
    guard !drawn.charts.isEmpty else { return nil }
    let shown = Array(drawn.charts.prefix(Self.chartsMax))
    let column = request.column ?? (shown.count > 2 ? .two : .one)
    let side = column == .one ? 1 : shown.count == 4 ? 2 : min(3, shown.count)
    var notes = drawn.notes
    if shown.count < drawn.charts.count {
      notes.append("\(shown.count) of \(drawn.charts.count) charts are drawn.")
    }
    var figure = Figure(
      title: "", caption: notes.joined(separator: " "), charts: shown, columns: side,
      chartWidth: column.pixels / Double(side))
    figure.name = request.name
    figure.inches = column.inches
    figure.origin = origin
    return figure
  }

  /// Charts with what their readers should know, each sentence once.
  struct Drawn {
    var charts: [Chart] = []
    var notes: [String] = []

    mutating func add(_ other: Drawn) {
      charts += other.charts
      for note in other.notes where !notes.contains(note) { notes.append(note) }
    }
  }

  private func charts(_ metric: String, of request: FigureRequest) -> Drawn {
    switch request.kind {
    case .cdf:
      FigureLatency.all.first { $0.name == metric }.map { distributions($0, request) } ?? Drawn()
    case .curve: FigureCurve(metric).map { curves($0, request) } ?? Drawn()
    case .timeline:
      FigureTimeline.all.first { $0.name == metric }.map { timelines($0, request) } ?? Drawn()
    case .ledger: metric == "mean" ? meanLedgers : ledgersOverTime
    }
  }

  /// A title with what all runs of its chart have in common.
  static func title(_ title: String, _ parts: String...) -> String {
    // A number and its unit stay on one line.
    let parts = parts.filter { !$0.isEmpty }.map { $0.replacing(" ", with: "\u{a0}") }
    return title + (parts.isEmpty ? "" : " at\u{a0}") + parts.joined(separator: ", ")
  }

  /// Whether values that far apart are told apart on a logarithmic axis only.
  static func areFar(_ least: Double, _ most: Double) -> Bool { least > 0 && most / least > 16 }

  /// Why a value has a gap, where there are such values.
  static func zeroNote(_ chart: LineChart) -> [String] {
    let points = chart.series.flatMap(\.points)
    let hasZero =
      chart.xScale == .logarithmic && points.contains { $0.x <= 0 }
      || chart.yScale == .logarithmic && points.contains { $0.y <= 0 }
    return hasZero ? ["A logarithmic axis has no place for 0."] : []
  }
}

extension RunFigures {
  /// A metric against x, or as bars where no number varies.
  fileprivate func curves(_ metric: FigureCurve, _ request: FigureRequest) -> Drawn {
    var drawn = Drawn()
    let measured = runs.filter { $0.mean(metric.column) != nil }
    for panel in panels(measured) where !panel.runs.isEmpty {
      let title = Self.title(metric.title, panel.name)
      guard let x else {
        let bars = curves(of: panel.runs).compactMap { name, runs in
          Self.mean(metric, runs).map {
            BarChart.Bar(name.replacing("-", with: "\n"), [$0.mean], hint: name)
          }
        }
        drawn.charts.append(
          .bars(
            BarChart(title: title, yTitle: metric.axis, parts: [metric.title], bars: bars)))
        continue
      }
      let series = curves(of: panel.runs, beside: x).map { name, runs in
        LineChart.Series(
          name.isEmpty ? metric.title : name,
          groups(runs, by: x).compactMap { value, runs in
            Self.mean(metric, runs).map {
              LineChart.Point(Double(value) ?? 0, $0.mean, half: $0.half)
            }
          }.sorted { $0.x < $1.x })
      }
      var chart = LineChart(
        title: title, xTitle: Self.isRate(settings[x]) ? "request rate, req/s" : settings[x],
        yTitle: metric.axis, series: series)
      chart.showSecondsIfLong()
      chart.chooseScales(request.scale)
      drawn.add(Drawn(charts: [.lines(chart)], notes: notes(chart, panel.runs)))
    }
    return drawn
  }

  private func curves(of runs: [Run], beside x: Int) -> [(name: String, runs: [Run])] {
    guard let curves else { return [("", runs)] }
    return groups(runs, by: curves).map { (name($0.value, of: curves), $0.runs) }
  }

  private func notes(_ chart: LineChart, _ runs: [Run]) -> [String] {
    let hasIntervals = chart.series.flatMap(\.points).contains { $0.half != nil }
    return (hasIntervals ? ["Whiskers: 95 % intervals of means over seeds."] : [])
      + Self.zeroNote(chart)
  }

  /// The mean over runs that differ in their seed alone.
  private static func mean(_ metric: FigureCurve, _ runs: [Run]) -> MeanInterval? {
    let means = runs.compactMap { $0.mean(metric.column) }
    let mean = means.count > 1 ? MeanInterval(means.map(\.mean)) : means.first
    return mean.map {
      MeanInterval(mean: $0.mean * metric.factor, half: $0.half.map { $0 * metric.factor })
    }
  }
}

extension RunFigures.Run {
  fileprivate func mean(_ column: String) -> MeanInterval? {
    if let mean = means[column] { return mean }
    guard let result, let row = SummaryColumn.all.first(where: { $0.key == column }),
      case .real(let value) = row.value(result.summary)
    else { return nil }
    return MeanInterval(mean: value, half: nil)
  }
}

extension LineChart {
  /// Milliseconds become seconds where the largest has four digits.
  fileprivate mutating func showSecondsIfLong() {
    guard yTitle.hasSuffix(" ms"),
      let most = series.flatMap(\.points).map(\.y).max(), most >= 1000
    else { return }
    yTitle = yTitle.dropLast(2) + "s"
    for curve in series.indices {
      series[curve].points = series[curve].points.map {
        Point($0.x, $0.y / 1000, half: $0.half.map { $0 / 1000 })
      }
    }
  }

  /// Logarithmic where values lie far apart; `scale` decides for the y axis where it is given.
  fileprivate mutating func chooseScales(_ scale: Scale?) {
    let points = series.flatMap(\.points)
    func areFar(_ values: [Double]) -> Bool {
      RunFigures.areFar(values.min() ?? 0, values.max() ?? 0)
    }
    if areFar(points.map(\.x)) { xScale = .logarithmic }
    yScale = scale ?? (areFar(points.map(\.y)) ? .logarithmic : .linear)
  }
}
