extension KVGroupKind {
  /// One state, in one block, however long the sequence.
  public static let state = state(blocks: 1)

  /// A state that is written to a block of its own at the end of a chunk, so that others can start from it.
  ///
  /// The state before the newest token is what the next one reads.
  ///
  /// - Parameters:
  ///   - blocks: Blocks that a sequence takes at most: without a prefix cache one, with one two, for the state that is read
  ///     and the one that is written, and more for checkpoints that a kernel writes on its way, and for drafts.
  ///   - checkpointAlignment: Such a checkpoint can stand where so many tokens divide what was computed since the chunk
  ///     began; `nil` where kernels leave none.
  ///   - drafts: How many of the blocks are for the states after draft tokens.
  /// - Source: `MambaManager` of vLLM 0.33's `single_type_kv_cache_manager.py`, and its sizing records.
  public static func state(
    blocks: Int, checkpointAlignment: Int? = nil, drafts: Int = 0
  ) -> KVGroupKind {
    var name = blocks == 1 ? "state" : "state in \(blocks) blocks"
    if let checkpointAlignment { name += ", checkpoints at multiples of \(checkpointAlignment)" }
    if drafts > 0 { name += ", \(drafts) for drafts" }
    return KVGroupKind(
      name: name, isState: true, isKeyedByNeed: true, checkpointAlignment: checkpointAlignment,
      draftStates: drafts,
      skipped: { 0..<max(0, $0 - 1) }, mostBlocks: { _, _ in blocks })
  }
}
