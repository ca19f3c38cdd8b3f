/// A tier that a device reaches, and one below it that only the first reaches.
///
///     device ── store ──▶ upper ── cascade ──▶ lower       what is ready in the upper tier is copied below
///     device ◀── load ─── upper ◀─ promotion ─ lower       what that has lost comes back to it, and is loaded from there
///
/// Like ``ChunkTier`` it moves no bytes and knows no time: ``takeMoves()`` says what has to move between the two, and who moves
/// it says what has (``finish(_:)``). Until then a chunk of a cascade is pinned above and not there below, one of a promotion
/// the other way round; so the upper tier gives up no chunk before its copy is there.
///
/// - Source: `TieringOffloadingManager` of vLLM (0.22 and later), a CPU tier with files below it. Those have no bound, and
///   other programs delete them: here the lower tier has a capacity, the least recently used chunk leaves, and a request that
///   is complete has used its chunks in both. There a promotion may evict what a look-up has found; here that stays until the
///   look-up ends, and while its request waits for promotions: prompts would otherwise take turns in evicting each other, or
///   a long one itself, for ever.
public struct ChunkTiers: Sendable {
  /// A copy of chunks between the tiers.
  public struct Move: Equatable, Sendable {
    public enum Direction: Sendable { case cascade, promotion }

    public var direction: Direction
    /// Who asked for it: a promotion has one request that does.
    public var request: Int?
    public var upper: [ChunkTier.Place]
    public var lower: [ChunkTier.Place]
    /// As whom it uses the lower tier.
    fileprivate var user: Int
  }

  public private(set) var upper: ChunkTier
  /// Larger than the upper one; `nil` for none.
  public private(set) var lower: ChunkTier?
  /// Whether there is a lower tier, without a copy of it.
  private let hasLower: Bool
  private var moves: [Move] = []
  /// Uses of the lower tier so far.
  private var users = 0
  /// What the look-up under way has found in the upper tier, and has begun to promote.
  private var found: [ChunkTier.Place] = []
  private var promoted: [(chunk: ChunkTier.Chunk, place: ChunkTier.Place)] = []
  /// By request that waits for promotions: what it has found, and what was promoted for it since.
  private var waiting: [Int: [ChunkTier.Place]] = [:]

  public init(_ upper: ChunkTier, lower: ChunkTier? = nil) {
    precondition(
      lower.map { $0.capacity > upper.capacity } ?? true,
      "ChunkTiers: \(lower?.capacity ?? 0) chunks below \(upper.capacity)")
    self.upper = upper
    self.lower = lower
    hasLower = lower != nil
  }

  // MARK: Looking up

  /// Begins a look-up.
  public mutating func beginLookUp() { upper.beginWatch() }

  /// Another number as soon as the last look-up would not find the same, of which one chunk at most was absent; `nil` if a
  /// look-up changes what the next one finds.
  public var watch: Int? { hasLower ? nil : upper.watch }

  /// Looks a chunk up for a request, and begins to promote it if the lower tier alone has it.
  ///
  /// - Returns: ``ChunkTier/State/writing`` for what is on its way; ``ChunkTier/State/absent`` also where the upper tier has
  ///   no room for it.
  public mutating func find(_ chunk: ChunkTier.Chunk, for request: Int) -> ChunkTier.State {
    let state = upper.watchedState(of: chunk.key)
    guard hasLower else { return state }
    if state == .ready { hold(chunk.key) }
    guard state == .absent, lower?.watchedState(of: chunk.key) == .ready,
      let place = upper.store([chunk], by: request)?.first?.place
    else { return state }
    promoted.append((chunk, place))
    return .writing
  }

  private mutating func hold(_ key: ContentKey) {
    guard let place = upper.place(of: key) else { return }
    upper.pin(place)
    found.append(place)
  }

  /// Ends a look-up: what it promotes moves together, and what it has found may be evicted again unless the request waits.
  ///
  /// - Parameter waits: Whether it will be looked up again when something that is on its way is there.
  /// - Returns: The chunks that it promotes.
  public mutating func endLookUp(for request: Int, waits: Bool) -> [ChunkTier.Chunk] {
    stopWaiting(request)
    if waits, hasLower {
      waiting[request] = found
    } else {
      for place in found { upper.unpin(place) }
    }
    found.removeAll(keepingCapacity: true)
    guard !promoted.isEmpty else { return [] }
    defer { promoted.removeAll(keepingCapacity: true) }
    let (chunks, user) = (promoted.map(\.chunk), nextUser())
    moves.append(
      Move(
        direction: .promotion, request: request, upper: promoted.map(\.place),
        lower: lower?.pin(chunks, by: user) ?? [], user: user))
    return chunks
  }

  private mutating func stopWaiting(_ request: Int) {
    let places = waiting.removeValue(forKey: request) ?? []
    for place in places { upper.unpin(place) }
  }

  // MARK: The device's side

  public mutating func pin(_ chunks: [ChunkTier.Chunk], by request: Int) -> [ChunkTier.Place] {
    upper.pin(chunks, by: request)
  }

  public mutating func unpin(_ place: ChunkTier.Place) { upper.unpin(place) }

  public mutating func store(
    _ chunks: [ChunkTier.Chunk], by request: Int
  ) -> [(index: Int, place: ChunkTier.Place)]? {
    upper.store(chunks, by: request)
  }

  /// Chunks are there, and go on to the lower tier unless it has them.
  public mutating func finishStore(_ places: [ChunkTier.Place]) {
    for place in places { upper.finishStore(place) }
    guard hasLower else { return }
    let user = nextUser()
    // All that is on its way to the lower tier has a place in the upper one, which is smaller.
    guard let stored = lower?.store(places.map { upper.chunk(at: $0) }, by: user) else {
      preconditionFailure("ChunkTiers.finishStore: no room below for \(places.count) chunks")
    }
    guard !stored.isEmpty else {
      lower?.finish(user)
      return
    }
    for (index, _) in stored { upper.pin(places[index]) }
    moves.append(
      Move(
        direction: .cascade, upper: stored.map { places[$0.index] }, lower: stored.map(\.place),
        user: user))
  }

  /// A request is complete, and has used its chunks in both tiers.
  public mutating func finish(_ request: Int) {
    stopWaiting(request)
    let used = upper.finish(request)
    guard hasLower, !used.isEmpty else { return }
    let user = nextUser()
    lower?.touch(used.map(\.chunk), by: user)
    lower?.finish(user)
  }

  // MARK: Between the tiers

  /// Takes what has to move since this was last asked, in the order in which it was decided.
  public mutating func takeMoves() -> [Move] {
    guard !moves.isEmpty else { return [] }
    defer { moves.removeAll(keepingCapacity: true) }
    return moves
  }

  /// A copy is done.
  public mutating func finish(_ move: Move) {
    switch move.direction {
    case .cascade:
      for place in move.upper { upper.unpin(place) }
      for place in move.lower { lower?.finishStore(place) }
    case .promotion:
      for place in move.upper { upper.finishStore(place) }
      for place in move.lower { lower?.unpin(place) }
      if let request = move.request, waiting[request] != nil {
        for place in move.upper { upper.pin(place) }
        waiting[request, default: []] += move.upper
      }
    }
    lower?.finish(move.user)
  }

  private mutating func nextUser() -> Int {
    users += 1
    return users
  }
}
