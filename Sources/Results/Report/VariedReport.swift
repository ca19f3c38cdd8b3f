import SimulationKernel

/// A page about runs that differ in named settings: a heading, tables, and drawings, in the looks of
/// ``ReportPage``.
package struct VariedReport {
  package var title: String
  /// Sentences below the heading.
  package var facts: [String] = []
  /// Tables with their headings.
  package var tables: [(title: String, table: TextTable)] = []
  package var figures: [Figure] = []

  package init(title: String) { self.title = title }

  /// The page; it needs nothing else.
  package var html: String {
    var body = ["<h1>\(SVGText.escaped(title))</h1>"]
    body += facts.map { "<p>\(SVGText.escaped($0))</p>" }
    for (title, table) in tables {
      body += ["<h2>\(SVGText.escaped(title))</h2>", ReportTable.html(table)]
    }
    if !figures.isEmpty { body += ["<h2>Drawings</h2>", "<div class=\"charts\">"] }
    body += figures.map { "<figure>\($0.svg(isStandalone: false))</figure>" }
    if !figures.isEmpty { body.append("</div>") }
    return """
      <!DOCTYPE html>
      <html lang="en"><head><meta charset="utf-8">
      <meta name="viewport" content="width=device-width,initial-scale=1">
      <title>\(SVGText.escaped(title))</title>
      <style>\(ReportStyle.css)\n\(FigureStyle.css)</style></head><body><main>
      \(body.joined(separator: "\n"))
      </main></body></html>

      """
  }
}

/// Runs that differ in named settings, for drawing: one figure a metric.
///
/// The numeric setting with the most values becomes the x axis (the request rate, where it varies), another
/// the curves (the system, where it varies), and what is left makes a chart each. Seeds are averaged over.
package struct VariedRuns {
  package struct Row {
    /// A value for each of ``VariedRuns/settings``.
    package var values: [String]
    /// A value for each of ``VariedRuns/metrics``, `nil` where nothing was measured.
    package var measured: [Double?]

    package init(values: [String], measured: [Double?]) {
      self.values = values
      self.measured = measured
    }
  }

  package struct Metric {
    package var title: String
    package var unit: String

    package init(title: String, unit: String) {
      self.title = title
      self.unit = unit
    }
  }

  /// Charts of a figure; what does not fit is said in its caption.
  private static let chartsMax = 12
  private static let seed = "seed"

  package var settings: [String]
  package var metrics: [Metric]
  package var rows: [Row]

  package init(settings: [String], metrics: [Metric], rows: [Row]) {
    self.settings = settings
    self.metrics = metrics
    self.rows = rows
  }

  /// Whether a setting is the rate, named as a flag or as a column.
  private static func isRate(_ setting: String) -> Bool {
    ["request-rate", "request_rate"].contains(setting)
  }

  /// The values of a setting, in order of appearance.
  private func distinct(_ setting: Int) -> [String] {
    var seen: Set<String> = []
    return rows.map { $0.values[setting] }.filter { seen.insert($0).inserted }
  }

  package var figures: [Figure] {
    let varying = settings.indices.filter {
      settings[$0] != Self.seed && distinct($0).count > 1
    }
    let numeric = varying.filter { distinct($0).allSatisfy { Double($0) != nil } }
    let x =
      numeric.first { Self.isRate(settings[$0]) }
      ?? numeric.max { distinct($0).count < distinct($1).count }
    let others = varying.filter { $0 != x }
    let curves = others.first { settings[$0] == "system" } ?? others.first
    let panels = others.filter { $0 != curves }
    return metrics.indices.compactMap { metric in
      let measured = rows.filter { $0.measured[metric] != nil }
      guard !measured.isEmpty else { return nil }
      return figure(metric, measured, x: x, curves: curves, panels: panels)
    }
  }

  private func figure(
    _ metric: Int, _ rows: [Row], x: Int?, curves: Int?, panels: [Int]
  ) -> Figure {
    var groups: [(name: String, rows: [Row])] = []
    var places: [String: Int] = [:]
    for row in rows {
      let name = panels.map { "\(settings[$0]) \(row.values[$0])" }.joined(separator: ", ")
      if let place = places[name] {
        groups[place].rows.append(row)
      } else {
        places[name] = groups.count
        groups.append((name, [row]))
      }
    }
    let charts = groups.prefix(Self.chartsMax).map { group in
      x.map { Chart.lines(lines(metric, group.rows, name: group.name, x: $0, curves: curves)) }
        ?? .bars(bars(metric, group.rows, name: group.name, curves: curves))
    }
    let left = groups.count - charts.count
    return Figure(
      title: groups.count > 1 ? metrics[metric].title : "",
      caption: left > 0 ? "\(charts.count) of \(groups.count) combinations are drawn." : "",
      charts: charts, columns: 2, chartWidth: 500)
  }

  private func title(_ metric: Int, _ name: String) -> String {
    name.isEmpty ? metrics[metric].title : name
  }

  /// Means over rows that differ in nothing that is drawn.
  private func means(_ rows: [Row], _ metric: Int, by setting: Int?) -> [(String, Double)] {
    var sums: [(key: String, sum: Double, count: Double)] = []
    for row in rows {
      guard let value = row.measured[metric] else { continue }
      let key = setting.map { row.values[$0] } ?? ""
      if let place = sums.firstIndex(where: { $0.key == key }) {
        sums[place].sum += value
        sums[place].count += 1
      } else {
        sums.append((key, value, 1))
      }
    }
    return sums.map { ($0.key, $0.sum / $0.count) }
  }

  private func lines(
    _ metric: Int, _ rows: [Row], name: String, x: Int, curves: Int?
  ) -> LineChart {
    let names = curves.map(distinct) ?? [metrics[metric].title]
    let series = names.compactMap { name -> LineChart.Series? in
      let own = curves.map { curve in rows.filter { $0.values[curve] == name } } ?? rows
      let points = means(own, metric, by: x).compactMap { text, y in
        Double(text).map { LineChart.Point($0, y) }
      }
      guard !points.isEmpty else { return nil }
      let prefix = curves.map { Double(name) == nil ? "" : "\(settings[$0]) " } ?? ""
      return LineChart.Series(prefix + name, points.sorted { $0.x < $1.x })
    }
    var chart = LineChart(
      title: title(metric, name),
      xTitle: Self.isRate(settings[x]) ? "request rate, req/s" : settings[x],
      yTitle: metrics[metric].unit, series: series)
    let all = series.flatMap { $0.points.map(\.x) }
    if let least = all.min(), let most = all.max(), least > 0, most / least > 16 {
      chart.xScale = .logarithmic
    }
    return chart
  }

  private func bars(_ metric: Int, _ rows: [Row], name: String, curves: Int?) -> BarChart {
    let bars = means(rows, metric, by: curves).map { name, value in
      BarChart.Bar(name.replacing("-", with: "\n"), [value], hint: name)
    }
    return BarChart(
      title: title(metric, name), yTitle: metrics[metric].unit, parts: [metrics[metric].title],
      bars: bars)
  }
}
