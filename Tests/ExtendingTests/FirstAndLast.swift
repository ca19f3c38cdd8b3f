import KVMemory

extension KVGroupKind {
  /// The first `first` tokens and the last `last`, the next token included.
  static func firstAndLast(_ first: Int, _ last: Int) -> KVGroupKind {
    KVGroupKind(
      name: "first \(first), last \(last)", attendedMax: first + last,
      skipped: { first..<max(first, $0 - last + 1) },
      mostBlocks: { inFlight, blockTokens in
        func blocks(_ tokens: Int) -> Int { (tokens + blockTokens - 1) / blockTokens }
        return blocks(first) + blocks(last - 1 + inFlight) + 1
      })
  }
}
