import KVMemory
import Workload

/// The keys of the full blocks of every sequence: made when they are first asked for, then kept
/// until the sequence is complete, so that a request that is tried in many iterations is read once.
struct SequenceKeys: Sendable {
  /// Where the next block of a sequence begins in the pieces of its prompt.
  private struct Cursor: Sendable {
    /// Position among the pieces of the request.
    var piece: Int32 = 0
    /// Tokens of that piece which belong to blocks before.
    var offset: Int32 = 0
  }

  private let contents: PromptContents?
  private let blockSize: Int
  /// What is known of a sequence.
  private struct Row: Sendable {
    var keys: [BlockKey] = []
    var cursor = Cursor()
  }

  private var rows = ResidentRows(blank: Row())

  init(contents: PromptContents?, blockSize: Int) {
    self.contents = contents
    self.blockSize = blockSize
  }

  /// The keys made so far, of the first blocks of a sequence.
  subscript(sequence: Int) -> [BlockKey] { rows[sequence].keys }

  /// The key of one block that was made.
  func key(of block: Int, in sequence: Int) -> BlockKey { rows[sequence].keys[block] }

  /// Makes sure that the keys of the first `blocks` blocks of a sequence are there.
  ///
  /// - Complexity: O(1) for each block and each piece that was not read before.
  mutating func make(_ blocks: Int, of sequence: Int, _ state: TokenBudgetSequence) {
    guard rows[sequence].keys.count < blocks else { return }
    var row = Row()
    swap(&row, &rows[sequence])
    make(blocks, &row, state)
    swap(&row, &rows[sequence])
  }

  private func make(_ blocks: Int, _ row: inout Row, _ state: TokenBudgetSequence) {
    if row.keys.isEmpty {
      row.keys.reserveCapacity(Int(state.promptTokens + state.outputTokens) / blockSize)
    }
    while row.keys.count < blocks {
      var builder = BlockKeyBuilder(after: row.keys.last ?? .root)
      var position = row.keys.count * blockSize
      let end = position + blockSize
      while position < end {
        position += add(
          from: position, atMost: end - position, of: state, &row.cursor, to: &builder)
      }
      row.keys.append(builder.endBlock())
    }
  }

  /// Adds tokens from one piece, and says how many.
  private func add(
    from position: Int, atMost limit: Int, of state: TokenBudgetSequence, _ cursor: inout Cursor,
    to builder: inout BlockKeyBuilder
  ) -> Int {
    let request = Int(state.request)
    guard position < Int(state.promptTokens) else {
      let stream = PromptContents.outputStream(of: request, sample: Int(state.sample))
      builder.add(stream: stream, start: position - Int(state.promptTokens), count: limit)
      return limit
    }
    guard let contents else {
      let count = min(limit, Int(state.promptTokens) - position)
      builder.add(stream: PromptContents.ownStream(of: request), start: position, count: count)
      return count
    }
    let piece = contents.piece(Int(cursor.piece), of: request)
    let count = min(limit, Int(piece.count - cursor.offset))
    builder.add(stream: piece.stream, start: Int(piece.start + cursor.offset), count: count)
    cursor.offset += Int32(count)
    if cursor.offset == piece.count { cursor = Cursor(piece: cursor.piece + 1, offset: 0) }
    return count
  }

  /// Drops the keys of a sequence that is complete.
  mutating func forget(_ sequence: Int) { rows.close(sequence) }
}
