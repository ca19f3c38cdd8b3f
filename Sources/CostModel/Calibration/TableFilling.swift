import Foundation

/// Tells the points of a grid that were not measured from those that were.
///
///     heads   8 |  o   +   .
///             4 |  x   ?   x        `?` is told from x along the sequences, from + along the heads, and from o:
///             2 |  .   +   o        half the sequences with twice the heads are as much work
///               +-------------
///     sequences    1   2   4
///
/// Every direction gives an estimate, and their weighted mean is taken. The weights are those with which the measured
/// points, each told from the others, are told best: they follow from how much directions err and how much they err
/// together.
///
/// - Source: the weights are those of the best linear unbiased combination of correlated estimates; none is negative.
struct TableFilling {
  let axes: [[Double]]
  let strides: [Int]
  /// The last axis running fastest; NaN where there is none.
  let measured: [Float]
  let directions: [Direction]

  /// Whence an estimate comes.
  enum Direction {
    /// The points before and behind along an axis: the first of them, or the second.
    case along(Int, second: Bool)
    /// Points of about the same work: for each axis 1 if it grows, −1 if it shrinks by the same factor.
    case trade([Int])
  }

  /// What a direction says of a point.
  private struct Estimate {
    var value: Double
    /// From the next points of the axis, or from points of a trade on both sides.
    var isClose: Bool
  }

  /// Whether heads have KV heads: there are as many of these at most.
  private let hasKVHeads: Bool

  init(of kind: KernelKind?, axes: [[Double]], strides: [Int], measured: [Float]) {
    self.axes = axes
    self.strides = strides
    self.measured = measured
    directions =
      axes.indices.map { .along($0, second: false) } + axes.indices.map { .along($0, second: true) }
      + (kind?.trades ?? []).map { .trade($0) }
    hasKVHeads = kind?.hasKVHeads ?? false
  }

  /// All points, those that nothing tells of still NaN.
  ///
  /// - Complexity: O(points × directions × points of an axis).
  func filled() -> [Float] {
    guard measured.contains(where: \.isNaN) else { return measured }
    let known = measured.indices.filter { !measured[$0].isNaN }
    let limits = self.limits(known.map(work))
    var blends = Array(repeating: Blend(directions: directions.count), count: limits.count + 1)
    for point in known {
      let own = Double(measured[point])
      blends[lowerBound(limits, work(point))].add(
        estimates(point).map { $0.map { ($0.value / own - 1, $0.isClose) } })
    }
    var filled = measured
    for point in measured.indices where measured[point].isNaN && isPossible(point) {
      let estimates = estimates(point)
      let weights = blends[lowerBound(limits, work(point))].weights(estimates.map { $0?.isClose })
      var sum = 0.0
      for (estimate, weight) in zip(estimates, weights) where weight > 0 {
        sum += weight * (estimate?.value ?? 0)
      }
      if sum > 0 { filled[point] = Float(sum) }
    }
    return filled
  }

  /// Rows that weights are made from, at least.
  private static let rowsOfWeights = 600

  /// Small kernels err otherwise than large ones: where parts of as many points begin, by their work, that have
  /// weights of their own.
  private func limits(_ work: [Double]) -> [Double] {
    let parts = min(max(work.count / Self.rowsOfWeights, 1), 8)
    let sorted = work.sorted()
    return (1..<parts).map { sorted[$0 * sorted.count / parts] }
  }

  /// The sizes of a point multiplied, as a logarithm.
  private func work(_ point: Int) -> Double {
    axes.indices.reduce(0) { $0 + log(max(size(point, $1), 1)) }
  }

  private func size(_ point: Int, _ axis: Int) -> Double {
    axes[axis][point / strides[axis] % axes[axis].count]
  }

  private func isPossible(_ point: Int) -> Bool {
    !hasKVHeads || size(point, 2) <= size(point, 1)
  }

  private func estimates(_ point: Int) -> [Estimate?] {
    directions.map {
      switch $0 {
      case .along(let axis, let second): between(point, axis, skipping: second ? 1 : 0)
      case .trade(let powers): traded(point, powers)
      }
    }
  }

  /// By linear interpolation along `axis` between the nearest other measured points, `nil` at the edge.
  private func between(_ point: Int, _ axis: Int, skipping skipped: Int) -> Estimate? {
    let points = axes[axis]
    let stride = strides[axis]
    let position = point / stride % points.count
    func next(_ step: Int) -> Int? {
      var place = position + step
      var left = skipped
      while points.indices.contains(place) {
        if !measured[point + (place - position) * stride].isNaN {
          if left == 0 { return place }
          left -= 1
        }
        place += step
      }
      return nil
    }
    guard let below = next(-1), let above = next(1) else { return nil }
    let low = Double(measured[point + (below - position) * stride])
    let high = Double(measured[point + (above - position) * stride])
    let share = (points[position] - points[below]) / (points[above] - points[below])
    return Estimate(value: low + (high - low) * share, isClose: above - below == 2 * (skipped + 1))
  }

