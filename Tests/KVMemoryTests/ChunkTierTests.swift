import SimulationKernel
import Testing

@testable import KVMemory

@Suite struct ChunkTierTests {
  /// Chunk `index` of a text, of 4 tokens.
  private func chunk(_ text: Int, _ index: Int) -> ChunkTier.Chunk {
    var builder = RunBuilder()
    _ = builder.add(stream: Int64(text), start: 0, count: 1)
    return ChunkTier.Chunk(
      key: ContentKey(run: builder.identity, index: Int32(index)), position: 4 * (index + 1),
      group: 0)
  }

  private func text(_ number: Int, _ count: Int) -> [ChunkTier.Chunk] {
    (0..<count).map { chunk(number, $0) }
  }

  /// Stores what is missing and finishes it at once.
  private func put(_ tier: inout ChunkTier, _ chunks: [ChunkTier.Chunk], by request: Int) -> [Int] {
    let stored = tier.store(chunks, by: request)
    for (_, place) in stored ?? [] { tier.finishStore(place) }
    return stored?.map { Int($0.place) } ?? [-1]
  }

  /// Request 0 leaves from its end; once it is complete it is newer than request 1, and its beginning the newest.
  @Test func theEndOfTheRequestUsedLeastRecentlyLeavesFirst() {
    var tier = ChunkTier(capacity: 6, policy: .lru)
    #expect(put(&tier, text(0, 3), by: 0) == [0, 1, 2])
    #expect(put(&tier, text(1, 2), by: 1) == [3, 4])
    #expect(tier.order == .lru([2, 1, 0, 4, 3]))
    tier.finish(0)
    #expect(tier.order == .lru([4, 3, 2, 1, 0]))
    #expect(put(&tier, text(2, 3), by: 2) == [5, 3, 4])
    #expect(tier.state(of: chunk(1, 0).key) == .absent)
    #expect(tier.state(of: chunk(0, 0).key) == .ready)
  }

  /// Two of three chunks are read or being written, and the third is among those offered.
  @Test func whatIsReadWrittenOrOfferedStays() throws {
    var tier = ChunkTier(capacity: 3, policy: .lru)
    _ = put(&tier, text(0, 2), by: 0)
    let pinned = tier.pin([chunk(0, 1)], by: 1)
    let stored = tier.store([chunk(1, 0)], by: 2)
    let written = try #require(stored)
    #expect(tier.store([chunk(0, 0), chunk(2, 0)], by: 3) == nil)
    #expect(tier.count == 3 && tier.evictedCount == 0)
    tier.unpin(pinned[0])
    #expect(put(&tier, [chunk(0, 0), chunk(2, 0)], by: 3) == [1])
    #expect(tier.state(of: chunk(1, 0).key) == .writing)
    tier.finishStore(written[0].place)
    #expect(tier.state(of: chunk(1, 0).key) == .ready)
  }

  /// Of the offers of the last two chunks that were offered only.
  @Test func aChunkIsStoredWhenItIsOfferedOftenEnough() {
    var tier = ChunkTier(capacity: 4, policy: .lru, storeThreshold: 2, trackedMax: 2)
    #expect(put(&tier, [chunk(0, 0)], by: 0) == [])
    #expect(put(&tier, [chunk(0, 0)], by: 1) == [0])
    #expect(put(&tier, [chunk(1, 0)], by: 2) == [])
    #expect(put(&tier, [chunk(2, 0), chunk(3, 0)], by: 3) == [])
    #expect(put(&tier, [chunk(1, 0)], by: 4) == [], "its offer was forgotten")
  }

