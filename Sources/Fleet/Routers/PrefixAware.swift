import Serving
import Workload

extension Router {
  package static let prefixAware = Router(
    name: "prefix-aware",
    summary: "the replica that has seen the longest beginning of the prompt; sessions stay",
    reads: .outstanding, comparesBlocks: true
  ) { PrefixAware(requests: $0.requests, contents: $0.contents) }
}

/// The replica that has seen the longest beginning of the prompt; a session stays where it began.
///
/// - Complexity: O(replicas + pieces of the prompt) a request.
/// - Source: `cache_aware` of the routers of vLLM and SGLang, with their three thresholds.
struct PrefixAware: RoutingPolicy {
  /// Share of a prompt that has to be known for the prompt to be sent where it is known.
  private static let cacheThreshold = 0.3
  /// Difference and ratio of outstanding requests beyond which load counts and prefixes do not.
  private static let balanceDifference = 64
  private static let balanceRatio = 1.5

  private let requests: [Request]
  private var next = 0
  private var prefixes: PrefixDirectory?
  private var homes: [Int32: Int] = [:]

  init(requests: [Request], contents: PromptContents?) {
    self.requests = requests
    prefixes = contents.map { PrefixDirectory($0) }
  }

  mutating func pick(_ request: RequestID, in fleet: borrowing FleetView) -> Int {
    let queues = fleet.open.map { fleet.loads[$0] }
    let (most, fewest) = (queues.max() ?? 0, queues.min() ?? 0)
    let isUneven =
      most - fewest > Self.balanceDifference
      && Double(most) > Self.balanceRatio * Double(fewest)
    let session = requests[Int(request)].session
    let picked =
      isUneven
      ? fleet.loads.least(from: next)
      : home(of: session, among: fleet.open) ?? known(request, in: fleet)
    if let session { homes[session] = picked }
    prefixes?.record(Int(request), at: picked)
    next = picked + 1
    return picked
  }

  private func home(of session: Int32?, among open: [Int]) -> Int? {
    guard let session, let home = homes[session], open.contains(home) else { return nil }
    return home
  }

  /// Where enough of the prompt is known, else where the fewest requests are.
  private mutating func known(_ request: RequestID, in fleet: borrowing FleetView) -> Int {
    if let match = prefixes?.longest(Int(request)), fleet.open.contains(match.replica),
      Double(match.tokens) > Self.cacheThreshold * Double(requests[Int(request)].promptTokens)
    {
      return match.replica
    }
    return fleet.loads.least(from: next)
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
