/// Which requests of a trace belong together, so that one without the others would be another request: the turns of a
/// session, a prompt with the answer or the text that it quotes, and prompts that few others share a beginning with.
struct TraceGroups {
  /// The request that stands for the group of each request: the first of them.
  private var leaders: [Int32]
  private var sizes: [Int32]

  /// - Parameter togetherMax: Requests that share a text and have to stay together, at most. A text of more requests, such
  ///   as a system prompt, is still shared by many in a sample; and no group grows beyond this by shared text.
  /// - Complexity: O(requests + pieces), but for the inverse Ackermann function.
  init(_ trace: Trace, togetherMax: Int) {
    leaders = trace.requests.indices.map { Int32($0) }
    sizes = Array(repeating: 1, count: leaders.count)
    var firstOfSession: [Int32: Int] = [:]
    for (index, request) in trace.requests.enumerated() {
      guard let session = request.session else { continue }
      if let first = firstOfSession[session] {
        join(first, index)
      } else {
        firstOfSession[session] = index
      }
    }
    guard let contents = trace.contents else { return }
    let sharers = contents.sharers()
    for index in trace.requests.indices {
      for piece in contents.pieces(of: index) {
        if let owner = PromptContents.owner(of: piece.stream) {
          if owner.request < Int64(leaders.count) { join(Int(owner.request), index) }
        } else if let sharer = sharers[piece.stream], sharer.count <= togetherMax {
          join(sharer.first, index, atMost: togetherMax)
        }
      }
    }
  }

  /// The first request of the group that a request belongs to.
  mutating func leader(of request: Int) -> Int {
    var root = request
    while Int(leaders[root]) != root { root = Int(leaders[root]) }
    var step = request
    while step != root {
      let next = Int(leaders[step])
      leaders[step] = Int32(root)
      step = next
    }
    return root
  }

  /// Requests of the group that `leader` stands for.
  func size(of leader: Int) -> Int { Int(sizes[leader]) }

  /// Makes one group of two, unless it would have more than `limit` requests.
  private mutating func join(_ a: Int, _ b: Int, atMost limit: Int = .max) {
    let (a, b) = (leader(of: a), leader(of: b))
    guard a != b, size(of: a) + size(of: b) <= limit else { return }
    leaders[max(a, b)] = Int32(min(a, b))
    sizes[min(a, b)] += sizes[max(a, b)]
  }
}

extension PromptContents {
  /// For each shared text the first request that has it, and how many have it.
  fileprivate func sharers() -> [Int64: (first: Int, count: Int)] {
    var sharers: [Int64: (first: Int, last: Int, count: Int)] = [:]
    for request in 0..<requestCount {
      for piece in pieces(of: request) where Self.owner(of: piece.stream) == nil {
        var sharer = sharers[piece.stream] ?? (request, -1, 0)
        if sharer.last != request { sharer.count += 1 }
        sharer.last = request
        sharers[piece.stream] = sharer
      }
    }
    return sharers.mapValues { ($0.first, $0.count) }
  }
}
