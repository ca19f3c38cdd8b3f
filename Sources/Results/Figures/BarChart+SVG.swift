extension BarChart {
  /// Draws the chart; `keys` gives each part its look.
  func draw(in frame: ChartFrame, keys: [String], svg: inout SVGText) {
    precondition(
      bars.allSatisfy { $0.values.count == parts.count }, "BarChart: a bar has too few values")
    let tops = bars.map { isGrouped ? $0.values.max() ?? 0 : $0.values.reduce(0, +) }
    let axis = Axis(tops, upperLimit: yMax, pixels: (frame.lower, frame.upper))
    frame.drawY(axis, in: &svg)
    frame.drawTitles(title, x: xTitle, y: yTitle, in: &svg)
    // Many bars, as over time, stand close together.
    let gap = bars.count > 20 ? 0 : 0.15
    let slot = frame.width / Double(max(1, bars.count))
    for (index, bar) in bars.enumerated() {
      let left = frame.left + (Double(index) + gap) * slot
      let width = (1 - 2 * gap) * slot
      if isGrouped {
        drawGroup(bar, left: left, width: width, axis: axis, keys: keys, in: &svg)
      } else {
        drawStack(bar, left: left, width: width, axis: axis, keys: keys, in: &svg)
      }
      drawName(bar.name, centre: left + width / 2, below: frame.lower, in: &svg)
    }
  }

  private func drawStack(
    _ bar: Bar, left: Double, width: Double, axis: Axis, keys: [String], in svg: inout SVGText
  ) {
    var sum = 0.0
    for (part, value) in zip(parts, bar.values) where value > 0 {
      let bottom = axis.position(sum)
      sum += value
      draw(
        value, part: part, of: bar, x: left, width: width, top: axis.position(sum), bottom: bottom,
        keys: keys, in: &svg)
    }
  }

  private func drawGroup(
    _ bar: Bar, left: Double, width: Double, axis: Axis, keys: [String], in svg: inout SVGText
  ) {
    let single = width / Double(max(1, parts.count))
    for (index, (part, value)) in zip(parts, bar.values).enumerated() where value > 0 {
      draw(
        value, part: part, of: bar, x: left + Double(index) * single, width: single,
        top: axis.position(value), bottom: axis.position(0), keys: keys, in: &svg)
    }
  }

  private func draw(
    _ value: Double, part: String, of bar: Bar, x: Double, width: Double, top: Double,
    bottom: Double, keys: [String], in svg: inout SVGText
  ) {
    let dense = bars.count > 20 ? " dense" : ""
    let style = FigureStyle.area(keys.firstIndex(of: part) ?? 0) + dense
    svg.rectangle(
      x: x, y: top, width: width, height: bottom - top, class: style,
      hint: "\(bar.hint ?? bar.name), \(part): \(SVGText.number(value))")
  }

  /// A bar's name, its words below each other.
  private func drawName(_ name: String, centre: Double, below: Double, in svg: inout SVGText) {
    for (line, word) in name.split(separator: "\n").enumerated() {
      svg.text(
        String(word), at: (centre, below + 14 + Double(line) * 12), anchor: "middle",
        class: "small")
    }
  }
}
