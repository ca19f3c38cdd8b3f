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
  private var keys: [[BlockKey]]
  private var cursors: [Cursor]

  init(contents: PromptContents?, blockSize: Int, sequenceCount: Int) {
    self.contents = contents
    self.blockSize = blockSize
    keys = Array(repeating: [], count: sequenceCount)
    cursors = Array(repeating: Cursor(), count: sequenceCount)
  }

  /// The keys made so far, of the first blocks of a sequence.
  subscript(sequence: Int) -> [BlockKey] { keys[sequence] }

  /// Makes sure that the keys of the first `blocks` blocks of a sequence are there.
  ///
  /// - Complexity: O(1) for each block and each piece that was not read before.
  mutating func make(_ blocks: Int, of sequence: Int, _ state: TokenBudgetSequence) {
    if keys[sequence].isEmpty {
      keys[sequence].reserveCapacity(Int(state.promptTokens + state.outputTokens) / blockSize)
    }
    while keys[sequence].count < blocks {
      var builder = BlockKeyBuilder(after: keys[sequence].last ?? .root)
      var position = keys[sequence].count * blockSize
      let end = position + blockSize
      while position < end {
        position += add(
          from: position, atMost: end - position, of: sequence, state, to: &builder)
      }
      keys[sequence].append(builder.endBlock())
    }
  }

  /// Adds tokens from one piece, and says how many.
  private mutating func add(
    from position: Int, atMost limit: Int, of sequence: Int, _ state: TokenBudgetSequence,
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
    let cursor = cursors[sequence]
    let pieces = contents.pieces(of: request)
    let piece = pieces[pieces.startIndex + Int(cursor.piece)]
    let count = min(limit, Int(piece.count - cursor.offset))
    builder.add(stream: piece.stream, start: Int(piece.start + cursor.offset), count: count)
    cursors[sequence].offset += Int32(count)
    if cursors[sequence].offset == piece.count {
      cursors[sequence] = Cursor(piece: cursor.piece + 1, offset: 0)
    }
    return count
  }

  /// Drops the keys of a sequence that is complete.
  mutating func forget(_ sequence: Int) { keys[sequence] = [] }
}
