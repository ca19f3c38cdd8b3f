import SimulationKernel
import Testing

@testable import KVMemory

/// The pool that anyone can see is right: a list for the queue, a list of blocks for each key.
private struct NaivePool {
  let rule: FreeQueueRule
  var policy = EvictionPolicy.lru
  var queue: [BlockID]
  var references: [BlockID: Int] = [:]
  var keyOf: [BlockID: BlockKey] = [:]
  var holders: [BlockKey: [BlockID]] = [:]
  var hits: [BlockID: Int] = [:]
  /// Of free cached blocks under a policy: what they are worth, and when they were given up.
  var worth: [BlockID: (worth: Int64, time: Int64)] = [:]
  var time: Int64 = 0

  mutating func take() -> (block: BlockID, evicted: [BlockID]) {
    let block = queue.removeFirst()
    references[block] = 1
    (hits[block], worth[block]) = (0, nil)
    guard let key = keyOf.removeValue(forKey: block) else { return (block, []) }
    holders[key]?.removeAll { $0 == block }
    return (block, [block])
  }

  mutating func hit(_ block: BlockID) {
    queue.removeAll { $0 == block }
    hits[block, default: 0] += 1
    worth[block] = nil
    references[block, default: 0] += 1
  }

  mutating func cache(_ block: BlockID, key: BlockKey) {
    keyOf[block] = key
    holders[key, default: []].append(block)
  }

  mutating func release(_ blocks: [BlockID]) {
    var unhashed: [BlockID] = []
    for (place, block) in blocks.enumerated().reversed() {
      references[block, default: 0] -= 1
      guard references[block] == 0 else { continue }
      if let worth = policy.worth {
        queue.insert(block, at: 0)
        guard keyOf[block] != nil else { continue }
        let given = GivenUpBlock(place: place, hits: hits[block] ?? 0, time: time)
        self.worth[block] = (worth(given), time)
        time += 1
      } else if rule == .allAtTail || keyOf[block] != nil {
        queue.append(block)
      } else {
        unhashed.append(block)
      }
    }
    queue = unhashed + queue
    if policy.worth != nil {
      let blank = blocks.reversed().filter { queue.contains($0) && worth[$0] == nil }
      let others = queue.filter { worth[$0] == nil && !blank.contains($0) }
      queue = blank + others + worth.keys.sorted { worth[$0]! < worth[$1]! }
    }
  }
}

extension CachedBlockPool {
  /// Takes one block.
  fileprivate mutating func take(evicted: inout [BlockID]) -> BlockID {
    take(1, evicted: &evicted)[0]
  }

  fileprivate mutating func take(_ count: Int, evicted: inout [BlockID]) -> [BlockID] {
    var blocks = [BlockID](repeating: -1, count: count)
    blocks.withUnsafeMutableBufferPointer { take(into: $0, evicted: &evicted) }
    return blocks
  }

  /// Gives blocks this key and those that follow it.
  fileprivate mutating func cache(_ blocks: [BlockID], from key: BlockKey) {
    blocks.withUnsafeBufferPointer { cache($0, from: key) }
  }

  fileprivate mutating func cache(_ block: BlockID, as key: BlockKey) {
    cache(1) { _ in (block, key) }
  }

  fileprivate mutating func release(_ blocks: ArraySlice<BlockID>) -> Int {
    let cached = blocks.prefix { isCached($0) }.count
    return blocks.withUnsafeBufferPointer { release($0, cached: cached) }
  }

  /// A key of one of three runs with four blocks each, which are held from then on.
  fileprivate mutating func key(_ number: Int) -> BlockKey {
    var builder = RunBuilder()
    _ = builder.add(stream: Int64(number / 4), start: 0, count: 1)
    return BlockKey(run: enter(builder.identity, blocks: 4), index: Int32(number % 4))
  }
}

@Suite struct CachedBlockPoolTests {
  private func table(_ count: Int, from pool: inout CachedBlockPool, keys: Int) -> [BlockID] {
    var evicted: [BlockID] = []
    let blocks = (0..<count).map { _ in pool.take(evicted: &evicted) }
    pool.cache(Array(blocks[..<keys]), from: pool.key(0))
    return blocks
  }

  /// Of a sequence 1 2 3 4 with two cached blocks, 4 is used first and 1 is evicted last.
  @Test func unhashedBlocksGoFirstAndTailsAreEvictedBeforePrefixes() {
    var pool = CachedBlockPool(capacity: 7, freeQueueRule: .unhashedFirst)
    let blocks = table(4, from: &pool, keys: 2)
    #expect(pool.release(blocks[...]) == 4)
    #expect(pool.freeQueue == [4, 3, 5, 6, 2, 1])
  }

  @Test func theOlderRuleAppendsEverything() {
    var pool = CachedBlockPool(capacity: 7, freeQueueRule: .allAtTail)
    let blocks = table(4, from: &pool, keys: 2)
    _ = pool.release(blocks[...])
    #expect(pool.freeQueue == [5, 6, 4, 3, 2, 1])
  }

  @Test func theOldestDuplicateIsHit() {
    var pool = CachedBlockPool(capacity: 5, freeQueueRule: .unhashedFirst)
    var evicted: [BlockID] = []
    let blocks = (0..<3).map { _ in pool.take(evicted: &evicted) }
    for block in [blocks[1], blocks[0], blocks[2]] { pool.cache(block, as: pool.key(0)) }
    #expect(pool.cachedBlock(for: pool.key(0)) == blocks[1])
    _ = pool.release(blocks[1...1])
    _ = pool.take(evicted: &evicted)
    #expect(pool.take(evicted: &evicted) == blocks[1])
    #expect(evicted == [blocks[1]])
    #expect(pool.cachedBlock(for: pool.key(0)) == blocks[0])
  }

