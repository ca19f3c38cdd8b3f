import SimulationKernel
import Testing

@testable import KVMemory

@Suite struct RadixTreeTests {
  /// A text of whole streams' beginnings, `(stream, tokens)`.
  private func text(_ runs: (Int64, Int)...) -> TokenText {
    var text = TokenText()
    for run in runs { text.append(stream: run.0, start: 0, count: run.1) }
    return text
  }

  @Test func neighboursThatGoOnInEachOtherAreOneRun() {
    var text = TokenText()
    text.append(stream: 7, start: 4, count: 3)
    text.append(stream: 7, start: 7, count: 2)
    text.append(stream: 7, start: 0, count: 1)
    #expect(text.count == 6)
    #expect(text.runs.map(\.end) == [5, 6])
    #expect(
      text.pieces(3..<6) == [
        .init(stream: 7, start: 7, count: 2), .init(stream: 7, start: 0, count: 1),
      ])
    #expect(text.pieces(2..<2).isEmpty)
  }

  /// Two prompts of 10 and 9 tokens share 6: the node of the first is cut there.
  @Test func aNodeIsCutWhereTextsPart() {
    var tree = RadixTree(blockSize: 1)
    #expect(tree.insert(text((1, 6), (2, 4)), limit: 10) == 0)
    #expect(tree.insert(text((1, 6), (3, 3)), limit: 9) == 6)
    #expect(tree.nodeCount == 3 && tree.size == 13)
    #expect(tree.walk(text((1, 8)), limit: 8).tokens == 6, "stream 1 goes on, the tree does not")
    #expect(tree.walk(text((2, 4)), limit: 4) == .root)
    #expect(tree.brokenInvariant == nil)
  }

  /// Pages of 4: 7 common tokens are one page, and a page that starts alike is not the same page.
  @Test func onlyWholeBlocksCount() {
    var tree = RadixTree(blockSize: 4)
    #expect(tree.insert(text((1, 7), (2, 5)), limit: 12) == 0)
    #expect(tree.insert(text((1, 7), (3, 5)), limit: 12) == 4)
    #expect(tree.size == 20)
    #expect(tree.walk(text((1, 11)), limit: 7).tokens == 4)
    #expect(tree.walk(text((1, 3), (9, 3)), limit: 6) == .root)
    #expect(tree.walk(text((1, 12)), limit: 3) == .root, "no whole block is looked for")
    #expect(tree.brokenInvariant == nil)
  }

  /// The least recently touched leaf goes first, as a whole; a locked one stays, and all above it; a parent follows when
  /// its last child is gone.
  @Test func leavesAreEvictedLeastRecentlyTouchedFirst() {
    var tree = RadixTree(blockSize: 1)
    _ = tree.insert(text((1, 4), (2, 2)), limit: 6)
    _ = tree.insert(text((1, 4), (3, 3)), limit: 7)
    _ = tree.insert(text((5, 8)), limit: 8)
    let locked = tree.walk(text((5, 8)), limit: 8).node
    tree.lock(locked)
    tree.walk(text((1, 4), (2, 2)), limit: 6)
    #expect(tree.protected == 8 && tree.evictable == 9)
    var log: [RadixTree.Evicted]? = []
    #expect(tree.evict(1, log: &log) == 3)
    #expect(log == [.init(depth: 4, pieces: [.init(stream: 3, start: 0, count: 3)])])
    #expect(tree.evict(100, log: &log) == 6, "the locked one stays")
    #expect(log?.map(\.depth) == [4, 4, 0])
    tree.unlock(locked)
    #expect(tree.evict(1, log: &log) == 8)
    #expect(tree.size == 0 && tree.nodeCount == 0 && tree.brokenInvariant == nil)
  }

  /// Looking for something cuts nodes too, and the upper part counts as touched later than the walk itself.
  @Test func lookingCutsAndTouches() {
    var tree = RadixTree(blockSize: 1)
    _ = tree.insert(text((1, 6)), limit: 6)
    #expect(tree.walk(text((1, 6)), limit: 2).tokens == 2)
    #expect(tree.nodeCount == 2)
    let children = tree.children(of: 0) { _ in true }
    #expect(children.count == 1 && tree.nodes[Int(children[0])].count == 2)
  }

  // MARK: Against a tree of single tokens

  /// The prose, token by token: a node holds a list of tokens, and nothing is remembered.
  private final class NaiveNode {
    var tokens: [Int]
    var children: [NaiveNode] = []
    weak var parent: NaiveNode?
    var locks = 0
    var stamp: Int

    init(_ tokens: [Int], stamp: Int) {
      self.tokens = tokens
      self.stamp = stamp
    }

    var depth: Int { parent.map { $0.depth + $0.tokens.count } ?? 0 }
    var all: [NaiveNode] { [self] + children.flatMap(\.all) }
  }

  private struct NaiveTree {
    let root = NaiveNode([], stamp: 0)
    let block: Int
    var clock = 0

    mutating func walk(_ tokens: [Int], _ limit: Int) -> (node: NaiveNode, tokens: Int) {
      let key = Array(tokens[..<(limit / block * block)])
      guard !key.isEmpty else { return (root, 0) }
      clock += 1
      let stamp = clock
      var (node, done) = (root, 0)
      node.stamp = stamp
      while done < key.count {
        let page = Array(key[done..<done + block])
        guard let child = node.children.first(where: { Array($0.tokens[..<block]) == page })
        else { break }
        child.stamp = stamp
        let same = zip(key[done...], child.tokens).prefix { $0 == $1 }.count / block * block
        if same < child.tokens.count { return (split(child, same), done + same) }
        (node, done) = (child, done + same)
      }
      return (node, done)
    }

    private mutating func split(_ node: NaiveNode, _ at: Int) -> NaiveNode {
      clock += 1
      let upper = NaiveNode(Array(node.tokens[..<at]), stamp: clock)
      upper.locks = node.locks
      upper.parent = node.parent
      upper.children = [node]
      if let index = node.parent?.children.firstIndex(where: { $0 === node }) {
        node.parent?.children[index] = upper
      }
      node.parent = upper
      node.tokens.removeFirst(at)
      return upper
    }

    mutating func insert(_ tokens: [Int], _ limit: Int) -> Int {
      let end = limit / block * block
      let (node, done) = walk(tokens, limit)
      guard done < end else { return done }
      clock += 1
      let leaf = NaiveNode(Array(tokens[done..<end]), stamp: clock)
      leaf.parent = node
      node.children.append(leaf)
      return done
    }

    func lock(_ node: NaiveNode, by change: Int) {
      var node: NaiveNode? = node
      while let here = node, here !== root {
        here.locks += change
        node = here.parent
      }
    }

    /// Depths and tokens of what went.
    mutating func evict(_ count: Int) -> [(Int, [Int])] {
      var gone: [(Int, [Int])] = []
      while gone.reduce(0, { $0 + $1.1.count }) < count {
        let leaves = root.all.filter { $0 !== root && $0.children.isEmpty && $0.locks == 0 }
        guard let oldest = leaves.min(by: { $0.stamp < $1.stamp }) else { break }
        gone.append((oldest.depth, oldest.tokens))
        oldest.parent?.children.removeAll { $0 === oldest }
      }
      return gone
    }

    func tokens(locked: Bool) -> Int {
      root.all.filter { ($0.locks > 0) == locked }.reduce(0) { $0 + $1.tokens.count }
    }
  }

  private func drawnText(_ chance: inout RandomStream) -> TokenText {
    var text = TokenText()
    for place in 0..<1 + chance.below(4) {
      text.append(
        stream: Int64(place * 3 + chance.below(3)), start: chance.below(2) * 2,
        count: 1 + chance.below(9))
    }
    return text
  }

  private func tokens(_ pieces: [TokenText.Piece]) -> [Int] {
    pieces.flatMap { piece in (0..<piece.count).map { Int(piece.stream) * 1000 + piece.start + $0 }
    }
  }

  @Test(arguments: 0..<60 as Range<UInt64>)
  func agreesWithATreeOfTokens(seed: UInt64) throws {
    var chance = RandomStream(seed: seed, label: "radix tree")
    let block = [1, 1, 2, 4][chance.below(4)]
    var tree = RadixTree(blockSize: block)
    var naive = NaiveTree(block: block)
    var locks: [(RadixTree.NodeID, NaiveNode)] = []
    for step in 0..<400 {
      let text = drawnText(&chance)
      let all = tokens(text.pieces(0..<text.count))
      let limit = chance.below(text.count + 1)
      switch chance.below(6) {
      case 0, 1:
        let (place, wanted) = (tree.walk(text, limit: limit), naive.walk(all, limit))
        try #require(place.tokens == wanted.tokens, "seed \(seed), step \(step)")
        if chance.below(2) == 0 {
          tree.lock(place.node)
          naive.lock(wanted.node, by: 1)
          locks.append((place.node, wanted.node))
        }
      case 2, 3:
        try #require(
          tree.insert(text, limit: limit) == naive.insert(all, limit), "seed \(seed), step \(step)")
      case 4:
        guard !locks.isEmpty else { break }
        let (one, other) = locks.remove(at: chance.below(locks.count))
        tree.unlock(one)
        naive.lock(other, by: -1)
      default:
        var log: [RadixTree.Evicted]? = []
        let count = 1 + chance.below(12)
        let gone = tree.evict(count, log: &log)
        let wanted = naive.evict(count)
        try #require(gone == wanted.reduce(0) { $0 + $1.1.count }, "seed \(seed), step \(step)")
        try #require(log?.map(\.depth) == wanted.map(\.0), "seed \(seed), step \(step)")
        try #require(
          log?.map { tokens($0.pieces) } == wanted.map(\.1), "seed \(seed), step \(step)")
      }
      try #require(tree.protected == naive.tokens(locked: true), "seed \(seed), step \(step)")
      try #require(tree.evictable == naive.tokens(locked: false), "seed \(seed), step \(step)")
      let broken = tree.brokenInvariant
      try #require(broken == nil, "seed \(seed), step \(step)")
    }
  }
}
