import KVMemory
import SimulationKernel

/// A tier in the host's memory behind the prefix tree (`--enable-hierarchical-cache`).
package struct HiCacheSettings: Equatable, Sendable {
  /// Tokens of the host's memory, whole blocks (``RadixHost``).
  package var tokens: Int
  package var policy: RadixHost.WritePolicy
  /// What each GPU reaches the host with.
  package var link: HostLink
  /// Layers of a GPU, each of which computes as soon as its own keys and values are there.
  package var layers: Int

  package init(tokens: Int, policy: RadixHost.WritePolicy, link: HostLink, layers: Int) {
    precondition(layers > 0, "HiCacheSettings: \(layers) layers")
    (self.tokens, self.policy, self.link, self.layers) = (tokens, policy, link, layers)
  }

  /// What of it rests on nothing recorded, for results to say.
  package static let caveat =
    "HiCache is reconstructed from SGLang's public sources: no step trace of it was compared"
}

/// Keys and values that an iteration loads while it computes: each layer waits for its own.
///
///     load      |─ 1 ─|─ 2 ─|─ 3 ─|
///     layers          |1|   |2|   |3|          the link is slower: the last layer begins when all is there
///     layers          |── 1 ──|── 2 ──|── 3 ──|          the link is faster: the first layer waits, and no other
package struct LayeredLoad: Equatable, Sendable {
  package var start: SimInstant
  package var end: SimInstant
  package var layers: Int

  package init(start: SimInstant, end: SimInstant, layers: Int) {
    (self.start, self.end, self.layers) = (start, end, layers)
  }

  /// When an iteration is done that could begin at `instant` and computes for `computing`, equally long in each layer.
  package func end(of computing: SimDuration, from instant: SimInstant) -> SimInstant {
    func part(_ duration: SimDuration) -> SimDuration {
      SimDuration(nanoseconds: duration.nanoseconds / Int64(layers))
    }
    return max(max(instant, start + part(end - start)) + computing, end + part(computing))
  }
}

/// Moves what the tree decides to copy or to load, a direction each way.
struct HiCacheLink: Sendable {
  private let settings: HiCacheSettings
  private let blockTokens: Int
  /// When the pass is made.
  private(set) var now = SimInstant.zero
  private var toHost = SimInstant.zero
  private var lastLoad: LayeredLoad?
  /// Of the batch that was decided last: keys and values that it waits for while it computes, and when what was evicted
  /// for it is on the host.
  var load: LayeredLoad?
  var readyAt: SimInstant?
  /// Nodes that stay where they are until an instant.
  private var moving: [(node: RadixTree.NodeID, end: SimInstant)] = []
  private(set) var totals = TierTotals()

  init(_ settings: HiCacheSettings, blockTokens: Int) {
    (self.settings, self.blockTokens) = (settings, blockTokens)
  }

  /// Nodes that stay where they are.
  var movingNodes: [RadixTree.NodeID] { moving.map(\.node) }

  /// When the next node may be evicted.
  var nextEnd: SimInstant? { moving.map(\.end).min() }

  /// What a prefill that is launched now waits for.
  var underWay: LayeredLoad? { lastLoad.flatMap { $0.end > now ? $0 : nil } }

  /// - Returns: Nodes that need not stay any longer.
  mutating func begin(at now: SimInstant) -> [RadixTree.NodeID] {
    self.now = now
    let ended = moving.filter { $0.end <= now }.map(\.node)
    moving.removeAll { $0.end <= now }
    return ended
  }

  /// Lets copies begin that stand in a queue for the link.
  ///
  /// - Returns: When the last is done; `nil` if there is none.
  mutating func copy(_ copies: [RadixHost.Copy]) -> SimInstant? {
    for copy in copies {
      toHost = max(now, toHost) + duration(copy.tokens)
      totals.storedBytes += bytes(copy.tokens)
      // What is evicted is no longer there to stay.
      if settings.policy != .writeBack { moving.append((copy.node, toHost)) }
    }
    return copies.isEmpty ? nil : toHost
  }

  /// Lets what the requests of a pass found on the host come together, layer by layer.
  mutating func load(_ loads: [SGLangPass.LoadedBack]) {
    guard !loads.isEmpty else { return }
    let tokens = loads.reduce(0) { $0 + $1.tokens }
    let start = max(now, lastLoad?.end ?? now)
    let load = LayeredLoad(start: start, end: start + duration(tokens), layers: settings.layers)
    lastLoad = load
    moving += loads.map { (node: $0.node, end: load.end) }
    totals.hitTokens += tokens
    totals.loadedBytes += bytes(tokens)
    for _ in loads { totals.addLoad(lasting: load.end - now) }
  }

  /// Counts how long the batch that was decided last waits for copies of what was evicted for it.
  mutating func wait() {
    guard let readyAt, readyAt > now else { return }
    totals.flushNanoseconds += (readyAt - now).nanoseconds
  }

  private func duration(_ tokens: Int) -> SimDuration {
    settings.link.duration(blocks: tokens / blockTokens)
  }

  private func bytes(_ tokens: Int) -> Int { tokens / blockTokens * settings.link.blockBytes }
}

extension SGLangScheduler {
  /// Takes in which copies and loads have ended, and lets those begin that results asked for since the last pass.
  mutating func beginPass(at now: SimInstant) {
    for node in hiCache?.begin(at: now) ?? [] { memory.unlock(node) }
    _ = hiCache?.copy(memory.takeCopies())
  }

  /// Lets move what a pass decided; its batch waits for what it loads, and for copies of what was evicted for it.
  mutating func moveTiers(for batch: SGLangBatch?) {
    guard hiCache != nil else { return }
    hiCache?.load(pass.loaded)
    let copied = hiCache?.copy(memory.takeCopies())
    guard let batch else { return }
    let load = batch.kind == .decode ? nil : hiCache?.underWay
    hiCache?.load = load
    hiCache?.readyAt = copied
  }

  /// Gives a request what was found of it, from the host as well where there is room.
  ///
  /// - Parameter device: The part of `place` that is on the device, which the request locks.
  /// - Returns: What it starts behind, and locks in its stead.
  mutating func loadBack(
    _ request: RequestID, at place: RadixTree.Place, _ device: RadixTree.Place
  ) -> RadixTree.Place {
    guard place != device else { return device }
    let tokens = memory.loadBack(place)
    guard tokens > 0 else { return device }
    pass.loaded.append(.init(request: request, node: place.node, tokens: tokens))
    memory.lock(place.node)
    memory.unlock(device.node)
    return place
  }

  /// Where nothing runs, whoever waits may find room when a copy has ended.
  @inline(__always)
  package var wakeUp: SimInstant? {
    guard let hiCache, launched == nil, !waiting.isEmpty else { return nil }
    return hiCache.nextEnd
  }
}
