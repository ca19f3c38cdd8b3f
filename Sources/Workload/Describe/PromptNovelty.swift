extension PromptContents {
  /// Of each prompt, the tokens that no earlier prompt of the trace begins with alike: what a prefix cache that never
  /// loses a token, and has it at once, would still have to compute.
  ///
  ///     earlier    |7: 0…2999|−1: 0…99|
  ///     later      |7: 0…2999|−2: 0…49|                    50 tokens are new
  ///
  /// Tokens that requests generate count as seen, since decoding leaves them in the cache as well. A token is told by
  /// all before it, so that over a whole trace each one is new exactly once: whoever computes it, it has to be.
  ///
  /// - Returns: One number a prompt; no larger than its length.
  /// - Complexity: O(pieces), expected over the hashes.
  package func newTokens() -> [Int] {
    var seen: [PrefixPlace: PrefixExtent] = [:]
    var prefixes = 1
    return (0..<requestCount).map { request in
      var prefix = 0
      var new = 0
      for run in runs(of: request) {
        let place = PrefixPlace(prefix: prefix, stream: run.stream, start: run.start)
        var extent = seen[place] ?? PrefixExtent()
        if run.stream < PromptContents.firstOutputStream {
          new += max(0, Int(run.count) - extent.count)
        }
        extent.count = max(extent.count, Int(run.count))
        // What follows the run is told by where the run ends.
        if let next = extent.next[run.count] {
          prefix = next
        } else {
          prefix = prefixes
          extent.next[run.count] = prefix
          prefixes += 1
        }
        seen[place] = extent
      }
      return new
    }
  }

  /// The pieces of a prompt, those that continue each other as one.
  private func runs(of request: Int) -> [TokenPiece] {
    var runs: [TokenPiece] = []
    for piece in pieces(of: request) {
      if let last = runs.last, last.stream == piece.stream, last.start + last.count == piece.start {
        runs[runs.count - 1].count += piece.count
      } else {
        runs.append(piece)
      }
    }
    return runs
  }
}

/// Where a run of tokens begins: after a prefix, in a stream, at a place of it.
private struct PrefixPlace: Hashable {
  var prefix: Int
  var stream: Int64
  var start: Int32
}

/// How far a run was read from one place, and the prefixes that end in it, by the tokens read of it.
private struct PrefixExtent {
  var count = 0
  var next: [Int32: Int] = [:]
}
