extension LineChart {
  /// Draws the chart; `keys` gives each curve its look.
  ///
  /// A curve that leaves the plot is cut at its edge.
  func draw(in frame: ChartFrame, keys: [String], svg: inout SVGText) {
    let points = series.flatMap(\.points)
    let xAxis = Axis(
      points.map(\.x), scale: xScale, pixels: (frame.left, frame.right), ticksMax: 6)
    let yAxis = Axis(
      points.map(\.y) + (level.map { [$0] } ?? []), scale: yScale, upperLimit: yMax,
      pixels: (frame.lower, frame.upper))
    frame.drawY(yAxis, in: &svg)
    frame.drawX(xAxis, in: &svg)
    frame.drawTitles(title, x: xTitle, y: yTitle, in: &svg)
    if let level {
      let y = yAxis.position(level)
      svg.line((frame.left, y), (frame.right, y), class: "level")
    }
    for curve in series {
      let index = keys.firstIndex(of: curve.name) ?? 0
      draw(curve, style: index, xAxis: xAxis, yAxis: yAxis, in: &svg)
    }
  }

  private func draw(
    _ curve: Series, style: Int, xAxis: Axis, yAxis: Axis, in svg: inout SVGText
  ) {
    let visible = Self.cut(curve.points, at: yAxis.upper)
    guard !visible.isEmpty else { return }
    let corners = visible.map {
      "\(SVGText.pixel(xAxis.position($0.x))) \(SVGText.pixel(yAxis.position($0.y)))"
    }
    if corners.count > 1 {
      let path = "M\(corners.joined(separator: "L"))"
      svg.add("<path class=\"\(FigureStyle.curve(style))\" d=\"\(path)\"/>")
    }
    // Many points, as over time, would hide the curve behind their markers; they only say their values.
    let isDense = curve.points.count > 40
    for point in curve.points where point.y <= yAxis.upper {
      let place = (x: xAxis.position(point.x), y: yAxis.position(point.y))
      let hint = "\(curve.name): \(SVGText.number(point.x)), \(SVGText.number(point.y))"
      svg.add(
        isDense
          ? FigureStyle.target(at: place, hint: hint)
          : FigureStyle.marker(style, at: place, hint: hint))
    }
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
