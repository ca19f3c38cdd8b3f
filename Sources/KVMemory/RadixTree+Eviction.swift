import HeapModule

extension RadixTree {
  /// Unlocked leaves, the least recently touched first.
  ///
  /// A node has at most one entry, with the stamp that it had when it became such a leaf. An entry whose node is none any
  /// more, or was touched since, is put right when it comes out.
  struct EvictionQueue: Sendable {
    struct Entry: Comparable, Sendable {
      var stamp: Int
      var node: NodeID

      static func < (a: Entry, b: Entry) -> Bool { a.stamp < b.stamp }
    }

    var heap = Heap<Entry>()
  }

  /// A node that was evicted.
  package struct Evicted: Equatable, Sendable {
    /// Tokens above it.
    package var depth: Int
    /// Its own.
    package var pieces: [TokenText.Piece]
  }

  mutating func enqueue(_ id: NodeID) {
    guard !nodes[Int(id)].isQueued else { return }
    nodes[Int(id)].isQueued = true
    queue.heap.insert(.init(stamp: nodes[Int(id)].stamp, node: id))
  }

  /// Evicts unlocked leaves, the least recently touched first, until `tokens` are gone or there is none. A node goes as a
  /// whole, so more may go; a parent that is left an unlocked leaf queues with the others. What a host has stays in the tree.
  ///
  /// No two unlocked leaves have one stamp: nodes that share one were walked through together, so one is above the other.
  ///
  /// - Parameter log: Gets what was evicted, in order; `nil` for no log.
  /// - Returns: Tokens that are gone.
  /// - Complexity: O(log nodes) a node.
  package mutating func evict(_ tokens: Int, log: inout [Evicted]?) -> Int {
    var gone = 0
    while gone < tokens, let entry = queue.heap.popMin() {
      let id = Int(entry.node)
      nodes[id].isQueued = false
      guard nodes[id].isLeaf && nodes[id].locks == 0 else { continue }
      guard nodes[id].stamp == entry.stamp else {
        enqueue(entry.node)
        continue
      }
      gone += nodes[id].count
      let parent = nodes[id].parent
      if !keepOnHost(entry.node) {
        let places = Int(nodes[id].begin)..<Int(nodes[id].end)
        log?.append(Evicted(depth: places.lowerBound, pieces: nodes[id].text.pieces(places)))
        removeBelow(entry.node)
        _ = remove(entry.node)
      }
      if parent != 0, nodes[Int(parent)].isLeaf, nodes[Int(parent)].locks == 0 { enqueue(parent) }
    }
    return gone
  }
}
