import DequeModule
import KVMemory
import SimulationKernel

/// In which order waiting requests are tried.
extension SGLangScheduler {
  /// More waiting requests than this are tried as they came (`lpm` and `hrrn` only).
  private static var longestOrdered: Int { 128 }
  /// Hits up to this length do not keep a request from waiting for another of the pass with the same beginning, of which
  /// at least as much is new.
  private static var shortHit: Int { 32 }

  /// Puts the waiting requests in the order in which this pass tries them.
  mutating func orderWaiting() {
    guard !waiting.isEmpty else { return }
    let policy = options.effectivePolicy
    let isLong =
      (policy == .longestPrefix || policy == .highestResponseRatio)
      && waiting.count > Self.longestOrdered
    if !isLong { order(by: policy) }
    if (isLong || !policy.followsTree) && options.radixCache { refresh() }
  }

  private mutating func order(by policy: SGLangPolicy) {
    switch policy {
    case .firstComeFirstServed:
      if options.priorityScheduling { sortWaiting { ($0.worseness($1), $0.entry) } }
    case .longestOutput:
      sortWaiting { ($1.priorityScheduling ? $0.worseness($1) : 0, -Int($0.maxNew)) }
    case .longestPrefix:
      orderByPrefix { place, _, sequence, hit in
        (-Double(min(hit, Int(sequence.length) - 1)), place)
      }
    case .highestResponseRatio:
      orderByPrefix { [computedTokens] _, request, sequence, hit in
        (-sequence.responseRatio(computedTokens, cached: hit), Int(request))
      }
    case .depthFirst: orderByTree()
    case .random:
      // The engine shuffles by a generator of its own: no recorded order comes out.
      let pass = splitmix64(seed ^ UInt64(randomOrders))
      randomOrders += 1
      waiting = Deque(
        waiting.sorted { splitmix64(pass ^ UInt64($0)) < splitmix64(pass ^ UInt64($1)) })
    }
  }

  /// Sorts by a pair of numbers, the smallest first; equal ones stay in order.
  private mutating func sortWaiting(_ key: (SGLangSequence, SGLangOptions) -> (Int, Int)) {
    let keyed = waiting.enumerated().map { place, request in
      (key: key(sequences[Int(request)], options), place: place, request: request)
    }
    waiting = Deque(
      keyed.sorted { a, b in
        if a.key != b.key { return a.key < b.key }
        return a.place < b.place
      }.map(\.request))
  }

  /// Puts those of the smallest rank first. A request that shares its beginning with one before it, of which little is
  /// cached yet, comes last: it finds more once the other is computed.
  ///
  /// - Parameter key: Of a request at a place, with its cached tokens: its rank, and what settles equal ones.
  private mutating func orderByPrefix(
    key: (_ place: Int, RequestID, SGLangSequence, _ hit: Int) -> (rank: Double, tie: Int)
  ) {
    scratch.removeAll()
    var keys: [(late: Bool, rank: Double, tie: Int, request: RequestID)] = []
    for (place, request) in waiting.enumerated() {
      let hit = matchAll(request).tokens
      let (text, length) = (texts[Int(request)], Int(sequences[Int(request)].length))
      var isLate = false
      if hit <= Self.shortHit {
        let lookahead = options.keyLookahead
        isLate = scratch.walk(text, limit: length - lookahead).tokens + lookahead >= Self.shortHit
        if !isLate { _ = scratch.insert(text, limit: length - lookahead) }
      }
      let (rank, tie) = key(place, request, sequences[Int(request)], hit)
      keys.append((isLate, rank, tie, request))
    }
    keys.sort { a, b in
      if a.late != b.late { return b.late }
      return !a.late && a.rank != b.rank ? a.rank < b.rank : a.tie < b.tie
    }
    waiting = Deque(keys.map(\.request))
  }

  /// What is cached of a request on the device, its last token included.
  private mutating func matchAll(_ request: RequestID) -> RadixTree.Place {
    let length = Int(sequences[Int(request)].length)
    let place = memory.match(texts[Int(request)], limit: length - options.keyLookahead)
    return memory.tree.onDevice(place)
  }

  /// Depth first through the tree, the child below which most requests end first; those that end in a node come after
  /// those below it.
  private mutating func orderByTree() {
    var ending: [RadixTree.NodeID: [RequestID]] = [:]
    var weights: [RadixTree.NodeID: Int] = [:]
    for request in waiting {
      var node = matchAll(request).node
      ending[node, default: []].append(request)
      while node != 0 {
        weights[node, default: 0] += 1
        node = memory.tree.parent(of: node)
      }
    }
    var ordered: Deque<RequestID> = []
    func visit(_ node: RadixTree.NodeID) {
      let children = memory.tree.children(of: node) { weights[$0] != nil }.enumerated().sorted {
        let (one, two) = (weights[$0.element] ?? 0, weights[$1.element] ?? 0)
        return one != two ? one > two : $0.offset < $1.offset
      }
      for child in children { visit(child.element) }
      ordered += ending[node] ?? []
    }
    visit(0)
    waiting = ordered
  }

  /// Touches what is cached of the first waiting requests, so that it is not evicted while they wait: every 32nd time that
  /// the order does not.
  private mutating func refresh() {
    defer { plainOrders += 1 }
    guard plainOrders % 32 == 0 else { return }
    for request in waiting.prefix(128).reversed() { _ = matchAll(request) }
  }
}

extension SGLangSequence {
  /// Prompt tokens that were computed while it waited by those of its own that are to be computed: its response ratio less
  /// one, where prompts are computed at a constant rate. Of equal ones the engine takes the smaller name, which it draws;
  /// here names are numbers in order of arrival.
  ///
  /// - Parameters:
  ///   - computedTokens: Prompt tokens that all batches so far were launched with.
  ///   - cached: What is found of it.
  /// - Source: `_sort_by_hrrn` of the same release; no step trace of it is recorded.
  func responseRatio(_ computedTokens: Int, cached: Int) -> Double {
    let uncached = Int(promptTokens) - min(cached, Int(length) - 1)
    return uncached > 0 ? Double(computedTokens - computedBefore) / Double(uncached) : .infinity
  }

  /// Smaller for a request that is served before others.
  func worseness(_ options: SGLangOptions) -> Int {
    options.lowPriorityFirst ? priority : -max(priority, -.max)
  }

  /// Whether it is served before another, and would be if the other were better by `threshold`.
  func isBetter(than other: SGLangSequence, by threshold: Int, _ options: SGLangOptions) -> Bool {
    let (worse, better) = (other.worseness(options), worseness(options))
    let (difference, overflow) = worse.subtractingReportingOverflow(better)
    return overflow ? worse > better : difference > threshold
  }
}
