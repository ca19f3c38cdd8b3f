/// Pairs of lengths, gathered for their rank correlation in memory that is bounded.
///
/// Up to ``exactMax`` pairs are kept and the correlation is exact. Of more, only a table of counts
/// is kept, in which lengths that agree in their seven highest bits are one: they differ by less
/// than 1.6 % and count as ties.
struct RankPairs {
  /// Pairs kept: 8 MiB.
  static let exactMax = 1 << 20
  /// Cells on each side of the table: lengths below 128 one by one, then 64 for each doubling.
  private static let cells = 128 + 64 * 24

  private var prompts: [Int32] = []
  private var outputs: [Int32] = []
  /// Counts by prompt cell and output cell; empty as long as pairs are kept.
  private var table: [UInt32] = []

  /// Whether near lengths counted as ties.
  var isBinned: Bool { !table.isEmpty }

  mutating func add(_ prompt: Int32, _ output: Int32) {
    if table.isEmpty {
      prompts.append(prompt)
      outputs.append(output)
      if prompts.count == Self.exactMax { fold() }
    } else {
      table[Self.cell(prompt) * Self.cells + Self.cell(output)] += 1
    }
  }

  private mutating func fold() {
    table = [UInt32](repeating: 0, count: Self.cells * Self.cells)
    for (prompt, output) in zip(prompts, outputs) {
      table[Self.cell(prompt) * Self.cells + Self.cell(output)] += 1
    }
    prompts = []
    outputs = []
  }

  private static func cell(_ length: Int32) -> Int {
    let doublings = max(0, 25 - length.leadingZeroBitCount)
    return doublings * 64 + Int(length >> Int32(doublings))
  }

  /// Spearman's rank correlation, ties at their average rank; `nil` where one side does not vary.
  ///
  /// - Complexity: O(n log n) for n pairs up to 2²⁰, and constant beyond.
  var correlation: Double? {
    guard isBinned else { return spearmanCorrelation(prompts, outputs) }
    var rows = [Int](repeating: 0, count: Self.cells)
    var columns = rows
    for row in 0..<Self.cells {
      for column in 0..<Self.cells {
        let count = Int(table[row * Self.cells + column])
        rows[row] += count
        columns[column] += count
      }
    }
    let rowRanks = Self.ranks(rows)
    let columnRanks = Self.ranks(columns)
    var covariance = 0.0
    for row in 0..<Self.cells where rows[row] > 0 {
      for column in 0..<Self.cells {
        let count = table[row * Self.cells + column]
        if count > 0 { covariance += Double(count) * rowRanks[row] * columnRanks[column] }
      }
    }
    let varianceA = zip(rows, rowRanks).reduce(0) { $0 + Double($1.0) * $1.1 * $1.1 }
    let varianceB = zip(columns, columnRanks).reduce(0) { $0 + Double($1.0) * $1.1 * $1.1 }
    guard varianceA > 0, varianceB > 0 else { return nil }
    return covariance / (varianceA * varianceB).squareRoot()
  }

  /// The average rank of each cell's members, less the mean rank of all.
  private static func ranks(_ counts: [Int]) -> [Double] {
    let mean = Double(counts.reduce(0, +) + 1) / 2
    var before = 0
    return counts.map { count in
      defer { before += count }
      return Double(before) + Double(count + 1) / 2 - mean
    }
  }
}
