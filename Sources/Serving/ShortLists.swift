/// What is done to short lists in every iteration, without the generic code of the standard library: `removeAll` and
/// `removeLast(_:)` take as long as twenty elements.
extension Array {
  /// Empties a list, mostly of a few elements or none, and keeps its storage.
  @inline(__always)
  mutating func clear() { removeLastOnes(count) }

  /// Removes as many elements at the end.
  @inline(__always)
  mutating func removeLastOnes(_ removed: Int) {
    if removed > 8 { return removeLast(removed) }
    for _ in 0..<removed { removeLast() }
  }
}

extension [RequestID] {
  /// Where a request stands in a list in order of numbers, or else one that is not it.
  ///
  /// - Precondition: The list is not empty.
  /// - Complexity: O(log count).
  func place(of id: RequestID) -> Int {
    withUnsafeBufferPointer { ids in
      var low = 0
      var left = ids.count
      // The steps do not depend on what is found: a branch would be guessed wrong every other time.
      while left > 1 {
        let half = left / 2
        low += ids[low + half] <= id ? half : 0
        left -= half
      }
      return low
    }
  }
}
