/// The prefix index of SGLang: which beginnings of sequences are cached, as a tree of runs of tokens.
///
///     root ──|── system prompt ──|──|── question 1 ──|──|── answer 1 ──|        each node holds whole blocks
///                                └──|── question 2 ──|                          (SGLang's pages)
///
/// Sequences that use a node lock it and all above it; unlocked nodes without children are evicted, whole, the least
/// recently touched first. Slots have no numbers: how many tokens a node holds is all that matters.
///
/// A node is a range of places of the text with which it came, so that making, splitting and comparing nodes costs no
/// look at single tokens.
///
/// - Source: SGLang 0.5.23, `mem_cache/radix_cache.py`, by the rules beside its recorded step traces.
package struct RadixTree: Sendable {
  /// A node by its number; 0 is the root.
  package typealias NodeID = Int32

  struct Node: Sendable {
    var text = TokenText()
    /// Places of the text that it holds; every token before them is held above it.
    var begin: Int32 = 0
    var end: Int32 = 0
    /// The number of the run at `begin`.
    var firstRun: Int32 = 0
    var parent: NodeID = 0
    var locks: Int32 = 0
    /// When it was last walked through: larger is later.
    var stamp = 0
    /// In the order in which children came; 0 stands for none.
    var firstChild: NodeID = 0
    var lastChild: NodeID = 0
    var previous: NodeID = 0
    var next: NodeID = 0
    /// The next node of its bucket; of a number that is not in use, the next such number.
    var bucketNext: NodeID = 0
    /// Whether the queue of eviction has an entry for it.
    var isQueued = false
    /// Where its keys and values are; without a host, on the device (``RadixHost``).
    var isOnDevice = true
    var isOnHost = false
    /// How often it was handed in.
    var uses: Int32 = 0
    /// Children on the device.
    var deviceChildren: Int32 = 0

    var count: Int { Int(end - begin) }
    /// Whether it is on the device, and none below it is.
    var isLeaf: Bool { deviceChildren == 0 && isOnDevice }
  }

  /// Tokens of a block: nodes begin and end at its multiples.
  package let blockSize: Int
  /// By number.
  var nodes = [Node()]
  /// The first of the numbers that were given back; 0 for none.
  private var unused: NodeID = 0
  /// The first node of each bucket, by parent and first token; as many as a power of two.
  var buckets = [NodeID](repeating: 0, count: 64)
  /// Nodes beside the root.
  package private(set) var nodeCount = 0
  private var clock = 0
  /// Tokens on the device in nodes that nobody locks, and in those that somebody does.
  package internal(set) var evictable = 0
  package private(set) var protected = 0
  var queue = EvictionQueue()
  /// What keeps nodes that the device has evicted; `nil` without one.
  package internal(set) var host: RadixHost?

  package init(blockSize: Int, host: RadixHost? = nil) {
    self.blockSize = blockSize
    self.host = host
  }

  /// Tokens on the device.
  package var size: Int { evictable + protected }

  /// How far a walk came.
  package struct Place: Equatable, Sendable {
    package var node: NodeID
    /// Tokens from the root to its end.
    package var tokens: Int

    package static let root = Place(node: 0, tokens: 0)
  }

  // MARK: Walking

  /// Walks along the beginning of a text as far as the tree has it, and touches every node on the way. A node that the
  /// text leaves or ends in is split there.
  ///
  /// - Parameter limit: Tokens of the text that may be used; what is no whole block is not.
  /// - Complexity: O(nodes and runs on the way).
  @discardableResult
  package mutating func walk(_ text: TokenText, limit: Int) -> Place {
    var run = 0
    return walk(text, limit: limit, run: &run)
  }

  /// - Parameter run: Becomes the number of the text's run where the walk ended.
  private mutating func walk(_ text: TokenText, limit: Int, run: inout Int) -> Place {
    let end = limit / blockSize * blockSize
    var place = Place.root
    guard end > 0 else { return place }
    clock += 1
    let stamp = clock
    nodes[0].stamp = stamp
    while place.tokens < end, let child = child(of: place, text, run) {
      let whole = Int(nodes[Int(child)].end)
      let other = Int(nodes[Int(child)].firstRun)
      let differs = text.common(
        with: nodes[Int(child)].text, from: place.tokens, &run, other, limit: min(whole, end))
      let common = differs / blockSize * blockSize
      nodes[Int(child)].stamp = stamp
      if common < whole {
        while run > 0, Int(text.runs[run - 1].end) > common { run -= 1 }
        return Place(node: split(child, at: common), tokens: common)
      }
      place = Place(node: child, tokens: whole)
    }
    return place
  }

  /// The child with the same first block.
  private func child(of place: Place, _ text: TokenText, _ run: Int) -> NodeID? {
    var id = buckets[bucket(place.node, text.runs[run])]
    while id != 0 {
      let matches = nodes[Int(id)].parent == place.node && startsEqually(Int(id), place, text, run)
      if matches { return id }
      id = nodes[Int(id)].bucketNext
    }
    return nil
  }

  private func startsEqually(_ id: Int, _ place: Place, _ text: TokenText, _ run: Int) -> Bool {
    var run = run
    let block = place.tokens + blockSize
    let other = Int(nodes[id].firstRun)
    return text.common(with: nodes[id].text, from: place.tokens, &run, other, limit: block) == block
  }

  private func bucket(_ parent: NodeID, _ run: TokenText.Run) -> Int {
    var word = UInt64(bitPattern: run.stream) &* 0x9E37_79B9_7F4A_7C15
    word ^= UInt64(UInt32(bitPattern: run.shift)) &* 0xBF58_476D_1CE4_E5B9
    word ^= UInt64(UInt32(bitPattern: parent)) &* 0x94D0_49BB_1331_11EB
    word ^= word >> 32
    word = word &* 0xD6E8_FEB8_6659_FD93
    return Int(truncatingIfNeeded: word >> 32) & (buckets.count - 1)
  }

  func bucket(of id: NodeID) -> Int {
    let id = Int(id)
    return bucket(nodes[id].parent, nodes[id].text.runs[Int(nodes[id].firstRun)])
  }

  // MARK: Changing the tree

  /// Puts the whole blocks of a text's beginning into the tree, and on the device.
  ///
  /// - Parameter isUse: Whether that counts where uses are counted.
  /// - Returns: Tokens that were on the device before.
  package mutating func insert(_ text: TokenText, limit: Int, isUse: Bool = true) -> Int {
    var node: NodeID = 0
    return insert(text, limit: limit, isUse: isUse, end: &node)
  }

  /// - Parameter node: Becomes the node with the last of those blocks.
  mutating func insert(_ text: TokenText, limit: Int, isUse: Bool, end node: inout NodeID) -> Int {
    let end = limit / blockSize * blockSize
    var run = 0
    let place = walk(text, limit: limit, run: &run)
    let device = onDevice(place)
    bringBack(place.node)
    if isUse { use(device.node) }
    node = place.node
    guard place.tokens < end else { return device.tokens }
    clock += 1
    let leaf = add(
      Node(
        text: text, begin: Int32(place.tokens), end: Int32(end), firstRun: Int32(run),
        parent: place.node, stamp: clock))
    append(leaf, to: place.node)
    enterBucket(leaf)
    evictable += end - place.tokens
    enqueue(leaf)
    if isUse { useOnce(leaf) }
    node = leaf
    return device.tokens
  }

  /// Cuts the node on the way to another one that holds the token at a place and the one before it; does nothing where a
  /// node begins there.
  mutating func cut(above id: NodeID, at place: Int) {
    var id = id
    while Int(nodes[Int(id)].begin) > place { id = nodes[Int(id)].parent }
    if Int(nodes[Int(id)].begin) < place { _ = split(id, at: place) }
  }

  /// Touches a node and all above it, as a walk to its end does.
  mutating func touch(_ id: NodeID) {
    clock += 1
    var id = Int(id)
    while id != 0 {
      nodes[id].stamp = clock
      id = Int(nodes[id].parent)
    }
  }

  /// Cuts a node in two; the lower part keeps number, children and stamp, the upper one takes its place.
  ///
  /// - Parameter place: Tokens up to the cut.
  /// - Returns: The upper part.
  private mutating func split(_ id: NodeID, at place: Int) -> NodeID {
    let old = nodes[Int(id)]
    clock += 1
    var upper = old
    upper.end = Int32(place)
    upper.stamp = clock
    upper.firstChild = id
    upper.lastChild = id
    upper.isQueued = false
    upper.deviceChildren = old.isOnDevice ? 1 : 0
    let upperID = add(upper)
    replace(id, by: upperID, in: bucket(of: id))
    if old.previous != 0 {
      nodes[Int(old.previous)].next = upperID
    } else {
      nodes[Int(old.parent)].firstChild = upperID
    }
    if old.next != 0 {
      nodes[Int(old.next)].previous = upperID
    } else {
      nodes[Int(old.parent)].lastChild = upperID
    }
    nodes[Int(id)].begin = Int32(place)
    nodes[Int(id)].firstRun = Int32(old.text.run(at: place, from: Int(old.firstRun)))
    nodes[Int(id)].parent = upperID
    nodes[Int(id)].previous = 0
    nodes[Int(id)].next = 0
    enterBucket(id)
    return upperID
  }

  private mutating func add(_ node: Node) -> NodeID {
    nodeCount += 1
    if nodeCount > buckets.count { growBuckets() }
    guard unused != 0 else {
      nodes.append(node)
      return NodeID(nodes.count - 1)
    }
    let id = unused
    unused = nodes[Int(id)].bucketNext
    nodes[Int(id)] = node
    return id
  }

  private mutating func append(_ id: NodeID, to parent: NodeID) {
    let last = nodes[Int(parent)].lastChild
    nodes[Int(id)].previous = last
    if last != 0 { nodes[Int(last)].next = id } else { nodes[Int(parent)].firstChild = id }
    nodes[Int(parent)].lastChild = id
    nodes[Int(parent)].deviceChildren += 1
  }

  private mutating func enterBucket(_ id: NodeID) {
    let bucket = bucket(of: id)
    nodes[Int(id)].bucketNext = buckets[bucket]
    buckets[bucket] = id
  }

  /// Puts another node in the place of one in its bucket's list; 0 for none.
  private mutating func replace(_ id: NodeID, by other: NodeID, in bucket: Int) {
    let next = nodes[Int(id)].bucketNext
    if other != 0 { nodes[Int(other)].bucketNext = next }
    let following = other != 0 ? other : next
    if buckets[bucket] == id {
      buckets[bucket] = following
    } else {
      var before = buckets[bucket]
      while nodes[Int(before)].bucketNext != id { before = nodes[Int(before)].bucketNext }
      nodes[Int(before)].bucketNext = following
    }
  }

  private mutating func growBuckets() {
    let old = buckets
    buckets = [NodeID](repeating: 0, count: 2 * old.count)
    for first in old {
      var id = first
      while id != 0 {
        let next = nodes[Int(id)].bucketNext
        enterBucket(id)
        id = next
      }
    }
  }

  /// Takes an unlocked node without children out.
  ///
  /// - Returns: Its parent.
  mutating func remove(_ id: NodeID) -> NodeID {
    let node = nodes[Int(id)]
    replace(id, by: 0, in: bucket(of: id))
    if node.previous != 0 {
      nodes[Int(node.previous)].next = node.next
    } else {
      nodes[Int(node.parent)].firstChild = node.next
    }
    if node.next != 0 {
      nodes[Int(node.next)].previous = node.previous
    } else {
      nodes[Int(node.parent)].lastChild = node.previous
    }
    nodes[Int(id)] = Node(bucketNext: unused)
    unused = id
    nodeCount -= 1
    if node.isOnDevice {
      evictable -= node.count
      nodes[Int(node.parent)].deviceChildren -= 1
    }
    if node.isOnHost { host?.free += node.count }
    return node.parent
  }

  // MARK: Locks

  /// Keeps a node, and all above it, from being evicted.
  package mutating func lock(_ id: NodeID) {
    var id = Int(id)
    while id != 0 {
      if nodes[id].locks == 0 {
        evictable -= nodes[id].count
        protected += nodes[id].count
      }
      nodes[id].locks += 1
      id = Int(nodes[id].parent)
    }
  }

  /// Takes back one lock.
  package mutating func unlock(_ id: NodeID) {
    var id = Int(id)
    while id != 0 {
      precondition(nodes[id].locks > 0, "RadixTree.unlock: nobody locks node \(id)")
      nodes[id].locks -= 1
      if nodes[id].locks == 0 {
        evictable += nodes[id].count
        protected -= nodes[id].count
        if nodes[id].isLeaf { enqueue(NodeID(id)) }
      }
      id = Int(nodes[id].parent)
    }
  }

  /// Forgets everything.
  package mutating func removeAll() { self = RadixTree(blockSize: blockSize) }
}

/// The shape of the tree, for orders that follow it.
extension RadixTree {
  package func parent(of id: NodeID) -> NodeID { nodes[Int(id)].parent }

  /// The children of a node that a caller asks for, in the order in which they came.
  package func children(of id: NodeID, where isWanted: (NodeID) -> Bool) -> [NodeID] {
    var children: [NodeID] = []
    var child = nodes[Int(id)].firstChild
    while child != 0 {
      if isWanted(child) { children.append(child) }
      child = nodes[Int(child)].next
    }
    return children
  }
}
