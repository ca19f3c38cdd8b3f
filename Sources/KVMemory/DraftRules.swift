/// What a prefix cache does for a model that drafts: keys and values of its layers depend on tokens that stand behind.
///
///     tokens   |── block 0 ──|t|        keyLookahead = 1: the key of block 0 stands for t too
///
/// - Source: how vLLM 0.33 caches for EAGLE heads, by the rules beside its recorded step traces.
public struct DraftRules: Equatable, Sendable {
  /// Tokens behind a block that its key stands for; a block gets one once they are known. At most 1.
  public var keyLookahead = 0
  /// Whether a look-up gives the last block that it has found back, to be computed again.
  public var dropsLastHit = false

  public init() {}
}
