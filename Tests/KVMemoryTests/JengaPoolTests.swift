import SimulationKernel
import Testing

@testable import KVMemory

@Suite struct JengaPoolTests {
  typealias Page = JengaPool.Page

  /// The paper's example: two cross layers of 128 bytes, three self layers of 128.
  @Test func largePagesAreTheLeastCommonMultiple() {
    let pool = JengaPool(bytes: 768 * 4 + 100, smallBytes: [256, 384])
    #expect(pool.largeBytes == 768)
    #expect(pool.smallCounts == [3, 2])
    #expect(pool.larges.count == 4)
    #expect(JengaPool.leastCommonMultiple([4, 6, 10]) == 60)
  }

  /// Two requests do not share a large page while there is another one.
  @Test func largePagesAreTiedToRequests() {
    var pool = JengaPool(bytes: 768 * 2, smallBytes: [256, 384])
    let first = [1, 2, 1].map { pool.allocate(type: 0, request: $0)?.page }
    #expect(first == [Page(large: 0, slot: 0), Page(large: 1, slot: 0), Page(large: 0, slot: 1)])
    // Nothing is free for another type, and nothing is cached.
    let other = pool.allocate(type: 1, request: 1)
    #expect(other == nil)
    // Request 3 has no page of its own: any empty one of the type.
    let stranger = pool.allocate(type: 0, request: 3)
    #expect(stranger?.evicted == [])
    #expect(pool.ledger == .init(used: 4 * 256, cached: 0, split: 2 * 256, free: 0))
  }

  @Test func aLargePageReturnsWhenAllIsEmpty() {
    var pool = JengaPool(bytes: 768, smallBytes: [256, 384])
    let pages = (0..<3).compactMap { _ in pool.allocate(type: 0, request: 1)?.page }
    let before = pool.allocate(type: 1, request: 1)
    #expect(before == nil)
    for page in pages { pool.release(page, to: .empty) }
    #expect(pool.ledger.free == 768)
    let after = pool.allocate(type: 1, request: 1)?.page
    #expect(after == Page(large: 0, slot: 0))
  }

  /// Large pages whose newest page is oldest go first, before empty small pages of other requests are touched.
  @Test func wholeLargePagesAreEvictedFirst() throws {
    var pool = JengaPool(bytes: 768 * 3, smallBytes: [256, 384])
    for request in 0..<Int32(3) {
      let pages = (0..<2).compactMap { _ in pool.allocate(type: 0, request: request)?.page }
      guard request < 2 else { continue }
      pool.release(pages[0], to: .cached(lastAccess: request == 0 ? 9 : 1, prefixTokens: 16))
      pool.release(pages[1], to: .cached(lastAccess: request == 0 ? 2 : 5, prefixTokens: 32))
    }
    let answer = pool.allocate(type: 0, request: 7)
    let taken = try #require(answer)
    // Large page 1: its newest access is 5, that of large page 0 is 9.
    #expect(taken.page == Page(large: 1, slot: 0))
    #expect(taken.evicted == [Page(large: 1, slot: 0), Page(large: 1, slot: 1)])
  }

  /// Of pages used last at the same time the one that ends the longer prefix goes.
  @Test func theLongerPrefixGoesFirst() throws {
    var one = JengaPool(bytes: 768, smallBytes: [256, 384])
    let three = (0..<3).compactMap { _ in one.allocate(type: 0, request: 1)?.page }
    one.release(three[0], to: .cached(lastAccess: 4, prefixTokens: 16))
    one.release(three[1], to: .cached(lastAccess: 4, prefixTokens: 32))
    let answer = one.allocate(type: 0, request: 2)
    let taken = try #require(answer)
    #expect(taken.page == three[1] && taken.evicted == [three[1]])
    one.reuse(three[0])
    let none = one.allocate(type: 0, request: 2)
    #expect(none == nil)
  }

