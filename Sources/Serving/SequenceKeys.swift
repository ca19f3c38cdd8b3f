import KVMemory
import Workload

/// The keys of the full blocks of every sequence: made when they are first asked for, those of the output with those of
/// the prompt, and kept until the sequence is complete.
struct SequenceKeys: Sendable {
  private let contents: PromptContents?
  private let blockSize: Int
  private var rows = ResidentRows(blank: [BlockKey]())

  init(contents: PromptContents?, blockSize: Int) {
    self.contents = contents
    self.blockSize = blockSize
  }

  /// The keys of all full blocks that a sequence will have.
  ///
  /// - Complexity: O(1) for each block and each piece of the prompt the first time, O(1) from then on.
  mutating func keys(of sequence: Int, _ state: TokenBudgetSequence) -> [BlockKey] {
    let made = rows[sequence]
    if !made.isEmpty { return made }
    let keys = Self.keys(of: state, contents, blockSize: blockSize)
    rows[sequence] = keys
    return keys
  }

  /// The key of one block.
  @inline(__always)
  mutating func key(
    of block: Int, in sequence: Int, _ state: @autoclosure () -> TokenBudgetSequence
  ) -> BlockKey {
    if let made = rows.with(sequence, { $0.isEmpty ? nil : $0[block] }) { return made }
    return keys(of: sequence, state())[block]
  }

  private static func keys(
    of state: TokenBudgetSequence, _ contents: PromptContents?, blockSize: Int
  ) -> [BlockKey] {
    let request = Int(state.request)
    let count = Int(state.promptTokens + state.outputTokens) / blockSize
    guard count > 0 else { return [] }
    return Array(unsafeUninitializedCapacity: count) { keys, made in
      var builder = BlockKeyBuilder()
      var tokens = 0
      func add(stream: Int64, start: Int32, count: Int32) {
        builder.add(stream: stream, start: Int(start), count: Int(count))
        tokens += Int(count)
        // The blocks that end in this run.
        let ended = tokens / blockSize
        guard ended > made else { return }
        builder.make(
          UnsafeMutableBufferPointer(rebasing: keys[made..<ended]), blockSize: blockSize,
          before: tokens - ended * blockSize)
        made = ended
      }
      if let contents {
        for piece in contents.pieces(of: request) {
          add(stream: piece.stream, start: piece.start, count: piece.count)
        }
      } else {
        add(stream: PromptContents.ownStream(of: request), start: 0, count: state.promptTokens)
      }
      add(
        stream: PromptContents.outputStream(of: request, sample: Int(state.sample)), start: 0,
        count: state.outputTokens)
    }
  }

  /// Drops the keys of a sequence that is complete.
  mutating func forget(_ sequence: Int) { rows.close(sequence) }
}
