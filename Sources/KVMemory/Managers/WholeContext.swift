/// What managers hold of a sequence that know one kind of layer: every token of every layer.
///
///     slots   |s s|t t t t t t|· ·|        s the states, as many slots as they have bytes for; t tokens; · not yet used
///
/// Layers with a window have their tokens here to the end, and a state lies ahead of the tokens of its sequence: both are
/// ours, for managers whose sources do not know such layers.
package struct WholeContext: Equatable, Sendable {
  package let layers: [KeptLayers]
  /// Bytes of a slot: of a token in all layers.
  package let slotBytes: Int
  /// Slots that the states of a sequence take.
  package let stateSlots: Int
  private let stateBytes: Int
  /// Layers that do not read every token.
  private let sparse: [KeptLayers]

  /// - Precondition: Some layer has tokens.
  package init(_ layers: [KeptLayers]) {
    self.layers = layers
    slotBytes = layers.tokenBytes
    precondition(slotBytes > 0, "WholeContext: no layer has tokens")
    stateBytes = layers.stateBytes
    stateSlots = (stateBytes + slotBytes - 1) / slotBytes
    sparse = layers.sparse
  }

  /// Slots of a sequence of so many tokens.
  package func slots(_ tokens: Int) -> Int { tokens + stateSlots }

  /// A sequence as the ledger sees it.
  struct Row: Sendable {
    var lengths: SequenceLengths
    /// Slots that it holds.
    var held: Int
    /// Tokens that are resident before the iteration, and after it.
    var computed = 0
    var tokens = 0
  }

  /// Adds what a sequence holds, in bytes.
  func add(_ row: Row, to ledger: inout WasteLedger) {
    let live =
      row.tokens * slotBytes - sparse.unreadBytes(computed: row.computed)
      + (row.tokens > 0 ? stateBytes : 0)
    let later = min(row.held, slots(row.lengths.final)) - min(row.held, slots(row.tokens))
    ledger.tokenState += live
    ledger.reserved += later * slotBytes
    ledger.internalFragmentation += (row.held - later) * slotBytes - live
  }
}
