/// Adaptive replacement: two lists of chunks, used once and used again, and the keys that each has lost lately.
///
///     forgotten ◀ | evictedOnce | ◀ | once |     a key in evictedOnce is missed: `once` may have more
///     forgotten ◀ | evictedAgain | ◀ | again |   one in evictedAgain: fewer
///
/// - Source: Megiddo and Modha, FAST 2003, as vLLM 0.33's `ARCCachePolicy` has it: lists change when a request is
///   complete.
struct AdaptiveChunks: ChunkOrder {
  private let capacity: Int
  private var once = RecencyList<ChunkTier.Place>()
  private var again = RecencyList<ChunkTier.Place>()
  private var evictedOnce = RecencyList<ContentKey>()
  private var evictedAgain = RecencyList<ContentKey>()
  /// Chunks that `once` may have before it gives some up for `again`.
  private var target = 0.0

  init(capacity: Int) { self.capacity = capacity }

  mutating func insert(_ place: ChunkTier.Place, key: ContentKey) {
    evictedOnce.remove(key)
    evictedAgain.remove(key)
    once.append(place)
  }

  mutating func use(_ uses: [ChunkUse], turn: Int) {}

  var learnsFromMisses: Bool { true }

  mutating func miss(_ key: ContentKey) {
    let (ones, more) = (Double(evictedOnce.count), Double(evictedAgain.count))
    if evictedOnce.contains(key) {
      target = min(target + max(1, more / ones), Double(capacity))
      evictedOnce.append(key)
    } else if evictedAgain.contains(key) {
      target = max(target - max(1, ones / more), 0)
      evictedAgain.append(key)
    }
  }

  mutating func nextTurn() -> Int { 0 }

  mutating func finish(_ chunks: [FinishedChunk]) {
    for chunk in chunks {
      if chunk.isReused { once.remove(chunk.place) }
      if once.contains(chunk.place) { once.append(chunk.place) } else { again.append(chunk.place) }
    }
  }

  mutating func end(turn: Int) {}

  mutating func evict(
    _ count: Int, _ key: (ChunkTier.Place) -> ContentKey, where mayBe: (ChunkTier.Place) -> Bool
  ) -> [ChunkTier.Place] {
    defer {
      while evictedOnce.count > capacity { _ = evictedOnce.popFirst() }
      while evictedAgain.count > capacity { _ = evictedAgain.popFirst() }
    }
    return (0..<count).map { _ in evictFirst(key, where: mayBe) }
  }

  private mutating func evictFirst(
    _ key: (ChunkTier.Place) -> ContentKey, where mayBe: (ChunkTier.Place) -> Bool
  ) -> ChunkTier.Place {
    if once.count >= Int(target), let place = once.first(where: mayBe) {
      return evictOnce(place, key(place))
    }
    if let place = again.first(where: mayBe) {
      again.remove(place)
      evictedAgain.append(key(place))
      return place
    }
    guard let place = once.first(where: mayBe) else {
      preconditionFailure("AdaptiveChunks.evict: no chunk may be evicted")
    }
    return evictOnce(place, key(place))
  }

  private mutating func evictOnce(_ place: ChunkTier.Place, _ key: ContentKey) -> ChunkTier.Place {
    once.remove(place)
    evictedOnce.append(key)
    return place
  }

  var order: EvictionOrder {
    .arc(
      once: once.elements, again: again.elements, evictedOnce: evictedOnce.count,
      evictedAgain: evictedAgain.count, target: target)
  }
}
