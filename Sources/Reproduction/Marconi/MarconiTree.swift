/// A radix tree over tokens that keeps the keys and values of every token in it, and states at few nodes.
///
///     root ──system prompt──▶ ● ──first question──▶ ●       ● has a state: a request can start there
///                             └──another──▶ ●               states are kept where requests part, and at their ends
///
/// A prompt finds the deepest node on its way that has a state; keys and values beyond it are of no use. A request that is
/// inserted keeps a state where it leaves what is in the tree, and one at its last token: a prefix that several requests
/// have, and no request is, is found from its third occurrence on.
///
/// - Source: Marconi (MLSys 2025) and its public code ruipeterpan/marconi, from the reference's summary of it; read and
///   written anew.
struct MarconiTree: Sendable {
  /// What is evicted where bytes are short.
  enum Eviction: Equatable, Sendable {
    /// The leaf that was used least recently: SGLang+.
    case leastRecent
    /// What is worth least: operations saved for each byte, `alpha` times, and recency, each scaled from 0 to 1.
    case worth(alpha: Double)
  }

  struct Node: Sendable {
    /// Tokens of the edge that leads here.
    var tokens: [UInt64]
    /// Tokens from the root to here, and to the parent.
    var depth: Int
    var parent: Int
    /// By the first token of their edges.
    var children: [UInt64: Int] = [:]
    var hasState = false
    var lastUse: Int
    var isAlive = true
  }

  let model: MarconiModel
  let capacityBytes: Int
  var eviction: Eviction
  private(set) var nodes: [Node] = [Node(tokens: [], depth: 0, parent: -1, lastUse: 0)]
  private var unused: [Int] = []
  private(set) var usedBytes = 0
  private(set) var evictions = 0
  private var clock = 0

  init(_ model: MarconiModel, capacityBytes: Int, eviction: Eviction) {
    self.model = model
    self.capacityBytes = capacityBytes
    self.eviction = eviction
  }

  // MARK: Finding

  /// How far a text goes along the tree.
  private struct Walk {
    /// Nodes that are passed whole, from the root.
    var path = [0]
    /// The child in whose edge the text ends or parts, and the tokens of the edge that it has.
    var child: Int?
    var within = 0
    /// Tokens in all.
    var depth = 0
  }

  private func walk(_ tokens: [UInt64]) -> Walk {
    var walk = Walk()
    while walk.depth < tokens.count {
      let node = walk.path[walk.path.count - 1]
      guard let child = nodes[node].children[tokens[walk.depth]] else { break }
      let edge = nodes[child].tokens
      let same = zip(edge, tokens[walk.depth...]).prefix { $0 == $1 }.count
      walk.depth += same
      guard same == edge.count else {
        (walk.child, walk.within) = (child, same)
        break
      }
      walk.path.append(child)
    }
    return walk
  }

  /// Tokens of a prompt that are found; the last one is always computed.
  mutating func match(_ prompt: [UInt64]) -> Int {
    clock += 1
    let path = walk(Array(prompt.dropLast())).path
    guard let node = path.last(where: { nodes[$0].hasState }) else { return 0 }
    nodes[node].lastUse = clock
    return nodes[node].depth
  }

  // MARK: Keeping

  /// Keeps a request that has ended, and evicts until its bytes are there.
  mutating func insert(_ tokens: [UInt64]) {
    clock += 1
    let walk = walk(tokens)
    var node = walk.path[walk.path.count - 1]
    if let child = walk.child, walk.within > 0 { node = split(child, after: walk.within) }
    // Where the request parts from others it computes the state on its way.
    if walk.depth > 0, walk.depth < tokens.count, !nodes[node].children.isEmpty { keepState(node) }
    if walk.depth < tokens.count {
      node = add(Array(tokens[walk.depth...]), below: node)
      usedBytes += (tokens.count - walk.depth) * model.tokenBytes
    }
    keepState(node)
    nodes[node].lastUse = clock
    while usedBytes > capacityBytes, evictOne() {}
  }

  private mutating func keepState(_ node: Int) {
    nodes[node].lastUse = clock
    guard !nodes[node].hasState else { return }
    nodes[node].hasState = true
    usedBytes += model.stateBytes
  }

