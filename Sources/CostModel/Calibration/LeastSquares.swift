/// Linear least squares by Householder reflections.
///
/// Reflections, not normal equations, because these square the condition number, and the columns of
/// a fit of kernel times differ by orders of magnitude.
package enum LeastSquares {
  /// The x that minimises ‖A x − b‖, columns scaled to length 1 first.
  ///
  ///     A   rows × columns, row by row      b   rows
  ///
  /// - Returns: `nil` where the columns of A depend on each other (to 10⁻¹² of their length), so
  ///   that no single x is the least.
  /// - Complexity: O(rows × columns²).
  /// - Source: Golub and Van Loan, Matrix Computations, §5.3.
  package static func solve(_ a: [Double], _ b: [Double], columns: Int) -> [Double]? {
    let rows = b.count
    precondition(columns > 0 && a.count == rows * columns, "LeastSquares: A is not rows × columns")
    guard rows >= columns else { return nil }
    var a = a
    var b = b
    var scale = [Double](repeating: 0, count: columns)
    for j in 0..<columns {
      var sum = 0.0
      for i in 0..<rows { sum += a[i * columns + j] * a[i * columns + j] }
      scale[j] = sum.squareRoot()
      guard scale[j] > 0, scale[j].isFinite else { return nil }
      for i in 0..<rows { a[i * columns + j] /= scale[j] }
    }
    for j in 0..<columns {
      guard reflect(&a, &b, column: j, columns: columns) else { return nil }
    }
    var x = [Double](repeating: 0, count: columns)
    for j in (0..<columns).reversed() {
      var sum = b[j]
      for k in (j + 1)..<max(columns, j + 1) { sum -= a[j * columns + k] * x[k] }
      x[j] = sum / a[j * columns + j]
    }
    return zip(x, scale).map { $0 / $1 }
  }

  /// Zeroes column `j` of A below its diagonal by one reflection, of b too; false where nothing is
  /// left of the column.
  private static func reflect(
    _ a: inout [Double], _ b: inout [Double], column j: Int, columns: Int
  ) -> Bool {
    let rows = b.count
    var sum = 0.0
    for i in j..<rows { sum += a[i * columns + j] * a[i * columns + j] }
    let length = sum.squareRoot()
    guard length > 1e-12 else { return false }
    let pivot = a[j * columns + j]
    let diagonal = pivot > 0 ? -length : length
    var v = [Double](repeating: 0, count: rows)
    for i in j..<rows { v[i] = a[i * columns + j] }
    v[j] = pivot - diagonal
    var norm = 0.0
    for i in j..<rows { norm += v[i] * v[i] }
    guard norm > 0 else { return true }
    for k in j..<columns {
      var dot = 0.0
      for i in j..<rows { dot += v[i] * a[i * columns + k] }
      let factor = 2 * dot / norm
      for i in j..<rows { a[i * columns + k] -= factor * v[i] }
    }
    var dot = 0.0
    for i in j..<rows { dot += v[i] * b[i] }
    let factor = 2 * dot / norm
    for i in j..<rows { b[i] -= factor * v[i] }
    return true
  }
}
