import CostModel
import Messages

extension EngineLog {
  /// Blocks of the pool, and what to tell users of how they were found.
  ///
  /// Blocks count as they are. Tokens are blocks where layers share one block table; those of several groups are not, so
  /// that bytes are taken there.
  ///
  /// - Parameter cache: What a sequence keeps in the pool.
  /// - Throws: ``UserError`` where lines contradict each other, what is said are no blocks, or not one is left.
  package func blocks(
    of cache: KVCacheSpec
  ) throws(UserError) -> (blocks: Int, warnings: [String]) {
    let sharesTokens = !cache.countsNullBlock
    let (blocks, tokens) = (self[.blocks], self[.tokens])
    if let blocks, let tokens, sharesTokens,
      Int(tokens.least) / cache.blockTokens != Int(blocks.least)
    {
      throw UserError(
        "\(name):\(tokens.leastLine): the KV cache has \(Int(tokens.least)) tokens, but "
          + "\(Int(blocks.least)) blocks in line \(blocks.leastLine)",
        hint: "cut the log to one start of the engine, or give `--num-gpu-blocks-override`")
    }
    if let blocks {
      return try pool(Int(blocks.least), blocks, "\(Int(blocks.least)) blocks", cache)
    }
    if let tokens, sharesTokens {
      return try pool(
        Int(tokens.least) / cache.blockTokens, tokens, "\(Int(tokens.least)) tokens", cache)
    }
    if let memory = self[.cache] {
      let gibibytes = memory.least / EngineLogLine.gibibyte
      let text = "\((gibibytes * 100).rounded() / 100) GiB"
      var (blocks, warnings) = try pool(
        Int(memory.least) / cache.blockBytes, memory, text, cache)
      let rounding = Int((memory.rounding / Double(cache.blockBytes)).rounded(.up))
      warnings.append("\(name): \(text) are rounded, so that blocks may be off by \(rounding)")
      return (blocks, warnings)
    }
    guard let tokens else { throw Self.noPool(name) }
    throw UserError(
      "\(name):\(tokens.leastLine): the tokens of a model with several KV groups are no blocks",
      hint: "give a log with `Available KV cache memory`, the metric `vllm:cache_config_info`, or "
        + "`--num-gpu-blocks-override`")
  }

  private func pool(
    _ blocks: Int, _ sizes: Stated, _ text: String, _ cache: KVCacheSpec
  ) throws(UserError) -> (blocks: Int, warnings: [String]) {
    guard blocks > 0 else {
      throw UserError(
        "\(name):\(sizes.leastLine): a KV cache of \(text) holds no block of \(cache.blockTokens) tokens"
      )
    }
    guard sizes.most > sizes.least else { return (blocks, []) }
    return (
      blocks,
      [
        "\(name): ranks have KV caches of unlike size; the smallest counts, \(text) in line "
          + "\(sizes.leastLine)"
      ]
    )
  }
}
