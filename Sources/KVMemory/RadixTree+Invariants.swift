import HeapModule

extension RadixTree {
  /// The first law that is broken, with the numbers, or `nil`: nodes are whole blocks that begin where their parents end;
  /// no two children begin alike; a node is locked at least as often as its children together; the sums of tokens are
  /// those of the nodes on the device; every unlocked leaf queues for eviction; and those of ``RadixHost``.
  ///
  /// - Complexity: O(nodes × children).
  package var brokenInvariant: String? {
    var reached = [Bool](repeating: false, count: nodes.count)
    var (locked, unlocked, count, hosted) = (0, 0, 0, 0)
    var open: [NodeID] = [0]
    while let id = open.popLast() {
      reached[Int(id)] = true
      let node = nodes[Int(id)]
      let children = children(of: id) { _ in true }
      open += children
      if let broken = violation(id, children) { return broken }
      let below = children.count { nodes[Int($0)].isOnDevice }
      guard below == node.deviceChildren, node.isOnDevice || below == 0 && node.locks == 0 else {
        return "node \(id): \(below) children on the device, \(node.deviceChildren) counted, "
          + "\(node.locks) locks"
      }
      if id == 0 { continue }
      count += 1
      if node.isOnHost { hosted += node.count }
      guard node.isOnDevice || node.isOnHost else { return "node \(id) is nowhere" }
      guard node.isOnDevice else { continue }
      if node.locks > 0 { locked += node.count } else { unlocked += node.count }
      if node.isLeaf && node.locks == 0 && !node.isQueued {
        return "node \(id) is an unlocked leaf and does not queue"
      }
    }
    guard (locked, unlocked, count) == (protected, evictable, nodeCount) else {
      return "\(count) nodes hold \(locked) locked and \(unlocked) unlocked tokens, counted are "
        + "\(nodeCount), \(protected) and \(evictable)"
    }
    if let host, host.free + hosted != host.capacity || host.free < 0 {
      return "\(host.free) free + \(hosted) of nodes ≠ \(host.capacity) on the host"
    }
    let queued = queue.heap.unordered.map(\.node)
    guard Set(queued).count == queued.count, queued.allSatisfy({ reached[Int($0)] }) else {
      return "the queue of eviction names a node twice, or one that is gone: \(queued)"
    }
    return nil
  }

  private func violation(_ id: NodeID, _ children: [NodeID]) -> String? {
    let node = nodes[Int(id)]
    var firsts: [[TokenText.Piece]] = []
    for child in children {
      let lower = nodes[Int(child)]
      guard lower.parent == id, lower.begin == node.end, lower.count > 0,
        lower.count % blockSize == 0
      else {
        return "node \(child) holds \(lower.begin)..<\(lower.end), its parent \(id) ends at "
          + "\(node.end)"
      }
      let begin = Int(lower.begin)
      guard lower.text.run(at: begin) == Int(lower.firstRun) else {
        return "node \(child) begins in run \(lower.text.run(at: begin)), not \(lower.firstRun)"
      }
      firsts.append(lower.text.pieces(begin..<begin + blockSize))
    }
    for (index, first) in firsts.enumerated() where firsts[..<index].contains(first) {
      return "two children of node \(id) begin with \(first)"
    }
    let below = children.reduce(0) { $0 + nodes[Int($1)].locks }
    guard id == 0 || node.locks >= below else {
      return "node \(id) has \(node.locks) locks, its children \(below)"
    }
    return nil
  }
}
