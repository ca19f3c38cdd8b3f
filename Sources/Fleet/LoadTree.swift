/// How many requests each replica has, arranged so that the least is found without looking at all of them.
///
///                1                  each node holds the least of its two children
///            2       1
///          3   2   1   4            replicas 0 to 3
///
/// - Complexity: O(log replicas) to change one and to find the least.
package struct LoadTree: Sendable {
  /// The root at 1, the children of i at 2i and 2i + 1, replicas from `width` on.
  private var nodes: [Int32]
  private var width: Int
  package private(set) var count = 0

  /// A replica that takes no requests.
  private static let closed = Int32.max

  package init() {
    width = 1
    nodes = [Self.closed, Self.closed]
  }

  /// The requests of a replica.
  package subscript(replica: Int) -> Int { Int(nodes[width + replica]) }

  /// Adds a replica that takes no requests.
  mutating func append() {
    count += 1
    guard count > width else { return }
    let leaves = nodes[width...] + Array(repeating: Self.closed, count: width)
    width *= 2
    nodes = Array(repeating: Self.closed, count: width) + leaves
    for node in (1..<width).reversed() { nodes[node] = min(nodes[2 * node], nodes[2 * node + 1]) }
  }

  mutating func set(_ replica: Int, to requests: Int) { put(Int32(requests), at: replica) }

  /// Takes a replica out of the comparison.
  mutating func close(_ replica: Int) { put(Self.closed, at: replica) }

  private mutating func put(_ load: Int32, at replica: Int) {
    var node = width + replica
    nodes[node] = load
    while node > 1 {
      node /= 2
      let least = min(nodes[2 * node], nodes[2 * node + 1])
      if nodes[node] == least { break }
      nodes[node] = least
    }
  }

  /// The replica with the fewest requests; of equals, the first from `start` on, else the first of all.
  ///
  /// - Precondition: One takes requests.
  package func least(from start: Int) -> Int {
    precondition(nodes[1] < Self.closed, "LoadTree: none of \(count) replicas takes requests")
    return first(from: start < count ? start : 0) ?? first(from: 0) ?? 0
  }

  /// The first replica from `start` on that has no more than any.
  private func first(from start: Int) -> Int? {
    var node = width + start
    // Up until the least stands at or to the right of where we are, then down to the first such leaf.
    while nodes[node] != nodes[1] {
      while node & 1 == 1 {
        node /= 2
        if node <= 1 { return nil }
      }
      node += 1
    }
    while node < width { node = nodes[2 * node] == nodes[1] ? 2 * node : 2 * node + 1 }
    return node - width
  }
}
