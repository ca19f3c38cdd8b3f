extension KVGroupKind {
  /// One state, in one block, however long the sequence.
  public static let state = state(blocks: 1)

  /// A state that is written to a block of its own at the end of a chunk, so that others can start from it.
  ///
  /// The state before the newest token is what the next one reads.
  ///
  /// - Parameters:
  ///   - blocks: Blocks that a sequence takes at most: without a prefix cache one, with one two, for the state that is read
  ///     and the one that is written, and more for checkpoints that a kernel writes on its way.
  ///   - checkpointAlignment: Such a checkpoint can stand where so many tokens divide what was computed since the chunk
  ///     began; `nil` where kernels leave none.
  /// - Source: `MambaManager` of vLLM 0.33's `single_type_kv_cache_manager.py`, and its sizing records.
  public static func state(blocks: Int, checkpointAlignment: Int? = nil) -> KVGroupKind {
    let blocksText = blocks == 1 ? "state" : "state in \(blocks) blocks"
    return KVGroupKind(
      name: checkpointAlignment.map { blocksText + ", checkpoints at multiples of \($0)" }
        ?? blocksText,
      isState: true, isKeyedByNeed: true, checkpointAlignment: checkpointAlignment,
      skipped: { 0..<max(0, $0 - 1) }, mostBlocks: { _, _ in blocks })
  }
}
