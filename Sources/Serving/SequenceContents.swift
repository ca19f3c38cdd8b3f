import KVMemory
import Workload

/// Tells a memory which runs of tokens sequences consist of, those of their outputs included.
struct SequenceContents: Sendable {
  private let contents: PromptContents?
  /// By request, 0 for none; empty if none has one. Tokens that ran with another adapter are other keys and values.
  private let adapters: [Int32]
  /// See ``DraftRules/keyLookahead``.
  private let lookahead: Int

  init(_ contents: PromptContents?, adapters: [Int32] = [], lookahead: Int = 0) {
    self.contents = contents
    self.adapters = adapters
    self.lookahead = lookahead
  }

  /// Tells the memory what a sequence consists of.
  ///
  /// - Complexity: O(pieces of the prompt).
  @inline(__always)
  func tell<Memory: TokenBudgetMemory>(
    _ memory: inout Memory, of sequence: Int32, _ state: TokenBudgetSequence, sample: Int
  ) {
    memory.tell(Int(sequence), promptTokens: Int(state.promptTokens)) { blockTokens, enter in
      spans(of: state, sample: sample, blockTokens: blockTokens, enter)
    }
  }

  private func spans(
    of state: TokenBudgetSequence, sample: Int, blockTokens: Int,
    _ enter: (RunIdentity, Int) -> Int32
  ) -> [BlockSpan] {
    let request = Int(state.request)
    let pieces = contents?.pieces(of: request) ?? []
    var spans = SpanBuilder(
      blockTokens: blockTokens, runs: max(pieces.count, 1) + 1,
      adapter: adapters.isEmpty ? 0 : Int(adapters[request]), lookahead: lookahead)
    for piece in pieces {
      spans.add(stream: piece.stream, start: Int(piece.start), count: Int(piece.count), enter)
    }
    if contents == nil {
      spans.add(
        stream: PromptContents.ownStream(of: request), start: 0, count: Int(state.promptTokens),
        enter)
    }
    spans.add(
      stream: PromptContents.outputStream(of: request, sample: sample), start: 0,
      count: Int(state.outputTokens), enter)
    spans.close(enter)
    return spans.spans
  }
}
