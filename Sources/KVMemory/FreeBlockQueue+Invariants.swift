extension FreeBlockQueue {
  /// Whether a free block can be fetched back from a place that was noted.
  func holds(_ block: BlockID, at place: Int32) -> Bool {
    let behindHead = (Int(place) - head) & (entries.count - 1)
    return behindHead < tail - head && entries[Int(place)] == block
  }

  /// The first law that is broken, with the numbers, or `nil`: between head and tail stand free blocks, each once and
  /// never block 0, and as many gaps as were counted.
  ///
  /// - Complexity: O(entries).
  package var brokenInvariant: String? {
    guard entries.count.nonzeroBitCount == 1 else {
      return "\(entries.count) entries are no power of two"
    }
    guard head <= tail, tail - head <= entries.count else {
      return "head \(head) and tail \(tail) are \(tail - head) entries apart, of \(entries.count)"
    }
    var seen: Set<BlockID> = []
    var gaps = 0
    for index in head..<tail {
      let block = entries[index & (entries.count - 1)]
      if block == 0 {
        gaps += 1
      } else if block < 0 || !seen.insert(block).inserted {
        return block < 0 ? "block \(block) is queued" : "block \(block) is queued twice"
      }
    }
    guard gaps == gapCount else { return "\(gapCount) gaps are counted, \(gaps) found" }
    return nil
  }
}
