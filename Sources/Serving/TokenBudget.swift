import CostModel
import Workload

/// The tokens of one iteration, and which sequences got how many of them.
struct TokenBudget: Sendable {
  /// A sequence that runs in the iteration.
  struct Share: Sendable {
    var sequence: Int32
    var tokens: Int32
  }

  /// Tokens that nobody has taken yet.
  private(set) var left = 0
  /// In the order in which they were given.
  private(set) var shares: [Share] = []
  /// Most tokens of one sequence; 0 for no limit.
  private var threshold = 0

  /// Starts an iteration.
  mutating func reset(to tokens: Int, threshold: Int) {
    left = tokens
    self.threshold = threshold
    shares.clear()
  }

  /// As many of `tokens` as one sequence may have, whatever is left.
  func limited(_ tokens: Int) -> Int { threshold > 0 ? min(tokens, threshold) : tokens }

  /// Takes the tokens of sequences that are not named, so that they have no share.
  mutating func spend(_ tokens: Int) { left -= tokens }

  mutating func give(_ tokens: Int, to sequence: Int32) {
    shares.append(Share(sequence: sequence, tokens: Int32(tokens)))
    left -= tokens
  }

  /// Takes a sequence out of the iteration, if it is in it; its tokens can be given to others.
  ///
  /// - Complexity: O(shares).
  mutating func takeBack(from sequence: Int32) {
    guard let place = shares.firstIndex(where: { $0.sequence == sequence }) else { return }
    left += Int(shares[place].tokens)
    shares.remove(at: place)
  }

  /// Writes down who runs. A sequence that computes its newest token yields the next one; a chunk
  /// before that yields nothing.
  ///
  /// Tokens that several samples of a request yield are put down to the first of them, because the
  /// gap to the request's tokens of the iteration before is one gap.
  func describe(_ states: TokenBudgetSequences, in plan: inout IterationPlan) {
    for share in shares {
      let state = states[Int(share.sequence)]
      let yields = state.computedTokens + share.tokens == state.length
      let isPrefill = share.tokens > 1 || !yields || state.generatedTokens == 0
      plan.scheduled.append(
        .init(
          request: state.request, sequences: 1, tokens: share.tokens,
          contextTokens: state.computedTokens, emittedTokens: 0, isPrefill: isPrefill))
      if isPrefill {
        plan.work.prefillChunks.append(
          .init(tokens: Int(share.tokens), contextTokens: Int(state.computedTokens)))
      } else {
        plan.work.decode(1, contextTokens: Int(state.length))
      }
      if yields {
        plan.work.sampledSequences += 1
        plan.scheduled[emitter(of: state, in: plan)].emittedTokens += 1
      }
    }
  }

  /// Which entry of the plan tells how many tokens the request of its last entry yields.
  private func emitter(of state: TokenBudgetSequence, in plan: IterationPlan) -> Int {
    let last = plan.scheduled.count - 1
    guard state.siblings > 0 else { return last }
    let sibling = plan.scheduled.lastIndex {
      $0.request == state.request && $0.emittedTokens > 0
    }
    return sibling ?? last
  }
}
