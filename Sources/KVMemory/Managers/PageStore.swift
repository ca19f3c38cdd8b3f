/// Pages of one or several sizes over a pool of bytes: what ``PagedGroups`` takes blocks from.
package protocol PageStore: Sendable {
  associatedtype Page: Hashable & Sendable

  /// Of the pool.
  var bytes: Int { get }

  /// Of a page of a type, padding included.
  func pageBytes(_ type: Int) -> Int

  /// Whether an empty pool has so many pages of each type.
  func holds(_ counts: [Int]) -> Bool

  /// Whether so many pages of each type can be taken now, cached ones evicted.
  func canTake(_ counts: [Int]) -> Bool

  /// Takes a page.
  ///
  /// - Returns: The page, and the cached ones that were evicted for it; `nil` if there is none.
  mutating func take(_ type: Int, for request: Int32) -> (page: Page, evicted: [Page])?

  /// Gives a page back, to be found again or not.
  ///
  /// - Parameter age: When it was used last, for pages that can be found again.
  mutating func give(_ page: Page, type: Int, age: PageAge?)

  /// Takes a cached page again.
  mutating func reuse(_ page: Page, type: Int)

  var parts: StoreParts { get }

  /// The first law that is broken, with the numbers, or `nil`.
  var brokenInvariant: String? { get }
}

/// When a cached page was used last, and how many tokens its end is from the beginning.
package struct PageAge: Equatable, Sendable {
  package var lastAccess: Int
  package var prefixTokens: Int

  package init(lastAccess: Int, prefixTokens: Int) {
    self.lastAccess = lastAccess
    self.prefixTokens = prefixTokens
  }
}

/// The bytes of a store: its parts sum to the pool.
package struct StoreParts: Equatable, Sendable {
  package var used = 0
  package var cached = 0
  /// Free, but for pages of one type only.
  package var bound = 0
  package var free = 0
  /// What makes no whole page.
  package var lost = 0

  package var total: Int { used + cached + bound + free + lost }
}
