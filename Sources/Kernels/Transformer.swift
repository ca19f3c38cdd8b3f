import CKernels
import CostModel
import Foundation
import KVMemory

/// A run of new tokens of one sequence in a batch.
package struct TokenRun {
  /// The tokens to compute.
  package var tokens: ArraySlice<Int32>
  /// Tokens of the sequence before them, whose keys and values are resident.
  package var firstPosition: Int
  /// The blocks of the sequence in order, those of the new tokens included, as the cache numbers them.
  package var table: [BlockID]
  /// Behind how many of its last tokens logits are wanted.
  package var logits: Int

  package init(tokens: ArraySlice<Int32>, firstPosition: Int, table: [BlockID], logits: Int) {
    self.tokens = tokens
    self.firstPosition = firstPosition
    self.table = table
    self.logits = logits
  }
}

/// A decoder-only transformer with seeded random weights, of one of two kinds:
///
/// | family | norm | positions | MLP | LM head | biases |
/// |---|---|---|---|---|---|
/// | `.llama` | RMSNorm | rotary | gated, SiLU | its own | no |
/// | `.opt` | LayerNorm, before each block | learned | two matrices, ReLU | the embedding | yes |
///
/// Weights are written once and shared by all engines that run the model.
///
/// Each row of every result depends on its own sequence only, bit for bit, as long as the matrix
/// kernel is ``MatrixKernel/rowStable``.
package final class Transformer: Sendable {
  private struct Layer: Sendable {
    let attentionNorm: NormWeights
    let query: Linear
    /// Keys, then values.
    let keyValue: Linear
    let output: Linear
    let mlpNorm: NormWeights
    /// Gate, then up; up alone in an MLP of two matrices.
    let up: Linear
    let down: Linear

    init(_ weights: LayerWeights, kernel: MatrixKernel) {
      attentionNorm = weights.attentionNorm
      query = Linear(weights.query, kernel: kernel)
      keyValue = Linear(weights.keyValue, kernel: kernel)
      output = Linear(weights.output, kernel: kernel)
      mlpNorm = weights.mlpNorm
      up = Linear(weights.up, kernel: kernel)
      down = Linear(weights.down, kernel: kernel)
    }
  }

  package let model: ModelSpec
  package let kernel: MatrixKernel
  private let layers: [Layer]
  /// [vocab][hidden].
  private let embedding: FloatBuffer
  /// [maxPositions][hidden], or `nil` for rotary positions.
  private let positions: FloatBuffer?
  private let finalNorm: NormWeights
  private let head: Projection
  /// [maxPositions][headDim / 2].
  private let cosines: FloatBuffer
  private let sines: FloatBuffer

  /// Draws the weights.
  ///
  /// - Precondition: Widths are multiples of 16 (`hidden`, `headDim`, `ffn`, `vocab`).
  /// - Complexity: O(parameters).
  package init(_ model: ModelSpec, seed: UInt64, kernel: MatrixKernel = .rowStable) {
    let widths = [model.hidden, model.headDim, model.ffn, model.vocab]
    precondition(widths.allSatisfy { $0 % 16 == 0 }, "Transformer: widths \(widths)")
    var draws = WeightDraws(model, seed: seed)
    self.model = model
    self.kernel = kernel
    embedding = draws.embedding()
    positions = draws.positions()
    layers = (0..<model.layers.count).map { _ in Layer(draws.layer(), kernel: kernel) }
    finalNorm = draws.norm()
    let ownHead = draws.head()
    head = Projection(
      matrix: ownHead ?? embedding, depth: model.hidden, columns: model.vocab,
      isTransposed: ownHead == nil, kernel: kernel)
    (cosines, sines) = Self.rotaryTables(model)
  }

  /// Angles position / 10000^(2i / headDim).
  private static func rotaryTables(_ model: ModelSpec) -> (FloatBuffer, FloatBuffer) {
    let half = model.headDim / 2
    let cosines = FloatBuffer(count: model.maxPositions * half)
    let sines = FloatBuffer(count: model.maxPositions * half)
    for i in 0..<half {
      let frequency = pow(10_000, -Double(2 * i) / Double(model.headDim))
      for position in 0..<model.maxPositions {
        let angle = Double(position) * frequency
        cosines.start[position * half + i] = Float(cos(angle))
        sines.start[position * half + i] = Float(sin(angle))
      }
    }
    return (cosines, sines)
  }

  /// Computes a batch: writes keys and values of its tokens into the arena and returns logits.
  ///
  /// Keys and values of the whole batch are written before anyone attends, so that a sequence may
  /// share blocks that another one of the same batch computes.
  ///
  /// - Parameter runs: Each of at least one token.
  /// - Returns: [logits that the runs want][vocab], in `workspace`, until it is used again.
  package func compute(
    _ runs: [TokenRun], arena: some LayerCache, workspace: inout Workspace
  ) -> UnsafePointer<Float> {
    let rows = runs.reduce(0) { $0 + $1.tokens.count }
    let stream = workspace.stream.room(rows * model.hidden)
    embed(runs, into: stream)
    for (index, layer) in layers.enumerated() {
      attend(runs, rows: rows, layer: layer, index: index, arena: arena, &workspace)
      let normed = workspace.normed.room(rows * model.hidden)
      layer.mlpNorm.apply(stream, into: normed, rows: rows)
      let activated = activated(normed, rows: rows, layer: layer, &workspace)
      layer.down.multiply(activated, into: stream, rows: rows, accumulates: true)
    }
    return logits(runs, stream: stream, &workspace)
  }

  /// The inner activations of the MLP, [rows][ffn].
  private func activated(
    _ normed: UnsafePointer<Float>, rows: Int, layer: Layer, _ workspace: inout Workspace
  ) -> UnsafePointer<Float> {
    let activated = workspace.activated.room(rows * model.ffn)
    switch model.family {
    case .llama:
      let gateUp = workspace.gateUp.room(rows * 2 * model.ffn)
      layer.up.multiply(normed, into: gateUp, rows: rows)
      ck_silu_multiply(gateUp, activated, rows, model.ffn)
    case .opt:
      layer.up.multiply(normed, into: activated, rows: rows)
      ck_relu(activated, rows * model.ffn)
    }
    return UnsafePointer(activated)
  }

  private func embed(_ runs: [TokenRun], into stream: UnsafeMutablePointer<Float>) {
    var row = stream
    for run in runs {
      for (place, token) in run.tokens.enumerated() {
        row.update(
          from: embedding.address(Int(token) * model.hidden, count: model.hidden),
          count: model.hidden)
        if let positions {
          let position = (run.firstPosition + place) * model.hidden
          ck_add(positions.address(position, count: model.hidden), row, 1, model.hidden)
        }
        row += model.hidden
      }
    }
  }

  /// The attention block of one layer, added to the residual stream.
  private func attend(
    _ runs: [TokenRun], rows: Int, layer: Layer, index: Int, arena: some LayerCache,
    _ workspace: inout Workspace
  ) {
    let stream = workspace.stream.room(rows * model.hidden)
    let normed = workspace.normed.room(rows * model.hidden)
    let queryWidth = model.heads * model.headDim
    let kvWidth = model.kvHeads * model.headDim
    let queries = workspace.queries.room(rows * queryWidth)
    let keyValues = workspace.keyValues.room(rows * 2 * kvWidth)
    let attended = workspace.attended.room(rows * queryWidth)
    layer.attentionNorm.apply(stream, into: normed, rows: rows)
    layer.query.multiply(normed, into: queries, rows: rows)
    layer.keyValue.multiply(normed, into: keyValues, rows: rows)
    var row = 0
    for run in runs {
      for position in run.firstPosition..<run.firstPosition + run.tokens.count {
        rotate(queries + row * queryWidth, heads: model.heads, position: position)
        rotate(keyValues + row * 2 * kvWidth, heads: model.kvHeads, position: position)
        row += 1
      }
      let first = row - run.tokens.count
      arena.store(keyValues + first * 2 * kvWidth, of: run, layer: index)
    }
    row = 0
    for run in runs {
      arena.attend(
        queries + row * queryWidth, into: attended + row * queryWidth, of: run, layer: index,
        attention: &workspace.attention)
      row += run.tokens.count
    }
    layer.output.multiply(attended, into: stream, rows: rows, accumulates: true)
  }

  /// Rotates by the position, in models whose positions are rotary.
  private func rotate(_ row: UnsafeMutablePointer<Float>, heads: Int, position: Int) {
    guard model.family == .llama else { return }
    let half = model.headDim / 2
    ck_rotate(
      row, heads, model.headDim, cosines.address(position * half, count: half),
      sines.address(position * half, count: half))
  }

  private func logits(
    _ runs: [TokenRun], stream: UnsafePointer<Float>, _ workspace: inout Workspace
  ) -> UnsafePointer<Float> {
    let wanted = runs.reduce(0) { $0 + $1.logits }
    let last = workspace.normed.room(max(1, wanted) * model.hidden)
    let logits = workspace.logits.room(max(1, wanted) * model.vocab)
    var (row, out) = (0, 0)
    for run in runs {
      row += run.tokens.count
      guard run.logits > 0 else { continue }
      finalNorm.apply(
        stream + (row - run.logits) * model.hidden, into: last + out * model.hidden,
        rows: run.logits)
      out += run.logits
    }
    head.multiply(last, into: logits, rows: wanted)
    return UnsafePointer(logits)
  }
}

/// Activations of a batch; each engine has its own.
package struct Workspace {
  var stream = ScratchBuffer()
  var normed = ScratchBuffer()
  var queries = ScratchBuffer()
  var keyValues = ScratchBuffer()
  var attended = ScratchBuffer()
  var gateUp = ScratchBuffer()
  var activated = ScratchBuffer()
  var logits = ScratchBuffer()
  var attention: Attention

  package init(_ model: ModelSpec) { attention = Attention(heads: model.heads) }
}
