/// Virtual tensors, one for each slot, to whose front physical memory is mapped in groups: one page in each of the K and V
/// tensors of every layer.
package protocol MappedSlots: Sendable {
  /// Tokens of a group.
  var groupTokens: Int { get }
  /// Groups of physical memory.
  var capacity: Int { get }

  /// Whether a request of so many tokens may start.
  func canTakeSlot(tokens: Int) -> Bool
  mutating func takeSlot(tokens: Int) -> Int

  /// Maps what a slot lacks for `tokens` tokens, or nothing if that is not there.
  ///
  /// - Parameter isPrompt: Whether some of them belong to the prompt.
  mutating func map(_ slot: Int, tokens: Int, isPrompt: Bool) -> Bool
  mutating func giveSlot(_ slot: Int)

  /// Groups that a slot keeps for its request: what others cannot have.
  func heldGroups(_ slot: Int) -> Int
  /// Groups of slots that nobody uses, and that no other slot can have.
  var retainedGroups: Int { get }
}

/// A manager over such slots.
package struct MappedManager<Slots: MappedSlots>: ManagedMemory {
  package let bytes: Int
  private let context: WholeContext
  private var slots: Slots
  private var rows = SequenceRows<Row>()

  private struct Row: Sendable {
    var slot: Int
    var context: WholeContext.Row
  }

  /// - Parameter slots: From the groups that the pool has, and the tokens of each.
  package init(
    bytes: Int, layers: [KeptLayers], groupTokens: Int, slots: (_ capacity: Int) -> Slots
  ) {
    self.bytes = bytes
    context = WholeContext(layers)
    self.slots = slots(bytes / (context.slotBytes * groupTokens))
  }

  private var groupBytes: Int { context.slotBytes * slots.groupTokens }

  package func canHold(_ lengths: SequenceLengths) -> Bool {
    let groups = (context.slots(lengths.final) + slots.groupTokens - 1) / slots.groupTokens
    return groups <= slots.capacity
  }

  package func canStart(_ lengths: SequenceLengths, keys: [[UInt64]]) -> Bool {
    slots.canTakeSlot(tokens: context.slots(lengths.prompt))
  }

  package mutating func start(
    _ sequence: Int, _ lengths: SequenceLengths, keys: [[UInt64]]
  ) -> Int {
    let slot = slots.takeSlot(tokens: context.slots(lengths.prompt))
    rows.open(sequence, Row(slot: slot, context: .init(lengths: lengths, held: 0)))
    return 0
  }

  package mutating func grow(_ sequence: Int, computed: Int, to tokens: Int) -> Bool {
    let row = rows[sequence]
    let isPrompt = computed < row.context.lengths.prompt
    guard slots.map(row.slot, tokens: context.slots(tokens), isPrompt: isPrompt) else {
      return false
    }
    rows[sequence].context.computed = computed
    rows[sequence].context.tokens = tokens
    return true
  }

  package mutating func end(_ sequence: Int) { slots.giveSlot(rows.close(sequence).slot) }

  /// Retained groups are reserved for whoever takes their slot; what makes no whole group is external.
  package func ledger(headIsBlocked: Bool) -> WasteLedger {
    var ledger = WasteLedger()
    for var row in rows.rows {
      row.context.held = slots.heldGroups(row.slot) * slots.groupTokens
      context.add(row.context, to: &ledger)
    }
    ledger.reserved += slots.retainedGroups * groupBytes
    ledger.externalFragmentation = bytes - slots.capacity * groupBytes
    ledger.free = bytes - ledger.total
    return ledger
  }

  package var brokenInvariant: String? {
    let ledger = ledger(headIsBlocked: false)
    guard ledger.total == bytes else { return "\(ledger) sums to \(ledger.total) of \(bytes)" }
    return ledger.free >= 0 && ledger.internalFragmentation >= 0
      ? nil : "\(ledger) has less than nothing"
  }
}

extension PageGroups: MappedSlots {
  /// Admission leaves a hundredth of the groups.
  package func canTakeSlot(tokens: Int) -> Bool {
    (capacity - neededCount - groups(forTokens: tokens)) * 100 >= capacity
  }

  package mutating func map(_ slot: Int, tokens: Int, isPrompt: Bool) -> Bool {
    let missing = groups(forTokens: tokens) - heldGroups(slot)
    guard missing > 0 else { return true }
    guard missing <= capacity - neededCount else { return false }
    _ = grow(slot, tokens: tokens)
    return true
  }

  package func heldGroups(_ slot: Int) -> Int { needed(slot) }

  /// What is mapped to slots that nobody uses is taken back when others run short.
  package var retainedGroups: Int { 0 }

  /// Groups that requests need.
  ///
  /// - Complexity: O(slots).
  private var neededCount: Int { isActive.indices.reduce(0) { $0 + needed($1) } }
}
