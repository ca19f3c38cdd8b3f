/// Linear least squares with coefficients that are not negative.
package enum LeastSquares {
  /// Sweeps after which the descent ends, converged or not; far more than our fits take.
  private static let sweeps = 50_000
  /// Times that the rows are weighed anew.
  private static let rounds = 10

  /// The x ≥ 0 that makes Σ |row · x − target| / target small.
  ///
  /// The sum of absolute, not of squared errors: a row that was measured while others used the machine is far
  /// off, and must not pull the rest along. Least squares, again and again, with rows weighed by one over
  /// their last error (errors under a hundredth count as that); each by descent along one coordinate after the
  /// other, which finds the best x ≥ 0 of a convex problem.
  ///
  /// - Parameters:
  ///   - rows: Equally long.
  ///   - targets: Positive.
  /// - Complexity: O(rows · columns² + sweeps · columns²) a round.
  package static func relativeFit(rows: [[Double]], targets: [Double]) -> [Double] {
    precondition(rows.count == targets.count && targets.allSatisfy { $0 > 0 }, "LeastSquares")
    let columns = rows.first?.count ?? 0
    // Columns are scaled to their greatest element, so that seconds for a byte and seconds for an
    // iteration are of one size.
    let relative = zip(rows, targets).map { row, target in row.map { $0 / target } }
    let scales = (0..<columns).map { column in relative.map { abs($0[column]) }.max() ?? 0 }
    let scaled = relative.map { row in zip(row, scales).map { $1 > 0 ? $0 / $1 : 0 } }
    var weights = Array(repeating: 1.0, count: rows.count)
    var solution = Array(repeating: 0.0, count: columns)
    for _ in 0..<rounds {
      descend(scaled, weights, &solution)
      weights = scaled.map { row in
        let error = zip(row, solution).reduce(-1) { $0 + $1.0 * $1.1 }
        return 1 / max(abs(error), 0.01)
      }
    }
    return zip(solution, scales).map { $1 > 0 ? $0 / $1 : 0 }
  }

  /// Improves x ≥ 0 of the weighted least squares with all targets 1 until nothing changes.
  private static func descend(_ rows: [[Double]], _ weights: [Double], _ x: inout [Double]) {
    let columns = x.indices
    let products = columns.map { a in
      columns.map { b in
        rows.indices.reduce(0) { $0 + weights[$1] * rows[$1][a] * rows[$1][b] }
      }
    }
    let right = columns.map { a in rows.indices.reduce(0) { $0 + weights[$1] * rows[$1][a] } }
    for _ in 0..<sweeps {
      var change = 0.0
      for a in columns where products[a][a] > 0 {
        let slope = columns.reduce(right[a]) { $0 - products[a][$1] * x[$1] }
        let next = max(0, x[a] + slope / products[a][a])
        change = max(change, abs(next - x[a]))
        x[a] = next
      }
      if change < 1e-13 { return }
    }
  }
}
