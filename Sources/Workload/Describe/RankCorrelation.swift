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
