/// One or more charts under a title, drawn as one SVG.
package struct Figure: Equatable, Sendable {
  /// What a file of it is called, without an ending; empty where it is told from others otherwise.
  package var name = ""
  package var title: String
  /// Where the numbers come from; printed below.
  package var caption: String
  /// What the runs were, for who has the file alone; not drawn.
  package var origin = ""
  package var charts: [Chart]
  /// Charts side by side before the next row begins.
  package var columns: Int
  /// Width of one chart, pixels.
  package var chartWidth: Double
  /// Width of all charts side by side on paper, inches; `nil` for a screen, where a pixel is a pixel.
  package var inches: Double?

  package init(
    title: String, caption: String = "", charts: [Chart], columns: Int = 3,
    chartWidth: Double = 320
  ) {
    self.title = title
    self.caption = caption
    self.charts = charts
    self.columns = max(1, columns)
    self.chartWidth = chartWidth
  }
}

/// A chart of either kind.
package enum Chart: Equatable, Sendable {
  case lines(LineChart)
  case bars(BarChart)
}

/// Curves over a numeric axis.
package struct LineChart: Equatable, Sendable {
  /// One curve; its look follows from its position in the chart.
  package struct Series: Equatable, Sendable {
    package var name: String
    package var points: [Point]
    /// Each value holds until the next, as in a distribution of a few values.
    package var isStep = false

    package init(_ name: String, _ points: [Point]) {
      self.name = name
      self.points = points
    }
  }

  package struct Point: Equatable, Sendable {
    package var x: Double
    package var y: Double
    /// Half of an interval around `y`, drawn as a whisker.
    package var half: Double?

    package init(_ x: Double, _ y: Double, half: Double? = nil) {
      self.x = x
      self.y = y
      self.half = half
    }
  }

  package enum Scale: Equatable, Sendable { case linear, logarithmic }

  package var title: String
  /// With its unit.
  package var xTitle: String
  package var yTitle: String
  package var series: [Series]
  package var xScale = Scale.linear
  package var yScale = Scale.linear
  /// What the y axis shows; points above are cut off. `nil` shows all.
  package var yMax: Double?
  /// A level drawn across, such as the threshold of a comparison.
  package var level: Double?

  package init(title: String, xTitle: String, yTitle: String, series: [Series]) {
    self.title = title
    self.xTitle = xTitle
    self.yTitle = yTitle
    self.series = series
  }
}

/// Bars, each one value or a stack of several.
package struct BarChart: Equatable, Sendable {
  package struct Bar: Equatable, Sendable {
    /// What stands below it; line ends break it.
    package var name: String
    /// What it is called when it is pointed at, where that is not its name.
    package var hint: String?
    /// One value for each of ``BarChart/parts``, from the bottom up.
    package var values: [Double]

    package init(_ name: String, _ values: [Double], hint: String? = nil) {
      self.name = name
      self.values = values
      self.hint = hint
    }
  }

  package var title: String
  /// With its unit; empty where bars have names.
  package var xTitle = ""
  package var yTitle: String
  /// The names of what is stacked, or of what stands side by side.
  package var parts: [String]
  package var bars: [Bar]
  /// Parts stand side by side instead of on top of each other.
  package var isGrouped = false
  /// Top of the axis; `nil` for the highest bar.
  package var yMax: Double?

  package init(title: String, yTitle: String, parts: [String], bars: [Bar]) {
    self.title = title
    self.yTitle = yTitle
    self.parts = parts
    self.bars = bars
  }
}