  private mutating func add(_ tokens: [UInt64], below parent: Int) -> Int {
    let node = Node(
      tokens: tokens, depth: nodes[parent].depth + tokens.count, parent: parent, lastUse: clock)
    let index = unused.popLast() ?? nodes.count
    if index < nodes.count { nodes[index] = node } else { nodes.append(node) }
    nodes[parent].children[tokens[0]] = index
    return index
  }

  /// Cuts an edge in two.
  ///
  /// - Returns: The node between.
  private mutating func split(_ child: Int, after count: Int) -> Int {
    let (edge, parent) = (nodes[child].tokens, nodes[child].parent)
    let between = add(Array(edge[..<count]), below: parent)
    nodes[child].tokens = Array(edge[count...])
    nodes[child].parent = between
    nodes[between].children[edge[count]] = child
    nodes[between].lastUse = nodes[child].lastUse
    return between
  }

  // MARK: Evicting

  /// Bytes that evicting a node frees: of a leaf all of it, of a node with one child its state.
  private func bytes(_ node: Int) -> Int {
    let state = nodes[node].hasState ? model.stateBytes : 0
    guard nodes[node].children.isEmpty else { return state }
    return state + nodes[node].tokens.count * model.tokenBytes
  }

  private func isCandidate(_ node: Int) -> Bool {
    guard node > 0, nodes[node].isAlive else { return false }
    switch eviction {
    case .leastRecent: return nodes[node].children.isEmpty
    case .worth: return nodes[node].children.count <= 1 && bytes(node) > 0
    }
  }

  /// Evicts what is worth least, the first of several.
  ///
  /// - Returns: Whether there was something.
  private mutating func evictOne() -> Bool {
    clock += 1
    let candidates = nodes.indices.filter(isCandidate)
    guard !candidates.isEmpty else { return false }
    let scores = scores(candidates)
    let place = scores.indices.reduce(0) { scores[$1] < scores[$0] ? $1 : $0 }
    evict(candidates[place])
    evictions += 1
    return true
  }

  private func scores(_ candidates: [Int]) -> [Double] {
    let recency = candidates.map { 1 / Double(clock - nodes[$0].lastUse) }
    guard case .worth(let alpha) = eviction else { return recency }
    let worth = candidates.map { node in
      let parent = nodes[nodes[node].parent].depth
      let saved = model.operations(nodes[node].depth) - model.operations(parent)
      return saved / Double(bytes(node))
    }
    return zip(Self.scaled(worth), Self.scaled(recency)).map { alpha * $0 + $1 }
  }

  /// From 0 to 1; 1 where all are equal.
  private static func scaled(_ values: [Double]) -> [Double] {
    guard let least = values.min(), let most = values.max(), most > least else {
      return values.map { _ in 1 }
    }
    return values.map { ($0 - least) / (most - least) }
  }

  private mutating func evict(_ node: Int) {
    usedBytes -= bytes(node)
    nodes[node].hasState = false
    let parent = nodes[node].parent
    if nodes[node].children.isEmpty {
      nodes[parent].children[nodes[node].tokens[0]] = nil
      remove(node)
    } else {
      join(node)
    }
    // What is left without a state and with one way on is no place where requests part.
    if parent > 0, !nodes[parent].hasState, nodes[parent].children.count == 1 { join(parent) }
  }

  /// Puts the edge of a node ahead of that of its only child.
  private mutating func join(_ node: Int) {
    guard let child = nodes[node].children.first?.value else { return }
    let parent = nodes[node].parent
    nodes[child].tokens = nodes[node].tokens + nodes[child].tokens
    nodes[child].parent = parent
    nodes[parent].children[nodes[node].tokens[0]] = child
    remove(node)
  }

  private mutating func remove(_ node: Int) {
    nodes[node].isAlive = false
    nodes[node].children = [:]
    nodes[node].tokens = []
    unused.append(node)
  }

  /// The first law that is broken, with the numbers, or `nil`: bytes are those of the nodes, and edges lead where they say.
  var brokenInvariant: String? {
    var bytes = 0
    for (index, node) in nodes.enumerated() where index > 0 && node.isAlive {
      bytes += node.tokens.count * model.tokenBytes + (node.hasState ? model.stateBytes : 0)
      guard nodes[node.parent].depth + node.tokens.count == node.depth,
        nodes[node.parent].children[node.tokens[0]] == index
      else { return "node \(index) is not below its parent \(node.parent)" }
    }
    return bytes == usedBytes ? nil : "nodes have \(bytes) bytes, counted are \(usedBytes)"
  }
}
