import Kernels

/// Attention by its definition, in double precision: the reference for all kernels.
struct NaiveAttention {
  var heads: Int
  var kvHeads: Int
  var dim: Int
  /// [tokens][kvHeads][dim].
  var keys: [Float]
  var values: [Float]

  /// The attention output of one query row, [heads][dim], which sees `context` tokens.
  func output(_ query: ArraySlice<Float>, context: Int) -> [Double] {
    (0..<heads).flatMap { head -> [Double] in
      let kvHead = head / (heads / kvHeads)
      func row(_ rows: [Float], _ token: Int) -> ArraySlice<Float> {
        let start = (token * kvHeads + kvHead) * dim
        return rows[start..<start + dim]
      }
      let query = query[(query.startIndex + head * dim)..<(query.startIndex + (head + 1) * dim)]
      let scores = (0..<context).map { token in
        zip(query, row(keys, token)).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
          / Double(dim).squareRoot()
      }
      let weights = scores.map { exponential($0 - (scores.max() ?? 0)) }
      let sum = weights.reduce(0, +)
      var output = Array(repeating: 0.0, count: dim)
      for token in 0..<context {
        for (d, value) in row(values, token).enumerated() {
          output[d] += weights[token] / sum * Double(value)
        }
      }
      return output
    }
  }
}
