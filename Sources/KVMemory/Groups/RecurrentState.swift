extension KVGroupKind {
  /// One state, in one block, however long the sequence.
  public static let state = KVGroupKind(
    name: "state", isState: true, skipped: { 0..<$0 }, mostBlocks: { _, _ in 1 })
}
