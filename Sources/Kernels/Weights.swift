import CKernels
import CostModel

/// A linear layer as it is drawn.
package struct LinearWeights {
  package let depth: Int
  package let columns: Int
  /// Row-major [depth][columns].
  package let matrix: FloatBuffer
  /// `nil` in models without biases.
  package let bias: FloatBuffer?
}

/// LayerNorm, or RMSNorm where there is no bias.
package struct NormWeights: Sendable {
  package let weight: FloatBuffer
  package let bias: FloatBuffer?
}

/// One layer as it is drawn.
package struct LayerWeights {
  package let attentionNorm: NormWeights
  package let query: LinearWeights
  /// Keys, then values.
  package let keyValue: LinearWeights
  package let output: LinearWeights
  package let mlpNorm: NormWeights
  /// Gate, then up; up alone in an MLP of two matrices.
  package let up: LinearWeights
  package let down: LinearWeights
}

/// Draws the weights of one model, part by part in a fixed order, each from a stream of its own.
///
/// Projections are uniform of variance 1 / depth, so that the next token is nearly uniform too.
package struct WeightDraws {
  private let model: ModelSpec
  private let seed: UInt64
  private var drawn: UInt64 = 0

  package init(_ model: ModelSpec, seed: UInt64) {
    self.model = model
    self.seed = seed
  }

  private var hasBiases: Bool { model.family == .opt }

  /// Uniform in ±√(3 · variance).
  private mutating func buffer(_ count: Int, variance: Float) -> FloatBuffer {
    let buffer = FloatBuffer(count: count)
    drawn += 1
    ck_fill_uniform(
      buffer.start, buffer.count, seed &+ drawn &* 0x9E37_79B9, (3 * variance).squareRoot())
    return buffer
  }

  private mutating func linear(_ depth: Int, _ columns: Int) -> LinearWeights {
    LinearWeights(
      depth: depth, columns: columns,
      matrix: buffer(depth * columns, variance: 1 / Float(depth)),
      bias: hasBiases ? buffer(columns, variance: 0.01) : nil)
  }

  /// Weights of 1 for RMSNorm; for LayerNorm weights around 1, and biases around 0.
  package mutating func norm() -> NormWeights {
    guard hasBiases else {
      let ones = FloatBuffer(count: model.hidden)
      ones.start.update(repeating: 1, count: model.hidden)
      return NormWeights(weight: ones, bias: nil)
    }
    let weight = buffer(model.hidden, variance: 0.01)
    for index in 0..<model.hidden { weight[index] += 1 }
    return NormWeights(weight: weight, bias: buffer(model.hidden, variance: 0.01))
  }

  /// [vocab][hidden]. One that is the LM head as well is scaled as such.
  package mutating func embedding() -> FloatBuffer {
    buffer(model.vocab * model.hidden, variance: embeddingVariance)
  }

  /// [maxPositions][hidden], added to the embedding; `nil` for rotary positions.
  package mutating func positions() -> FloatBuffer? {
    guard model.family == .opt else { return nil }
    return buffer(model.maxPositions * model.hidden, variance: embeddingVariance)
  }

  private var embeddingVariance: Float { model.tiedEmbeddings ? 1 / Float(model.hidden) : 1.0 / 3 }

  package mutating func layer() -> LayerWeights {
    let queryWidth = model.heads * model.headDim
    return LayerWeights(
      attentionNorm: norm(),
      query: linear(model.hidden, queryWidth),
      keyValue: linear(model.hidden, 2 * model.kvHeads * model.headDim),
      output: linear(queryWidth, model.hidden),
      mlpNorm: norm(),
      up: linear(model.hidden, model.family == .opt ? model.ffn : 2 * model.ffn),
      down: linear(model.ffn, model.hidden))
  }

  /// The LM head, [hidden][vocab]; `nil` where it is the embedding.
  package mutating func head() -> FloatBuffer? {
    model.tiedEmbeddings
      ? nil : buffer(model.hidden * model.vocab, variance: 1 / Float(model.hidden))
  }
}

/// A linear layer ready to multiply.
struct Linear: Sendable {
  private let projection: Projection
  private let bias: FloatBuffer?

  init(_ weights: LinearWeights, kernel: MatrixKernel) {
    projection = Projection(
      matrix: weights.matrix, depth: weights.depth, columns: weights.columns, kernel: kernel)
    bias = weights.bias
  }

  /// Writes to `out`, or adds to it if it `accumulates`.
  func multiply(
    _ input: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>, rows: Int,
    accumulates: Bool = false
  ) {
    projection.multiply(input, into: out, rows: rows, accumulates: accumulates)
    if let bias { ck_add(bias.start, out, rows, projection.columns) }
  }
}

extension NormWeights {
  func apply(
    _ input: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>, rows: Int
  ) {
    guard let bias else { return ck_rms_norm(input, weight.start, out, rows, weight.count) }
    ck_layer_norm(input, weight.start, bias.start, out, rows, weight.count)
  }
}
