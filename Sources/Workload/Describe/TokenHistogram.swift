import Statistics

/// How often each length occurs: exact, in memory that does not grow with the rows.
struct TokenHistogram {
  /// Lengths below this are counted in an array, as almost all are.
  private static let denseMax = 1 << 20

  private var dense: [Int] = []
  private var sparse: [Int32: Int] = [:]
  private(set) var count = 0
  private(set) var sum = 0

  mutating func add(_ tokens: Int32) {
    count += 1
    sum += Int(tokens)
    let value = Int(tokens)
    if value < dense.count {
      dense[value] += 1
    } else if value < Self.denseMax {
      dense += [Int](repeating: 0, count: max(value + 1, dense.count * 2) - dense.count)
      dense[value] += 1
    } else {
      sparse[tokens, default: 0] += 1
    }
  }

  /// Every length that occurs, ascending, and how often.
  ///
  /// - Complexity: O(longest length below 2²⁰ + m log m) for m lengths above.
  var bars: [(tokens: Int32, count: Int)] {
    var bars: [(tokens: Int32, count: Int)] = []
    for (tokens, count) in dense.enumerated() where count > 0 {
      bars.append((Int32(tokens), count))
    }
    for (tokens, count) in sparse.sorted(by: { $0.key < $1.key }) { bars.append((tokens, count)) }
    return bars
  }
}

/// How the lengths of one side of a trace are distributed, in tokens.
package struct LengthSummary: Equatable, Sendable {
  package let mean: Double
  package let p50: Double
  package let p95: Double
  package let p99: Double
  package let max: Int

  /// Summarises `lengths`, which may be in any order.
  ///
  /// - Precondition: `lengths` is not empty.
  /// - Complexity: O(n).
  package init(_ lengths: [Int32]) {
    var histogram = TokenHistogram()
    for length in lengths { histogram.add(length) }
    self.init(histogram)
  }

  /// - Precondition: `histogram` is not empty.
  init(_ histogram: TokenHistogram) {
    precondition(histogram.count > 0, "LengthSummary: no lengths")
    let bars = histogram.bars
    mean = Double(histogram.sum) / Double(histogram.count)
    let ranks = CountedRanks(kept: bars.count) { bars[$0].count }
    func quantile(_ probability: Double) -> Double {
      Quantile.linear(probability, count: ranks.count) {
        Double(bars[ranks.index(ofRank: $0)].tokens)
      }
    }
    p50 = quantile(0.5)
    p95 = quantile(0.95)
    p99 = quantile(0.99)
    max = Int(bars[bars.count - 1].tokens)
  }
}
