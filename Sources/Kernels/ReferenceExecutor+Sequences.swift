import Serving
import Workload

/// How sequences begin and end beside their prompts.
extension ReferenceExecutor {
  /// A sequence goes on from the tokens of another one, with a newest token of its own: the parent's
  /// logits, the child's draw.
  ///
  ///     parent   a b c│x          child   a b c│y      x and y drawn from the same logits
  func fork(_ parent: Int, to child: Int) {
    guard let state = states[parent], let row = state.logitsRow,
      let first = firstSequences[state.request]
    else { preconditionFailure("sequence \(parent) is forked and has computed nothing") }
    var copy = SequenceState(
      request: state.request, stream: child - first, tokens: state.tokens,
      promptTokens: state.promptTokens)
    copy.streams = state.streams
    copy.tokens.removeLast()
    copy.streams.removeLast()
    copy.tokens.append(token(row: row, state: copy, stream: copy.stream))
    copy.streams.append(Int32(copy.stream))
    copy.logitsRow = row
    states[child] = copy
  }

  /// A sequence is dropped, or is an output if it has all its tokens.
  ///
  /// A beam that is replaced in the iteration that gives it its last token is recorded twice; what
  /// counts is the copy that took its number.
  func end(_ sequence: Int, of request: Request) {
    recordIfFinished(sequence, of: request)
    states[sequence] = nil
  }

  /// Records a sequence in the iteration that gives it its last token.
  ///
  /// It is kept: a batch that runs to its end computes its tokens on and on.
  func recordIfFinished(_ sequence: Int, of request: Request) {
    guard let state = states[sequence], state.generated.count == Int(request.outputTokens)
    else { return }
    record(state, output: Array(state.generated), streams: state.streams)
  }

  /// Records the further sequences of a request whose first token is its last: those that a
  /// scheduler which forks after the prompt never makes.
  func recordUnforked(_ sequence: Int, of request: Request, row: Int) {
    guard request.outputTokens == 1, request.sequenceCount > 1, var state = states[sequence],
      state.generated.count == 1
    else { return }
    state.tokens.removeLast()
    for stream in 1..<Int(request.sequenceCount) {
      let token = token(row: row, state: state, stream: stream)
      let sibling = SequenceState(
        request: state.request, stream: stream, tokens: state.tokens,
        promptTokens: state.promptTokens)
      record(sibling, output: [token], streams: [Int32(stream)])
    }
  }

  private func record(_ state: SequenceState, output: [Int32], streams: [Int32]) {
    let prompt = Array(state.tokens.prefix(state.promptTokens))
    finished[state.request, default: []].removeAll { $0.stream == state.stream }
    finished[state.request, default: []].append(
      GeneratedSequence(
        request: state.request, stream: state.stream, prompt: prompt, output: output,
        streams: streams))
  }
}
