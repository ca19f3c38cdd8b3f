import CostModel
import KVMemory
import Workload

/// The tokens of one iteration, and which sequences got how many of them.
struct TokenBudget: Sendable {
  /// A sequence that runs in the iteration.
  struct Share: Sendable {
    var sequence: Int32
    var tokens: Int32
    /// Those of the tokens that are drafts.
    var drafts: Int32 = 0
    /// Whether its drafts only fill the iteration up.
    var isPadded = false
  }

  /// Tokens that the next sequence may have.
  private(set) var left = 0
  /// In the order in which they were given.
  private(set) var shares: [Share] = []
  /// Most tokens of one sequence; 0 for no limit.
  private var threshold = 0
  /// Tokens that each sequence takes beside its own; see ``Speculation/draftSlots``.
  private var draftSlots = 0

  /// Starts an iteration.
  mutating func reset(to tokens: Int, threshold: Int, draftSlots: Int) {
    left = tokens - draftSlots
    self.threshold = threshold
    self.draftSlots = draftSlots
    shares.clear()
  }

  /// As many of `tokens` as one sequence may have, whatever is left.
  func limited(_ tokens: Int) -> Int { threshold > 0 ? min(tokens, threshold) : tokens }

  /// Whether the last token of a prompt, of which all before is there, runs like one that is decoded: where iterations of
  /// such are all that a replica runs.
  var decodesRests = false

  /// Takes the tokens of sequences that are not named, so that they have no share.
  mutating func spend(_ tokens: Int) { left -= tokens }

  /// Leaves at most so many tokens to those that come.
  mutating func limit(to tokens: Int) { left = min(left, tokens) }

  /// Tokens that nobody has taken, those that sequences take beside their own not counted.
  var unspent: Int { left + draftSlots * (shares.count + 1) }

  mutating func give(_ tokens: Int, to sequence: Int32, drafts: Int = 0, isPadded: Bool = false) {
    shares.append(
      Share(
        sequence: sequence, tokens: Int32(tokens), drafts: Int32(drafts), isPadded: isPadded))
    left -= tokens + draftSlots
  }

  /// Takes a sequence out of the iteration, if it is in it; its tokens can be given to others.
  ///
  /// - Complexity: O(shares).
  mutating func takeBack(from sequence: Int32) {
    guard let place = shares.firstIndex(where: { $0.sequence == sequence }) else { return }
    left += Int(shares[place].tokens) + draftSlots
    shares.remove(at: place)
  }

  /// Writes down who runs. A sequence that computes its newest token yields the next one; a chunk
  /// before that yields nothing.
  ///
  /// - Parameter ahead: Of a scheduler that knows what an iteration yields only when it has ended; the plan then does not
  ///   say it.
  func describe(
    _ states: TokenBudgetSequences, _ ahead: ResidentRows<TokensAhead>?,
    in plan: inout IterationPlan
  ) {
    for share in shares {
      let state = states[Int(share.sequence)]
      let placeholders = ahead?[Int(share.sequence)].placeholders ?? 0
      let yields = state.computedTokens + share.tokens >= state.length + placeholders
      let isPrefill =
        share.tokens > 1 + share.drafts || !yields || state.generatedTokens + placeholders == 0
      plan.scheduled.append(
        .init(
          request: state.request, sequences: 1, tokens: share.tokens,
          contextTokens: state.computedTokens, emittedTokens: 0, isPrefill: isPrefill))
      if share.tokens > 1 + share.drafts || (isPrefill && share.drafts == 0 && !decodesRests) {
        plan.work.prefillChunks.append(
          .init(tokens: Int(share.tokens), contextTokens: Int(state.computedTokens)))
      } else {
        plan.work.decode(1, contextTokens: Int(state.computedTokens + share.tokens))
        plan.work.draftTokens += Int(share.drafts)
      }
      guard yields else { continue }
      plan.work.sampledSequences += 1 + Int(share.drafts)
      guard ahead == nil else { continue }
      let last = plan.scheduled.count - 1
      if state.siblings > 0 {
        plan.emit(1, from: last)
      } else {
        plan.scheduled[last].emittedTokens = 1
      }
    }
  }
}
