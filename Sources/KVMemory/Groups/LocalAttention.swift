extension KVGroupKind {
  /// The tokens that the next one attends to: the last `tokens`, itself included.
  ///
  /// A window takes most where its first token is the last of a block:
  ///
  ///     |░░░░░░░w|wwwwwwww|wwwwwww▷|     tokens = 17, blocks of 8: ⌈16/8⌉ + 1 = 3
  ///
  /// - Source: `get_num_skipped_tokens` and the admission cap of `SlidingWindowManager` in vLLM 0.33's
  ///   `single_type_kv_cache_manager.py`.
  public static func window(tokens: Int) -> KVGroupKind {
    KVGroupKind(
      name: "window of \(tokens)", isKeyedByNeed: true, attendedMax: tokens,
      skipped: { 0..<max(0, $0 - tokens + 1) },
      mostBlocks: { (tokens - 1 + $0 + $1 - 1) / $1 + 1 },
      // One more than a short sequence can hold.
      reservedBlocks: { (min(tokens - 1 + $1, $0) + $2 - 1) / $2 + 1 })
  }

  /// The tokens of the chunk that the next one belongs to; chunks start at multiples of `tokens`.
  ///
  /// - Source: the same of `ChunkedLocalAttentionManager`; ours where chunks do not end with blocks.
  public static func chunk(tokens: Int) -> KVGroupKind {
    KVGroupKind(
      name: "chunk of \(tokens)", skipped: { 0..<$0 / tokens * tokens },
      mostBlocks: { inFlight, block in
        inFlight > 0 || tokens % block == 0
          ? (tokens + inFlight + block - 1) / block : (tokens - 1 + block - 1) / block + 1
      })
  }
}
