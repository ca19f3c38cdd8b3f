import CostModel
import Foundation
import Kernels

/// The toy models by their definition, in double precision, one token after another: no batch, no cache
/// blocks, no vector code.
struct NaiveTransformer {
  let model: ModelSpec
  private let embedding: FloatBuffer
  private let positions: FloatBuffer?
  private let layers: [LayerWeights]
  private let finalNorm: NormWeights
  private let head: FloatBuffer?

  init(_ model: ModelSpec, seed: UInt64) {
    var draws = WeightDraws(model, seed: seed)
    self.model = model
    embedding = draws.embedding()
    positions = draws.positions()
    layers = (0..<model.layers.count).map { _ in draws.layer() }
    finalNorm = draws.norm()
    head = draws.head()
  }

  /// The logits after the last token.
  func logits(_ tokens: [Int32]) -> [Double] {
    var streams = tokens.enumerated().map { position, token in
      (0..<model.hidden).map { i in
        Double(embedding[Int(token) * model.hidden + i])
          + (positions.map { Double($0[position * model.hidden + i]) } ?? 0)
      }
    }
    for layer in layers {
      let attended = attend(streams.map { norm($0, layer.attentionNorm) }, layer)
      for row in streams.indices {
        streams[row] = sum(streams[row], linear(attended[row], layer.output))
        let inner = activate(linear(norm(streams[row], layer.mlpNorm), layer.up))
        streams[row] = sum(streams[row], linear(inner, layer.down))
      }
    }
    let last = norm(streams[streams.count - 1], finalNorm)
    return (0..<model.vocab).map { token in
      (0..<model.hidden).reduce(0) { total, i in
        let weight = head?[i * model.vocab + token] ?? embedding[token * model.hidden + i]
        return total + last[i] * Double(weight)
      }
    }
  }

  private func sum(_ a: [Double], _ b: [Double]) -> [Double] { zip(a, b).map { $0 + $1 } }

  private func norm(_ x: [Double], _ weights: NormWeights) -> [Double] {
    let count = Double(x.count)
    // LayerNorm subtracts the mean, RMSNorm does not.
    let mean = weights.bias == nil ? 0 : x.reduce(0, +) / count
    let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    return x.indices.map { i in
      (x[i] - mean) / (variance + 1e-5).squareRoot() * Double(weights.weight[i])
        + (weights.bias.map { Double($0[i]) } ?? 0)
    }
  }

  private func linear(_ x: [Double], _ weights: LinearWeights) -> [Double] {
    (0..<weights.columns).map { column in
      x.indices.reduce(weights.bias.map { Double($0[column]) } ?? 0) {
        $0 + x[$1] * Double(weights.matrix[$1 * weights.columns + column])
      }
    }
  }

  private func activate(_ x: [Double]) -> [Double] {
    if model.family == .opt { return x.map { max($0, 0) } }
    return (0..<model.ffn).map { i in x[i] / (1 + exponential(-x[i])) * x[model.ffn + i] }
  }

  private func attend(_ rows: [[Double]], _ layer: LayerWeights) -> [[Double]] {
    let width = model.kvHeads * model.headDim
    let keysAndValues = rows.map { linear($0, layer.keyValue) }
    let keys = keysAndValues.enumerated().map { rotated(Array($1.prefix(width)), position: $0) }
    let values = keysAndValues.map { Array($0.suffix(width)) }
    return rows.enumerated().map { position, row in
      let query = rotated(linear(row, layer.query), position: position)
      return (0..<model.heads).flatMap { head -> [Double] in
        let start = head / (model.heads / model.kvHeads) * model.headDim
        let scores = (0...position).map { token in
          (0..<model.headDim).reduce(0) {
            $0 + query[head * model.headDim + $1] * keys[token][start + $1]
          } / Double(model.headDim).squareRoot()
        }
        let weights = scores.map { exponential($0 - (scores.max() ?? 0)) }
        let total = weights.reduce(0, +)
        return (0..<model.headDim).map { d in
          weights.indices.reduce(0) { $0 + weights[$1] / total * values[$1][start + d] }
        }
      }
    }
  }

  private func rotated(_ row: [Double], position: Int) -> [Double] {
    guard model.family == .llama else { return row }
    var row = row
    let half = model.headDim / 2
    for start in stride(from: 0, to: row.count, by: model.headDim) {
      for i in 0..<half {
        let angle = Double(position) * pow(10_000, -Double(2 * i) / Double(model.headDim))
        let (a, b) = (row[start + i], row[start + half + i])
        row[start + i] = a * cos(angle) - b * sin(angle)
        row[start + half + i] = a * sin(angle) + b * cos(angle)
      }
    }
    return row
  }
}
