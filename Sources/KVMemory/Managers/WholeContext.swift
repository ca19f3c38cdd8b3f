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

  /// - Precondition: Some layer has tokens.
  package init(_ layers: [KeptLayers]) {
    self.layers = layers
    slotBytes = layers.tokenBytes
    precondition(slotBytes > 0, "WholeContext: no layer has tokens")
    stateSlots = (layers.stateBytes + slotBytes - 1) / slotBytes
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
    let live = layers.liveBytes(computed: row.computed, tokens: row.tokens)
    let later = min(row.held, slots(row.lengths.final)) - min(row.held, slots(row.tokens))
    ledger.tokenState += live
    ledger.reserved += later * slotBytes
    ledger.internalFragmentation += (row.held - later) * slotBytes - live
  }

  /// The ledger of sequences over a pool; what they do not hold is free.
  func ledger(_ rows: [Row], bytes: Int) -> WasteLedger {
    var ledger = WasteLedger()
    for row in rows { add(row, to: &ledger) }
    ledger.free = bytes - ledger.total
    return ledger
  }
}
