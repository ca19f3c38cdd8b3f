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
