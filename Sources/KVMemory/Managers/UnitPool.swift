import HeapModule

/// Pages over units of one size, any of which serve any type; a page of a type is a number of them.
///
///     units   |a|a|a|b|b|·|c|·|      pages of type 0 are 3 units, of type 1 two, of type 2 one
///
/// With one unit a page, and the largest page as the unit, it is vLLM's pool of one page size; with the greatest common
/// divisor as the unit it is what kernels of scattered pages would allow. Cached pages are evicted least recently used
/// first, of two given back together the one farther from the beginning.
///
/// - Complexity: O(log cached pages).
package struct UnitPool: PageStore {
  package let bytes: Int
  package let unitBytes: Int
  /// Units of a page, by type.
  package let unitsOfPage: [Int]
  private let unitCount: Int
  private(set) var usedUnits = 0
  private(set) var cachedUnits = 0
  private var taken = 0
  private var ages: [Int: PageAge] = [:]
  private var cached = Heap<Cached>()

  /// A cached page; some are out of date. The smallest is evicted first.
  private struct Cached: Comparable, Sendable {
    var age: PageAge
    var page: Int
    var units: Int

    static func < (a: Cached, b: Cached) -> Bool {
      (a.age.lastAccess, -a.age.prefixTokens, a.page)
        < (b.age.lastAccess, -b.age.prefixTokens, b.page)
    }
  }

  package init(bytes: Int, unitBytes: Int, unitsOfPage: [Int]) {
    precondition(
      unitBytes > 0 && unitsOfPage.allSatisfy { $0 > 0 },
      "UnitPool: pages of \(unitsOfPage) units of \(unitBytes) bytes")
    self.bytes = bytes
    self.unitBytes = unitBytes
    self.unitsOfPage = unitsOfPage
    unitCount = bytes / unitBytes
  }

  private var freeUnits: Int { unitCount - usedUnits - cachedUnits }

  private func units(_ counts: [Int]) -> Int {
    zip(counts, unitsOfPage).reduce(0) { $0 + $1.0 * $1.1 }
  }

  package func pageBytes(_ type: Int) -> Int { unitsOfPage[type] * unitBytes }

  package func holds(_ counts: [Int]) -> Bool { units(counts) <= unitCount }

  package func canTake(_ counts: [Int]) -> Bool { units(counts) <= unitCount - usedUnits }

  package mutating func take(_ type: Int, for request: Int32) -> (page: Int, evicted: [Int])? {
    let wanted = unitsOfPage[type]
    guard wanted <= unitCount - usedUnits else { return nil }
    var evicted: [Int] = []
    while freeUnits < wanted, let oldest = cached.popMin() {
      guard ages[oldest.page] == oldest.age else { continue }
      ages[oldest.page] = nil
      cachedUnits -= oldest.units
      evicted.append(oldest.page)
    }
    usedUnits += wanted
    taken += 1
    return (taken, evicted)
  }

  package mutating func give(_ page: Int, type: Int, age: PageAge?) {
    usedUnits -= unitsOfPage[type]
    guard let age else { return }
    cachedUnits += unitsOfPage[type]
    ages[page] = age
    cached.insert(Cached(age: age, page: page, units: unitsOfPage[type]))
  }

  package mutating func reuse(_ page: Int, type: Int) {
    precondition(ages.removeValue(forKey: page) != nil, "UnitPool: page \(page) is not cached")
    cachedUnits -= unitsOfPage[type]
    usedUnits += unitsOfPage[type]
  }

  package var parts: StoreParts {
    StoreParts(
      used: usedUnits * unitBytes, cached: cachedUnits * unitBytes, free: freeUnits * unitBytes,
      lost: bytes - unitCount * unitBytes)
  }

  package var brokenInvariant: String? {
    guard usedUnits >= 0, cachedUnits >= 0, freeUnits >= 0 else {
      return "\(usedUnits) units used and \(cachedUnits) cached of \(unitCount)"
    }
    let pages = Set(cached.unordered.filter { ages[$0.page] == $0.age }.map(\.page))
    return pages.count == ages.count
      ? nil : "\(ages.count) pages are cached, \(pages.count) can be evicted"
  }
}
