import COpenBLAS

/// Linear least squares by LAPACK, with coefficients that are not negative.
package enum LeastSquares {
  /// The x ≥ 0 that makes Σ ((row · x − target) / target)² small.
  ///
  /// Solved without the bound; as long as coefficients come out negative, the most negative one is
  /// set to 0 and the rest solved again. That is not always the best x, and always a usable one.
  ///
  /// - Parameters:
  ///   - rows: At least as many as columns that are not all 0; equally long.
  ///   - targets: Positive.
  /// - Complexity: O(rows · columns²) for each coefficient that is set to 0.
  package static func relativeFit(rows: [[Double]], targets: [Double]) -> [Double] {
    precondition(rows.count == targets.count && targets.allSatisfy { $0 > 0 }, "LeastSquares")
    let columns = rows.first?.count ?? 0
    var active = (0..<columns).filter { column in rows.contains { $0[column] != 0 } }
    while true {
      let solution = solve(rows, targets, active)
      guard let worst = solution.indices.min(by: { solution[$0] < solution[$1] }),
        solution[worst] < 0
      else {
        var coefficients = Array(repeating: 0.0, count: columns)
        for (index, column) in active.enumerated() { coefficients[column] = solution[index] }
        return coefficients
      }
      active.remove(at: worst)
    }
  }

  private static func solve(
    _ rows: [[Double]], _ targets: [Double], _ active: [Int]
  ) -> [Double] {
    guard !active.isEmpty else { return [] }
    precondition(rows.count >= active.count, "LeastSquares: \(rows.count) rows")
    // Columns are scaled to their greatest element, so that seconds for a byte and seconds for an
    // iteration are of one size; column-major, as LAPACK has it.
    var matrix: [Double] = []
    var scales: [Double] = []
    for column in active {
      let values = zip(rows, targets).map { $0[column] / $1 }
      let scale = values.max() ?? 1
      scales.append(scale)
      matrix += values.map { $0 / scale }
    }
    var right = Array(repeating: 1.0, count: rows.count)
    var (m, n, one, info) = (Int32(rows.count), Int32(active.count), Int32(1), Int32(0))
    var size = Int32(64 * (rows.count + active.count))
    var work = Array(repeating: 0.0, count: Int(size))
    dgels_("N", &m, &n, &one, &matrix, &m, &right, &m, &work, &size, &info)
    precondition(info == 0, "LeastSquares: dgels says \(info)")
    return zip(right, scales).map { $0 / $1 }
  }
}
