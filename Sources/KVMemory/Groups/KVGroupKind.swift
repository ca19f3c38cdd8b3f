/// What a KV group keeps of a sequence: a value with a name, in a file of its own.
///
/// Adding one takes a file with its value; `docs/EXTENDING.md` shows it. Which layers are of a kind, the model says
/// (`KVCacheSpec`); what one means for blocks follows from its two questions:
///
///     0        8        16       24       32      a window of 10 tokens, 29 of them computed, blocks of 8
///     |░░░░░░░░|░░░░░░░░|····wwww|wwwww▷  |       ▷ the next token, w what else it attends to
///     └──── freed ─────┘└─ resident ─┘            skipped = 0..<20, whose whole blocks are freed
public struct KVGroupKind: Sendable {
  /// Two kinds are the same if they have one name.
  public let name: String
  /// Whether one state stands for all tokens, in as many blocks (``mostBlocks``) however long the sequence.
  public let isState: Bool
  /// Whether keys are given by need only: to the blocks that a likely hit would use. Where a kind keeps much less than
  /// every token, vLLM does so by default, since most keys would never be found.
  public let isKeyedByNeed: Bool
  /// Of a state: blocks behind it for the states after draft tokens, of which the one after the last accepted draft
  /// becomes the state.
  public let draftStates: Int
  /// Of a state: tokens in whose multiples a chunk can leave a copy of the state besides the one at its end; `nil`
  /// where kernels leave none.
  public let checkpointAlignment: Int?
  /// The most tokens that a token attends to, itself included, where it attends to all before it up to so many; `nil`
  /// for no limit, or for another rule.
  public let attendedMax: Int?
  /// The tokens that nothing to come attends to once so many are computed; as more are, the range only grows, at its
  /// end.
  public let skipped: @Sendable (_ computed: Int) -> Range<Int>
  /// The most blocks that a sequence holds while it grows to any length, the token being computed included; `nil` for
  /// no limit.
  ///
  /// - Parameters:
  ///   - inFlight: Tokens more than that one that an iteration may compute.
  ///   - blockTokens: Tokens of a block.
  public let mostBlocks: @Sendable (_ inFlight: Int, _ blockTokens: Int) -> Int?
  /// The blocks that an engine counts for a sequence of `tokens` tokens before it starts, where that is not the most
  /// that the sequence can hold.
  private let reservedBlocks:
    (@Sendable (_ tokens: Int, _ inFlight: Int, _ blockTokens: Int) -> Int)?

  public init(
    name: String, isState: Bool = false, isKeyedByNeed: Bool = false,
    checkpointAlignment: Int? = nil, draftStates: Int = 0, attendedMax: Int? = nil,
    skipped: @escaping @Sendable (_ computed: Int) -> Range<Int>,
    mostBlocks: @escaping @Sendable (_ inFlight: Int, _ blockTokens: Int) -> Int?,
    reservedBlocks: (@Sendable (_ tokens: Int, _ inFlight: Int, _ blockTokens: Int) -> Int)? = nil
  ) {
    self.name = name
    self.isState = isState
    self.isKeyedByNeed = isKeyedByNeed
    self.checkpointAlignment = checkpointAlignment
    self.draftStates = draftStates
    self.attendedMax = attendedMax
    self.skipped = skipped
    self.mostBlocks = mostBlocks
    self.reservedBlocks = reservedBlocks
  }

  /// Every token stays.
  public static let all = KVGroupKind(
    name: "all", skipped: { _ in 0..<0 }, mostBlocks: { _, _ in nil })

  /// The blocks of a sequence that are freed once `computed` of its tokens are: those all of whose tokens are skipped.
  public func skippedBlocks(_ computed: Int, blockTokens: Int) -> Range<Int> {
    Self.wholeBlocks(skipped(computed), blockTokens: blockTokens)
  }

  /// The blocks all of whose tokens are among some.
  static func wholeBlocks(_ tokens: Range<Int>, blockTokens: Int) -> Range<Int> {
    let first = (tokens.lowerBound + blockTokens - 1) / blockTokens
    return first..<max(first, tokens.upperBound / blockTokens)
  }

  /// The most blocks of a sequence that grows to `tokens` tokens.
  public func blocksMax(forTokens tokens: Int, inFlight: Int = 0, blockTokens: Int) -> Int {
    let most = mostBlocks(inFlight, blockTokens)
    if isState {
      guard let most else { preconditionFailure("KVGroupKind: `\(name)` has no end of states") }
      return tokens > 0 ? most : 0
    }
    let whole = (tokens + blockTokens - 1) / blockTokens
    return most.map { min(whole, $0) } ?? whole
  }

  /// The blocks that vLLM wants for one sequence of `tokens` tokens, at least 1, before it starts.
  public func blocksReserved(forTokens tokens: Int, inFlight: Int, blockTokens: Int) -> Int {
    reservedBlocks?(tokens, inFlight, blockTokens)
      ?? blocksMax(forTokens: tokens, inFlight: inFlight, blockTokens: blockTokens)
  }
}

extension KVGroupKind: Equatable {
  public static func == (a: KVGroupKind, b: KVGroupKind) -> Bool { a.name == b.name }
}

/// Layers that keep the same of a sequence, as a memory sees them.
public struct BlockGroup: Equatable, Sendable {
  public let keeps: KVGroupKind
  /// Tokens of a block.
  public let blockTokens: Int

  public init(keeps: KVGroupKind, blockTokens: Int) {
    precondition(blockTokens > 0, "BlockGroup: blocks of \(blockTokens) tokens")
    self.keeps = keeps
    self.blockTokens = blockTokens
  }
}
