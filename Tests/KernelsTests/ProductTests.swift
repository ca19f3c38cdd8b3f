import Foundation
import Kernels
import SimulationKernel
import Testing

@Suite struct ProductTests {
  private func buffer(_ count: Int, seed: UInt64) -> FloatBuffer {
    var random = RandomStream(seed: seed, label: "matrix")
    let buffer = FloatBuffer(count: count)
    for index in 0..<count { buffer[index] = Float(random.uniform() * 2 - 1) }
    return buffer
  }

  private func product(
    _ kernel: MatrixKernel, rows: Int, depth: Int, columns: Int, from first: Int = 0
  ) -> [Float] {
    let input = buffer(12 * depth, seed: 1)
    let projection = Projection(
      matrix: buffer(depth * columns, seed: 2), depth: depth, columns: columns, kernel: kernel)
    var out = Array(repeating: Float(1), count: rows * columns)
    projection.multiply(
      input.address(first * depth, count: rows * depth), into: &out, rows: rows, accumulates: true)
    return out
  }

  @Test(arguments: [(16, 16), (48, 80), (100, 33), (7, 130), (64, 256)])
  func kernelsAgree(depth: Int, columns: Int) {
    for rows in 1...12 {
      let ours = product(.rowStable, rows: rows, depth: depth, columns: columns)
      let theirs = product(.openBLAS, rows: rows, depth: depth, columns: columns)
      let error = zip(ours, theirs).map { abs($0 - $1) }.max() ?? 0
      #expect(error < 1e-5 * Float(depth), "\(rows) × \(depth) × \(columns)")
    }
  }

  /// What OpenBLAS does not promise: a row of a batch is, to the bit, the row computed alone.
  @Test(arguments: [(16, 16), (48, 80), (100, 33), (7, 130), (64, 256)])
  func aRowDoesNotDependOnTheOthers(depth: Int, columns: Int) {
    let alone = (0..<12).flatMap {
      product(.rowStable, rows: 1, depth: depth, columns: columns, from: $0)
    }
    for rows in 1...12 {
      let batch = product(.rowStable, rows: rows, depth: depth, columns: columns)
      #expect(batch == Array(alone.prefix(rows * columns)), "\(rows) × \(depth) × \(columns)")
    }
  }

  @Test func transposedWeightsAreTheSameWeights() {
    let (depth, columns) = (24, 40)
    let matrix = buffer(depth * columns, seed: 3)
    let transposed = FloatBuffer(count: depth * columns)
    for k in 0..<depth {
      for column in 0..<columns { transposed[column * depth + k] = matrix[k * columns + column] }
    }
    let input = buffer(depth, seed: 4)
    for kernel in MatrixKernel.allCases {
      var (a, b) = (
        Array(repeating: Float(0), count: columns), Array(repeating: Float(0), count: columns)
      )
      Projection(matrix: matrix, depth: depth, columns: columns, kernel: kernel)
        .multiply(input.start, into: &a, rows: 1)
      Projection(
        matrix: transposed, depth: depth, columns: columns, isTransposed: true, kernel: kernel
      ).multiply(input.start, into: &b, rows: 1)
      #expect(a == b)
    }
  }
}
