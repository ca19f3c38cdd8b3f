import Foundation

/// A numeric axis: what it spans, where its ticks are, and where a value lies on paper.
struct Axis {
  let lower: Double
  let upper: Double
  /// Ticks with a label.
  let ticks: [Double]
  /// Short ticks without one, between decades.
  let minorTicks: [Double]
  let scale: LineChart.Scale
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
      minorTicks = []
      lower = 0
      upper = upperLimit ?? ticks[ticks.count - 1]
    case .logarithmic:
      let positive = values.filter { $0 > 0 }
      let base = Self.base(of: positive)
      let powers = Self.powers(of: base, around: positive, upperLimit: upperLimit)
      let inner = base == 10 ? Self.multiples(between: powers) : []
      // Within a decade its powers alone would say little.
      ticks = powers.count > 2 ? powers : (powers + inner.filter(Self.isTwoOrFive)).sorted()
      let hasInner = powers.count <= 2
      minorTicks = powers.count > 6 ? [] : inner.filter { !hasInner || !Self.isTwoOrFive($0) }
      lower = powers[0]
      upper = powers[powers.count - 1]
    }
  }

  /// Powers of `base` around the values, two at least.
  private static func powers(
    of base: Double, around values: [Double], upperLimit: Double?
  ) -> [Double] {
    let least = values.min() ?? 1
    let most = upperLimit ?? values.max() ?? 10
    let first = Int((log(least) / log(base) + 1e-9).rounded(.down))
    let last = max(first + 1, Int((log(most) / log(base) - 1e-9).rounded(.up)))
    return (first...last).map { pow(base, Double($0)) }
  }

  /// 2, 3, … 9 times each decade but the last.
  private static func multiples(between decades: [Double]) -> [Double] {
    decades.dropLast().flatMap { decade in (2...9).map { Double($0) * decade } }
  }

  private static func isTwoOrFive(_ value: Double) -> Bool {
    [2, 5].contains((value / pow(10, log10(value).rounded(.down))).rounded())
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

  /// Whether a value has a place on the axis: a logarithmic one has none for zero.
  func shows(_ value: Double) -> Bool { scale == .linear || value > 0 }

  /// Where `value` lies, in pixels; values outside the axis lie outside the plot.
  func position(_ value: Double) -> Double {
    let share =
      switch scale {
      case .linear: (value - lower) / (upper - lower)
      case .logarithmic: log(max(value, lower) / lower) / log(upper / lower)
      }
    return pixels.0 + share * (pixels.1 - pixels.0)
  }

  /// A tick's label: as few places as tell the ticks apart; `20k` for twenty thousand where all are thousands.
  func label(_ tick: Double) -> String {
    for (unit, letter) in [(1e6, "M"), (1e3, "k")] where areLarge(in: unit, tick) {
      return tick == 0 ? "0" : "\(SVGText.number(tick / unit))\(letter)"
    }
    if scale == .logarithmic {
      return tick < 0.001
        ? Digits.fixed(tick, decimals: Int((-log10(tick) - 1e-9).rounded(.up)))
        : SVGText.number(tick)
    }
    let step = ticks.count > 1 ? ticks[1] - ticks[0] : 1
    let decimals = max(0, Int((-log10(step) - 1e-9).rounded(.up)))
    return Digits.fixed(tick, decimals: decimals)
  }

  /// Whether a label is shorter in that unit: on a linear axis those of all ticks, beyond nine of them.
  private func areLarge(in unit: Double, _ tick: Double) -> Bool {
    switch scale {
    case .linear:
      upper >= 10 * unit
        && ticks.allSatisfy { $0.truncatingRemainder(dividingBy: unit) == 0 }
    case .logarithmic: ticks[1] / ticks[0] != 2 && tick >= 10 * unit
    }
  }
}
