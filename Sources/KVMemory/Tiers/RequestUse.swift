/// The chunks of a tier that a request uses, in the order in which it first did: all of one sequence, so that a chunk has
/// one position in it.
struct RequestUse: Sendable {
  enum Kind { case offered, inserted, read }

  struct Entry: Sendable {
    var chunk: ChunkTier.Chunk
    /// Where it was when it was used last.
    var place: ChunkTier.Place
    var isInserted = false
    var isReused = false

    fileprivate init(chunk: ChunkTier.Chunk, place: ChunkTier.Place, _ kind: Kind) {
      (self.chunk, self.place) = (chunk, place)
      use(at: place, kind)
    }

    fileprivate mutating func use(at place: ChunkTier.Place, _ kind: Kind) {
      self.place = place
      switch kind {
      case .inserted: isInserted = true
      case .read: isReused = true
      case .offered where isInserted: break
      case .offered: isReused = true
      }
    }
  }

  private var entries: [Entry] = []
  /// Which entry a chunk has, once one is used that does not stand behind all others in its sequence.
  private var numbers: ChunkNumbers?
  /// Whether the entries are in the order of the sequence.
  private var isInOrder = true
  /// The last of the sequence so far.
  private var last: ChunkTier.Chunk?
  /// Chunks that were not there when they were offered.
  private var missed = ChunkNumbers()
  /// When it used the first one.
  var turn: Int?

  /// Makes room for so many more chunks.
  mutating func reserve(_ count: Int) { entries.reserveCapacity(entries.count + count) }

  /// Notes a use.
  ///
  /// - Returns: Whether it is the first of the chunk, or the first since that was written.
  mutating func note(_ chunk: ChunkTier.Chunk, at place: ChunkTier.Place, _ kind: Kind) -> Bool {
    guard let index = index(of: chunk) else {
      append(Entry(chunk: chunk, place: place, kind))
      return true
    }
    entries[index].use(at: place, kind)
    return kind == .inserted
  }

  private mutating func index(of chunk: ChunkTier.Chunk) -> Int? {
    guard let last, !Self.isBefore(last, chunk) else { return nil }
    if numbers == nil {
      var numbers = ChunkNumbers()
      for (index, entry) in entries.enumerated() { numbers[entry.chunk.key] = Int32(index) }
      self.numbers = numbers
    }
    return numbers?.find(chunk.key).map { Int($0) }
  }

  private mutating func append(_ entry: Entry) {
    numbers?[entry.chunk.key] = Int32(entries.count)
    entries.append(entry)
    if let last, !Self.isBefore(last, entry.chunk) {
      isInOrder = false
    } else {
      last = entry.chunk
    }
  }

  /// - Returns: Whether the chunk had not been missed before.
  mutating func misses(_ key: ContentKey) -> Bool {
    guard missed.find(key) == nil else { return false }
    missed[key] = 0
    return true
  }

  /// The chunks from the first of the sequence on; of the same place those of the first group.
  var inOrder: [Entry] {
    if isInOrder { return entries }
    return entries.indices.sorted {
      let (a, b) = (entries[$0].chunk, entries[$1].chunk)
      return Self.isBefore(a, b) || !Self.isBefore(b, a) && $0 < $1
    }.map { entries[$0] }
  }

  private static func isBefore(_ a: ChunkTier.Chunk, _ b: ChunkTier.Chunk) -> Bool {
    (a.position, a.group) < (b.position, b.group)
  }
}
