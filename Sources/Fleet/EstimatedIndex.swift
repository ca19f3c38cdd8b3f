import DequeModule
import Workload

/// A router's own picture of the prefix caches: the blocks of the prompts that it has sent to each replica, the most
/// recent ones. What a replica has evicted meanwhile it does not learn.
///
///     prompt     |b0|b1|b2|b3|b4|p|       full blocks, of which so many are looked at
///     replica 2  |b0|b1|b2|               3 of 5 are matched
///
/// - Source: the approximate `prefix-cache-scorer` of llm-d and the Gateway API inference extension. It counts every block
///   that it knows of before the first that no replica has; here blocks count up to the first that the replica has not.
package struct EstimatedIndex {
  package struct Rules: Sendable {
    /// Tokens of a block.
    package var blockTokens = 64
    /// Tokens of a prompt that are looked at.
    package var tokensMax = 131_072
    /// Blocks remembered of each replica.
    package var blocksPerReplica = 31_250

    package init() {}
  }

  private let rules: Rules
  private let requests: [Request]
  private let contents: PromptContents
  /// By number of the replica.
  private var replicas: [RecentKeys] = []

  init(_ rules: Rules, _ requests: [Request], _ contents: PromptContents) {
    self.rules = rules
    self.requests = requests
    self.contents = contents
  }

  /// The full blocks of a prompt that are looked at, each told by a hash of all tokens up to its end.
  func keys(of request: Int) -> [UInt64] {
    let tokens = min(Int(requests[request].promptTokens), rules.tokensMax)
    let keys = contents.keys(of: request, requests[request], blockTokens: rules.blockTokens)
    return Array(keys.prefix(tokens / rules.blockTokens))
  }

  /// How many of the first blocks a replica was sent.
  func matched(_ keys: [UInt64], at replica: Int) -> Int {
    guard replica < replicas.count else { return 0 }
    return keys.prefix { replicas[replica].contains($0) }.count
  }

  mutating func record(_ keys: [UInt64], at replica: Int) {
    while replicas.count <= replica {
      replicas.append(RecentKeys(capacity: rules.blocksPerReplica))
    }
    for key in keys { replicas[replica].use(key) }
  }
}

/// The keys that were used last, at most so many.
///
/// - Complexity: O(1) amortised a use.
struct RecentKeys {
  private let capacity: Int
  /// When each was used last, counted in uses.
  private var uses: [UInt64: Int] = [:]
  /// Uses, oldest first; those of keys that were used again are passed over.
  private var order: Deque<(key: UInt64, use: Int)> = []
  private var count = 0

  init(capacity: Int) {
    precondition(capacity > 0, "RecentKeys: capacity \(capacity)")
    self.capacity = capacity
  }

  func contains(_ key: UInt64) -> Bool { uses[key] != nil }

  mutating func use(_ key: UInt64) {
    count += 1
    uses[key] = count
    order.append((key, count))
    while uses.count > capacity {
      let (oldest, use) = order.removeFirst()
      if uses[oldest] == use { uses[oldest] = nil }
    }
    if order.count > 4 * capacity { order.removeAll { uses[$0.key] != $0.use } }
  }
}
