/// The chunks of a tier that a request uses, in the order in which it first did.
struct RequestUse: Sendable {
  enum Kind { case offered, inserted, read }

  struct Entry: Sendable {
    var chunk: ChunkTier.Chunk
    /// Where it was when it was used last.
    var place: ChunkTier.Place
    var isInserted = false
    var isReused = false
  }

  private var entries: [Entry] = []
  /// Which entry a chunk has.
  private var numbers = ChunkNumbers()
  /// Chunks that were not there when they were offered.
  private var missed = ChunkNumbers()
  /// When it used the first one.
  var turn: Int?

  /// Notes a use.
  ///
  /// - Returns: Whether it is the first of the chunk, or the first since that was written.
  mutating func note(_ chunk: ChunkTier.Chunk, at place: ChunkTier.Place, _ kind: Kind) -> Bool {
    let known = numbers.find(chunk.key)
    let index = known.map { Int($0) } ?? entries.count
    if known == nil {
      numbers[chunk.key] = Int32(index)
      entries.append(Entry(chunk: chunk, place: place))
    } else {
      entries[index].place = place
    }
    switch kind {
    case .inserted: entries[index].isInserted = true
    case .read: entries[index].isReused = true
    case .offered where entries[index].isInserted: break
    case .offered: entries[index].isReused = true
    }
    return known == nil || kind == .inserted
  }

  /// - Returns: Whether the chunk had not been missed before.
  mutating func misses(_ key: ContentKey) -> Bool {
    guard missed.find(key) == nil else { return false }
    missed[key] = 0
    return true
  }

  /// The chunks from the first of the sequence on; of the same place those of the first group.
  var inOrder: [Entry] {
    let isInOrder = zip(entries, entries.dropFirst()).allSatisfy { Self.isBefore($0, $1) }
    if isInOrder { return entries }
    return entries.indices.sorted {
      let (a, b) = (entries[$0], entries[$1])
      return Self.isBefore(a, b) || !Self.isBefore(b, a) && $0 < $1
    }.map { entries[$0] }
  }

  private static func isBefore(_ a: Entry, _ b: Entry) -> Bool {
    (a.chunk.position, a.chunk.group) < (b.chunk.position, b.chunk.group)
  }
}
