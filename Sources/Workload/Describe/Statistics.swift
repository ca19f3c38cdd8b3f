/// The quantile at `p` of values in ascending order, interpolated linearly between order
/// statistics.
///
///     index    p · (n − 1): the whole part names a value, the fraction how far to the next
///
/// - Precondition: `sorted` is not empty and `p` lies in [0, 1].
/// - Source: Hyndman and Fan, "Sample quantiles in statistical packages" (1996), definition 7;
///   numpy's default.
func quantile(_ p: Double, ofSorted sorted: [Int32]) -> Double {
  quantile(p, count: sorted.count) { sorted[$0] }
}

/// The same of values counted in `bars`, ascending; `count` values in all.
func quantile(_ p: Double, of bars: [(tokens: Int32, count: Int)], count: Int) -> Double {
  quantile(p, count: count) { index in
    var before = 0
    for bar in bars {
      before += bar.count
      if index < before { return bar.tokens }
    }
    preconditionFailure("quantile: no value \(index) among \(before)")
  }
}

private func quantile(_ p: Double, count: Int, valueAt value: (Int) -> Int32) -> Double {
  let position = p * Double(count - 1)
  let below = Int(position)
  let above = min(below + 1, count - 1)
  let fraction = position - Double(below)
  let (low, high) = (value(below), value(above))
  return Double(low) + fraction * Double(high - low)
}

/// Spearman's rank correlation of two lists of equal length, or `nil` where one of them is
/// constant.
///
/// - Complexity: O(n log n).
func spearmanCorrelation(_ a: [Int32], _ b: [Int32]) -> Double? {
  let (a, b) = (averageRanks(a), averageRanks(b))
  // Ranks 1…n average to this whatever the ties.
  let mean = Double(a.count + 1) / 2
  var (covariance, varianceA, varianceB) = (0.0, 0.0, 0.0)
  for (rankA, rankB) in zip(a, b) {
    covariance += (rankA - mean) * (rankB - mean)
    varianceA += (rankA - mean) * (rankA - mean)
    varianceB += (rankB - mean) * (rankB - mean)
  }
  guard varianceA > 0, varianceB > 0 else { return nil }
  return covariance / (varianceA * varianceB).squareRoot()
}

/// The rank of each value, from 1; equal values share the average of the ranks that they take up.
func averageRanks(_ values: [Int32]) -> [Double] {
  let order = values.indices.sorted { values[$0] < values[$1] }
  var ranks = [Double](repeating: 0, count: values.count)
  var start = 0
  while start < order.count {
    var end = start + 1
    while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
    for place in start..<end { ranks[order[place]] = Double(start + end + 1) / 2 }
    start = end
  }
  return ranks
}
