/// A figure on paper, sizes in pixels:
///
///     title
///     legend
///     |── chart ──|── chart ──|── chart ──|
///     |── chart ──| …
///     caption
extension Figure {
  static let chartHeight = 240.0
  private static let legendRow = 18.0

  /// The drawing, the same bytes for the same figure.
  ///
  /// - Parameter isStandalone: With its own colours, for a file of its own; a page that holds several
  ///   drawings brings ``FigureStyle/css`` itself.
  package func svg(isStandalone: Bool = true) -> String {
    let columns = min(columns, max(1, charts.count))
    let width = Double(columns) * chartWidth
    let keys = keys
    var svg = SVGText(isScripted: !isStandalone)
    var top = 8.0
    if !title.isEmpty {
      for line in Self.wrapped(title, width: Int((width - 24) / 8.4)) {
        svg.text(line, at: (12, top + 14), class: "title")
        top += 16
      }
      top += 8
    }
    top = drawLegend(keys, width: width, top: top, in: &svg)
    for (index, chart) in charts.enumerated() {
      let place = (
        x: Double(index % columns) * chartWidth,
        y: top + Double(index / columns) * Self.chartHeight
      )
      switch chart {
      case .lines(let chart): chart.draw(at: place, width: chartWidth, keys: keys, svg: &svg)
      case .bars(let chart): chart.draw(at: place, width: chartWidth, keys: keys, svg: &svg)
      }
    }
    var height = top + Double((charts.count + columns - 1) / columns) * Self.chartHeight
    for line in Self.wrapped(caption, width: Int(width / 5.6)) {
      svg.text(line, at: (12, height + 12), class: "small")
      height += 14
    }
    // On paper the caption that a document gives it follows.
    height += inches == nil ? 8 : caption.isEmpty ? -6 : 4
    let head = head(width: width, height: height)
    let description = origin.isEmpty ? [] : ["<desc>\(SVGText.escaped(origin))</desc>"]
    let style = isStandalone ? ["<style>", FigureStyle.paperCSS, "</style>"] : []
    let paper = isStandalone ? ["<rect class=\"paper\" width=\"100%\" height=\"100%\"/>"] : []
    return
      ([head] + description + style + [FigureStyle.patterns] + paper + svg.lines + ["</svg>", ""])
      .joined(separator: "\n")
  }

  private func head(width: Double, height: Double) -> String {
    let size =
      inches.map { inches in
        let high = Digits.fixed(height * inches / width, decimals: 3)
        return "width=\"\(SVGText.number(inches))in\" height=\"\(high)in\""
      } ?? "width=\"\(SVGText.pixel(width))\" height=\"\(SVGText.pixel(height))\""
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" "
      + "viewBox=\"0 0 \(SVGText.pixel(width)) \(SVGText.pixel(height))\" \(size) role=\"img\">"
  }

  /// The names of curves and parts, each once, in order of appearance: a name looks the same in every
  /// chart of the figure.
  var keys: [String] {
    var keys: [String] = []
    for chart in charts {
      switch chart {
      case .lines(let chart): for series in chart.series { add(series.name) }
      case .bars(let chart): for part in chart.parts { add(part) }
      }
    }
    func add(_ name: String) { if !keys.contains(name) { keys.append(name) } }
    return keys
  }

  var hasCurves: Bool { charts.contains { if case .lines = $0 { true } else { false } } }

  /// Draws the legend in as many rows as it needs.
  ///
  /// - Returns: Where the charts begin.
  private func drawLegend(
    _ keys: [String], width: Double, top: Double, in svg: inout SVGText
  ) -> Double {
    guard keys.count > 1 else { return top }
    var x = 14.0
    var y = top
    for (index, key) in keys.enumerated() {
      let needed = 44 + Double(key.count) * ChartFrame.character.plain
      if x + needed > width && x > 14 {
        x = 14
        y += Self.legendRow
      }
      if hasCurves {
        svg.line((x, y + 8), (x + 24, y + 8), class: FigureStyle.curve(index))
        svg.add(FigureStyle.marker(index, at: (x + 12, y + 8), hint: ""))
      } else {
        svg.rectangle(
          x: x + 4, y: y + 2, width: 14, height: 11, class: FigureStyle.area(index))
      }
      svg.text(key, at: (x + 30, y + 12))
      x += needed
    }
    return y + Self.legendRow + 4
  }

  /// Breaks text at blanks into lines of at most `width` characters; a longer word stands alone.
  static func wrapped(_ text: String, width: Int) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] += " \(word)"
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}
