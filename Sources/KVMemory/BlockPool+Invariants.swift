extension BlockPool {
  /// The first law that is broken, with the numbers, or `nil`: the free blocks are blocks of the pool, each is free
  /// once and referenced by nobody, and the count of shared blocks is right.
  ///
  /// Which held block has how many references only its owner can check, who knows the block tables.
  ///
  /// - Complexity: O(capacity).
  package var brokenInvariant: String? {
    guard (0...capacity).contains(freeCount) else {
      return "\(freeCount) free blocks in a pool of \(capacity)"
    }
    var timesFree = [Int](repeating: 0, count: capacity)
    for block in freeStack {
      guard (0..<capacity).contains(Int(block)) else {
        return "block \(block) is free in a pool of \(capacity)"
      }
      timesFree[Int(block)] += 1
    }
    for block in 0..<capacity {
      guard timesFree[block] <= 1 else { return "block \(block) is free \(timesFree[block]) times" }
      guard furtherReferences[block] >= 0 else {
        return "block \(block) has \(furtherReferences[block]) further references"
      }
      guard timesFree[block] == 0 || furtherReferences[block] == 0 else {
        return "block \(block) is free and has \(furtherReferences[block]) further references"
      }
    }
    let shared = furtherReferences.count { $0 > 0 }
    guard shared == sharedCount else {
      return "\(sharedCount) shared blocks are counted, \(shared) found"
    }
    return nil
  }
}