  /// Whatever is taken is what the five steps allow, looked up in all states.
  @Test(arguments: seeds(40)) func followsTheFiveSteps(seed: UInt64) {
    var numbers = RandomStream(seed: seed, label: "jenga")
    let sizes = [[2, 3], [1, 4], [6, 4, 3], [5]][numbers.below(4)]
    var pool = JengaPool(
      bytes: JengaPool.leastCommonMultiple(sizes) * (1 + numbers.below(6)), smallBytes: sizes)
    var used: [Page] = []
    var cached: [Page] = []
    for step in 0..<500 {
      switch numbers.below(5) {
      case 0...2:
        let (type, request) = (numbers.below(sizes.count), Int32(numbers.below(4)))
        let allowed = Allowed(pool, type: type, request: request)
        let taken = pool.allocate(type: type, request: request)
        #expect(allowed.contains(taken?.page, evicted: taken?.evicted ?? []), "step \(step)")
        guard let taken else { continue }
        cached.removeAll { taken.evicted.contains($0) }
        used.append(taken.page)
      case 3 where !used.isEmpty:
        let page = used.remove(at: numbers.below(used.count))
        let isCached = numbers.below(3) > 0
        pool.release(
          page,
          to: isCached
            ? .cached(lastAccess: step / 20, prefixTokens: 16 * numbers.below(5)) : .empty)
        if isCached { cached.append(page) }
      case 4 where !cached.isEmpty:
        let page = cached.remove(at: numbers.below(cached.count))
        pool.reuse(page)
        used.append(page)
      default: break
      }
      #expect(pool.brokenInvariant == nil, "step \(step)")
      #expect(used.allSatisfy { pool.state(of: $0) == .used }, "step \(step)")
    }
  }
}

/// What the five steps allow to be taken next, by looking at every page.
private struct Allowed {
  var pages: [JengaPool.Page] = []
  /// Large pages of which one may be evicted whole.
  var larges: [Int32] = []
  var evictsSmall = false
  private let before: [JengaPool.Large?]

  init(_ pool: JengaPool, type: Int, request: Int32) {
    before = pool.larges
    let own = Self.empty(before) { $0.type == type && $0.request == request }
    let free = before.indices.filter { before[$0] == nil }
    let evictable = before.indices.filter { index in
      before[index].map { $0.usedCount == 0 && $0.cachedCount > 0 } ?? false
    }
    let any = Self.empty(before) { $0.type == type }
    if !own.isEmpty {
      pages = own
    } else if !free.isEmpty {
      pages = free.map { JengaPool.Page(large: Int32($0), slot: 0) }
    } else if !evictable.isEmpty {
      let keys = evictable.map { index in
        (index, Self.keys(before[index]).max { $0 < $1 } ?? (0, 0))
      }
      let oldest = keys.map(\.1).min { $0 < $1 } ?? (0, 0)
      larges = keys.filter { $0.1 == oldest }.map { Int32($0.0) }
      pages = larges.map { JengaPool.Page(large: $0, slot: 0) }
    } else if !any.isEmpty {
      pages = any
    } else {
      evictsSmall = true
      let oldest = before.compactMap { $0 }.filter { $0.type == type }.flatMap { Self.keys($0) }
        .min { $0 < $1 }
      for (index, large) in before.enumerated() where large?.type == type {
        for (slot, state) in (large?.states ?? []).enumerated() {
          if case .cached(let time, let prefix) = state, let oldest, (time, -prefix) == oldest {
            pages.append(JengaPool.Page(large: Int32(index), slot: Int32(slot)))
          }
        }
      }
    }
  }

  /// Time of the last access, and the prefix with its sign turned: the least goes first.
  private static func keys(_ large: JengaPool.Large?) -> [(Int, Int)] {
    (large?.states ?? []).compactMap { state in
      if case .cached(let time, let prefix) = state { (time, -prefix) } else { nil }
    }
  }

  private static func empty(
    _ larges: [JengaPool.Large?], _ isWanted: (JengaPool.Large) -> Bool
  ) -> [JengaPool.Page] {
    larges.enumerated().flatMap { index, large -> [JengaPool.Page] in
      guard let large, isWanted(large) else { return [] }
      return large.states.indices.filter { large.states[$0] == .empty }.map {
        JengaPool.Page(large: Int32(index), slot: Int32($0))
      }
    }
  }

  func contains(_ page: JengaPool.Page?, evicted: [JengaPool.Page]) -> Bool {
    guard let page else { return pages.isEmpty }
    guard pages.contains(page) else { return false }
    if evictsSmall { return evicted == [page] }
    guard larges.contains(page.large) else { return evicted.isEmpty }
    let states = before[Int(page.large)]?.states ?? []
    return Set(evicted.map(\.slot))
      == Set(states.indices.filter { states[$0] != .empty }.map(Int32.init))
  }
}
