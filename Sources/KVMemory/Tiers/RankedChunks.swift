import DequeModule
import HeapModule

/// Least recently used first, by request: the chunks of one leave from the end of its sequence.
///
///     request   turn 3: | c0 | c1 | c2 |     ranks (3, −16), (3, −32), (3, −48): c2 goes first
///     complete          | c0 | c1 | c2 |     ranks (9, 0), (8, 0), (7, 0): newer than all before, c2 still first
///
/// Ranks of complete requests come in order, and queue up; those of others stand in a heap. Entries whose rank is no
/// longer that of their place are passed over.
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
  private var queue: Deque<Entry> = []
  /// Entries of the heap above which those that are passed over are cleared away.
  private var heapMax = 1024
  private var turns = 0
  private var ranksGiven = 0

  mutating func insert(_ place: ChunkTier.Place, key: ContentKey) {
    while ranks.count <= Int(place) { ranks.append(nil) }
  }

  mutating func use(_ place: ChunkTier.Place, turn: Int, position: Int) {
    let rank = Rank(turn: turn, position: position, number: ranksGiven)
    if let known = ranks[Int(place)], (known.turn, -known.position) >= (turn, -position) { return }
    give(rank, to: place)
    heap.insert(Entry(rank: rank, place: place))
    if heap.count > heapMax {
      heap = Heap(heap.unordered.filter { ranks[Int($0.place)] == $0.rank })
      heapMax = 2 * heap.count + 1024
    }
  }

  mutating func miss(_ key: ContentKey) {}

  mutating func nextTurn() -> Int {
    defer { turns += 1 }
    return turns
  }

  mutating func finish(_ place: ChunkTier.Place, isReused: Bool) {
    let rank = Rank(turn: nextTurn(), position: 0, number: ranksGiven)
    give(rank, to: place)
    queue.append(Entry(rank: rank, place: place))
    if queue.count > 2 * ranks.count + 64 {
      queue.removeAll { ranks[Int($0.place)] != $0.rank }
    }
  }

  private mutating func give(_ rank: Rank, to place: ChunkTier.Place) {
    ranks[Int(place)] = rank
    ranksGiven += 1
  }

  mutating func evict(
    _ key: (ChunkTier.Place) -> ContentKey, where mayBe: (ChunkTier.Place) -> Bool
  ) -> ChunkTier.Place {
    var kept: (heap: [Entry], queue: [Entry]) = ([], [])
    defer {
      if !kept.heap.isEmpty { heap.insert(contentsOf: kept.heap) }
      if !kept.queue.isEmpty { queue.prepend(contentsOf: kept.queue) }
    }
    while true {
      while let entry = heap.min, ranks[Int(entry.place)] != entry.rank { heap.removeMin() }
      while let entry = queue.first, ranks[Int(entry.place)] != entry.rank { queue.removeFirst() }
      let isHeaped = heap.min.map { least in queue.first.map { least < $0 } ?? true } ?? false
      guard let entry = isHeaped ? heap.popMin() : queue.popFirst() else { break }
      if mayBe(entry.place) {
        ranks[Int(entry.place)] = nil
        return entry.place
      }
      if isHeaped { kept.heap.append(entry) } else { kept.queue.append(entry) }
    }
    preconditionFailure(
      "RankedChunks.evict: none of \(kept.heap.count + kept.queue.count) chunks may be evicted")
  }

  mutating func endEviction() {}

  var order: EvictionOrder {
    .lru(
      ranks.indices.filter { ranks[$0] != nil }
        .sorted { ranks[$0].unsafelyUnwrapped < ranks[$1].unsafelyUnwrapped }
        .map { ChunkTier.Place($0) })
  }
}
