extension ResidentRows {
  /// The first law that is broken, with the numbers, or `nil`: each number in use stands where a look-up finds it, in
  /// one place only, and the rows in use and those behind their own places are counted.
  ///
  /// - Complexity: O(places).
  package var brokenInvariant: String? {
    guard (mask + 1).nonzeroBitCount == 1 else {
      return "\(mask + 1) places are no power of two"
    }
    var found: Set<Int> = []
    var displaced = 0
    for place in 0...mask {
      let number = places[place].number
      guard number >= 0 else { continue }
      let distance = (place - number) & mask
      guard distance <= Self.reach else {
        return "number \(number) stands in place \(place), \(distance) behind its own, a look-up "
          + "reaches \(Self.reach)"
      }
      guard found.insert(number).inserted else { return "number \(number) has two rows" }
      if distance > 0 { displaced += 1 }
    }
    guard found.count == count, displaced == displacedCount else {
      return "\(count) rows in use, \(displacedCount) of them behind their places, are counted, "
        + "\(found.count) and \(displaced) found"
    }
    return nil
  }
}