  /// Chunks 0 and 1 were used once and leave; when 1 is missed the first list may have one more.
  @Test func missesSayWhichListNeedsRoom() {
    var tier = ChunkTier(capacity: 2, policy: .arc)
    for request in 0..<2 {
      _ = put(&tier, [chunk(request, 0)], by: request)
      tier.finish(request)
    }
    #expect(put(&tier, [chunk(2, 0)], by: 2) == [0])
    #expect(
      tier.order == .arc(once: [1, 0], again: [], evictedOnce: 1, evictedAgain: 0, target: 0))
    #expect(put(&tier, [chunk(0, 0)], by: 3) == [1])
    #expect(
      tier.order == .arc(once: [0, 1], again: [], evictedOnce: 1, evictedAgain: 0, target: 1))
    _ = put(&tier, [chunk(0, 0)], by: 4)
    tier.finish(4)
    #expect(
      tier.order == .arc(once: [0], again: [1], evictedOnce: 1, evictedAgain: 0, target: 1))
  }

  /// Against lists that are sorted and searched anew each time.
  @Test(arguments: ChunkPolicy.allCases, 1...40)
  func agreesWithANaiveTier(policy: ChunkPolicy, seed: Int) throws {
    var random = RandomStream(seed: UInt64(seed), label: "tier")
    let capacity = 1 + random.below(12)
    let threshold = random.below(3)
    var tier = ChunkTier(
      capacity: capacity, policy: policy, storeThreshold: threshold, trackedMax: 5)
    var naive = NaiveTier(
      capacity: capacity, isAdaptive: policy == .arc, threshold: threshold, trackedMax: 5)
    var writing: [ChunkTier.Place] = []
    var pinned: [ChunkTier.Place] = []
    for step in 0..<600 {
      let request = step / 7 - random.below(3)
      let what = "\(policy), seed \(seed), step \(step)"
      switch random.below(6) {
      case 0, 1, 2:
        let first = random.below(3)
        let offered = (first..<first + 1 + random.below(4)).map { chunk(random.below(2), $0) }
        let got = tier.store(offered, by: request)
        let wanted = naive.store(offered, by: request)
        try #require(got?.map(\.index) == wanted?.map(\.index), "\(what)")
        try #require(got?.map(\.place) == wanted?.map(\.place), "\(what)")
        writing += got?.map(\.place) ?? []
      case 3 where !writing.isEmpty:
        let place = writing.remove(at: random.below(writing.count))
        tier.finishStore(place)
        naive.slots[place]?.isReady = true
      case 4:
        let wanted = chunk(random.below(2), random.below(6))
        guard tier.state(of: wanted.key) == .ready else { continue }
        pinned += tier.pin([wanted], by: request)
        naive.pin(wanted, by: request)
      case 5 where !pinned.isEmpty:
        let place = pinned.remove(at: random.below(pinned.count))
        tier.unpin(place)
        naive.slots[place]?.pins -= 1
      default:
        tier.finish(request)
        naive.finish(request)
      }
      try #require(tier.brokenInvariant == nil, "\(what): \(tier.brokenInvariant ?? "")")
      try #require(tier.order == naive.order, "\(what)")
    }
  }
}

/// The tier as its rules say it, without indices: every question looks at everything.
private struct NaiveTier {
  struct Slot {
    var key: ContentKey
    var isReady = false
    var pins = 0
    var rank = [0, 0, 0]
    var isAgain = false
    var place: ChunkTier.Place
    /// When it came to the end of its list.
    var moved = 0
  }

  struct Use {
    var chunk: ChunkTier.Chunk
    var isInserted = false
    var isReused = false
  }

  let capacity: Int
  let isAdaptive: Bool
  let threshold: Int
  let trackedMax: Int
  var slots: [ChunkTier.Place: Slot] = [:]
  var returned: [ChunkTier.Place] = []
  var used = 0
  var tracked: [(key: ContentKey, offers: Int)] = []
  var uses: [Int: [Use]] = [:]
  var turns: [Int: Int] = [:]
  var missed: [Int: [ContentKey]] = [:]
  var ghosts: [[ContentKey]] = [[], []]
  var target = 0.0
  var clock = 0
  var turn = 0

  func place(of key: ContentKey) -> ChunkTier.Place? { slots.first { $0.value.key == key }?.key }

  mutating func store(
    _ chunks: [ChunkTier.Chunk], by request: Int
  ) -> [(index: Int, place: ChunkTier.Place)]? {
    let offered = chunks.indices.filter { index in
      guard threshold >= 2 else { return true }
      let key = chunks[index].key
      let before = tracked.first { $0.key == key }?.offers ?? 0
      tracked.removeAll { $0.key == key }
      if tracked.count == trackedMax { tracked.removeFirst() }
      tracked.append((key, before + 1))
      return before + 1 >= threshold
    }
    let missing = offered.filter { place(of: chunks[$0].key) == nil }
    let kept = offered.compactMap { place(of: chunks[$0].key) }
    for index in offered {
      guard let place = place(of: chunks[index].key), slots[place]!.isReady else { continue }
      use(chunks[index], place, request) { if !$0.isInserted { $0.isReused = true } }
    }
    for index in missing.reversed() { miss(chunks[index].key, request) }
    let candidates = slots.values.filter {
      $0.isReady && $0.pins == 0 && !kept.contains($0.place)
    }
    let wanted = missing.count - (capacity - slots.count)
    guard !missing.isEmpty else { return [] }
    guard wanted <= candidates.count else { return nil }
    for _ in 0..<max(0, wanted) { evict(besides: kept) }
    if wanted > 0 { ghosts = ghosts.map { Array($0.suffix(capacity)) } }
    return missing.map { index in
      let place = used < capacity ? ChunkTier.Place(used) : returned.removeLast()
      if used < capacity { used += 1 }
      clock += 1
      let key = chunks[index].key
      slots[place] = Slot(key: key, rank: [Int.min, 0, 0], place: place, moved: clock)
      ghosts = ghosts.map { $0.filter { $0 != key } }
      use(chunks[index], place, request) { $0.isInserted = true }
      if turns[request] != nil { rank(place, [turns[request]!, -chunks[index].position]) }
      return (index, place)
    }
  }