  /// By interpolation between the nearest points of a trade, linear in the logarithm of the factor; the nearest one
  /// itself, where there is none on the other side.
  private func traded(_ point: Int, _ powers: [Int]) -> Estimate? {
    guard let first = powers.firstIndex(where: { $0 != 0 }) else { return nil }
    let points = axes[first]
    let position = point / strides[first] % points.count
    func partner(_ other: Int) -> Double? {
      value(at: point, times: points[other] / points[position], powers, first)
    }
    var (below, above) = (position - 1, position + 1)
    var (low, high): (Double?, Double?)
    while below >= 0, low == nil {
      low = partner(below)
      below -= 1
    }
    while above < points.count, high == nil {
      high = partner(above)
      above += 1
    }
    guard let low, let high else {
      return (low ?? high).map { Estimate(value: $0, isClose: false) }
    }
    let share =
      log(points[position] / points[below + 1]) / log(points[above - 1] / points[below + 1])
    return Estimate(value: low + (high - low) * share, isClose: true)
  }

  /// What was measured where the sizes of `point` are multiplied by powers of a factor, that of axis `first` by itself.
  private func value(
    at point: Int, times factor: Double, _ powers: [Int], _ first: Int
  ) -> Double? {
    var other = point
    for axis in axes.indices where powers[axis] != 0 {
      let wanted = size(point, axis) * (powers[axis] == powers[first] ? factor : 1 / factor)
      let found = lowerBound(axes[axis], wanted * (1 - 1e-9))
      guard found < axes[axis].count, abs(axes[axis][found] / wanted - 1) < 1e-9
      else { return nil }
      other += (found - point / strides[axis] % axes[axis].count) * strides[axis]
    }
    return measured[other].isNaN ? nil : Double(measured[other])
  }
}

/// Weights for estimates, from how they have erred.
private struct Blend {
  /// Of an estimate: which direction, and whether it was close.
  private struct Errors {
    var squares = 0.0
    var count = 0.0
  }

  private var errors: [[Errors]]
  /// Sums over points that both directions tell: of the products of their errors, and of their squares.
  private var products: [[Double]]
  private var squares: [[Double]]
  private var known: [[Bool?]: [Double]] = [:]

  /// Errors beyond this share are no larger than it.
  private static let largest = 0.3
  /// Points that a class of estimates counts like, for which all of its direction speak.
  private static let prior = 20.0

  init(directions: Int) {
    errors = Array(repeating: [Errors(), Errors()], count: directions)
    products = Array(repeating: Array(repeating: 0, count: directions), count: directions)
    squares = products
  }

  /// Takes in the relative errors with which the directions tell a measured point.
  mutating func add(_ told: [(error: Double, isClose: Bool)?]) {
    for (a, first) in told.enumerated() {
      guard let first else { continue }
      let error = min(max(first.error, -Self.largest), Self.largest)
      errors[a][first.isClose ? 1 : 0].squares += error * error
      errors[a][first.isClose ? 1 : 0].count += 1
      for (b, second) in told.enumerated() {
        guard let second else { continue }
        products[a][b] += error * min(max(second.error, -Self.largest), Self.largest)
        squares[a][b] += error * error
      }
    }
  }

  /// The mean squared error of a class of estimates.
  private func square(_ direction: Int, _ isClose: Bool) -> Double? {
    let own = errors[direction][isClose ? 1 : 0]
    let count = errors[direction][0].count + errors[direction][1].count
    guard count > 0 else { return nil }
    let mean = (errors[direction][0].squares + errors[direction][1].squares) / count
    return max((own.squares + Self.prior * mean) / (own.count + Self.prior), 1e-9)
  }

  /// The weights with the least expected square error, none of them negative; they add up to 1, or all are 0.
  ///
  /// - Parameter available: For each direction whether its estimate is close; `nil` if there is none.
  mutating func weights(_ available: [Bool?]) -> [Double] {
    if let weights = known[available] { return weights }
    var used: [(direction: Int, deviation: Double)] = []
    for (direction, isClose) in available.enumerated() {
      guard let isClose, let square = square(direction, isClose) else { continue }
      used.append((direction, square.squareRoot()))
    }
    var weights = [Double](repeating: 0, count: available.count)
    while !used.isEmpty {
      // Those that are best without a bound; whoever would be negative leaves.
      let solution = solution(used)
      let least = solution.indices.min { solution[$0] < solution[$1] } ?? 0
      guard solution[least] < 0 else {
        let sum = solution.reduce(0, +)
        for (use, weight) in zip(used, solution) { weights[use.direction] = weight / sum }
        break
      }
      used.remove(at: least)
    }
    known[available] = weights
    return weights
  }

  /// Weights by the covariance of errors, up to a factor.
  private func solution(_ used: [(direction: Int, deviation: Double)]) -> [Double] {
    var covariance: [Double] = []
    for a in used {
      for b in used {
        let scale = (squares[a.direction][b.direction] * squares[b.direction][a.direction])
          .squareRoot()
        let correlation =
          a.direction == b.direction
          ? 1 : scale > 0 ? products[a.direction][b.direction] / scale : 0
        covariance.append(a.deviation * b.deviation * min(correlation, 0.99))
      }
    }
    let ones = [Double](repeating: 1, count: used.count)
    return LeastSquares.solve(covariance, ones, columns: used.count)
      ?? used.map { pow($0.deviation, -4) }
  }
}
