import KVMemory
import Workload

/// Tells a memory which runs of tokens sequences consist of, those of their outputs included.
struct SequenceContents: Sendable {
  private let contents: PromptContents?

  init(_ contents: PromptContents?) { self.contents = contents }

  /// Tells the memory what a sequence consists of.
  ///
  /// - Complexity: O(pieces of the prompt).
  func tell(
    _ memory: inout PrefixCachingMemory, of sequence: Int32, _ state: TokenBudgetSequence,
    sample: Int
  ) {
    let spans = spans(of: state, sample: sample, in: &memory)
    memory.setContents(of: Int(sequence), spans)
  }

  /// The blocks that end in a run which goes on.
  private struct OpenSpan {
    var run = RunBuilder()
    /// Tokens of the sequence so far.
    var tokens = 0
    /// The first block that ends in the run, if any does.
    var first = 0

    /// Ends the run.
    mutating func close(
      into spans: inout [BlockSpan], _ memory: inout PrefixCachingMemory
    ) {
      let ended = tokens / memory.blockSize
      guard ended > first else { return }
      let run = memory.enter(run.identity, blocks: ended - first)
      spans.append(BlockSpan(run: run, first: Int32(first), count: Int32(ended - first)))
      first = ended
    }

    mutating func add(
      stream: Int64, start: Int32, count: Int32,
      _ spans: inout [BlockSpan], _ memory: inout PrefixCachingMemory
    ) {
      var next = run
      if next.add(stream: stream, start: Int(start), count: Int(count)) {
        close(into: &spans, &memory)
      }
      run = next
      tokens += Int(count)
    }
  }

  private func spans(
    of state: TokenBudgetSequence, sample: Int, in memory: inout PrefixCachingMemory
  ) -> [BlockSpan] {
    let request = Int(state.request)
    var spans: [BlockSpan] = []
    var open = OpenSpan()
    if let contents {
      let pieces = contents.pieces(of: request)
      spans.reserveCapacity(pieces.count + 1)
      for piece in pieces {
        open.add(
          stream: piece.stream, start: piece.start, count: piece.count, &spans, &memory)
      }
    } else {
      spans.reserveCapacity(2)
      open.add(
        stream: PromptContents.ownStream(of: request), start: 0, count: state.promptTokens,
        &spans, &memory)
    }
    open.add(
      stream: PromptContents.outputStream(of: request, sample: sample), start: 0,
      count: state.outputTokens, &spans, &memory)
    open.close(into: &spans, &memory)
    return spans
  }
}
