extension ResidentRows {
  /// The numbers in use, in ascending order.
  ///
  /// - Complexity: O(n log n) for n places.
  package var numbersInUse: [Int] {
    (0...mask).map { places[$0].number }.filter { $0 >= 0 }.sorted()
  }

  /// The first law that is broken, with the numbers, or `nil`: each number in use stands in its own place, so that a
  /// look-up finds it, and no number stands in two.
  ///
  /// - Complexity: O(n log n) for n places.
  package var brokenInvariant: String? {
    guard (mask + 1).nonzeroBitCount == 1 else {
      return "\(mask + 1) places are no power of two"
    }
    for place in 0...mask {
      let number = places[place].number
      guard number < 0 || number & mask == place else {
        return "number \(number) stands in place \(place), a look-up goes to \(number & mask)"
      }
    }
    return nil
  }
}
