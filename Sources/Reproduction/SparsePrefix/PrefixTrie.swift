/// The prompts so far as a tree: a node for each prefix, the root for the empty one.
struct PrefixTrie: Sendable {
  private struct Edge: Hashable {
    var node: Int32
    var token: Int32
  }

  private var edges: [Edge: Int32] = [:]
  /// By node: its tokens.
  private(set) var depths: [Int] = [0]
  /// By node: prompts that go through it or end in it.
  private var passes: [Int] = [0]
  /// By node: ways on, among them an end.
  private var continuations: [Int] = [0]
  private var isEnd: [Bool] = [false]

  var nodeCount: Int { depths.count }

  /// Tokens at the beginning of a prompt that some prompt before it begins with too.
  func overlap(_ tokens: [Int32]) -> Int {
    var node: Int32 = 0
    for (index, token) in tokens.enumerated() {
      guard let next = edges[Edge(node: node, token: token)] else { return index }
      node = next
    }
    return tokens.count
  }

  /// Adds a prompt.
  ///
  /// - Returns: Its nodes by depth, from the root.
  mutating func insert(_ tokens: [Int32]) -> [Int] {
    var path = [0]
    passes[0] += 1
    for token in tokens {
      let last = path[path.count - 1]
      let edge = Edge(node: Int32(last), token: token)
      let node = edges[edge].map(Int.init) ?? add(below: last)
      edges[edge] = Int32(node)
      passes[node] += 1
      path.append(node)
    }
    let last = path[path.count - 1]
    if !isEnd[last] { continuations[last] += 1 }
    isEnd[last] = true
    return path
  }

  private mutating func add(below node: Int) -> Int {
    continuations[node] += 1
    depths.append(depths[node] + 1)
    passes.append(0)
    continuations.append(0)
    isEnd.append(false)
    return depths.count - 1
  }

  /// Whether at least two prompts go through a node, and not on alike.
  func isBranch(_ node: Int) -> Bool { passes[node] >= 2 && continuations[node] >= 2 }
}
