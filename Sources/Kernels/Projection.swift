import CKernels
import COpenBLAS

/// Which code multiplies activations with weights.
package enum MatrixKernel: String, CaseIterable, Sendable {
  /// Our own product over packed weights. Each output element is one chain of multiply-adds, so that
  /// a row does not depend on the other rows of the batch: tokens come out bit-equal however they
  /// are batched. On the machines we measured it is no slower than sgemm, which packs the weights
  /// anew in every call.
  case rowStable = "row-stable"
  /// OpenBLAS sgemm. The last bits of a row change with the number of rows.
  case openBLAS = "openblas"
}

/// The weights of a linear layer: out[rows, columns] = in[rows, depth] × weights[depth, columns].
package struct Projection: Sendable {
  package let depth: Int
  package let columns: Int
  private let kernel: MatrixKernel
  /// Packed for our kernel, or row-major [depth, columns] for OpenBLAS.
  private let weights: FloatBuffer

  /// Takes over a row-major [depth, columns] matrix, or [columns, depth] if it `isTransposed`.
  package init(
    matrix: FloatBuffer, depth: Int, columns: Int, isTransposed: Bool = false,
    kernel: MatrixKernel
  ) {
    precondition(
      matrix.count == depth * columns, "Projection: \(matrix.count) ≠ \(depth) × \(columns)")
    self.depth = depth
    self.columns = columns
    self.kernel = kernel
    switch kernel {
    case .rowStable:
      weights = FloatBuffer(count: ck_packed_size(depth, columns))
      ck_pack(matrix.start, depth, columns, isTransposed ? 1 : 0, weights.start)
    case .openBLAS:
      weights = isTransposed ? FloatBuffer(count: depth * columns) : matrix
      guard isTransposed else { return }
      for k in 0..<depth {
        for column in 0..<columns {
          weights.start[k * columns + column] = matrix.start[column * depth + k]
        }
      }
    }
  }

  /// Multiplies `rows` rows, and adds to `out` instead of overwriting it if it `accumulates`.
  ///
  /// - Complexity: 2 · rows · depth · columns FLOPs.
  package func multiply(
    _ input: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>, rows: Int,
    accumulates: Bool = false
  ) {
    guard rows > 0 else { return }
    switch kernel {
    case .rowStable:
      var product = ck_product(
        in: input, weights: weights.start, out: out, rows: rows, depth: depth, columns: columns,
        accumulates: accumulates ? 1 : 0)
      ck_multiply(&product)
    case .openBLAS:
      cblas_sgemm(
        CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(rows), Int32(columns), Int32(depth), 1,
        input, Int32(depth), weights.start, Int32(columns), accumulates ? 1 : 0, out,
        Int32(columns))
    }
  }
}
