import HeapModule

/// The host's memory behind a ``RadixTree``, as SGLang's HiCache keeps it: a node may be on the device, on the host, or on
/// both, and what the device evicts stays in the tree as long as the host has it.
///
///     root ──|── both ──|──|── device ──|        copied to the host once it is used often enough, or when it is evicted
///                       └──|── host ──|          found again: comes back to the device before it is computed behind
///
/// Nodes on the device come before those that are not, on every way from the root. The device evicts a node that has none on
/// it below, the host one that is on it alone and has none below at all: the least recently touched first, whole nodes.
///
/// It moves no bytes and knows no time: a copy to the host locks its node (``copies``) until whoever moves it says that it
/// is there.
///
/// - Source: SGLang's `mem_cache/hiradix_cache.py` as public in 2026, read and written anew. Reconstructed: that a node comes
///   back before uses are counted, where the engine does both going down; and that what hangs below a node which is lost from
///   both is freed at once, where the engine lets it age unreachable.
package struct RadixHost: Sendable {
  /// When a node is copied to the host (`--hicache-write-policy`).
  package enum WritePolicy: String, CaseIterable, Sendable {
    /// With its first use, which is the one that makes it.
    case writeThrough = "write_through"
    /// With its second: a prompt when its request is complete, an answer when a later prompt has it.
    case writeThroughSelective = "write_through_selective"
    /// When the device evicts it, which waits for the copy.
    case writeBack = "write_back"

    /// Uses from which on it is copied; `nil` for none.
    var usesMin: Int32? {
      switch self {
      case .writeThrough: 1
      case .writeThroughSelective: 2
      case .writeBack: nil
      }
    }
  }

  /// A copy of a node to the host that has been decided.
  package struct Copy: Equatable, Sendable {
    package var node: RadixTree.NodeID
    package var tokens: Int
  }

  /// Less than this is computed again, not loaded (`load_back_threshold`).
  package static let loadedMin = 10

  /// Tokens, whole blocks.
  package let capacity: Int
  package let policy: WritePolicy
  /// Tokens that nothing is kept in.
  package internal(set) var free: Int
  /// Copies that have been decided since they were last taken.
  var copies: [Copy] = []
  /// Nodes on the host alone, without others below.
  var queue = RadixTree.EvictionQueue()

  /// - Parameter capacity: Tokens, whole blocks.
  package init(capacity: Int, policy: WritePolicy) {
    precondition(capacity > 0, "RadixHost of \(capacity) tokens")
    (self.capacity, self.policy, free) = (capacity, policy, capacity)
  }
}

extension RadixTree {
  /// The part of a place that is on the device.
  @inlinable @inline(__always)
  package func onDevice(_ place: Place) -> Place { host == nil ? place : above(place) }

  @usableFromInline
  func above(_ place: Place) -> Place {
    var place = place
    while !nodes[Int(place.node)].isOnDevice {
      place.tokens = Int(nodes[Int(place.node)].begin)
      place.node = nodes[Int(place.node)].parent
    }
    return place
  }

  /// Takes the copies to the host that have been decided since this was last asked.
  package mutating func takeCopies() -> [RadixHost.Copy] {
    guard let copies = host?.copies, !copies.isEmpty else { return [] }
    host?.copies = []
    return copies
  }

  /// Gives a node, and all above it, slots on the device.
  mutating func bringBack(_ id: NodeID) {
    var node = id
    while !nodes[Int(node)].isOnDevice {
      nodes[Int(node)].isOnDevice = true
      evictable += nodes[Int(node)].count
      node = nodes[Int(node)].parent
      nodes[Int(node)].deviceChildren += 1
    }
    if node != id { enqueue(id) }
  }

  /// Counts a use of a node and of all above it, from the root on, and copies to the host what has enough.
  mutating func use(_ id: NodeID) {
    guard host?.policy.usesMin != nil, id != 0 else { return }
    use(nodes[Int(id)].parent)
    useOnce(id)
  }

  /// Counts a use of a node alone.
  mutating func useOnce(_ id: NodeID) {
    guard let usesMin = host?.policy.usesMin else { return }
    nodes[Int(id)].uses += 1
    if !nodes[Int(id)].isOnHost, nodes[Int(id)].uses >= usesMin, copyToHost(id) { lock(id) }
  }

  /// Gives a node a place on the host, if there is one or others make way.
  private mutating func copyToHost(_ id: NodeID) -> Bool {
    let tokens = nodes[Int(id)].count
    if let host, host.free < tokens { evictFromHost(tokens) }
    guard let host, host.free >= tokens else { return false }
    self.host?.free -= tokens
    self.host?.copies.append(.init(node: id, tokens: tokens))
    nodes[Int(id)].isOnHost = true
    return true
  }

  /// Takes a node off the device that stays on the host; where it is copied only now, if there is room.
  ///
  /// - Returns: Whether it stays.
  mutating func keepOnHost(_ id: NodeID) -> Bool {
    guard let host else { return false }
    if !nodes[Int(id)].isOnHost {
      guard host.policy == .writeBack, copyToHost(id) else { return false }
    }
    let node = nodes[Int(id)]
    nodes[Int(id)].isOnDevice = false
    nodes[Int(node.parent)].deviceChildren -= 1
    evictable -= node.count
    if node.firstChild == 0 { enqueueOnHost(id) }
    return true
  }

  /// Takes what is on the host below a node out of the tree.
  mutating func removeBelow(_ id: NodeID) {
    while case let child = nodes[Int(id)].firstChild, child != 0 {
      removeBelow(child)
      _ = remove(child)
    }
  }

  private mutating func evictFromHost(_ tokens: Int) {
    var gone = 0
    while gone < tokens, let entry = host?.queue.heap.popMin() {
      let node = nodes[Int(entry.node)]
      guard !node.isOnDevice, node.firstChild == 0 else { continue }
      guard node.stamp == entry.stamp else {
        enqueueOnHost(entry.node)
        continue
      }
      gone += node.count
      let parent = remove(entry.node)
      if !nodes[Int(parent)].isOnDevice, nodes[Int(parent)].firstChild == 0 {
        enqueueOnHost(parent)
      }
    }
  }

  /// A node may queue twice: what comes out is looked at again.
  private mutating func enqueueOnHost(_ id: NodeID) {
    host?.queue.heap.insert(.init(stamp: nodes[Int(id)].stamp, node: id))
  }
}
