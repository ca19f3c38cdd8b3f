import Serving
import Workload

extension Router {
  package static let cacheAware = cacheAware(.commandLine)

  /// SGLang's `cache_aware` with thresholds of one's own.
  static func cacheAware(_ thresholds: CacheAware.Thresholds) -> Router {
    Router(
      name: "cache-aware",
      summary: "SGLang's cache_aware: who was sent most of the prompt, unless loads are uneven",
      reads: .outstanding, comparesBlocks: true, needs: .contents
    ) { CacheAware(thresholds, $0) }
  }
}

/// The replica that was sent the longest beginning of a prompt, if that is enough of it; else, and where loads are uneven, the
/// one with the fewest requests.
///
/// - Source: `cache_aware` of SGLang's gateway. It compares texts by the character, and trims its trees from time to time;
///   here they are compared in blocks of 16 tokens, of which the last million of each replica are remembered: its 2²⁶
///   characters, at four a token.
/// - Complexity: O(replicas × blocks of the prompt) a request.
struct CacheAware: RoutingPolicy {
  struct Thresholds: Sendable {
    /// Share of a prompt beyond which it goes where that is known.
    var cached: Double
    /// Difference and ratio of outstanding requests beyond which, both at once, load alone counts.
    var difference: Int
    var ratio: Double

    /// Of the gateway's command line.
    static let commandLine = Thresholds(cached: 0.3, difference: 64, ratio: 1.5)
    /// Of the gateway's library, where the command line says nothing.
    static let library = Thresholds(cached: 0.5, difference: 32, ratio: 1.1)
  }

  private static let rules = {
    var rules = EstimatedIndex.Rules()
    (rules.blockTokens, rules.tokensMax, rules.blocksPerReplica) = (16, .max, 1 << 20)
    return rules
  }()

  private let thresholds: Thresholds
  private let requests: [Request]
  private var index: EstimatedIndex?
  private var next = 0

  init(_ thresholds: Thresholds, _ run: RoutedRun) {
    self.thresholds = thresholds
    requests = run.requests
    index = run.contents.map { EstimatedIndex(Self.rules, run.requests, $0) }
  }

  mutating func pick(_ request: RequestID, in fleet: borrowing FleetView) -> Int {
    let keys = index?.keys(of: Int(request)) ?? []
    let queues = fleet.open.map { fleet.loads[$0] }
    let (most, fewest) = (queues.max() ?? 0, queues.min() ?? 0)
    let isUneven =
      most - fewest > thresholds.difference
      && Double(most) > thresholds.ratio * Double(fewest)
    let picked = isUneven ? nil : known(keys, request, fleet.open)
    let replica = picked ?? fleet.loads.least(from: next)
    next = replica + 1
    index?.record(keys, at: replica)
    return replica
  }

  /// Who was sent enough of the prompt, the first of equals.
  private func known(_ keys: [UInt64], _ request: RequestID, _ open: [Int]) -> Int? {
    guard let index else { return nil }
    let matched = open.map { (replica: $0, blocks: index.matched(keys, at: $0)) }
    let best = matched.reduce(matched[0]) { $1.blocks > $0.blocks ? $1 : $0 }
    let share =
      Double(best.blocks * Self.rules.blockTokens)
      / Double(requests[Int(request)].promptTokens)
    return share > thresholds.cached ? best.replica : nil
  }
}
