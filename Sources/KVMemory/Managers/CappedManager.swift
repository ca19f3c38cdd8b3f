/// What a rule keeps of a sequence in some layers, however long it gets.
package struct TokenCap: Sendable {
  /// Tokens of a sequence once `tokens` are computed, those of the iteration included.
  package typealias Rule = @Sendable (_ lengths: SequenceLengths, _ tokens: Int) -> Int

  /// Tokens that survive.
  package let resident: Rule
  /// Tokens that there is memory for; `nil` for as many, but for survivors that stay where they are and for buffers that
  /// are made once.
  package let held: Rule?

  package init(resident: @escaping Rule, held: Rule? = nil) {
    self.resident = resident
    self.held = held
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
    /// Survivors of each group when the sequence ends.
    var last: [Int]
    /// Of its blocks, and what is in them.
    var bytes = 0
    var tokenState = 0
    var reserved = 0
  }

  /// What the sequence that grows has in a group.
  private struct Content: Sendable {
    var blocks = 0
    var resident = 0
  }

  /// Of each group: kept, so that growing allocates nothing.
  private var contents: [Content]

  /// - Parameters:
  ///   - stateBytes: States of a sequence, beside its tokens.
  package init(bytes: Int, groups: [Group], stateBytes: Int, blockTokens: Int) {
    self.bytes = bytes
    self.groups = groups
    self.stateBytes = stateBytes
    self.blockTokens = blockTokens
    contents = groups.map { _ in Content() }
  }

  private func blocks(_ tokens: Int) -> Int { (tokens + blockTokens - 1) / blockTokens }

  private func blockBytes(_ group: Int) -> Int { groups[group].layers.bytes * blockTokens }

  /// The most that a sequence holds from one number of tokens to another; it is most where a prompt ends, or at the end.
  private func bytesMax(_ lengths: SequenceLengths, to tokens: Int) -> Int {
    let ends = tokens > lengths.prompt ? [lengths.prompt, tokens] : [tokens]
    return ends.map { end in
      groups.indices.reduce(stateBytes) {
        let cap = groups[$1].cap
        return $0 + blocks((cap.held ?? cap.resident)(lengths, end)) * blockBytes($1)
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
    let last = groups.map { $0.cap.resident(lengths, lengths.final) }
    rows.open(sequence, Row(lengths: lengths, last: last))
    return 0
  }

  package mutating func grow(_ sequence: Int, computed: Int, to tokens: Int) -> Bool {
    let place = rows.place(sequence)
    let lengths = rows.rows[place].lengths
    var bytesNeeded = stateBytes
    for index in groups.indices {
      let resident = groups[index].cap.resident(lengths, tokens)
      let held = groups[index].cap.held?(lengths, tokens) ?? resident
      contents[index] = Content(blocks: blocks(held), resident: resident)
      bytesNeeded += contents[index].blocks * blockBytes(index)
    }
    let more = bytesNeeded - rows.rows[place].bytes
    guard more <= bytes - heldBytes else { return false }
    heldBytes += more
    rows.rows[place].bytes = bytesNeeded
    count(place)
    return true
  }

  /// Counts what is in the blocks of the sequence that grows.
  ///
  /// A block's empty places are reserved as far as tokens to come will fill them.
  private mutating func count(_ place: Int) {
    var (tokenState, reserved) = (stateBytes, 0)
    for (index, content) in contents.enumerated() {
      let empty = content.blocks * blockTokens - content.resident
      let later = min(empty, max(0, rows.rows[place].last[index] - content.resident))
      tokenState += content.resident * groups[index].layers.bytes
      reserved += later * groups[index].layers.bytes
    }
    rows.rows[place].tokenState = tokenState
    rows.rows[place].reserved = reserved
  }

  package mutating func end(_ sequence: Int) { heldBytes -= rows.close(sequence).bytes }

  package func ledger(headIsBlocked: Bool) -> WasteLedger {
    var ledger = WasteLedger()
    for place in rows.rows.indices {
      ledger.tokenState += rows.rows[place].tokenState
      ledger.reserved += rows.rows[place].reserved
      ledger.internalFragmentation +=
        rows.rows[place].bytes - rows.rows[place].tokenState - rows.rows[place].reserved
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
