import DequeModule

/// Least recently used first, by request: the chunks of one leave from the end of its sequence.
///
///     request   turn 3: | c0 | c1 | c2 |     ranks (3, −16), (3, −32), (3, −48): c2 goes first
///     complete          | c0 | c1 | c2 |     ranks (9, 0), (8, 0), (7, 0): newer than all before, c2 still first
///
/// Chunks of complete requests come in order, and queue up; those that a request in progress was the last to use stand in
/// its turn, until it is complete. Entries whose rank is no longer that of their place are passed over.
struct RankedChunks: ChunkOrder {
  fileprivate struct Rank: Comparable {
    var turn: Int
    var position: Int
    /// Equal ranks keep the order in which they were given.
    var number: Int

    static func < (a: Rank, b: Rank) -> Bool {
      (a.turn, -a.position, a.number) < (b.turn, -b.position, b.number)
    }
  }

  fileprivate struct Entry {
    var rank: Rank
    var place: ChunkTier.Place
  }

  /// By place; `nil` for one without a chunk.
  private var ranks: [Rank?] = []
  /// Of requests in progress, the first to have used a chunk first.
  private var turns: [Turn] = []
  private var queue: Deque<Entry> = []
  private var turnsGiven = 0
  private var ranksGiven = 0

  mutating func insert(_ place: ChunkTier.Place, key: ContentKey) {
    while ranks.count <= Int(place) { ranks.append(nil) }
  }

  mutating func use(_ uses: [ChunkUse], turn: Int) {
    let index = place(ofTurn: turn)
    if index == turns.count || turns[index].number != turn {
      turns.insert(Turn(number: turn), at: index)
    }
    // Out of the list meanwhile, which would be looked at for each.
    var own = Turn(number: turn)
    swap(&own, &turns[index])
    for use in uses {
      if let known = ranks[Int(use.place)],
        known.turn > turn || known.turn == turn && known.position <= use.position
      {
        continue
      }
      own.append(give(turn: turn, position: use.position, to: use.place))
    }
    swap(&own, &turns[index])
  }

  var learnsFromMisses: Bool { false }

  mutating func miss(_ key: ContentKey) {}

  mutating func nextTurn() -> Int {
    defer { turnsGiven += 1 }
    return turnsGiven
  }

  mutating func finish(_ chunks: [FinishedChunk]) {
    for chunk in chunks { queue.append(give(turn: nextTurn(), position: 0, to: chunk.place)) }
    if queue.count > 2 * ranks.count + 64 {
      queue.removeAll { ranks[Int($0.place)] != $0.rank }
    }
  }

  /// All that the request was the last to use has a rank of its own now.
  mutating func end(turn: Int) {
    let index = place(ofTurn: turn)
    if index < turns.count, turns[index].number == turn { turns.remove(at: index) }
  }

  /// Where a turn stands, or would stand.
  ///
  /// - Complexity: O(log turns).
  private func place(ofTurn turn: Int) -> Int {
    var (low, high) = (0, turns.count)
    while low < high {
      let middle = (low + high) / 2
      if turns[middle].number < turn { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private mutating func give(turn: Int, position: Int, to place: ChunkTier.Place) -> Entry {
    let rank = Rank(turn: turn, position: position, number: ranksGiven)
    ranks[Int(place)] = rank
    ranksGiven += 1
    return Entry(rank: rank, place: place)
  }

  mutating func evict(
    _ count: Int, _ key: (ChunkTier.Place) -> ContentKey, where mayBe: (ChunkTier.Place) -> Bool
  ) -> [ChunkTier.Place] {
    var victims: [ChunkTier.Place] = []
    var kept: [Entry] = []
    var next = 0
    while victims.count < count {
      while let entry = queue.first, ranks[Int(entry.place)] != entry.rank { queue.removeFirst() }
      if next < turns.count, queue.first.map({ turns[next].number < $0.rank.turn }) ?? true {
        turns[next].evict(count, &victims, &ranks, where: mayBe)
        next += 1
        continue
      }
      guard let entry = queue.popFirst() else {
        preconditionFailure("RankedChunks.evict: \(count) wanted, \(victims.count) may be evicted")
      }
      guard mayBe(entry.place) else {
        kept.append(entry)
        continue
      }
      ranks[Int(entry.place)] = nil
      victims.append(entry.place)
    }
    queue.prepend(contentsOf: kept)
    return victims
  }

  var order: EvictionOrder {
    .lru(
      ranks.indices.filter { ranks[$0] != nil }
        .sorted { ranks[$0].unsafelyUnwrapped < ranks[$1].unsafelyUnwrapped }
        .map { ChunkTier.Place($0) })
  }
}

/// Chunks that a request in progress has used, those at its end first to be evicted: they stand last.
private struct Turn: Sendable {
  let number: Int
  private var entries: [RankedChunks.Entry] = []
  private var isSorted = true

  init(number: Int) { self.number = number }

  mutating func append(_ entry: RankedChunks.Entry) {
    if let last = entries.last, last.rank < entry.rank { isSorted = false }
    entries.append(entry)
  }

  /// Evicts chunks until there are `count` victims, or none is left.
  mutating func evict(
    _ count: Int, _ victims: inout [ChunkTier.Place], _ ranks: inout [RankedChunks.Rank?],
    where mayBe: (ChunkTier.Place) -> Bool
  ) {
    if !isSorted { entries.sort { $1.rank < $0.rank } }
    isSorted = true
    var kept: [RankedChunks.Entry] = []
    while victims.count < count, let entry = entries.popLast() {
      guard ranks[Int(entry.place)] == entry.rank else { continue }
      guard mayBe(entry.place) else {
        kept.append(entry)
        continue
      }
      ranks[Int(entry.place)] = nil
      victims.append(entry.place)
    }
    entries += kept.reversed()
  }
}
