extension RadixMemory {
  /// The first law that is broken, with the numbers, or `nil`: those of the tree; free slots, the tree and what sequences
  /// hold for themselves are the pool; every lock is a sequence's, or of what is copied.
  ///
  /// - Parameters:
  ///   - holds: Those of all sequences in flight.
  ///   - moving: Nodes that are copied to the host, or come from there: each is locked once more.
  /// - Complexity: that of the tree's.
  package func brokenInvariant(_ holds: [Hold], moving: [RadixTree.NodeID] = []) -> String? {
    if let broken = tree.brokenInvariant { return "tree: \(broken)" }
    let own = holds.reduce(0) { $0 + slots(for: $1.reach) - $1.cachedTokens }
    guard free >= 0, free + own + tree.size == poolTokens else {
      return "\(free) free + \(own) held + \(tree.size) in the tree ≠ \(poolTokens) in all"
    }
    let tokens = holds.reduce(0) { $0 + $1.tokens - $1.cachedTokens }
    guard tokens == ownTokens else { return "\(tokens) own tokens, counted are \(ownTokens)" }
    for hold in holds where hold.tokens > hold.reach {
      return "a sequence has \(hold.tokens) tokens and slots for \(hold.reach)"
    }
    let blocks = holds.reduce(0) { $0 + slots(for: $1.reach) / blockSize }
    guard blocks == logicalBlockCount else {
      return "sequences count \(blocks) blocks, counted are \(logicalBlockCount)"
    }
    for hold in holds where Int(tree.nodes[Int(hold.node)].end) != hold.cachedTokens {
      return "a sequence locks node \(hold.node), which does not end at \(hold.cachedTokens)"
    }
    var locks = [Int32](repeating: 0, count: tree.nodes.count)
    for var node in holds.map(\.node) + moving {
      while node != 0 {
        locks[Int(node)] += 1
        node = tree.parent(of: node)
      }
    }
    for (id, node) in tree.nodes.enumerated() where locks[id] != node.locks {
      return "node \(id) has \(node.locks) locks, \(locks[id]) of sequences and copies"
    }
    let ledger = ledger
    guard ledger.total == poolTokens, ledger.reserved >= 0, ledger.internalFragmentation >= 0 else {
      return "the ledger has \(ledger.total) of \(poolTokens) slots: \(ledger)"
    }
    return nil
  }
}
