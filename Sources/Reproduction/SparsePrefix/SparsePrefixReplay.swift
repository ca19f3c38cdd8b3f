/// A trace of prompts past a cache that has the keys and values of every token, and the states of recurrent layers at the
/// checkpoints of a scheme only.
///
/// Requests come one after the other; each resumes at the deepest checkpoint of its overlap with those before it. Nothing
/// is evicted. A scheme is asked again after each request, and its checkpoints are those of all prompts so far.
///
/// - Source: `simulation/trace_cache_sim` of arabel1a/hybrid-logarithmic-cache. Costs are its units: 1 a token computed
///   again, 0.002 (overlap² − reuse²) of attention, 10⁻⁴ a byte of state read, 2 · 10⁻⁵ a byte written; a state has 2,048
///   bytes, a token 256.
struct SparsePrefixReplay {
  /// Means over the requests.
  struct Outcome: Equatable, Sendable {
    /// Of its overlap, the share that a request does not compute again; 0 where it overlaps with nothing.
    var hitShare = 0.0
    var recomputedTokens = 0.0
    var cost = 0.0
  }

  private static let stateBytes = 2048
  private static let tokenBytes = 256

  private let scheme: CheckpointScheme
  /// Checkpoints are at multiples of so many tokens, as the kernels give states.
  private let kernelTokens: Int
  private var trie = PrefixTrie()
  private var paths: [[Int]] = []
  private var overlaps: [Int] = []
  /// Positions that a program found.
  private var plan: [Int] = []
  /// By node of the tree.
  private var isCached: [Bool] = [false]

  static func run(
    _ prompts: [[Int32]], _ scheme: CheckpointScheme, kernelTokens: Int = 16
  ) -> Outcome {
    var replay = SparsePrefixReplay(scheme, kernelTokens: kernelTokens)
    if case .offline(let budget) = scheme {
      replay.plan = Self.plan(Self.overlaps(of: prompts), budget: budget, decay: 1)
    }
    var sum = Outcome()
    for prompt in prompts {
      let one = replay.serve(prompt)
      sum.hitShare += one.hitShare
      sum.recomputedTokens += one.recomputedTokens
      sum.cost += one.cost
    }
    let count = Double(prompts.count)
    return Outcome(
      hitShare: sum.hitShare / count, recomputedTokens: sum.recomputedTokens / count,
      cost: sum.cost / count)
  }

  private init(_ scheme: CheckpointScheme, kernelTokens: Int) {
    self.scheme = scheme
    self.kernelTokens = kernelTokens
  }

  private static func overlaps(of prompts: [[Int32]]) -> [Int] {
    var trie = PrefixTrie()
    return prompts.map { prompt in
      let overlap = trie.overlap(prompt)
      _ = trie.insert(prompt)
      return overlap
    }
  }

  private static func plan(_ overlaps: [Int], budget: Int, decay: Double) -> [Int] {
    var histogram = [Double](repeating: 0, count: 1 + (overlaps.max() ?? 0))
    var weight = 1.0
    for overlap in overlaps.reversed() {
      histogram[overlap] += weight
      weight *= decay
    }
    return CheckpointProgram(overlaps: histogram, budget: budget).checkpoints
  }

  private mutating func serve(_ prompt: [Int32]) -> Outcome {
    let overlap = trie.overlap(prompt)
    let path = trie.insert(prompt)
    isCached += Array(repeating: false, count: trie.nodeCount - isCached.count)
    let reuse = path[...overlap].last { isCached[$0] }.map { trie.depths[$0] } ?? 0
    paths.append(path)
    overlaps.append(overlap)
    let written = keep()
    var cost = Double(overlap - reuse)
    cost += 0.002 * Double(overlap * overlap - reuse * reuse)
    cost += reuse > 0 ? 1e-4 * Double(Self.stateBytes) : 0
    cost += 2e-5 * Double(written)
    return Outcome(
      hitShare: overlap > 0 ? Double(reuse) / Double(overlap) : 0,
      recomputedTokens: Double(overlap - reuse), cost: cost)
  }

  /// Keeps what the scheme says, and nothing else.
  ///
  /// - Returns: Bytes of the prefixes that were not kept before.
  private mutating func keep() -> Int {
    let before = isCached
    isCached = Array(repeating: false, count: trie.nodeCount)
    if case .online(let budget, let every, let decay) = scheme, overlaps.count % every == 0 {
      plan = Self.plan(overlaps, budget: budget, decay: decay)
    }
    let longest = (paths.map(\.count).max() ?? 1) - 1
    let positions = scheme.fixedPositions(length: longest) ?? plan
    for path in paths {
      for position in positions where position < path.count { keep(path, at: position) }
      if scheme == .branchPoint {
        for depth in path.indices where depth == path.count - 1 || trie.isBranch(path[depth]) {
          keep(path, at: depth)
        }
      }
    }
    var written = 0
    for node in isCached.indices where isCached[node] && !before[node] {
      written += Self.stateBytes + trie.depths[node] * Self.tokenBytes
    }
    return written
  }

  private mutating func keep(_ path: [Int], at position: Int) {
    let aligned = position / kernelTokens * kernelTokens
    if aligned > 0 { isCached[path[aligned]] = true }
  }
}
