extension KVGroupKind {
  /// The first tokens of a sequence and the last, the next token included; what lies between them is freed.
  ///
  ///     |ssss····|········|░░░░░░░░|····wwww|wwwww▷  |     s sinks, ░ freed
  ///
  /// - Parameters:
  ///   - sinks: Tokens from the beginning that stay.
  ///   - window: Tokens at the end that stay, the next one included.
  /// - Source: StreamingLLM (arXiv 2309.17453).
  public static func sinks(_ sinks: Int, window: Int) -> KVGroupKind {
    KVGroupKind(
      name: "\(sinks) sinks and window of \(window)",
      skipped: { sinks..<max(sinks, $0 - window + 1) },
      mostBlocks: { inFlight, block in
        (sinks + block - 1) / block + (window - 1 + inFlight + block - 1) / block + 1
      })
  }
}
