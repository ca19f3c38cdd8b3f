import Foundation

/// What a formula has to be multiplied by, for an operator whose other sizes are those of published models: a curve
/// over the tokens for each shape that was measured.
///
/// Shapes are few and stand on no grid. A shape between them takes the corrections of its nearest, the more the nearer;
/// along the tokens corrections are interpolated, linearly in their logarithm, and outside of what was measured the
/// last one holds.
struct CorrectionCurves: Equatable, Sendable {
  /// The sizes behind the first one, of each curve.
  let shapes: [[Double]]
  /// The first size, ascending.
  let points: [Double]
  /// Curve by curve, each as long as `points`; NaN where there is none.
  let corrections: [Float]

  /// Shapes that tell of another one.
  private static let neighbours = 4

  init(shapes: [[Double]], points: [Double], corrections: [Float]) {
    precondition(shapes.count * points.count == corrections.count, "CorrectionCurves: sizes")
    self.shapes = shapes
    self.points = points
    self.corrections = corrections
  }

  /// Curves of measured corrections.
  init?(sizes: [[Double]], corrections measured: [Double]) {
    guard !sizes.isEmpty else { return nil }
    var places: [[Double]: Int] = [:]
    var shapes: [[Double]] = []
    for size in sizes {
      let shape = Array(size.dropFirst())
      if places[shape] == nil {
        places[shape] = shapes.count
        shapes.append(shape)
      }
    }
    let points = Array(Set(sizes.map { $0[0] })).sorted()
    var corrections = [Float](repeating: .nan, count: shapes.count * points.count)
    for (size, correction) in zip(sizes, measured) {
      let curve = places[Array(size.dropFirst())]!
      corrections[curve * points.count + lowerBound(points, size[0])] = Float(correction)
    }
    self.init(shapes: shapes, points: points, corrections: corrections)
  }

  /// The correction at `sizes`.
  ///
  /// - Complexity: O(shapes).
  func correction(_ sizes: [Double]) -> Double {
    let shape = sizes.dropFirst()
    if let curve = shapes.firstIndex(where: { $0.elementsEqual(shape) }) {
      return correction(sizes[0], curve)
    }
    let near = shapes.indices.map { (curve: $0, distance: distance(shapes[$0], shape)) }
      .sorted { $0.distance < $1.distance }.prefix(Self.neighbours)
    let weights = near.map { 1 / ($0.distance + 0.01) }
    return zip(near, weights).reduce(0) { $0 + $1.1 * correction(sizes[0], $1.0.curve) }
      / weights.reduce(0, +)
  }

  /// The squared distance of two shapes, each size as a logarithm.
  private func distance(_ a: [Double], _ b: ArraySlice<Double>) -> Double {
    zip(a, b).reduce(0) { sum, pair in
      let difference = log((pair.0 + 1e-3) / (pair.1 + 1e-3))
      return sum + difference * difference
    }
  }

  private func correction(_ size: Double, _ curve: Int) -> Double {
    func value(_ point: Int) -> Double { Double(corrections[curve * points.count + point]) }
    let above = lowerBound(points, size)
    let next = (above..<points.count).first { !value($0).isNaN }
    if let next, points[next] == size { return value(next) }
    let previous = (0..<above).last { !value($0).isNaN }
    switch (previous, next) {
    case (let low?, let high?):
      let share = log(size / points[low]) / log(points[high] / points[low])
      return value(low) + share * (value(high) - value(low))
    case (let only?, nil), (nil, let only?): return value(only)
    case (nil, nil): return 1
    }
  }

  /// The curves whose shapes `isKept` holds of.
  func filtered(_ isKept: ([Double]) -> Bool) -> CorrectionCurves {
    let kept = shapes.indices.filter { isKept(shapes[$0]) }
    return CorrectionCurves(
      shapes: kept.map { shapes[$0] }, points: points,
      corrections: kept.flatMap { corrections[$0 * points.count..<($0 + 1) * points.count] })
  }
}

/// The table form of an operator.
enum Corrections: Equatable, Sendable {
  case grid(CorrectionTable)
  case curves(CorrectionCurves)

  /// A table of measured corrections, in the form that fits the operator; `nil` without rows, or where they are too
  /// sparse.
  init?(of kind: KernelKind, sizes: [[Double]], corrections: [Double]) {
    if kind == .experts {
      guard let curves = CorrectionCurves(sizes: sizes, corrections: corrections) else {
        return nil
      }
      self = .curves(curves)
    } else {
      guard let table = CorrectionTable(of: kind, sizes: sizes, corrections: corrections)
      else { return nil }
      self = .grid(table)
    }
  }

  /// Points within this share of each other are thinned out of the grids that profiles carry.
  private static let thinning = 0.12
  /// Ranks beyond which no curve is carried.
  private static let carriedRanks = 32.0

  /// What profiles carry: no neighbours that say little more than one of them; of experts the shapes of layouts that
  /// are served, under the skew of real traffic alone, whose corrections stand for the others too.
  var thinned: Corrections {
    switch self {
    case .grid(let table): return .grid(table.thinned(Self.thinning))
    case .curves(let curves):
      let kept = curves.filtered {
        $0[KernelKind.ranksAxis - 1] <= Self.carriedRanks
          && $0[KernelKind.skewAxis - 1] == ExpertLoads.typicalSkew
      }
      return .curves(kept.shapes.isEmpty ? curves : kept)
    }
  }

  /// What the formula has to be multiplied by; 1 where nothing near was measured.
  func callAsFunction(_ sizes: [Double]) -> Double {
    switch self {
    case .grid(let table): table.correction(sizes)
    case .curves(let curves): curves.correction(sizes)
    }
  }
}
