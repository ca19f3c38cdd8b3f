import SimulationKernel
import Workload

/// How requests are shared out among replicas (`--router`).
package enum Router: String, CaseIterable, Sendable {
  /// One after the other.
  case roundRobin = "round-robin"
  /// The replica with the fewest requests that run or wait.
  case leastOutstanding = "least-outstanding"
  /// Two replicas are drawn, and the one with fewer requests taken.
  ///
  /// - Source: Mitzenmacher, "The power of two choices in randomized load balancing" (2001).
  case powerOfTwo = "power-of-two"
  /// The replica whose running requests hold the smallest share of its KV pool.
  case leastKV = "least-kv"
  /// The replica that has seen the longest beginning of the prompt; a session stays where it began.
  ///
  /// - Source: `cache_aware` of the routers of vLLM and SGLang, with their three thresholds.
  case prefixAware = "prefix-aware"
}

/// A router at work: picks a replica for each request, in order of arrival.
struct RoutingState {
  /// Share of a prompt that has to be known for the prompt to be sent where it is known.
  private static let cacheThreshold = 0.3
  /// Difference and ratio of outstanding requests beyond which load counts and prefixes do not.
  private static let balanceDifference = 64
  private static let balanceRatio = 1.5

  private let router: Router
  private let requests: [Request]
  private var draws: RandomStream
  /// The replica after the one that was picked last.
  private var next = 0
  private var prefixes: PrefixDirectory?
  private var homes: [Int32: Int] = [:]

  init(_ router: Router, requests: [Request], contents: PromptContents?, seed: UInt64) {
    self.router = router
    self.requests = requests
    draws = RandomStream(seed: seed, label: "router")
    if router == .prefixAware { prefixes = contents.map { PrefixDirectory($0) } }
  }

  /// Whether picks depend on what the replicas are doing.
  var readsLoads: Bool { router != .roundRobin }

  /// The replica for a request, among those that take requests.
  ///
  /// - Parameters:
  ///   - open: Numbers of the replicas that take requests, rising, at least one.
  ///   - replica: By its number, at the instant of the arrival.
  mutating func pick(
    _ request: RequestID, among open: [Int], replica: (Int) -> any Replica
  ) -> Int {
    let picked =
      switch router {
      case .roundRobin: open.first { $0 >= next } ?? open[0]
      case .leastOutstanding: least(of: open) { replica($0).outstanding }
      case .leastKV: least(of: open) { replica($0).heldShare }
      case .powerOfTwo: twoChoices(among: open) { replica($0).outstanding }
      case .prefixAware: nearest(request, among: open) { replica($0).outstanding }
      }
    next = picked + 1
    return picked
  }

  /// The least by `key`; of equals, the first behind the last pick.
  private func least<Key: Comparable>(of open: [Int], by key: (Int) -> Key) -> Int {
    let start = open.firstIndex { $0 >= next } ?? 0
    var best = open[start]
    var bestKey = key(best)
    for offset in 1..<max(open.count, 1) {
      let candidate = open[(start + offset) % open.count]
      let value = key(candidate)
      if value < bestKey { (best, bestKey) = (candidate, value) }
    }
    return best
  }

  private mutating func twoChoices(among open: [Int], outstanding: (Int) -> Int) -> Int {
    guard open.count > 1 else { return open[0] }
    let first = draws.below(open.count)
    let second = (first + 1 + draws.below(open.count - 1)) % open.count
    let (a, b) = (open[first], open[second])
    return outstanding(b) < outstanding(a) ? b : a
  }

  private mutating func nearest(
    _ request: RequestID, among open: [Int], outstanding: (Int) -> Int
  ) -> Int {
    let queues = open.map(outstanding)
    let (most, fewest) = (queues.max() ?? 0, queues.min() ?? 0)
    let isUneven =
      most - fewest > Self.balanceDifference
      && Double(most) > Self.balanceRatio * Double(fewest)
    let session = requests[Int(request)].session
    let picked =
      isUneven
      ? least(of: open, by: outstanding)
      : home(of: session, among: open) ?? known(request, among: open, outstanding: outstanding)
    if let session { homes[session] = picked }
    prefixes?.record(Int(request), at: picked)
    return picked
  }

  private func home(of session: Int32?, among open: [Int]) -> Int? {
    guard let session, let home = homes[session], open.contains(home) else { return nil }
    return home
  }

  /// Where enough of the prompt is known, else where the fewest requests are.
  private mutating func known(
    _ request: RequestID, among open: [Int], outstanding: (Int) -> Int
  ) -> Int {
    if let match = prefixes?.longest(Int(request)), open.contains(match.replica),
      Double(match.tokens) > Self.cacheThreshold * Double(requests[Int(request)].promptTokens)
    {
      return match.replica
    }
    return least(of: open, by: outstanding)
  }
}

/// Which replica saw the beginnings of prompts last: the router's picture of the prefix caches, without
/// evictions.
private struct PrefixDirectory {
  /// A beginning of prompts: all pieces up to one.
  private struct Beginning: Hashable {
    /// Number of the beginning that this one goes on from.
    var parent: Int
    var stream: Int64
    var start: Int32
    /// Tokens from `start`, cut at a multiple of `grain` tokens.
    var count: Int32
  }

  /// Beginnings are told apart at every so many tokens of a piece.
  private static let grain: Int32 = 64

  private let contents: PromptContents
  private var numbers: [Beginning: Int] = [:]
  /// The replica that saw a beginning last, by number; number 0 is the empty one.
  private var replicas = [-1]

  init(_ contents: PromptContents) { self.contents = contents }

  /// The replica that knows most of a prompt, and how many tokens of it.
  func longest(_ request: Int) -> (replica: Int, tokens: Int)? {
    var (parent, tokens) = (0, 0)
    for beginning in beginnings(request) {
      var key = beginning
      key.parent = parent
      guard let number = numbers[key] else { break }
      parent = number
      tokens += Int(key.count)
    }
    return parent == 0 ? nil : (replicas[parent], tokens)
  }

  mutating func record(_ request: Int, at replica: Int) {
    var parent = 0
    for beginning in beginnings(request) {
      var key = beginning
      key.parent = parent
      if let number = numbers[key] {
        parent = number
        replicas[number] = replica
      } else {
        parent = replicas.count
        numbers[key] = parent
        replicas.append(replica)
      }
    }
  }

  private func beginnings(_ request: Int) -> [Beginning] {
    contents.pieces(of: request).flatMap { piece in
      stride(from: 0, to: piece.count, by: Int(Self.grain)).map { offset in
        Beginning(
          parent: 0, stream: piece.stream, start: piece.start + offset,
          count: min(Self.grain, piece.count - offset))
      }
    }
  }
}