  @Test(arguments: FreeQueueRule.allCases, 1...30)
  func agreesWithTheNaivePool(rule: FreeQueueRule, seed: Int) throws {
    try agree(rule, .lru, seed: seed)
  }

  private func agree(_ rule: FreeQueueRule, _ policy: EvictionPolicy, seed: Int) throws {
    var random = RandomStream(seed: UInt64(seed), label: "pool")
    let capacity = 2 + random.below(20)
    var pool = CachedBlockPool(
      capacity: capacity, freeQueueRule: rule, evictionPolicy: policy)
    var naive = NaivePool(rule: rule, policy: policy, queue: (1..<Int32(capacity)).map { $0 })
    var tables: [[BlockID]] = []
    let keys = (0..<12).map { pool.key($0) }
    for _ in 0..<800 {
      switch random.below(3) {
      case 0 where pool.freeCount > 0:
        let evictedBefore = pool.evictionCount
        var evicted: [BlockID] = []
        let blocks = pool.take(1 + random.below(min(4, pool.freeCount)), evicted: &evicted)
        let expected = blocks.map { _ in naive.take() }
        #expect(blocks == expected.map(\.block), "seed \(seed)")
        #expect(evicted == expected.flatMap(\.evicted), "seed \(seed)")
        #expect(pool.evictionCount == evictedBefore + evicted.count)
        if tables.isEmpty || random.below(3) == 0 { tables.append([]) }
        let owner = random.below(tables.count)
        // In any real table the cached blocks come first.
        if tables[owner].allSatisfy({ pool.isCached($0) }) {
          // One by one, or those of one run together.
          let cached = blocks.prefix(random.below(blocks.count + 1))
          let first = random.below(12)
          let together = cached.prefix(4 - first % 4)
          pool.cache(Array(together), from: keys[first])
          for (index, block) in together.enumerated() {
            naive.cache(block, key: keys[first + index])
          }
          for block in cached.dropFirst(together.count) {
            let key = keys[random.below(12)]
            pool.cache(block, as: key)
            naive.cache(block, key: key)
          }
        }
        tables[owner] += blocks
      case 1:
        let wanted = keys.map { ($0, random.below(100)) }.sorted { $0.1 < $1.1 }
          .prefix(1 + random.below(3)).map(\.0)
        let found = wanted.compactMap { pool.cachedBlock(for: $0) }
        #expect(found == wanted.compactMap { naive.holders[$0]?.first }, "seed \(seed)")
        guard let owner = tables.indices.last, !found.contains(where: tables[owner].contains),
          tables[owner].allSatisfy({ pool.isCached($0) })
        else { continue }
        #expect(pool.hit(found) == found.count { naive.queue.contains($0) })
        for block in found { naive.hit(block) }
        tables[owner] += found
      default:
        guard !tables.isEmpty else { continue }
        let blocks = tables.remove(at: random.below(tables.count))
        let before = pool.freeCount
        #expect(pool.release(blocks[...]) == pool.freeCount - before)
        naive.release(blocks)
      }
      try requireEqual(pool, naive, tables, seed: seed)
    }
  }

  /// By hits, by the place in the sequence, and newest first.
  @Test(arguments: 0..<3, 1...20)
  func agreesWithTheNaivePool(policy: Int, seed: Int) throws {
    let policies = [
      EvictionPolicy.lfu,
      EvictionPolicy(name: "depth", summary: "the end of a sequence first") { -Int64($0.place) },
      EvictionPolicy(name: "mru", summary: "the one given up last") { -$0.time },
    ]
    for rule in FreeQueueRule.allCases {
      try agree(rule, policies[policy], seed: seed)
    }
  }

  /// Ends the test at the first difference: everything after it would differ as well.
  private func requireEqual(
    _ pool: CachedBlockPool, _ naive: NaivePool, _ tables: [[BlockID]], seed: Int
  ) throws {
    try #require(pool.freeQueue == naive.queue, "seed \(seed)")
    try #require(pool.cachedBlocks == naive.keyOf.keys.sorted(), "seed \(seed)")
    try #require(pool.brokenInvariant(tables: tables) == nil, "seed \(seed)")
  }

  /// A copy is a pool of its own, whichever of the two changes, before the first key and after it.
  @Test func copiesAreIndependent() {
    var pool = CachedBlockPool(capacity: 5, freeQueueRule: .allAtTail)
    var evicted: [BlockID] = []
    let first = pool.take(evicted: &evicted)
    let key = pool.key(0)
    var copy = pool
    copy.cache(first, as: key)
    #expect(copy.cachedBlocks == [first] && pool.cachedBlocks == [])
    #expect(copy.cachedBlock(for: key) == first)
    #expect(pool.cachedBlock(for: key) == nil)
    let second = pool.take(evicted: &evicted)
    #expect(pool.freeQueue == [3, 4] && copy.freeQueue == [2, 3, 4])
    var third = copy
    _ = third.release([first])
    #expect(third.freeQueue == [2, 3, 4, first] && copy.referenceCount(of: first) == 1)
    #expect(second == 2 && evicted == [])
  }
}
