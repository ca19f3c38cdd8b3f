import HeapModule

/// Least recently used first, by request: the chunks of one leave from the end of its sequence.
///
///     request   turn 3: | c0 | c1 | c2 |     ranks (3, −16), (3, −32), (3, −48): c2 goes first
///     complete          | c0 | c1 | c2 |     ranks (9, 0), (8, 0), (7, 0): newer than all before, c2 still first
///
/// Entries of the heap whose rank is no longer that of their place are passed over.
struct RankedChunks: ChunkOrder {
  private struct Rank: Comparable {
    var turn: Int
    var position: Int
    /// Equal ranks keep the order in which they were given.
    var number: Int

    static func < (a: Rank, b: Rank) -> Bool {
      (a.turn, -a.position, a.number) < (b.turn, -b.position, b.number)
    }
  }

  private struct Entry: Comparable {
    var rank: Rank
    var place: ChunkTier.Place
    static func < (a: Entry, b: Entry) -> Bool { a.rank < b.rank }
  }

  /// By place; `nil` for one without a chunk.
  private var ranks: [Rank?] = []
  private var heap = Heap<Entry>()
  private var turns = 0
  private var ranksGiven = 0

  mutating func insert(_ place: ChunkTier.Place, key: ContentKey) {
    while ranks.count <= Int(place) { ranks.append(nil) }
  }

  mutating func use(_ place: ChunkTier.Place, turn: Int, position: Int) {
    let rank = Rank(turn: turn, position: position, number: ranksGiven)
    if let known = ranks[Int(place)], (known.turn, -known.position) >= (turn, -position) { return }
    set(rank, of: place)
  }

  mutating func miss(_ key: ContentKey) {}

  mutating func nextTurn() -> Int {
    defer { turns += 1 }
    return turns
  }

  mutating func finish(_ place: ChunkTier.Place, isReused: Bool) {
    set(Rank(turn: nextTurn(), position: 0, number: ranksGiven), of: place)
  }

  private mutating func set(_ rank: Rank, of place: ChunkTier.Place) {
    ranks[Int(place)] = rank
    ranksGiven += 1
    heap.insert(Entry(rank: rank, place: place))
    if heap.count > 2 * ranks.count + 64 {
      heap = Heap(heap.unordered.filter { ranks[Int($0.place)] == $0.rank })
    }
  }

  mutating func evict(
    _ key: (ChunkTier.Place) -> ContentKey, where mayBe: (ChunkTier.Place) -> Bool
  ) -> ChunkTier.Place {
    var kept: [Entry] = []
    defer { heap.insert(contentsOf: kept) }
    while let entry = heap.popMin() {
      guard ranks[Int(entry.place)] == entry.rank else { continue }
      if mayBe(entry.place) {
        ranks[Int(entry.place)] = nil
        return entry.place
      }
      kept.append(entry)
    }
    preconditionFailure("RankedChunks.evict: none of \(kept.count) chunks may be evicted")
  }

  mutating func endEviction() {}

  var order: EvictionOrder {
    .lru(
      ranks.indices.filter { ranks[$0] != nil }
        .sorted { ranks[$0].unsafelyUnwrapped < ranks[$1].unsafelyUnwrapped }
        .map { ChunkTier.Place($0) })
  }
}