  mutating func pin(_ chunk: ChunkTier.Chunk, by request: Int) {
    let place = place(of: chunk.key)!
    use(chunk, place, request) { $0.isReused = true }
    slots[place]!.pins += 1
  }

  mutating func use(
    _ chunk: ChunkTier.Chunk, _ place: ChunkTier.Place, _ request: Int,
    _ note: (inout Use) -> Void
  ) {
    if turns[request] == nil {
      turns[request] = turn
      turn += 1
    }
    if let known = uses[request]?.firstIndex(where: { $0.chunk.key == chunk.key }) {
      note(&uses[request]![known])
    } else {
      uses[request, default: []].append(Use(chunk: chunk))
      note(&uses[request]![uses[request]!.count - 1])
      rank(place, [turns[request]!, -chunk.position])
    }
  }

  mutating func rank(_ place: ChunkTier.Place, _ rank: [Int]) {
    guard slots[place]!.rank.prefix(2).lexicographicallyPrecedes(rank) else { return }
    clock += 1
    slots[place]!.rank = rank + [clock]
  }

  mutating func miss(_ key: ContentKey, _ request: Int) {
    guard isAdaptive, !(missed[request, default: []].contains(key)) else { return }
    missed[request, default: []].append(key)
    let counts = ghosts.map { Double($0.count) }
    if ghosts[0].contains(key) {
      target = min(Double(capacity), target + max(1, counts[1] / counts[0]))
      ghosts[0] = ghosts[0].filter { $0 != key } + [key]
    } else if ghosts[1].contains(key) {
      target = max(0, target - max(1, counts[0] / counts[1]))
      ghosts[1] = ghosts[1].filter { $0 != key } + [key]
    }
  }

  mutating func finish(_ request: Int) {
    let all = (uses.removeValue(forKey: request) ?? []).enumerated().sorted {
      ($0.element.chunk.position, $0.offset) > ($1.element.chunk.position, $1.offset)
    }
    turns[request] = nil
    missed[request] = nil
    for (_, use) in all {
      guard let place = place(of: use.chunk.key) else { continue }
      clock += 1
      slots[place]!.rank = [turn, 0, clock]
      turn += 1
      slots[place]!.moved = clock
      if use.isReused { slots[place]!.isAgain = true }
    }
  }

  mutating func evict(besides kept: [ChunkTier.Place]) {
    let candidates = slots.values.filter {
      $0.isReady && $0.pins == 0 && !kept.contains($0.place)
    }
    var victim = candidates.min { $0.rank.lexicographicallyPrecedes($1.rank) }!
    if isAdaptive {
      let lists = [false, true].map { isAgain in
        candidates.filter { $0.isAgain == isAgain }.min { $0.moved < $1.moved }
      }
      let once = slots.values.count { !$0.isAgain }
      let first = once >= Int(target) ? lists[0] : nil
      victim = first ?? lists[1] ?? lists[0]!
      ghosts[victim.isAgain ? 1 : 0].append(victim.key)
    }
    slots[victim.place] = nil
    returned.append(victim.place)
  }

  var order: EvictionOrder {
    guard isAdaptive else {
      return .lru(
        slots.values.sorted { $0.rank.lexicographicallyPrecedes($1.rank) }.map(\.place))
    }
    let lists = [false, true].map { isAgain in
      slots.values.filter { $0.isAgain == isAgain }.sorted { $0.moved < $1.moved }.map(\.place)
    }
    return .arc(
      once: lists[0], again: lists[1], evictedOnce: ghosts[0].count, evictedAgain: ghosts[1].count,
      target: target)
  }
}
