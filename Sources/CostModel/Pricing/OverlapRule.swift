/// How prompts and decodes of one iteration share a GPU (`--overlap`).
///
///     none      |── linear layers ──|── attention, prompts ──|── attention, decodes ──|
///     pod       |── linear layers ──|── the longer of both ──|
///     bullet    |── prompts, on most multiprocessors ────────|      two engines beside each other, which here meet at the
///               |── decodes, on the others ──────────────────|      end of each iteration
package enum OverlapRule: String, CaseIterable, Sendable {
  /// One after the other, as engines do.
  case none
  /// Attention of both in one kernel (POD-Attention, arXiv 2410.18038).
  case pod
  /// Both side by side on parts of the multiprocessors (Bullet, ASPLOS 2026); see ``PartitionedCostModel``.
  case bullet

  /// What a result rests on.
  package var caveat: String? {
    switch self {
    case .none: nil
    case .pod:
      "`--overlap pod` takes attention as the longer of prompts and decodes, the best that POD-Attention's kernel can do; "
        + "from a summary of its paper"
    case .bullet:
      "`--overlap bullet` is reconstructed from a summary of Bullet: prompts and decodes of an iteration run side by side on "
        + "the parts of a GPU with which they end soonest, where Bullet's two engines need not wait for each other"
    }
  }
}
