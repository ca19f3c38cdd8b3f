/// A tier below the device's memory: chunks of KV that are found again by what they hold, as long as nothing else has
/// taken their place.
///
///     key of a chunk   the key of the last block in it: its tokens, and every token before them
///     place            free ▸ being written ▸ ready ▸ pinned while it is read ▸ … ▸ evicted
///
/// It moves no bytes and knows no time: who uses it says when a chunk was written (``finishStore(_:)``) or read
/// (``unpin(_:)``). Which chunk goes first is said by ``ChunkPolicy``.
///
/// - Source: `CPUOffloadingManager` of vLLM 0.33 with its LRU and ARC policies, by the rules beside its recorded step
///   traces.
public struct ChunkTier: Sendable {
  /// The place of a chunk in the tier.
  public typealias Place = Int32

  /// A chunk of a sequence.
  public struct Chunk: Equatable, Sendable {
    public var key: ContentKey
    /// Tokens from the first of the sequence to its end.
    public var position: Int
    public var group: Int

    public init(key: ContentKey, position: Int, group: Int) {
      self.key = key
      self.position = position
      self.group = group
    }
  }

  public enum State: Equatable, Sendable { case absent, writing, ready }

  struct Slot: Sendable {
    var chunk: Chunk
    /// Whether it is the place of a chunk.
    var isHeld = true
    var isReady = false
    var pins: Int32 = 0
    /// The offer that must not evict it.
    var protectedBy = -1
    /// The watch that has last looked at it.
    var watch = -1

    var key: ContentKey { chunk.key }
    var isEvictable: Bool { isReady && pins == 0 }
  }

  public let capacity: Int
  /// Offers after which a chunk is worth a place; below 2 every one is.
  private let storeThreshold: Int
  private let trackedMax: Int
  private(set) var slots: [Slot] = []
  private(set) var places = ChunkNumbers()
  /// Places that were given back, used once all were; the last one first.
  private(set) var returned: [Place] = []
  private(set) var evictableCount = 0
  private var chunks: any ChunkOrder
  /// Chunks by when they were last offered, and how often each was.
  private var tracked = RecencyList<ContentKey>()
  private var offers: [ContentKey: Int] = [:]
  private var offerNumber = 0
  /// By request, the chunks that it uses.
  private var uses: [Int: RequestUse] = [:]
  /// Scratch: first uses that the policy has not been told of.
  private var firstUses: [ChunkUse] = []
  /// Another number as soon as something of what is watched has changed.
  private(set) var watch = 0
  /// A chunk that is watched although it is not there.
  private var watchedMiss: ContentKey?
  /// Chunks written, and evicted, since the start.
  public private(set) var storedCount = 0
  public private(set) var evictedCount = 0

  /// Makes an empty tier.
  ///
  /// - Parameters:
  ///   - capacity: Chunks, at least 1.
  ///   - storeThreshold: Offers after which a chunk is stored.
  ///   - trackedMax: Chunks whose offers are counted, those offered last.
  public init(
    capacity: Int, policy: ChunkPolicy, storeThreshold: Int = 0, trackedMax: Int = 64_000
  ) {
    precondition(
      capacity > 0 && capacity < Int(Int32.max) && trackedMax > 0, "ChunkTier of \(capacity) chunks"
    )
    self.capacity = capacity
    chunks = policy.makeOrder(capacity: capacity)
    self.storeThreshold = storeThreshold
    self.trackedMax = trackedMax
  }

  /// Chunks that it holds.
  public var count: Int { places.count }

  public func state(of key: ContentKey) -> State {
    guard let place = places[key] else { return .absent }
    return slots[Int(place)].isReady ? .ready : .writing
  }

  func place(of key: ContentKey) -> Place? { places[key] }

  func chunk(at place: Place) -> Chunk { slots[Int(place)].chunk }

  // MARK: Watching

  /// Watches what is looked at from now on, and nothing that was before.
  mutating func beginWatch() {
    watch += 1
    watchedMiss = nil
  }

  /// The state of a chunk, which is watched; of those that are absent only the last one is.
  mutating func watchedState(of key: ContentKey) -> State {
    guard let place = places.find(key) else {
      watchedMiss = key
      return .absent
    }
    slots[Int(place)].watch = watch
    return slots[Int(place)].isReady ? .ready : .writing
  }

  private mutating func noticeChange(at place: Place) {
    if slots[Int(place)].watch == watch { watch += 1 }
  }

  // MARK: Reading

  /// Keeps ready chunks in place while a request reads them.
  ///
  /// - Returns: Their places, each of which has to be given to ``unpin(_:)`` once.
  public mutating func pin(_ chunks: [Chunk], by request: Int) -> [Place] {
    var use = uses.removeValue(forKey: request) ?? RequestUse()
    use.reserve(chunks.count)
    defer {
      tellUses(of: &use)
      uses[request] = use
    }
    return chunks.map { chunk in
      guard let place = places.find(chunk.key), slots[Int(place)].isReady else {
        preconditionFailure("ChunkTier.pin: \(chunk) is \(state(of: chunk.key))")
      }
      note(chunk, at: place, .read, in: &use)
      change(place) { $0.pins += 1 }
      return place
    }
  }

  /// Keeps a ready chunk in place, whoever reads it; that does not count as a use.
  mutating func pin(_ place: Place) {
    precondition(slots[Int(place)].isReady, "ChunkTier.pin: chunk \(place) is not ready")
    change(place) { $0.pins += 1 }
  }

  public mutating func unpin(_ place: Place) {
    precondition(slots[Int(place)].pins > 0, "ChunkTier.unpin: nobody reads chunk \(place)")
    change(place) { $0.pins -= 1 }
  }

  // MARK: Writing

