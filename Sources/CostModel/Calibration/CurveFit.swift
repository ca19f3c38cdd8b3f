import Foundation

/// Fits the positive coefficients of a formula to measured times, in relative terms.
///
/// The unknowns are the logarithms of the coefficients, so that none turns negative; the residuals
/// are logarithms of predicted over measured, so that a microsecond and a second count alike, with
/// the loss 2(√(1 + r²/s²) − 1), which grows as |r| beyond s: a few odd rows do not bend the fit.
///
/// - Source: Levenberg-Marquardt as in Nocedal and Wright, Numerical Optimization, §10.3, each step
///   a linear least-squares problem solved by ``LeastSquares``.
struct CurveFit {
  /// Residual beyond which a row pulls no harder, as a logarithm: 0.2 is 22 %.
  static let residualScale = 0.2
  /// How far a coefficient may move from its start, as a logarithm: a factor of 1,100.
  static let reach = 7.0
  static let stepsMax = 40

  /// Seconds of a row under coefficients.
  let seconds: (_ coefficients: [Double], _ row: Int) -> Double
  /// Measured seconds.
  let measured: [Double]
  /// How much the residual of a row counts.
  let weight: (_ row: Int) -> Double

  init(
    seconds: @escaping (_ coefficients: [Double], _ row: Int) -> Double, measured: [Double],
    weight: @escaping (_ row: Int) -> Double = { _ in 1 }
  ) {
    self.seconds = seconds
    self.measured = measured
    self.weight = weight
  }

  struct Result {
    var coefficients: [Double]
    /// Mean loss over the rows; smaller is better.
    var loss: Double
  }

  /// Where a search starts.
  struct Start {
    var coefficients: [Double]
    /// What the loss found from here is multiplied by before it is compared with others.
    var handicap = 1.0
  }

  /// The best coefficients found from each of `starts`.
  ///
  /// - Complexity: O(steps × rows × coefficients) prices.
  func best(from starts: [Start], rows: [Int]) -> Result {
    let results = starts.map { (fit(from: $0.coefficients, rows: rows), $0.handicap) }
    return results.min { $0.0.loss * $0.1 < $1.0.loss * $1.1 }!.0
  }

  /// Levenberg-Marquardt from one start.
  func fit(from start: [Double], rows: [Int]) -> Result {
    let origin = start.map { log($0) }
    var point = origin
    var residuals = self.residuals(point, rows)
    var loss = Self.loss(residuals)
    var damping = 1e-2
    for _ in 0..<Self.stepsMax {
      let jacobian = self.jacobian(point, residuals, rows)
      var accepted = false
      var gain = 0.0
      while damping < 1e6 {
        let trial = step(
          from: point, origin: origin, jacobian: jacobian, residuals: residuals, damping: damping)
        let trialResiduals = self.residuals(trial, rows)
        let trialLoss = Self.loss(trialResiduals)
        if trialLoss < loss {
          gain = (loss - trialLoss) / loss
          (point, residuals, loss) = (trial, trialResiduals, trialLoss)
          damping = max(damping / 4, 1e-8)
          accepted = true
          break
        }
        damping *= 4
      }
      if !accepted || gain < 1e-4 { break }
    }
    return Result(coefficients: point.map { exp($0) }, loss: loss)
  }

  private func residuals(_ point: [Double], _ rows: [Int]) -> [Double] {
    let coefficients = point.map { exp($0) }
    return rows.map { weight($0) * log(seconds(coefficients, $0) / measured[$0]) }
  }

  private static func loss(_ residuals: [Double]) -> Double {
    residuals.reduce(0) { sum, residual in
      let scaled = residual / residualScale
      return sum + 2 * ((1 + scaled * scaled).squareRoot() - 1)
    } / Double(max(residuals.count, 1))
  }

  /// Forward differences, row by row.
  private func jacobian(_ point: [Double], _ residuals: [Double], _ rows: [Int]) -> [Double] {
    let columns = point.count
    var jacobian = [Double](repeating: 0, count: rows.count * columns)
    let difference = 1e-4
    for column in 0..<columns {
      var moved = point
      moved[column] += difference
      let other = self.residuals(moved, rows)
      for row in 0..<rows.count {
        jacobian[row * columns + column] = (other[row] - residuals[row]) / difference
      }
    }
    return jacobian
  }

  /// The damped step, cut at the reach: rows weigh as the loss says, and each unknown has a row of
  /// its own that holds it back.
  private func step(
    from point: [Double], origin: [Double], jacobian: [Double], residuals: [Double],
    damping: Double
  ) -> [Double] {
    let columns = point.count
    var a = [Double](repeating: 0, count: (residuals.count + columns) * columns)
    var b = [Double](repeating: 0, count: residuals.count + columns)
    var curvature = [Double](repeating: 0, count: columns)
    for row in 0..<residuals.count {
      let scaled = residuals[row] / Self.residualScale
      let weight = 1 / (1 + scaled * scaled).squareRoot().squareRoot()
      for column in 0..<columns {
        let value = weight * jacobian[row * columns + column]
        a[row * columns + column] = value
        curvature[column] += value * value
      }
      b[row] = -weight * residuals[row]
    }
    for column in 0..<columns {
      let held = damping * max(curvature[column], 1e-6 * Double(residuals.count))
      a[(residuals.count + column) * columns + column] = held.squareRoot()
    }
    guard let delta = LeastSquares.solve(a, b, columns: columns) else { return point }
    return (0..<columns).map { column in
      let moved = point[column] + max(-2, min(2, delta[column]))
      return max(origin[column] - Self.reach, min(origin[column] + Self.reach, moved))
    }
  }
}
