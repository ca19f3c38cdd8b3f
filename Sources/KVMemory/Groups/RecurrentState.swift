extension KVGroupKind {
  /// One state, in one block, however long the sequence.
  public static let state = state(checkpointAlignment: nil)

  /// - Parameter checkpointAlignment: A chunk can leave a second copy of the state where so many tokens divide what it
  ///   has computed by then; `nil` if it leaves none.
  /// - Source: `MambaManager` of vLLM 0.33's `single_type_kv_cache_manager.py`: the state before the newest token is
  ///   what the next one reads.
  public static func state(checkpointAlignment: Int?) -> KVGroupKind {
    KVGroupKind(
      name: checkpointAlignment.map { "state with checkpoints at multiples of \($0)" } ?? "state",
      isState: true, isKeyedByNeed: true, checkpointAlignment: checkpointAlignment,
      skipped: { 0..<max(0, $0 - 1) }, mostBlocks: { _, _ in 1 })
  }
}