  /// Offers chunks, and makes place for those that are not there.
  ///
  /// - Returns: Those that have to be written, by their index in `chunks`, each with its place; `nil` if there is no room
  ///   for all of them, and nothing was changed.
  public mutating func store(_ chunks: [Chunk], by request: Int) -> [(index: Int, place: Place)]? {
    offerNumber += 1
    var use = uses.removeValue(forKey: request) ?? RequestUse()
    defer { uses[request] = use }
    use.reserve(chunks.count)
    var missing: [Int] = []
    missing.reserveCapacity(chunks.count)
    var kept = 0
    for (index, chunk) in chunks.enumerated() where countOffer(of: chunk.key) {
      guard let place = places.find(chunk.key) else {
        missing.append(index)
        continue
      }
      slots[Int(place)].protectedBy = offerNumber
      if slots[Int(place)].isEvictable { kept += 1 }
      if slots[Int(place)].isReady {
        note(chunk, at: place, .offered, in: &use)
      }
    }
    tellUses(of: &use)
    if self.chunks.learnsFromMisses {
      for index in missing.reversed() where use.misses(chunks[index].key) {
        self.chunks.miss(chunks[index].key)
      }
    }
    guard !missing.isEmpty else { return [] }
    let wanted = missing.count - (capacity - count)
    guard wanted <= evictableCount - kept else { return nil }
    if wanted > 0 { evict(wanted) }
    let stored = missing.map { index in
      let place = take(chunks[index])
      self.chunks.insert(place, key: chunks[index].key)
      note(chunks[index], at: place, .inserted, in: &use)
      return (index: index, place: place)
    }
    tellUses(of: &use)
    return stored
  }

  /// A chunk is there.
  public mutating func finishStore(_ place: Place) {
    precondition(!slots[Int(place)].isReady, "ChunkTier.finishStore: chunk \(place) is ready")
    noticeChange(at: place)
    change(place) { $0.isReady = true }
    storedCount += 1
  }

  /// A request uses chunks as one does that offers them, without writing those that are not there.
  mutating func touch(_ chunks: [Chunk], by request: Int) {
    var use = uses.removeValue(forKey: request) ?? RequestUse()
    defer {
      tellUses(of: &use)
      uses[request] = use
    }
    for chunk in chunks {
      guard let place = places.find(chunk.key), slots[Int(place)].isReady else { continue }
      note(chunk, at: place, .offered, in: &use)
    }
  }

  /// A request is complete: what it used becomes the newest, its beginning last.
  ///
  /// - Returns: What it used, from the first of its sequence on.
  @discardableResult
  mutating func finish(_ request: Int) -> [RequestUse.Entry] {
    guard let use = uses.removeValue(forKey: request) else { return [] }
    let entries = use.inOrder
    var finished: [FinishedChunk] = []
    finished.reserveCapacity(entries.count)
    for entry in entries.reversed() {
      guard let place = place(of: entry) else { continue }
      finished.append(FinishedChunk(place: place, isReused: entry.isReused))
    }
    chunks.finish(finished)
    if let turn = use.turn { chunks.end(turn: turn) }
    return entries
  }

  /// Mostly where it was.
  @inline(__always)
  private func place(of entry: RequestUse.Entry) -> Place? {
    let slot = slots[Int(entry.place)]
    return slot.isHeld && slot.key == entry.chunk.key ? entry.place : places[entry.chunk.key]
  }

  /// The places in the order of the policy.
  public var order: EvictionOrder { chunks.order }

  // MARK: What requests use

  private mutating func note(
    _ chunk: Chunk, at place: Place, _ kind: RequestUse.Kind, in use: inout RequestUse
  ) {
    guard use.note(chunk, at: place, kind) else { return }
    firstUses.append(ChunkUse(place: place, position: chunk.position))
  }

  private mutating func tellUses(of use: inout RequestUse) {
    guard !firstUses.isEmpty else { return }
    let turn = use.turn ?? chunks.nextTurn()
    use.turn = turn
    chunks.use(firstUses, turn: turn)
    firstUses.removeAll(keepingCapacity: true)
  }

  /// Counts an offer, and says whether the chunk was offered often enough.
  private mutating func countOffer(of key: ContentKey) -> Bool {
    guard storeThreshold >= 2 else { return true }
    if !tracked.contains(key), tracked.count == trackedMax, let oldest = tracked.popFirst() {
      offers[oldest] = nil
    }
    tracked.append(key)
    offers[key, default: 0] += 1
    return offers[key, default: 0] >= storeThreshold
  }

  // MARK: Places

  private mutating func change(_ place: Place, _ body: (inout Slot) -> Void) {
    let was = slots[Int(place)].isEvictable
    body(&slots[Int(place)])
    let isEvictable = slots[Int(place)].isEvictable
    evictableCount += (isEvictable ? 1 : 0) - (was ? 1 : 0)
  }

  private mutating func take(_ chunk: Chunk) -> Place {
    var place = Place(slots.count)
    if slots.count < capacity {
      slots.append(Slot(chunk: chunk))
    } else {
      place = returned.removeLast()
      slots[Int(place)] = Slot(chunk: chunk)
    }
    places[chunk.key] = place
    if chunk.key == watchedMiss { watch += 1 }
    return place
  }

  private mutating func evict(_ wanted: Int) {
    let victims = chunks.evict(wanted) {
      slots[Int($0)].key
    } where: {
      slots[Int($0)].isEvictable && slots[Int($0)].protectedBy != offerNumber
    }
    for victim in victims {
      noticeChange(at: victim)
      places[slots[Int(victim)].key] = nil
      slots[Int(victim)].isReady = false
      slots[Int(victim)].isHeld = false
    }
    returned += victims
    evictableCount -= wanted
    evictedCount += wanted
  }
}
