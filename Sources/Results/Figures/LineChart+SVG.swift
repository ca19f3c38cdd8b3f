extension LineChart {
  /// Draws the chart at `place`; `keys` gives each curve its look.
  ///
  /// A curve that leaves the plot is cut at its edge, and has a gap where a logarithmic axis has no place for a value.
  func draw(at place: (x: Double, y: Double), width: Double, keys: [String], svg: inout SVGText) {
    let frame = ChartFrame(at: place, width: width, title: title)
    let points = series.flatMap(\.points)
    let xAxis = Axis(
      points.map(\.x), scale: xScale, pixels: (frame.left, frame.right),
      ticksMax: frame.xTicksMax)
    let yAxis = Axis(
      points.flatMap { [$0.y, $0.y + ($0.half ?? 0)] } + (level.map { [$0] } ?? []), scale: yScale,
      upperLimit: yMax, pixels: (frame.lower, frame.upper))
    svg.group("chart", data: Self.data(frame, xAxis, yAxis)) { svg in
      frame.drawY(yAxis, in: &svg)
      frame.drawX(xAxis, in: &svg)
      frame.drawTitles(x: xTitle, y: yTitle, in: &svg)
      if let level {
        let y = yAxis.position(level)
        svg.line((frame.left, y), (frame.right, y), class: "level")
      }
      for curve in series {
        let pen = CurvePen(
          style: keys.firstIndex(of: curve.name) ?? 0, xAxis: xAxis, yAxis: yAxis,
          isAlone: series.count == 1)
        svg.group("series", data: curve.data) { svg in pen.draw(curve, in: &svg) }
      }
    }
  }

  /// What a script needs to know of the axes.
  private static func data(
    _ frame: ChartFrame, _ xAxis: Axis, _ yAxis: Axis
  ) -> [(name: String, value: String)] {
    func text(_ axis: Axis) -> String {
      let kind = axis.scale == .linear ? "linear" : "log"
      return "\(kind) \(SVGText.exact(axis.lower)) \(SVGText.exact(axis.upper))"
    }
    let edges = [frame.left, frame.upper, frame.right, frame.lower].map(SVGText.pixel)
    return [
      ("frame", edges.joined(separator: " ")), ("x", text(xAxis)), ("y", text(yAxis)),
    ]
  }

  /// The curve up to where it first rises above `top`, the crossing included.
  static func cut(_ points: [Point], at top: Double) -> [Point] {
    var visible: [Point] = []
    for point in points {
      guard point.y > top else {
        visible.append(point)
        continue
      }
      if let last = visible.last {
        let share = (top - last.y) / (point.y - last.y)
        visible.append(Point(last.x + share * (point.x - last.x), top))
      }
      break
    }
    return visible
  }
}

/// Draws one curve between two axes.
private struct CurvePen {
  let style: Int
  let xAxis: Axis
  let yAxis: Axis
  /// Whether it is the only curve of its chart.
  let isAlone: Bool

  /// Points beyond which markers would hide the curve, as over time.
  private static let markedMax = 40
  /// Markers of such a curve, where another must be told from it without colours.
  private static let sparseMarkers = 4

  func draw(_ curve: LineChart.Series, in svg: inout SVGText) {
    let shown = LineChart.cut(curve.points, at: yAxis.upper)
    let pieces = shown.split { !xAxis.shows($0.x) || !yAxis.shows($0.y) }.map(Array.init)
    let lines = pieces.filter { $0.count > 1 }.map { path($0, isStep: curve.isStep) }
    if !lines.isEmpty {
      svg.add("<path class=\"\(FigureStyle.curve(style))\" d=\"\(lines.joined())\"/>")
    }
    let points = curve.points.filter {
      $0.y <= yAxis.upper && xAxis.shows($0.x) && yAxis.shows($0.y)
    }
    for point in points { if let half = point.half { drawInterval(point, half, in: &svg) } }
    if curve.points.count <= Self.markedMax {
      for point in points { mark(point, of: curve, in: &svg) }
    } else if !isAlone {
      for number in 0..<Self.sparseMarkers where !points.isEmpty {
        // Each style at other places, so that markers of curves that run together do not cover each other.
        let share = (Double(number) + 0.3 + 0.1 * Double(style % 5)) / Double(Self.sparseMarkers)
        mark(points[min(points.count - 1, Int(share * Double(points.count)))], of: curve, in: &svg)
      }
    }
  }

  private func place(_ point: LineChart.Point) -> (x: Double, y: Double) {
    (xAxis.position(point.x), yAxis.position(point.y))
  }

  /// `M… L…` through the points, or in steps: each holds until the next.
  private func path(_ points: [LineChart.Point], isStep: Bool) -> String {
    let places = points.map(place).map { (x: SVGText.pixel($0.x), y: SVGText.pixel($0.y)) }
    guard isStep else { return "M" + places.map { "\($0.x) \($0.y)" }.joined(separator: "L") }
    var path = "M\(places[0].x) \(places[0].y)"
    for (last, next) in zip(places, places.dropFirst()) {
      if next.x != last.x { path += "H\(next.x)" }
      if next.y != last.y { path += "V\(next.y)" }
    }
    return path
  }

  private func mark(
    _ point: LineChart.Point, of curve: LineChart.Series, in svg: inout SVGText
  ) {
    let interval = point.half.map { " ± \(SVGText.number($0))" } ?? ""
    let hint = "\(curve.name): \(SVGText.number(point.x)), \(SVGText.number(point.y))\(interval)"
    svg.add(FigureStyle.marker(style, at: place(point), hint: hint))
  }

  /// A whisker with caps; an end that the axis does not show has none.
  private func drawInterval(_ point: LineChart.Point, _ half: Double, in svg: inout SVGText) {
    let x = place(point).x
    let ends = (low: point.y - half, high: point.y + half)
    let caps = [ends.low, ends.high].filter { $0 >= yAxis.lower && $0 <= yAxis.upper }.map {
      "M\(SVGText.pixel(x - 3)) \(SVGText.pixel(yAxis.position($0)))h6"
    }
    let low = yAxis.position(max(ends.low, yAxis.lower))
    let high = yAxis.position(min(ends.high, yAxis.upper))
    svg.add(
      "<path class=\"whisker k\(style % FigureStyle.styleCount)\" d=\""
        + "M\(SVGText.pixel(x)) \(SVGText.pixel(low))V\(SVGText.pixel(high))\(caps.joined())\"/>")
  }
}

extension LineChart.Series {
  /// What a script needs to know of the curve: `x,y` or `x,y,half` for each point.
  fileprivate var data: [(name: String, value: String)] {
    let points = points.map { point in
      ([point.x, point.y] + (point.half.map { [$0] } ?? [])).map(SVGText.exact)
        .joined(separator: ",")
    }
    return [("name", name), ("points", points.joined(separator: " "))]
      + (isStep ? [("step", "")] : [])
  }
}
