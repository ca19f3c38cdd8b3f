/// The frame of a chart: title, axes, grid and labels around the plot.
///
///     title
///     y ┤        |            left, right: where the plot begins and ends
///     t ┤  plot  |            upper, lower: its top and bottom, y growing downwards
///       └────────┘
///        x title
struct ChartFrame {
  let left: Double
  let right: Double
  let upper: Double
  let lower: Double
  private let title: [String]

  private static let margin = (left: 58.0, right: 14.0, upper: 26.0, lower: 46.0)
  private static let titleRow = 13.0
  /// About the width of a character, bold in titles, in pixels.
  static let character = (bold: 7.2, plain: 6.6)

  /// The frame of a chart of this size whose corner is at `place`.
  ///
  /// - Parameters:
  ///   - title: Broken into lines where it is wider than the chart.
  ///   - hanging: What names below the plot need beyond a line or two, in pixels.
  init(
    at place: (x: Double, y: Double), width: Double, height: Double = Figure.chartHeight,
    title: String, hanging: Double = 0
  ) {
    let margin = Self.margin
    left = place.x + margin.left
    right = place.x + width - margin.right
    // Centred over the plot, so that it may reach beyond it by the right margin on both sides.
    self.title = Figure.wrapped(
      title, width: Int((right - left + 2 * margin.right) / Self.character.bold))
    upper = place.y + margin.upper + Double(max(0, self.title.count - 1)) * Self.titleRow
    lower = place.y + height - margin.lower - hanging
  }

  var width: Double { right - left }

  func drawTitles(x: String, y: String, below hanging: Double = 0, in svg: inout SVGText) {
    for (line, words) in title.enumerated() {
      let above = Double(title.count - 1 - line) * Self.titleRow
      svg.text(
        words, at: ((left + right) / 2, upper - 9 - above), anchor: "middle", class: "t head")
    }
    svg.text(x, at: ((left + right) / 2, lower + 34 + hanging), anchor: "middle")
    svg.text(y, at: (left - 44, (upper + lower) / 2), anchor: "middle", rotated: true)
  }

  /// The horizontal grid with the labels of the y axis.
  func drawY(_ axis: Axis, in svg: inout SVGText) {
    svg.group("y-ticks") { svg in
      for tick in axis.ticks {
        let y = axis.position(tick)
        svg.line((left, y), (right, y), class: tick == axis.lower ? "axis" : "grid")
        svg.text(axis.label(tick), at: (left - 5, y + 4), anchor: "end")
      }
      for tick in axis.minorTicks {
        let y = axis.position(tick)
        svg.line((left, y), (left + 3, y), class: "axis")
      }
    }
    svg.line((left, upper), (left, lower), class: "axis")
  }

  /// The ticks of the x axis, as many of them with labels as there is room for.
  func drawX(_ axis: Axis, in svg: inout SVGText) {
    svg.line((left, lower), (right, lower), class: "axis")
    let step = labelStep(axis)
    svg.group("x-ticks") { svg in
      for (index, tick) in axis.ticks.enumerated() {
        let x = axis.position(tick)
        svg.line((x, lower), (x, lower + 4), class: "axis")
        guard index % step == 0 else { continue }
        svg.text(axis.label(tick), at: (x, lower + 16), anchor: "middle")
      }
      for tick in axis.minorTicks {
        let x = axis.position(tick)
        svg.line((x, lower), (x, lower + 2.5), class: "axis")
      }
    }
  }

  /// Every how many ticks there is room for a label.
  private func labelStep(_ axis: Axis) -> Int {
    let widest = axis.ticks.map { axis.label($0).count }.max() ?? 0
    let needed = Double(widest + 1) * Self.character.plain
    let distances = zip(axis.ticks, axis.ticks.dropFirst()).map {
      axis.position($1) - axis.position($0)
    }
    guard let least = distances.min(), least > 0 else { return 1 }
    return max(1, Int((needed / least).rounded(.up)))
  }

  /// How many ticks an x axis of this width has room for.
  var xTicksMax: Int { min(6, max(2, Int(width / 40))) }
}
