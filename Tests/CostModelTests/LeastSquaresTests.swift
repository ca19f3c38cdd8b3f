import CostModel
import SimulationKernel
import Testing

@Suite struct LeastSquaresTests {
  @Test func anExactSystemIsSolved() throws {
    let x = try #require(LeastSquares.solve([2, 1, 1, 3], [5, 10], columns: 2))
    #expect(abs(x[0] - 1) < 1e-12 && abs(x[1] - 3) < 1e-12)
  }

  /// A line through 0, 1, 1 at 0, 1, 2: slope 1/2, offset 1/6.
  @Test func aLineGoesBetweenPoints() throws {
    let x = try #require(LeastSquares.solve([1, 0, 1, 1, 1, 2], [0, 1, 1], columns: 2))
    #expect(abs(x[0] - 1.0 / 6) < 1e-12 && abs(x[1] - 0.5) < 1e-12)
  }

  /// At the least, what is left is at right angles to every column.
  @Test(arguments: 1...20)
  func theRestIsOrthogonal(_ seed: Int) throws {
    var random = RandomStream(seed: UInt64(seed), label: "least squares")
    let (rows, columns) = (8 + random.below(20), 1 + random.below(6))
    // Columns of very different length, as in a fit of kernel times.
    let a = (0..<rows * columns).map { index in
      (random.uniform() - 0.5) * (index % columns == 0 ? 1e6 : 1e-3)
    }
    let b = (0..<rows).map { _ in random.uniform() }
    let x = try #require(LeastSquares.solve(a, b, columns: columns))
    for column in 0..<columns {
      var dot = 0.0
      var length = 0.0
      for row in 0..<rows {
        let fitted = (0..<columns).reduce(0) { $0 + a[row * columns + $1] * x[$1] }
        dot += a[row * columns + column] * (b[row] - fitted)
        length += a[row * columns + column] * a[row * columns + column]
      }
      #expect(abs(dot) < 1e-9 * length.squareRoot())
    }
  }

  @Test func dependentColumnsAreRefused() {
    #expect(LeastSquares.solve([1, 2, 2, 4, 3, 6], [1, 2, 3], columns: 2) == nil)
    #expect(LeastSquares.solve([0, 0], [1, 2], columns: 1) == nil)
    #expect(LeastSquares.solve([1, 2], [1], columns: 2) == nil)
  }
}
