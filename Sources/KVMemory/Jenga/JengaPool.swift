import HeapModule

/// Pages of several sizes over one pool: large pages of the least common multiple, each split for one type of layer.
///
///     large page   |───────────── 768 bytes ─────────────|
///     type 0       |── 256 ──|── 256 ──|── 256 ──|          cross attention, two layers
///     type 1       |──── 384 ────|──── 384 ────|            self attention, three layers
///
/// A small page is *used*, *cached* (held by nobody, but can be found again) or *empty*. A large page whose small pages are
/// all empty belongs to no type; one that has no used page and some cached one can be evicted as a whole.
///
/// A small page for a type and a request is, in this order: an empty one of a large page tied to the request; one of an
/// empty large page, which is tied to it; one of an evicted large page; any empty one of the type; an evicted one of the
/// type. What was used least recently is evicted, of two used at the same time the one farther from the beginning of its
/// prompt.
///
/// - Complexity: O(log pages) amortised, and O(small pages of a large page) where one is split or evicted.
/// - Source: Zhang et al., "Jenga" (arXiv 2503.18292), §4. Reconstructed: which of several empty pages is taken (the last to
///   become empty); that a large page with empty pages beside cached ones can be evicted; that its time and prefix are those
///   of its newest page.
package struct JengaPool: Sendable {
  /// A small page by its large page and its place in it.
  package struct Page: Hashable, Sendable {
    package var large: Int32
    package var slot: Int32

    package init(large: Int32, slot: Int32) {
      self.large = large
      self.slot = slot
    }
  }

  /// What a small page holds.
  package enum State: Equatable, Sendable {
    case empty, used
    case cached(lastAccess: Int, prefixTokens: Int)
  }

  /// A large page that is split.
  struct Large: Equatable, Sendable {
    var type: Int
    var request: Int32
    var states: [State]
    var usedCount = 0
    var cachedCount = 0
  }

  let poolBytes: Int
  package let largeBytes: Int
  /// Small pages of a large one, by type.
  package let smallCounts: [Int]
  /// `nil` for a large page that belongs to no type.
  private(set) var larges: [Large?]
  /// Small pages that are used and cached, by type.
  private(set) var usedCounts: [Int]
  private(set) var cachedCounts: [Int]
  /// Small pages of large ones in use that are not used, by type: what the type can take there.
  private(set) var room: [Int]
  /// Large pages of which nothing is used and something is cached.
  private(set) var evictableCount = 0
  /// Large pages that are empty, the next to be taken last.
  private var emptyLarges: [Int32]
  /// Pages that became empty, by type and request, and by type; some are out of date.
  private var tied: [Tie: [Page]] = [:]
  private var loose: [[Page]]
  /// Pages that became cached, by type, and large pages that could be evicted then; some are out of date.
  private var cached: [Heap<Cached>]
  private var evictable = Heap<Cached>()

  private struct Tie: Hashable {
    var type: Int
    var request: Int32
  }

  /// A cached page, or the newest one of a large page: the smallest is evicted first.
  private struct Cached: Comparable, Sendable {
    var lastAccess: Int
    var prefixTokens: Int
    var page: Page

    static func < (a: Cached, b: Cached) -> Bool {
      (a.lastAccess, -a.prefixTokens, a.page.large, a.page.slot)
        < (b.lastAccess, -b.prefixTokens, b.page.large, b.page.slot)
    }
  }

  /// - Parameters:
  ///   - bytes: Of the pool; what makes no whole large page is left over.
  ///   - smallBytes: Of a small page, by type.
  package init(bytes: Int, smallBytes: [Int]) {
    precondition(smallBytes.allSatisfy { $0 > 0 }, "JengaPool: small pages of \(smallBytes) bytes")
    largeBytes = Self.leastCommonMultiple(smallBytes)
    let largeBytes = largeBytes
    poolBytes = bytes
    smallCounts = smallBytes.map { largeBytes / $0 }
    usedCounts = smallBytes.map { _ in 0 }
    cachedCounts = usedCounts
    room = usedCounts
    let count = bytes / largeBytes
    larges = Array(repeating: nil, count: count)
    emptyLarges = (0..<Int32(count)).reversed()
    loose = smallBytes.map { _ in [] }
    cached = smallBytes.map { _ in Heap() }
  }

  /// Bytes of a large page for small pages of these sizes.
  package static func leastCommonMultiple(_ sizes: [Int]) -> Int {
    sizes.reduce(1) { multiple, size in
      var (a, b) = (multiple, size)
      while b > 0 { (a, b) = (b, a % b) }
      return multiple / a * size
    }
  }

  /// Large pages that belong to no type.
  var emptyLargeCount: Int { emptyLarges.count }

  /// The state of a small page of a split large page.
  package func state(of page: Page) -> State? {
    larges[Int(page.large)].map { $0.states[Int(page.slot)] }
  }

  /// Takes a small page.
  ///
  /// - Returns: The page and what was evicted for it; `nil` if every page of the type is used, and no large one is free.
  package mutating func allocate(
    type: Int, request: Int32
  ) -> (page: Page, evicted: [Page])? {
    if let page = takeTied(type, request) { return (page, []) }
    if let large = emptyLarges.popLast() { return (split(large, type, request), []) }
    if let (large, evicted) = evictLarge() { return (split(large, type, request), evicted) }
    if let page = takeLoose(type) { return (page, []) }
    guard let page = evictSmall(type) else { return nil }
    use(page)
    return (page, [page])
  }

  /// Gives a used page back, to be found again or not.
  ///
  /// - Parameter state: ``State/empty``, or cached with the time of the last access and the tokens up to its end.
  package mutating func release(_ page: Page, to state: State) {
    precondition(self.state(of: page) == .used, "JengaPool: \(page) is not used")
    settle(page, state)
  }

  /// Takes a cached page again: a hit.
  package mutating func reuse(_ page: Page) {
    guard case .cached = state(of: page) else {
      preconditionFailure("JengaPool: \(page) is not cached")
    }
    use(page)
  }

  // MARK: Steps of an allocation

  /// Changes a large page, and what is counted of all.
  private mutating func change(_ index: Int32, _ body: (inout Large?) -> Void) {
    count(larges[Int(index)], by: -1)
    body(&larges[Int(index)])
    count(larges[Int(index)], by: 1)
  }

  private mutating func count(_ large: Large?, by sign: Int) {
    guard let large else { return }
    usedCounts[large.type] += sign * large.usedCount
    cachedCounts[large.type] += sign * large.cachedCount
    if large.usedCount > 0 {
      room[large.type] += sign * (large.states.count - large.usedCount)
    } else if large.cachedCount > 0 {
      evictableCount += sign
    }
  }

  private mutating func use(_ page: Page) {
    change(page.large) {
      $0!.cachedCount -= $0!.states[Int(page.slot)] == .empty ? 0 : 1
      $0!.states[Int(page.slot)] = .used
      $0!.usedCount += 1
    }
  }

  /// The last page of a type to become empty in the large pages of a request.
  private mutating func takeTied(_ type: Int, _ request: Int32) -> Page? {
    let tie = Tie(type: type, request: request)
    while let page = tied[tie]?.popLast() {
      guard isEmpty(page, type), larges[Int(page.large)]?.request == request else { continue }
      use(page)
      return page
    }
    return nil
  }

  /// The last page of a type to become empty.
  private mutating func takeLoose(_ type: Int) -> Page? {
    while let page = loose[type].popLast() {
      guard isEmpty(page, type) else { continue }
      use(page)
      return page
    }
    return nil
  }

  private func isEmpty(_ page: Page, _ type: Int) -> Bool {
    guard let large = larges[Int(page.large)] else { return false }
    return large.type == type && large.states[Int(page.slot)] == .empty
  }

  /// Splits an empty large page for a type, ties it to a request and takes its first small page.
  private mutating func split(_ large: Int32, _ type: Int, _ request: Int32) -> Page {
    let states = Array(repeating: State.empty, count: smallCounts[type])
    change(large) { $0 = Large(type: type, request: request, states: states) }
    for slot in (1..<Int32(max(1, smallCounts[type]))).reversed() {
      note(Page(large: large, slot: slot))
    }
    let page = Page(large: large, slot: 0)
    use(page)
    return page
  }

  private mutating func note(_ empty: Page) {
    guard let large = larges[Int(empty.large)] else { return }
    tied[Tie(type: large.type, request: large.request), default: []].append(empty)
    loose[large.type].append(empty)
    // What is out of date is dropped before the list grows beyond twice the pages that there are.
    if loose[large.type].count > 2 * larges.count * smallCounts[large.type] {
      var seen: Set<Page> = []
      let kept = loose[large.type].reversed().filter {
        isEmpty($0, large.type) && seen.insert($0).inserted
      }
      loose[large.type] = kept.reversed()
    }
  }

  /// Gives a page that nobody uses its state, and its large page back if all of it is empty.
  private mutating func settle(_ page: Page, _ state: State) {
    let index = Int(page.large)
    change(page.large) {
      $0!.states[Int(page.slot)] = state
      $0!.usedCount -= 1
      $0!.cachedCount += state == .empty ? 0 : 1
    }
    if case .cached(let lastAccess, let prefixTokens) = state {
      cached[larges[index]!.type].insert(
        Cached(lastAccess: lastAccess, prefixTokens: prefixTokens, page: page))
    } else {
      note(page)
    }
    guard larges[index]!.usedCount == 0 else { return }
    if larges[index]!.cachedCount == 0 {
      untie(page.large)
      change(page.large) { $0 = nil }
      emptyLarges.append(page.large)
    } else if let newest = newest(page.large) {
      evictable.insert(newest)
    }
  }

  private mutating func untie(_ index: Int32) {
    guard let large = larges[Int(index)] else { return }
    let tie = Tie(type: large.type, request: large.request)
    tied[tie]?.removeAll { $0.large == index }
    if tied[tie]?.isEmpty == true { tied[tie] = nil }
  }

  /// The newest cached page of a large page that can be evicted; of two as new the one nearer to the beginning.
  private func newest(_ large: Int32) -> Cached? {
    guard let page = larges[Int(large)], page.usedCount == 0 else { return nil }
    return page.states.indices.compactMap { slot -> Cached? in
      guard case .cached(let lastAccess, let prefixTokens) = page.states[slot] else { return nil }
      return Cached(
        lastAccess: lastAccess, prefixTokens: prefixTokens,
        page: Page(large: large, slot: Int32(slot)))
    }.max()
  }

  private mutating func evictLarge() -> (large: Int32, evicted: [Page])? {
    while let entry = evictable.popMin() {
      let large = entry.page.large
      guard newest(large) == entry, let states = larges[Int(large)]?.states else { continue }
      let evicted = states.indices.filter { states[$0] != .empty }.map {
        Page(large: large, slot: Int32($0))
      }
      untie(large)
      change(large) { $0 = nil }
      return (large, evicted)
    }
    return nil
  }

  private mutating func evictSmall(_ type: Int) -> Page? {
    while let entry = cached[type].popMin() {
      let state = State.cached(lastAccess: entry.lastAccess, prefixTokens: entry.prefixTokens)
      guard larges[Int(entry.page.large)]?.type == type, self.state(of: entry.page) == state else {
        continue
      }
      return entry.page
    }
    return nil
  }
}
