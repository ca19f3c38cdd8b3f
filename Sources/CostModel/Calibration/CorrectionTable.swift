import Foundation

/// What a formula has to be multiplied by to give the measured time, on a grid of sizes.
///
/// The table form: between measurements the *correction* is interpolated, linearly along each axis.
/// The times themselves bend (prefill attention grows with the square of its tokens), their ratio to
/// the formula hardly does, and neither is taken in log space.
///
///     time(sizes) = formula(sizes) × correction(sizes)
///
/// A grid point that was not measured is told from others where it can be (``TableFilling``). Outside the hull the
/// formula takes over, scaled by the nearest corrections, so that the price does not jump.
///
/// - Source: LLMServingSim's maintainers found linear interpolation better than logarithmic by a
///   factor of four. Interpolating the ratio is ours.
struct CorrectionTable: Equatable, Sendable {
  /// The grid: for each axis its points, ascending.
  let axes: [[Double]]
  /// Corrections, the last axis running fastest; NaN where there is none.
  private(set) var corrections: [Float]

  private var strides: [Int] {
    var strides = [Int](repeating: 1, count: axes.count)
    for axis in (0..<axes.count).dropLast().reversed() {
      strides[axis] = strides[axis + 1] * axes[axis + 1].count
    }
    return strides
  }

  /// Grids beyond this many points are not built: rows that sparse have nothing between them.
  static let pointsMax = 4_000_000

  /// A table of measured corrections; of several at one point, the mean.
  ///
  /// - Parameter kind: What is measured; without it, points are told along the axes only.
  /// - Returns: `nil` without rows, or for a grid beyond ``pointsMax``.
  init?(of kind: KernelKind? = nil, sizes: [[Double]], corrections measured: [Double]) {
    guard let first = sizes.first else { return nil }
    axes = first.indices.map { axis in
      let sorted = sizes.map { $0[axis] }.sorted()
      return sorted.indices.filter { $0 == 0 || sorted[$0] != sorted[$0 - 1] }.map { sorted[$0] }
    }
    var points = 1
    for axis in axes {
      points *= axis.count
      if points > Self.pointsMax { return nil }
    }
    corrections = [Float](repeating: .nan, count: points)
    var sums = [Double](repeating: 0, count: points)
    var counts = [Int32](repeating: 0, count: points)
    for (row, correction) in zip(sizes, measured) {
      let point = index(of: row)
      sums[point] += correction
      counts[point] += 1
    }
    for point in 0..<points where counts[point] > 0 {
      corrections[point] = Float(sums[point] / Double(counts[point]))
    }
    corrections = TableFilling(of: kind, axes: axes, strides: strides, measured: corrections)
      .filled()
  }

  /// A table as a profile stores it.
  init(axes: [[Double]], corrections: [Float]) {
    self.axes = axes
    self.corrections = corrections
  }

  private func index(of sizes: [Double]) -> Int {
    var index = 0
    for (axis, size) in sizes.enumerated() {
      index = index * axes[axis].count + lowerBound(axes[axis], size)
    }
    return index
  }

  /// The correction at `sizes`; 1 where nothing near was measured.
  ///
  /// - Complexity: O(2^axes).
  func correction(_ sizes: [Double]) -> Double {
    var lower = [Int](repeating: 0, count: axes.count)
    var share = [Double](repeating: 0, count: axes.count)
    for (axis, points) in axes.enumerated() {
      let size = min(max(sizes[axis], points[0]), points[points.count - 1])
      var above = lowerBound(points, size)
      if above == 0 { above = min(1, points.count - 1) }
      let below = max(above - 1, 0)
      lower[axis] = below
      let gap = points[above] - points[below]
      share[axis] = gap > 0 ? (size - points[below]) / gap : 0
    }
    var sum = 0.0
    var weights = 0.0
    for corner in 0..<(1 << axes.count) {
      var weight = 1.0
      var index = 0
      for axis in 0..<axes.count {
        let isUpper = corner >> axis & 1 == 1
        weight *= isUpper ? share[axis] : 1 - share[axis]
        index =
          index * axes[axis].count + min(lower[axis] + (isUpper ? 1 : 0), axes[axis].count - 1)
      }
      guard weight > 0, !corrections[index].isNaN else { continue }
      sum += weight * Double(corrections[index])
      weights += weight
    }
    return weights > 0 ? sum / weights : 1
  }

  /// The table without the points of an axis that lie within `share` of the one before, for
  /// profiles that travel: neighbours such as 256 and 257 say little more than one of them.
  func thinned(_ share: Double) -> CorrectionTable {
    let kept = axes.map { points -> [Int] in
      var kept = [0]
      for index in points.indices.dropFirst()
      where index == points.count - 1 || points[index] >= points[kept.last!] * (1 + share) {
        kept.append(index)
      }
      return kept
    }
    let strides = self.strides
    var indices = [0]
    for (axis, positions) in kept.enumerated() {
      indices = indices.flatMap { base in positions.map { base + $0 * strides[axis] } }
    }
    return CorrectionTable(
      axes: zip(axes, kept).map { axis, kept in kept.map { axis[$0] } },
      corrections: indices.map { corrections[$0] })
  }
}

/// The first position whose point is not below `size`; the count where all are.
func lowerBound(_ points: [Double], _ size: Double) -> Int {
  var low = 0
  var high = points.count
  while low < high {
    let middle = (low + high) / 2
    if points[middle] < size { low = middle + 1 } else { high = middle }
  }
  return low
}
