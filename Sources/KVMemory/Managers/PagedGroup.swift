/// Layers whose tokens stand in one block.
package struct PagedGroup: Sendable {
  package let parts: [KeptLayers]
  package let keeps: KVGroupKind
  package let blockTokens: Int
  /// Whether its blocks can be found again.
  package let isKeyed: Bool
  let keepsAll: Bool
  let isState: Bool
  /// Bytes of a token.
  let tokenBytes: Int
  /// Bytes of a block that are not padding.
  package let contentBytes: Int
  /// Layers that do not read every token.
  let sparse: [KeptLayers]

  package init(
    parts: [KeptLayers], keeps: KVGroupKind, blockTokens: Int, isKeyed: Bool = false
  ) {
    precondition(blockTokens > 0, "PagedGroup: blocks of \(blockTokens) tokens")
    self.parts = parts
    self.keeps = keeps
    self.blockTokens = blockTokens
    self.isKeyed = isKeyed
    keepsAll = keeps == .all
    isState = keeps.isState
    tokenBytes = parts.tokenBytes
    contentBytes = isState ? parts.stateBytes : blockTokens * tokenBytes
    sparse = parts.sparse
  }
}
