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

  /// The frame of a chart of this width whose corner is at `place`.
  init(at place: (x: Double, y: Double), width: Double) {
    left = place.x + 58
    right = place.x + width - 14
    upper = place.y + 26
    lower = place.y + Figure.chartHeight - 46
  }

  var width: Double { right - left }

  func drawTitles(_ title: String, x: String, y: String, in svg: inout SVGText) {
    svg.text(title, at: ((left + right) / 2, upper - 9), anchor: "middle", class: "t head")
    svg.text(x, at: ((left + right) / 2, lower + 34), anchor: "middle")
    svg.text(y, at: (left - 44, (upper + lower) / 2), anchor: "middle", rotated: true)
  }

  /// The horizontal grid with the labels of the y axis.
  func drawY(_ axis: Axis, in svg: inout SVGText) {
    for tick in axis.ticks {
      let y = axis.position(tick)
      svg.line((left, y), (right, y), class: tick == axis.lower ? "axis" : "grid")
      svg.text(axis.label(tick), at: (left - 5, y + 4), anchor: "end")
    }
    svg.line((left, upper), (left, lower), class: "axis")
  }

  /// The ticks with the labels of the x axis.
  func drawX(_ axis: Axis, in svg: inout SVGText) {
    svg.line((left, lower), (right, lower), class: "axis")
    for tick in axis.ticks {
      let x = axis.position(tick)
      svg.line((x, lower), (x, lower + 4), class: "axis")
      svg.text(axis.label(tick), at: (x, lower + 16), anchor: "middle")
    }
  }
}
