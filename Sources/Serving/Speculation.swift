import CostModel
import KVMemory

/// How an engine drafts tokens and verifies them in its iterations (`--speculative-config`).
///
///     computed = length − 1   |── resident ──|t|d d d|░ ░ ░|      t and three drafts run; lookahead slots behind them
///     two drafts accepted     |── resident ──|t|d d|              t, both drafts and a new token; the third is taken back
///
/// - Source: the scheduler of vLLM 0.33, by the rules beside its recorded step traces.
package struct Speculation: Equatable, Sendable {
  /// Tokens drafted behind each token, at most (`num_speculative_tokens`).
  package var draftTokens: Int
  /// How many of them, by the sequences of the iteration before; `nil` for all.
  package var byBatch: DraftsByBatch?
  /// Slots that a sequence has behind the tokens of an iteration, where the drafting model writes.
  package var lookaheadSlots = 0
  /// Tokens of the budget that a sequence takes beside its own.
  package var draftSlots = 0
  /// What the prefix cache does for the drafting model.
  package var caching = DraftRules()
  /// How many drafts are accepted, where it is drawn; `nil` where it is told request by request (``DraftOutcomes``).
  package var acceptance: AcceptanceDraws?

  package init(draftTokens: Int) { self.draftTokens = draftTokens }

  /// Tokens drafted behind an iteration of so many sequences.
  package func drafts(behind sequences: Int) -> Int {
    byBatch?.drafts(behind: sequences, most: draftTokens) ?? draftTokens
  }
}

/// What comes of drafts: an iteration is decided without it.
package struct DraftOutcomes: Sendable {
  /// By request, how many drafts are accepted, if there are as many: one number for each iteration that verifies some, used
  /// in turn; none if it has no numbers.
  package var accepted: [[Int32]] = []
  /// By request, how many tokens are drafted: one number for each iteration that yields a token and is not the last, used in
  /// turn; as many as the engine may if it has no numbers.
  package var proposed: [[Int32]] = []
  /// In place of ``accepted``.
  private var drawn: AcceptanceDraws?

  package init() {}

  init(_ told: DraftOutcomes, drawn: AcceptanceDraws?) {
    self = told
    self.drawn = drawn
  }

  func accepted(of request: RequestID, sequence: Int32, time: Int32, drafts: Int32) -> Int32 {
    if let drawn { return min(drawn.accepted(sequence, time: time), drafts) }
    return min(Self.entry(accepted, request, time) ?? 0, drafts)
  }

  func proposed(of request: RequestID, time: Int32) -> Int32? {
    Self.entry(proposed, request, time)
  }

  private static func entry(_ lists: [[Int32]], _ request: RequestID, _ time: Int32) -> Int32? {
    guard !lists.isEmpty, !lists[Int(request)].isEmpty else { return nil }
    let list = lists[Int(request)]
    return list[Int(time) % list.count]
  }
}
