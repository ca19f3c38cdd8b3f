import KVMemory
import Workload

/// The keys of the full blocks of every sequence: made when they are first asked for, then kept
/// until the sequence is complete, so that a request that is tried in many iterations is read once.
struct SequenceKeys: Sendable {
  private let contents: PromptContents?
  private let blockSize: Int

  /// What is known of a sequence.
  private struct Row: Sendable {
    var keys: [BlockKey] = []
    /// Stands behind the last of `keys`.
    var builder = BlockKeyBuilder()
    /// Where the next block begins: which piece of the prompt, and how many of its tokens belong to blocks before.
    var piece: Int32 = 0
    var offset: Int32 = 0
  }

  private var rows = ResidentRows(blank: Row())

  init(contents: PromptContents?, blockSize: Int) {
    self.contents = contents
    self.blockSize = blockSize
  }

  /// The keys made so far, of the first blocks of a sequence.
  subscript(sequence: Int) -> [BlockKey] { rows[sequence].keys }

  /// The key of one block, made now if it was not before.
  mutating func key(
    of block: Int, in sequence: Int, _ state: TokenBudgetSequence
  ) -> BlockKey {
    func key(_ row: inout Row, _ blockSize: Int, _ contents: PromptContents?) -> BlockKey {
      Self.make(block + 1, blockSize, contents, state, &row)
      return row.keys[block]
    }
    return key(&rows[sequence], blockSize, contents)
  }

  /// Makes sure that the keys of the first `blocks` blocks of a sequence are there.
  ///
  /// - Complexity: O(1) for each block and each piece that was not read before.
  mutating func make(_ blocks: Int, of sequence: Int, _ state: TokenBudgetSequence) {
    Self.make(blocks, blockSize, contents, state, &rows[sequence])
  }

  /// Static, so that the row is changed in place: a method of `self` would copy `self`, rows and all.
  private static func make(
    _ blocks: Int, _ blockSize: Int, _ contents: PromptContents?, _ state: TokenBudgetSequence,
    _ row: inout Row
  ) {
    guard row.keys.count < blocks else { return }
    if row.keys.isEmpty {
      row.keys.reserveCapacity(Int(state.promptTokens + state.outputTokens) / blockSize)
    }
    let end = blocks * blockSize
    var position = row.keys.count * blockSize
    while position < end {
      let run = run(at: position, of: state, contents, &row, limit: end - position)
      row.builder.add(stream: run.stream, start: Int(run.start), count: Int(run.count))
      position += Int(run.count)
      // The blocks that end in this run.
      while (row.keys.count + 1) * blockSize <= position {
        let behind = position - (row.keys.count + 1) * blockSize
        row.keys.append(row.builder.key(before: behind))
      }
    }
  }

  /// The tokens from `position` on that stand in one piece, `limit` at most; moves the row behind them.
  private static func run(
    at position: Int, of state: TokenBudgetSequence, _ contents: PromptContents?,
    _ row: inout Row, limit: Int
  ) -> TokenPiece {
    let request = Int(state.request)
    let promptTokens = Int(state.promptTokens)
    guard position < promptTokens else {
      let stream = PromptContents.outputStream(of: request, sample: Int(state.sample))
      return TokenPiece(
        stream: stream, start: Int32(position - promptTokens), count: Int32(limit))
    }
    guard let contents else {
      let count = Int32(min(limit, promptTokens - position))
      return TokenPiece(
        stream: PromptContents.ownStream(of: request), start: Int32(position), count: count)
    }
    let piece = contents.piece(Int(row.piece), of: request)
    let count = min(Int32(limit), piece.count - row.offset)
    let start = piece.start + row.offset
    row.offset += count
    if row.offset == piece.count {
      row.piece += 1
      row.offset = 0
    }
    return TokenPiece(stream: piece.stream, start: start, count: count)
  }

  /// Drops the keys of a sequence that is complete.
  mutating func forget(_ sequence: Int) { rows.close(sequence) }
}
