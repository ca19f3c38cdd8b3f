extension KVGroupKind {
  /// One state, in one block, however long the sequence.
  public static let state = state(blocks: 1)

  /// A state that is written to a block of its own at the end of a chunk, so that others can start from it.
  ///
  /// - Parameter blocks: Blocks that a sequence takes at most: without a prefix cache one, with one two, for the state that
  ///   is read and the one that is written, and more for checkpoints that a kernel writes on its way.
  /// - Source: Sizing record of vLLM 0.33, section 8.
  public static func state(blocks: Int) -> KVGroupKind {
    KVGroupKind(
      name: blocks == 1 ? "state" : "state in \(blocks) blocks", isState: true,
      skipped: { 0..<$0 }, mostBlocks: { _, _ in blocks })
  }
}
