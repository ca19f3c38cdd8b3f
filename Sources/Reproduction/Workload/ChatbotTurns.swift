import SimulationKernel
import Workload

/// Turns of conversations as the paper's chatbot sees them: the last 1,024 tokens of the history as
/// prompt, and at most 2,048 − 1,024 − 8 tokens of reply.
///
/// No KV is kept between turns, so it does not matter which conversation a turn belongs to. The artifact
/// draws, at each arrival, a first or a next turn; here turns are taken as they come and shuffled, so
/// that the share of first turns is that of the data set.
enum ChatbotTurns {
  static let promptTokensMax: Int32 = 1024
  static let outputTokensMax: Int32 = 1016
  /// Turns of a conversation where they are made up; 61,243 turns of 17,671 conversations in a part of
  /// ShareGPT (see `docs/REPRODUCTION.md`).
  private static let turnsMean = 3.47

  /// - Parameters:
  ///   - turns: Real turns with whole histories as prompts, where they are at hand.
  ///   - pairs: Single turns, from which conversations are made up otherwise: each goes on with the next
  ///     pair, or ends with probability 1 ⁄ `turnsMean`.
  static func rows(turns: Trace?, pairs: Trace, seed: UInt64) -> [Request] {
    if let turns {
      return turns.requests.compactMap { cut(history: $0.promptTokens, reply: $0.outputTokens) }
    }
    var ends = RandomStream(seed: seed, label: "conversations")
    var history: Int32 = 0
    return pairs.requests.compactMap { pair in
      history += pair.promptTokens
      let turn = cut(history: history, reply: pair.outputTokens)
      history += pair.outputTokens
      if ends.uniform() < 1 / turnsMean { history = 0 }
      return turn
    }
  }

  private static func cut(history: Int32, reply: Int32) -> Request? {
    guard reply > 0 else { return nil }
    return Request(
      promptTokens: max(1, min(history, promptTokensMax)),
      outputTokens: min(reply, outputTokensMax))
  }
}
