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
  /// The blocks of the sequence in order, those of the new tokens included.
  package var table: [BlockID]
  /// Whether the logits after its last token are wanted.
  package var wantsLogits: Bool

  package init(
    tokens: ArraySlice<Int32>, firstPosition: Int, table: [BlockID], wantsLogits: Bool
  ) {
    self.tokens = tokens
    self.firstPosition = firstPosition
    self.table = table
    self.wantsLogits = wantsLogits
  }
}

/// A decoder-only transformer of the LLaMA kind with seeded random weights: RMSNorm, rotary
/// positions, grouped-query attention, gated MLP, an LM head of its own.
///
/// Weights are written once and shared by all engines that run the model.
///
/// Each row of every result depends on its own sequence only, bit for bit, as long as the matrix
/// kernel is ``MatrixKernel/rowStable``.
package final class Transformer: Sendable {
  private struct Layer: Sendable {
    var attentionNorm: FloatBuffer
    var query: Projection
    /// Keys, then values.
    var keyValue: Projection
    var output: Projection
    var mlpNorm: FloatBuffer
    /// Gate, then up.
    var gateUp: Projection
    var down: Projection
  }

  package let model: ModelSpec
  package let kernel: MatrixKernel
  private let layers: [Layer]
  /// [vocab][hidden].
  private let embedding: FloatBuffer
  private let finalNorm: FloatBuffer
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
    var draws = WeightDraws(seed: seed, kernel: kernel)
    let queryWidth = model.heads * model.headDim
    let kvWidth = model.kvHeads * model.headDim
    self.model = model
    self.kernel = kernel
    embedding = draws.matrix(rows: model.vocab, columns: model.hidden, fanIn: 3)
    layers = (0..<model.layers).map { _ in
      Layer(
        attentionNorm: draws.ones(model.hidden),
        query: draws.projection(model.hidden, queryWidth),
        keyValue: draws.projection(model.hidden, 2 * kvWidth),
        output: draws.projection(queryWidth, model.hidden),
        mlpNorm: draws.ones(model.hidden),
        gateUp: draws.projection(model.hidden, 2 * model.ffn),
        down: draws.projection(model.ffn, model.hidden))
    }
    finalNorm = draws.ones(model.hidden)
    head = draws.projection(model.hidden, model.vocab)
    (cosines, sines) = Self.rotaryTables(model)
  }

  /// Bytes of the weights as they are held.
  package var weightBytes: Int { model.parameters() * MemoryLayout<Float>.stride }

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
  /// - Returns: [runs that want logits][vocab], in `workspace`, until it is used again.
  package func compute(
    _ runs: [TokenRun], arena: KVArena, workspace: inout Workspace
  ) -> UnsafePointer<Float> {
    let rows = runs.reduce(0) { $0 + $1.tokens.count }
    let stream = workspace.stream.room(rows * model.hidden)
    embed(runs, into: stream)
    for (index, layer) in layers.enumerated() {
      attend(runs, rows: rows, layer: layer, index: index, arena: arena, &workspace)
      let normed = workspace.normed.room(rows * model.hidden)
      ck_rms_norm(stream, layer.mlpNorm.start, normed, rows, model.hidden)
      let gateUp = workspace.gateUp.room(rows * 2 * model.ffn)
      layer.gateUp.multiply(normed, into: gateUp, rows: rows)
      let activated = workspace.activated.room(rows * model.ffn)
      ck_silu_multiply(gateUp, activated, rows, model.ffn)
      layer.down.multiply(activated, into: stream, rows: rows, accumulates: true)
    }
    return logits(runs, stream: stream, &workspace)
  }

  private func embed(_ runs: [TokenRun], into stream: UnsafeMutablePointer<Float>) {
    var row = stream
    for run in runs {
      for token in run.tokens {
        row.update(
          from: embedding.address(Int(token) * model.hidden, count: model.hidden),
          count: model.hidden)
        row += model.hidden
      }
    }
  }

  /// The attention block of one layer, added to the residual stream.
  private func attend(
    _ runs: [TokenRun], rows: Int, layer: Layer, index: Int, arena: KVArena,
    _ workspace: inout Workspace
  ) {
    let stream = workspace.stream.room(rows * model.hidden)
    let normed = workspace.normed.room(rows * model.hidden)
    let queryWidth = model.heads * model.headDim
    let kvWidth = model.kvHeads * model.headDim
    let queries = workspace.queries.room(rows * queryWidth)
    let keyValues = workspace.keyValues.room(rows * 2 * kvWidth)
    let attended = workspace.attended.room(rows * queryWidth)
    ck_rms_norm(stream, layer.attentionNorm.start, normed, rows, model.hidden)
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
      arena.store(
        keyValues + first * 2 * kvWidth, count: run.tokens.count,
        firstPosition: run.firstPosition, table: run.table, layer: index)
    }
    row = 0
    for run in runs {
      workspace.attention.paged(
        queries + row * queryWidth, into: attended + row * queryWidth, rows: run.tokens.count,
        firstPosition: run.firstPosition, arena: arena, layer: index, table: run.table)
      row += run.tokens.count
    }
    layer.output.multiply(attended, into: stream, rows: rows, accumulates: true)
  }

  private func rotate(_ row: UnsafeMutablePointer<Float>, heads: Int, position: Int) {
    let half = model.headDim / 2
    ck_rotate(
      row, heads, model.headDim, cosines.address(position * half, count: half),
      sines.address(position * half, count: half))
  }

  private func logits(
    _ runs: [TokenRun], stream: UnsafePointer<Float>, _ workspace: inout Workspace
  ) -> UnsafePointer<Float> {
    let wanted = runs.count { $0.wantsLogits }
    let last = workspace.normed.room(max(1, wanted) * model.hidden)
    let logits = workspace.logits.room(max(1, wanted) * model.vocab)
    var (row, out) = (0, 0)
    for run in runs {
      row += run.tokens.count
      guard run.wantsLogits else { continue }
      ck_rms_norm(
        stream + (row - 1) * model.hidden, finalNorm.start, last + out * model.hidden, 1,
        model.hidden)
      out += 1
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

/// Draws the weights of one model, each matrix from a stream of its own.
private struct WeightDraws {
  let seed: UInt64
  let kernel: MatrixKernel
  private var drawn: UInt64 = 0

  init(seed: UInt64, kernel: MatrixKernel) {
    self.seed = seed
    self.kernel = kernel
  }

  /// Uniform in ±√(3 / fanIn), that is of variance 1 / fanIn.
  mutating func matrix(rows: Int, columns: Int, fanIn: Int) -> FloatBuffer {
    let buffer = FloatBuffer(count: rows * columns)
    drawn += 1
    ck_fill_uniform(
      buffer.start, buffer.count, seed &+ drawn &* 0x9E37_79B9, (3 / Float(fanIn)).squareRoot())
    return buffer
  }

  mutating func projection(_ depth: Int, _ columns: Int) -> Projection {
    Projection(
      matrix: matrix(rows: depth, columns: columns, fanIn: depth), depth: depth, columns: columns,
      kernel: kernel)
  }

  func ones(_ count: Int) -> FloatBuffer {
    let buffer = FloatBuffer(count: count)
    buffer.start.update(repeating: 1, count: count)
    return buffer
  }
}
