/// One contiguous chunk for each sequence, of what is reserved when it starts: Orca.
///
/// - Source: the Orca baselines of the SOSP'23 artifact (``ReservedMemory``).
package struct ContiguousManager: ManagedMemory {
  package let bytes: Int
  private let context: WholeContext
  /// Tokens that are reserved for a sequence.
  private let reservation: @Sendable (SequenceLengths) -> Int
  private let emptyPool: BuddyAllocator
  private var memory: ReservedMemory
  private var rows = SequenceRows<WholeContext.Row>()

  /// - Parameters:
  ///   - blockTokens: Tokens that chunks are multiples of.
  ///   - longest: Tokens of the longest sequence.
  package init(
    bytes: Int, layers: [KeptLayers], blockTokens: Int, longest: Int,
    reservation: @escaping @Sendable (SequenceLengths) -> Int
  ) {
    self.bytes = bytes
    self.reservation = reservation
    context = WholeContext(layers)
    memory = ReservedMemory(
      blockSize: blockTokens, blocks: bytes / (context.slotBytes * blockTokens),
      largestReservation: context.slots(longest))
    emptyPool = memory.buddies
  }

  private func reserved(_ lengths: SequenceLengths) -> Int { context.slots(reservation(lengths)) }

  package func canHold(_ lengths: SequenceLengths) -> Bool {
    emptyPool.canAllocate(1, size: memory.chunkSize(forTokens: reserved(lengths)))
  }

  package func canStart(_ lengths: SequenceLengths, keys: [[UInt64]]) -> Bool {
    memory.canReserve(1, tokens: reserved(lengths))
  }

  package mutating func start(
    _ sequence: Int, _ lengths: SequenceLengths, keys: [[UInt64]]
  ) -> Int {
    memory.reserve(
      sequence, reservation: reserved(lengths), tokens: 0,
      finalTokens: context.slots(lengths.final))
    rows.open(sequence, .init(lengths: lengths, held: reserved(lengths)))
    return 0
  }

  package mutating func grow(_ sequence: Int, computed: Int, to tokens: Int) -> Bool {
    rows[sequence].computed = computed
    rows[sequence].tokens = tokens
    return true
  }

  package mutating func end(_ sequence: Int) {
    memory.settle(sequence, tokens: 0)
    memory.free(sequence)
    _ = rows.close(sequence)
  }

  package func ledger(headIsBlocked: Bool) -> WasteLedger {
    var ledger = WasteLedger()
    for row in rows.rows { context.add(row, to: &ledger) }
    let held = ledger.total
    let chunks = memory.heldBlockCount * memory.blockSize * context.slotBytes
    ledger.externalFragmentation = chunks - held
    ledger.free = memory.buddies.freeCount * memory.blockSize * context.slotBytes
    if headIsBlocked {
      ledger.externalFragmentation += ledger.free
      ledger.free = 0
    }
    // What makes no whole block.
    ledger.externalFragmentation += bytes - ledger.total
    return ledger
  }

  package var brokenInvariant: String? {
    let ledger = ledger(headIsBlocked: false)
    guard ledger.total == bytes else { return "\(ledger) sums to \(ledger.total) of \(bytes)" }
    return ledger.externalFragmentation >= 0 && ledger.internalFragmentation >= 0
      ? nil : "\(ledger) has less than nothing"
  }
}
