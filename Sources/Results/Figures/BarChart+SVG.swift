import Foundation

extension BarChart {
  /// Bars beyond which they stand close together where not each has a name, as over time.
  private static let separateMax = 20
  /// How far names are turned that are wider than their bars, in degrees.
  private static let turn = 35.0

  /// Whether bars touch.
  private var isDense: Bool {
    bars.count > Self.separateMax && bars.contains { $0.name.isEmpty }
  }

  /// Draws the chart at `place`; `keys` gives each part its look.
  func draw(at place: (x: Double, y: Double), width: Double, keys: [String], svg: inout SVGText) {
    precondition(
      bars.allSatisfy { $0.values.count == parts.count }, "BarChart: a bar has too few values")
    let hanging = hanging(width)
    let frame = ChartFrame(at: place, width: width, title: title, hanging: hanging)
    let tops = bars.map { isGrouped ? $0.values.max() ?? 0 : $0.values.reduce(0, +) }
    let axis = Axis(tops, upperLimit: yMax, pixels: (frame.lower, frame.upper))
    frame.drawY(axis, in: &svg)
    frame.drawTitles(x: xTitle, y: yTitle, below: hanging, in: &svg)
    let gap = isDense ? 0 : 0.15
    let slot = frame.width / Double(max(1, bars.count))
    for (index, bar) in bars.enumerated() {
      let left = frame.left + (Double(index) + gap) * slot
      // Bars that touch reach under the next, or the paper would shine through between them.
      let isTouching = isDense && index + 1 < bars.count
      let width = (1 - 2 * gap) * slot + (isTouching ? 0.5 : 0)
      if isGrouped {
        drawGroup(bar, left: left, width: width, axis: axis, keys: keys, in: &svg)
      } else {
        drawStack(bar, left: left, width: width, axis: axis, keys: keys, in: &svg)
      }
      let centre = left + width / 2
      if hanging > 0 {
        svg.text(
          bar.name.replacing("\n", with: "-"), at: (centre + 3, frame.lower + 12), anchor: "end",
          class: "small", turned: -Self.turn)
      } else {
        drawName(bar.name, centre: centre, below: frame.lower, in: &svg)
      }
    }
  }

  /// What names need below the plot, turned because a word of one is wider than its bar; 0 where none is.
  private func hanging(_ width: Double) -> Double {
    let named = bars.filter { !$0.name.isEmpty }
    guard !isDense else { return 0 }
    let slot = (width - 72) / Double(max(1, bars.count))
    let words = named.flatMap { $0.name.split(separator: "\n") }.map(\.count)
    guard let widest = words.max(), Double(widest) * 5.8 > slot + 6 else { return 0 }
    let longest = named.map(\.name.count).max() ?? 0
    return max(0, Double(longest) * 5.8 * sin(Self.turn * .pi / 180) - 18)
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
    let dense = isDense ? " dense" : ""
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
