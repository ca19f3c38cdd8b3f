import Foundation

/// A numeric axis: what it spans, where its ticks are, and where a value lies on paper.
struct Axis {
  let lower: Double
  let upper: Double
  let ticks: [Double]
  private let scale: LineChart.Scale
  /// Where `lower` and `upper` are drawn, in pixels.
  private let pixels: (Double, Double)

  /// An axis that shows all of `values`; a linear one starts at zero.
  ///
  /// - Parameters:
  ///   - upperLimit: The end of the axis, where it is not left to the values.
  ///   - ticksMax: About how many ticks there is room for.
  init(
    _ values: [Double], scale: LineChart.Scale = .linear, upperLimit: Double? = nil,
    pixels: (Double, Double), ticksMax: Int = 5
  ) {
    self.scale = scale
    self.pixels = pixels
    switch scale {
    case .linear:
      let most = upperLimit ?? max(values.max() ?? 0, 0)
      let span = most > 0 ? most : 1
      let step = Self.niceStep(span / Double(ticksMax))
      let count =
        upperLimit == nil
        ? Int((span / step - 1e-9).rounded(.up)) : Int((span / step + 1e-9).rounded(.down))
      ticks = (0...max(1, count)).map { Double($0) * step }
      lower = 0
      upper = upperLimit ?? ticks[ticks.count - 1]
    case .logarithmic:
      let positive = values.filter { $0 > 0 }
      let least = positive.min() ?? 1
      let most = upperLimit ?? positive.max() ?? 10
      let base = Self.base(of: positive)
      let first = Int((log(least) / log(base) + 1e-9).rounded(.down))
      let last = max(first + 1, Int((log(most) / log(base) - 1e-9).rounded(.up)))
      ticks = (first...last).map { pow(base, Double($0)) }
      lower = ticks[0]
      upper = ticks[ticks.count - 1]
    }
  }

  /// 2 where all values are powers of two, such as block sizes; else 10.
  private static func base(of values: [Double]) -> Double {
    let areDoublings = values.allSatisfy { value in
      value >= 1 && value == value.rounded() && Int(value).nonzeroBitCount == 1
    }
    return areDoublings && !values.isEmpty ? 2 : 10
  }

  /// 1, 2 or 5 times a power of ten, at least `rough`.
  static func niceStep(_ rough: Double) -> Double {
    let power = pow(10, log10(rough).rounded(.down))
    for factor in [1.0, 2, 5] where factor * power >= rough * (1 - 1e-9) { return factor * power }
    return 10 * power
  }

  /// Where `value` lies, in pixels; values outside the axis lie outside the plot.
  func position(_ value: Double) -> Double {
    let share =
      switch scale {
      case .linear: (value - lower) / (upper - lower)
      case .logarithmic: log(max(value, lower) / lower) / log(upper / lower)
      }
    return pixels.0 + share * (pixels.1 - pixels.0)
  }

  /// A tick's label: as few places as tell the ticks apart.
  func label(_ tick: Double) -> String {
    guard scale == .linear else { return SVGText.number(tick) }
    let step = ticks.count > 1 ? ticks[1] - ticks[0] : 1
    let decimals = max(0, Int((-log10(step) - 1e-9).rounded(.up)))
    return Digits.fixed(tick, decimals: decimals)
  }
}
