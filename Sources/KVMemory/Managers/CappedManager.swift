/// What a rule keeps of a sequence in some layers, however long it gets.
package struct TokenCap: Sendable {
  /// Tokens of a sequence once `tokens` are computed, those of the iteration included.
  package typealias Rule = @Sendable (_ lengths: SequenceLengths, _ tokens: Int) -> Int

  /// Tokens that survive.
  package let resident: Rule
  /// Tokens that there is memory for: as many, but for survivors that stay where they are and for buffers that are made
  /// once.
  package let held: Rule

  package init(resident: @escaping Rule, held: Rule? = nil) {
    self.resident = resident
    self.held = held ?? resident
  }
}

/// Blocks for the survivors of a rule that drops tokens: they are moved together, so that what they do not fill is given
/// back.
///
///     prefill    |tttttttt|tttttttt|tttttttt|tttt····|
///     after      |ssssssss|ss······|                      s survivors, in as few blocks as hold them
///
/// Blocks of all layers lie in one pool. Nothing is found again: what stays is no prefix any more.
package struct CappedManager: ManagedMemory {
  /// Layers under one rule.
  package struct Group: Sendable {
    package var layers: KeptLayers
    package var cap: TokenCap

    package init(_ layers: KeptLayers, _ cap: TokenCap) {
      self.layers = layers
      self.cap = cap
    }
  }

  package let bytes: Int
  private let groups: [Group]
  private let stateBytes: Int
  private let blockTokens: Int
  private var heldBytes = 0
  private var rows = SequenceRows<Row>()

  private struct Row: Sendable {
    var lengths: SequenceLengths
    /// Blocks of each group, and the survivors in them.
    var blocks: [Int]
    var resident: [Int]
    var tokens = 0
    var bytes = 0
  }

  /// - Parameters:
  ///   - stateBytes: States of a sequence, beside its tokens.
  package init(bytes: Int, groups: [Group], stateBytes: Int, blockTokens: Int) {
    self.bytes = bytes
    self.groups = groups
    self.stateBytes = stateBytes
    self.blockTokens = blockTokens
  }

  private func blocks(_ tokens: Int) -> Int { (tokens + blockTokens - 1) / blockTokens }

  private func blockBytes(_ group: Int) -> Int { groups[group].layers.bytes * blockTokens }

  /// The most that a sequence holds from one number of tokens to another; it is most where a prompt ends, or at the end.
  private func bytesMax(_ lengths: SequenceLengths, to tokens: Int) -> Int {
    let ends = tokens > lengths.prompt ? [lengths.prompt, tokens] : [tokens]
    return ends.map { end in
      groups.indices.reduce(stateBytes) {
        $0 + blocks(groups[$1].cap.held(lengths, end)) * blockBytes($1)
      }
    }.max() ?? 0
  }

  package func canHold(_ lengths: SequenceLengths) -> Bool {
    bytesMax(lengths, to: lengths.final) <= bytes
  }

  package func canStart(_ lengths: SequenceLengths, keys: [[UInt64]]) -> Bool {
    bytesMax(lengths, to: lengths.prompt) <= bytes - heldBytes
  }

  package mutating func start(
    _ sequence: Int, _ lengths: SequenceLengths, keys: [[UInt64]]
  ) -> Int {
    rows.open(
      sequence,
      Row(lengths: lengths, blocks: groups.map { _ in 0 }, resident: groups.map { _ in 0 }))
    return 0
  }

  package mutating func grow(_ sequence: Int, computed: Int, to tokens: Int) -> Bool {
    var row = rows[sequence]
    for index in groups.indices {
      row.resident[index] = groups[index].cap.resident(row.lengths, tokens)
      row.blocks[index] = blocks(groups[index].cap.held(row.lengths, tokens))
    }
    row.bytes = groups.indices.reduce(stateBytes) { $0 + row.blocks[$1] * blockBytes($1) }
    row.tokens = tokens
    let more = row.bytes - rows[sequence].bytes
    guard more <= bytes - heldBytes else { return false }
    heldBytes += more
    rows[sequence] = row
    return true
  }

  package mutating func end(_ sequence: Int) { heldBytes -= rows.close(sequence).bytes }

  /// A block's empty places are reserved as far as tokens to come will fill them.
  package func ledger(headIsBlocked: Bool) -> WasteLedger {
    var ledger = WasteLedger()
    for row in rows.rows where row.tokens > 0 {
      ledger.tokenState += stateBytes
      for index in groups.indices {
        let layers = groups[index].layers
        let empty = row.blocks[index] * blockTokens - row.resident[index]
        let last = groups[index].cap.resident(row.lengths, row.lengths.final)
        let later = min(empty, max(0, last - row.resident[index]))
        ledger.tokenState += row.resident[index] * layers.bytes
        ledger.reserved += later * layers.bytes
        ledger.internalFragmentation += (empty - later) * layers.bytes
      }
    }
    ledger.free = bytes - ledger.total
    return ledger
  }

  package var brokenInvariant: String? {
    let ledger = ledger(headIsBlocked: false)
    return ledger.free == bytes - heldBytes
      ? nil : "\(ledger.free) bytes are free, \(heldBytes) of \(bytes) held"
  }
}
