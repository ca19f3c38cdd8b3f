extension Distribution {
  /// Mean and quantiles of `values`, by linear interpolation between order statistics (as numpy does).
  ///
  /// - Complexity: O(n) on average: order statistics are selected, nothing is sorted.
  package init(of values: consuming [Double]) {
    var values = consume values
    self.init(reordering: &values)
  }

  /// The same of values whose order may be changed.
  init(reordering values: inout [Double]) {
    guard !values.isEmpty else {
      self.init()
      return
    }
    let mean = values.reduce(0, +) / Double(values.count)
    var selected = 0
    // Probabilities rise, and nothing before a selected rank is larger: it need not be looked at again.
    func quantile(_ probability: Double, _ values: inout [Double]) -> Double {
      let position = Double(values.count - 1) * probability
      let rank = Int(position)
      let lower = values.select(rank, from: selected)
      selected = rank
      // What lies behind a selected rank is no smaller than what stands there.
      let upper = rank + 1 < values.count ? values[(rank + 1)...].min() ?? lower : lower
      return lower + (upper - lower) * (position - Double(rank))
    }
    self.init(
      count: values.count, mean: mean, median: quantile(0.5, &values),
      p90: quantile(0.9, &values), p99: quantile(0.99, &values))
  }
}

extension [Double] {
  /// Puts the element of `rank` in ascending order where it belongs, smaller ones before it and larger ones
  /// behind, and returns it.
  ///
  /// - Parameter first: No element before it is larger than one behind it. At most `rank`.
  /// - Source: Hoare, "Algorithm 65: find" (1961), with the median of three as pivot.
  mutating func select(_ rank: Int, from first: Int = 0) -> Double {
    withUnsafeMutableBufferPointer { values in
      var low = first
      var high = values.count - 1
      while low < high {
        let middle = (low + high) / 2
        let (a, b, c) = (values[low], values[middle], values[high])
        let pivot = Swift.max(Swift.min(a, b), Swift.min(Swift.max(a, b), c))
        var left = low
        var right = high
        while left <= right {
          while values[left] < pivot { left += 1 }
          while values[right] > pivot { right -= 1 }
          guard left <= right else { break }
          values.swapAt(left, right)
          left += 1
          right -= 1
        }
        if rank <= right {
          high = right
        } else if rank >= left {
          low = left
        } else {
          break
        }
      }
      return values[rank]
    }
  }
}
