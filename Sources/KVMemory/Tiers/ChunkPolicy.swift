/// Which chunk of a tier is evicted first.
///
/// - Source: the cache policies of vLLM 0.33's CPU offloading, by the rules beside its recorded step traces.
public enum ChunkPolicy: String, CaseIterable, Sendable {
  /// Those of the request that used its chunks least recently, the last of its sequence first.
  case lru
  /// Adaptive: chunks used once and chunks used again are told apart, and what was evicted says which need more room.
  case arc

  func makeOrder(capacity: Int) -> any ChunkOrder {
    switch self {
    case .lru: RankedChunks()
    case .arc: AdaptiveChunks(capacity: capacity)
    }
  }
}

/// In which order a policy evicts, in places of a tier.
public enum EvictionOrder: Equatable, Sendable {
  /// First to be evicted first.
  case lru([ChunkTier.Place])
  /// Used once, used again; how many evicted ones of each are remembered; about how many the first list may have.
  case arc(
    once: [ChunkTier.Place], again: [ChunkTier.Place], evictedOnce: Int, evictedAgain: Int,
    target: Double)
}

/// A use of a chunk that ends at `position` tokens of its sequence.
struct ChunkUse: Sendable {
  var place: ChunkTier.Place
  var position: Int
}

/// A chunk of a request that is complete.
struct FinishedChunk: Sendable {
  var place: ChunkTier.Place
  /// Whether it was there before the request, or was read by it.
  var isReused: Bool
}

/// What a policy knows of the chunks of a tier.
protocol ChunkOrder: Sendable {
  /// A chunk was given a place.
  mutating func insert(_ place: ChunkTier.Place, key: ContentKey)
  /// A request uses chunks for the first time, in this order.
  ///
  /// - Parameter turn: When the request used its first chunk.
  mutating func use(_ uses: [ChunkUse], turn: Int)
  /// Whether ``miss(_:)`` changes something.
  var learnsFromMisses: Bool { get }
  /// A request offers a chunk that is not there, for the first time.
  mutating func miss(_ key: ContentKey)
  /// The number of a turn, later than all before it.
  mutating func nextTurn() -> Int
  /// A request is complete that used chunks; the last of its sequence comes first.
  mutating func finish(_ chunks: [FinishedChunk])
  /// All chunks that were used in a turn are finished.
  mutating func end(turn: Int)
  /// Takes out the first `count` chunks that may be evicted; there are as many.
  mutating func evict(
    _ count: Int, _ key: (ChunkTier.Place) -> ContentKey, where mayBe: (ChunkTier.Place) -> Bool
  ) -> [ChunkTier.Place]
  var order: EvictionOrder { get }
}
