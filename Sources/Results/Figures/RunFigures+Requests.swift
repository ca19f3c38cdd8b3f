import Metrics

extension RunFigures {
  /// Points of a drawn distribution: steps of a quarter of a percent are less than a pixel.
  static let distributionPoints = 400

  /// The share of requests whose latency is at most so much, over requests that finished inside the window.
  func distributions(_ latency: FigureLatency, _ request: FigureRequest) -> Drawn {
    let (held, runs) = busiest
    var drawn = Drawn()
    for panel in panels(runs) {
      let curves = curves(of: panel.runs).map { name, runs in
        let values = runs.flatMap { $0.result?.finishedRequests.compactMap(latency.value) ?? [] }
        return (name: name, sorted: values.sorted())
      }.filter { !$0.sorted.isEmpty }
      guard let least = curves.compactMap(\.sorted.first).min(),
        let most = curves.compactMap(\.sorted.last).max()
      else { continue }
      // As a curve against the rate has it: seconds where milliseconds would have four digits.
      let (unit, factor) = most >= 1 ? ("s", 1.0) : ("ms", 1e3)
      var chart = LineChart(
        title: Self.title(latency.title, held, panel.name), xTitle: "\(latency.short), \(unit)",
        yTitle: "requests, %",
        series: curves.map { name, sorted in
          var series = LineChart.Series(name, Self.steps(sorted.map { $0 * factor }))
          series.isStep = true
          return series
        })
      chart.yMax = 100
      chart.xScale = request.scale ?? (Self.areFar(least, most) ? .logarithmic : .linear)
      drawn.add(Drawn(charts: [.lines(chart)], notes: Self.zeroNote(chart)))
    }
    return drawn
  }

  /// The distribution function in percent: it rises to (rank + 1) ⁄ n at each value, and starts at 0.
  ///
  /// Of many values so many are taken, at even steps of rank, the first and the last among them.
  static func steps(_ sorted: [Double]) -> [LineChart.Point] {
    let count = sorted.count
    let taken = min(count, distributionPoints)
    let ranks = (0..<taken).map { taken == 1 ? 0 : $0 * (count - 1) / (taken - 1) }
    return [LineChart.Point(sorted[0], 0)]
      + ranks.map { LineChart.Point(sorted[$0], Double($0 + 1) / Double(count) * 100) }
  }
}

extension RunFigures {
  /// What held over time, all replicas together.
  func timelines(_ metric: FigureTimeline, _ request: FigureRequest) -> Drawn {
    let (held, runs) = busiest
    var drawn = Drawn()
    for panel in panels(runs) {
      let curves = curves(of: panel.runs).compactMap { name, runs in
        runs.first?.result.map { LineChart.Series(name, Self.points(metric, $0.history)) }
      }.filter { !$0.points.isEmpty }
      guard !curves.isEmpty else { continue }
      var chart = LineChart(
        title: Self.title(metric.title, held, panel.name), xTitle: "time, s", yTitle: metric.unit,
        series: curves)
      chart.yScale = request.scale ?? .linear
      if chart.yScale == .linear && metric.unit.hasSuffix("%") { chart.yMax = 100 }
      drawn.add(Drawn(charts: [.lines(chart)], notes: firstSeed(panel.runs) + Self.zeroNote(chart)))
    }
    return drawn
  }

  /// A mean stands in the middle of its piece, a sum at the end of it.
  private static func points(
    _ metric: FigureTimeline, _ history: [HistoryPoint]
  ) -> [LineChart.Point] {
    var sum = 0.0
    return history.map { piece in
      guard metric.isSum else {
        return LineChart.Point(piece.second + piece.duration / 2, metric.value(piece))
      }
      sum += metric.value(piece)
      return LineChart.Point(piece.second + piece.duration, sum)
    }
  }

  private func firstSeed(_ runs: [Run]) -> [String] {
    guard let setting = settings.firstIndex(of: "seed"), let first = runs.first else { return [] }
    let count = Set(runs.map { $0.values[setting] }).count
    return count > 1 ? ["Seed \(first.values[setting]), the first of \(count)."] : []
  }
}

extension RunFigures {
  /// Bars of a ledger over time; a history has up to 256 pieces.
  private static let barsMax = 64

  /// Where the KV memory is in the mean: a chart a value of x, a bar a curve.
  var meanLedgers: Drawn {
    var drawn = Drawn()
    for panel in panels(runs.filter { $0.result != nil }) {
      let split = curves == nil ? nil : x
      let charts = split.map { x in
        groups(panel.runs, by: x).map { (name($0.value, of: x), $0.runs) }
      }
      for (held, runs) in charts ?? [("", panel.runs)] {
        let bars = curves(of: runs).compactMap { name, runs -> BarChart.Bar? in
          let shares = runs.compactMap { $0.result?.summary.kv.shares }
          guard let first = shares.first else { return nil }
          let means = first.indices.map { index in
            shares.reduce(0) { $0 + $1[index] } / Double(shares.count) * 100
          }
          return BarChart.Bar(name.replacing("-", with: "\n"), means, hint: name)
        }
        var chart = BarChart(
          title: Self.title("KV memory", held, panel.name), yTitle: "KV pool, %",
          parts: HistoryPoint.classes, bars: bars)
        chart.yMax = 100
        drawn.charts.append(.bars(chart))
      }
    }
    return drawn
  }

  /// Where it is over time: a chart a curve.
  var ledgersOverTime: Drawn {
    let (held, runs) = busiest
    var drawn = Drawn()
    for panel in panels(runs) {
      for (name, runs) in curves(of: panel.runs) {
        guard let run = runs.first?.result, !run.history.isEmpty else { continue }
        let bars = Self.bars(run.history, name: name)
        var chart = BarChart(
          title: Self.title(
            "KV memory of \(run.summary.system)", held, name == run.summary.system ? "" : name,
            panel.name),
          yTitle: "KV pool, %", parts: HistoryPoint.classes, bars: bars)
        chart.xTitle = "time, s"
        chart.yMax = 100
        drawn.add(Drawn(charts: [.bars(chart)], notes: firstSeed(panel.runs)))
      }
    }
    return drawn
  }

  private static func bars(_ history: [HistoryPoint], name: String) -> [BarChart.Bar] {
    let points = joined(history)
    let end = history.last.map { $0.second + $0.duration } ?? 0
    let step = Axis.niceStep(max(end - (points.first?.second ?? 0), 1e-9) / 5)
    return points.indices.map { index in
      let point = points[index]
      let next = index + 1 < points.count ? points[index + 1].second : end
      // The piece in which a round time falls.
      let round = (point.second / step - 1e-9).rounded(.up) * step
      return BarChart.Bar(
        round < next ? SVGText.number(round) : "", point.shares.map { $0 * 100 },
        hint: "\(name) at \(SVGText.number(point.second)) s")
    }
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

extension KVSummary {
  /// In the order of ``HistoryPoint/classes``.
  fileprivate var shares: [Double] {
    [tokenState, reserved, internalFragmentation, externalFragmentation, cached, free]
  }
}
