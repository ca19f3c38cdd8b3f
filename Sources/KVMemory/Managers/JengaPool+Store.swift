extension JengaPool: PageStore {
  package var bytes: Int { poolBytes }

  package func pageBytes(_ type: Int) -> Int { largeBytes / smallCounts[type] }

  package func holds(_ counts: [Int]) -> Bool { largePages(for: counts) <= larges.count }

  /// Pages of large ones in use first, then whole large pages, one type each.
  package func canTake(_ counts: [Int]) -> Bool {
    let short = zip(counts, room).map { max(0, $0 - $1) }
    return largePages(for: short) <= emptyLargeCount + evictableCount
  }

  private func largePages(for counts: [Int]) -> Int {
    zip(counts, smallCounts).reduce(0) { $0 + ($1.0 + $1.1 - 1) / $1.1 }
  }

  package mutating func take(_ type: Int, for request: Int32) -> (page: Page, evicted: [Page])? {
    allocate(type: type, request: request)
  }

  package mutating func give(_ page: Page, type: Int, age: PageAge?) {
    release(
      page,
      to: age.map { .cached(lastAccess: $0.lastAccess, prefixTokens: $0.prefixTokens) } ?? .empty)
  }

  package mutating func reuse(_ page: Page, type: Int) { reuse(page) }

  /// - Complexity: O(types).
  package var parts: StoreParts {
    var parts = StoreParts(
      free: emptyLargeCount * largeBytes, lost: bytes - larges.count * largeBytes)
    for type in smallCounts.indices {
      parts.used += usedCounts[type] * pageBytes(type)
      parts.cached += cachedCounts[type] * pageBytes(type)
    }
    parts.bound = bytes - parts.total
    return parts
  }
}
