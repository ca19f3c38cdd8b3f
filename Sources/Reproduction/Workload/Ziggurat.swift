import Foundation

/// The layers of a ziggurat: 256 boxes of equal area under a falling density, the lowest one with the tail.
///
///     density  ▁▁▁
///     layer 2  ███▏▁          x₁ = widths[1] × 2^bits is where layer 1 ends; a draw inside x₀ ⁄ x₁ of it lies under
///     layer 1  █████▏▁▁       the density for sure
///
/// numpy has these numbers as tables. They are computed here: positions agree with the tables to 4 parts in 10¹⁴, so that
/// one integer draw in about 10⁸ could come out otherwise; the tests compare thousands of draws.
///
/// - Source: Marsaglia and Tsang, "The ziggurat method for generating random variables" (2000), with 256 layers.
struct Ziggurat: Sendable {
  /// Where the lowest layer ends and the tail begins.
  let end: Double
  /// By layer, what a drawn integer is multiplied by.
  let widths: [Double]
  /// By layer, the drawn integers that need no second look lie below.
  let insides: [UInt64]
  /// By layer, the density at its end.
  private let densities: [Double]

  static let normal = Ziggurat(
    end: 3.6541528853610088, area: 0.00492867323399, bits: 52, density: { exp(-0.5 * $0 * $0) },
    inverse: { (-2 * log($0)).squareRoot() },
    tail: { (Double.pi / 2).squareRoot() * erfc($0 / 2.0.squareRoot()) })

  static let exponential = Ziggurat(
    end: 7.69711747013104972, area: 0.0039496598225815571993, bits: 53, density: { exp(-$0) },
    inverse: { -log($0) }, tail: { exp(-$0) })

  /// - Parameters:
  ///   - area: Of a layer, as a check; computed from `end`.
  ///   - bits: Of the integers that are drawn.
  ///   - tail: The area under the density from a point on.
  private init(
    end: Double, area: Double, bits: Int, density: (Double) -> Double,
    inverse: (Double) -> Double, tail: (Double) -> Double
  ) {
    let layer = end * density(end) + tail(end)
    precondition(abs(layer - area) < 1e-12, "Ziggurat: a layer of \(layer), not \(area)")
    let scale = Double(UInt64(1) << UInt64(bits))
    var ends = [Double](repeating: 0, count: 256)
    ends[255] = end
    for index in stride(from: 254, to: 0, by: -1) {
      ends[index] = inverse(layer / ends[index + 1] + density(ends[index + 1]))
    }
    let base = layer / density(end)
    self.end = end
    widths = [base / scale] + ends[1...].map { $0 / scale }
    insides =
      [UInt64(end / base * scale)]
      + (1..<256).map { UInt64(ends[$0 - 1] / ends[$0] * scale) }
    densities = ends.map(density)
  }

  /// Whether a point of a layer, at a height drawn uniformly between its two ends, lies below the density there.
  func isBelow(_ density: Double, _ layer: Int, _ height: Double) -> Bool {
    (densities[layer - 1] - densities[layer]) * height + densities[layer] < density
  }
}
