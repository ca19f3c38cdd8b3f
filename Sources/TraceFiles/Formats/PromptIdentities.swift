import Workload

/// What the rows of a file say about the tokens of their prompts, gathered before the requests have
/// their final order, and then made into ``PromptContents``.
struct PromptIdentities {
  private enum Kind { case repeats, blocks, pieces }

  /// Places in one shared stream that hold blocks: a stream has at most 2³¹ tokens.
  private static let streamTokensMax: Int64 = 1 << 30

  /// `nil` as long as no row said anything.
  private var kind: Kind?
  private var repeats: [Int32] = []
  private var blocks: [Int64] = []
  private var pieces: [TokenPiece] = []
  private var rowCount = 0
  /// Where each row's blocks or pieces end.
  private var ends: [Int] = []
  /// Tokens in a block; `nil` before a row settled it.
  private(set) var blockTokens: Int?
  /// Prompt tokens, all rows together, that rows say repeat earlier ones.
  private(set) var repeatedTokens = 0
  /// Those of ``repeatedTokens`` that no request before holds: text of turns not in the trace.
  private(set) var unheldTokens = 0

  /// Where the size of blocks is found from all rows.
  private var found: FoundBlockSize?

  /// - Parameter finds: Whether `blockTokens` is only what it usually is.
  init(blockTokens: Int?, finds: Bool) {
    self.blockTokens = blockTokens
    if finds, let blockTokens { found = FoundBlockSize(usual: blockTokens) }
  }

  var isEmpty: Bool { kind == nil }

  /// Takes what one row says; every row must be taken, or none.
  ///
  /// - Returns: What is wrong with the row, if something is; it is not taken then.
  mutating func take(_ record: TraceRecord, line: Int) -> String? {
    if let mistake = check(record, line: line) { return mistake }
    rowCount += 1
    switch record.identity {
    // A row that says nothing among others that do: its prompt is its own.
    case .unknown where kind == nil: break
    case .unknown where kind == .repeats: repeats.append(0)
    case .unknown: ends.append(ends.last ?? 0)
    case .repeats(let tokens):
      begin(.repeats)
      repeats.append(tokens)
      repeatedTokens += Int(tokens)
    case .blocks:
      begin(.blocks)
      blocks += record.blocks
      ends.append(blocks.count)
    case .pieces:
      begin(.pieces)
      pieces += record.pieces
      ends.append(pieces.count)
    }
    return nil
  }

  /// Notes of which kind rows are, and that those before the first of them said nothing.
  private mutating func begin(_ first: Kind) {
    guard kind == nil else { return }
    kind = first
    repeats = first == .repeats ? [Int32](repeating: 0, count: rowCount - 1) : []
    ends = first == .repeats ? [] : [Int](repeating: 0, count: rowCount - 1)
  }

  private mutating func check(_ record: TraceRecord, line: Int) -> String? {
    let kinds: Kind?
    switch record.identity {
    case .unknown: return nil
    case .repeats(let tokens):
      kinds = .repeats
      if tokens > record.promptTokens {
        return "\(tokens) tokens of the prompt are said to repeat, it has \(record.promptTokens)"
      }
    case .blocks:
      kinds = .blocks
      if let mistake = checkBlocks(record, line: line) { return mistake }
    case .pieces:
      kinds = .pieces
      if record.piecesTotal != Int(record.promptTokens) {
        return "the pieces have \(record.piecesTotal) tokens, the prompt has "
          + "\(record.promptTokens)"
      }
    }
    return kind == nil || kind == kinds
      ? nil : "the row says in another way than those before what its prompt consists of"
  }

  /// Settles the block size by the first row that can, and holds every row to it.
  private mutating func checkBlocks(_ record: TraceRecord, line: Int) -> String? {
    let tokens = Int(record.promptTokens)
    let count = record.blocks.count
    func fits(_ size: Int) -> Bool { count == (tokens + size - 1) / size }
    if found != nil { return found!.take(hashes: count, tokens: tokens, line: line) }
    if record.blockTokens > 0, blockTokens == nil { blockTokens = Int(record.blockTokens) }
    if blockTokens == nil {
      blockTokens = fits(512) ? 512 : fits(16) ? 16 : nil
      guard blockTokens != nil else {
        return "\(count) block hashes for \(tokens) tokens fit blocks of neither 512 nor 16 tokens"
      }
    }
    guard let size = blockTokens, fits(size) else {
      let size = blockTokens ?? 0
      return "\(count) block hashes for \(tokens) tokens: blocks of \(size) tokens need "
        + "\((tokens + size - 1) / size)"
    }
    return nil
  }

  /// Settles the size of blocks once all rows were taken.
  ///
  /// - Returns: The first row that does not have blocks of the usual size, where no other can be told from the rows.
  mutating func settle() -> (line: Int, mistake: String)? {
    guard let found else { return nil }
    guard let size = found.size else { return found.misfit }
    blockTokens = size
    return nil
  }

  /// Whether the size of blocks is another than usual, by the rows.
  var hasUnusualBlocks: Bool { found.map { $0.size != $0.usual } ?? false }

  /// The contents of the prompts of `requests`.
  ///
  /// - Parameter order: The row, in the order taken, that each request came from.
  /// - Complexity: O(rows + blocks + pieces); a session of n turns has n pieces in its last prompt.
  mutating func contents(of requests: [Request], order: [Int]) -> PromptContents? {
    switch kind {
    case nil: return nil
    case .repeats: return repeatedContents(of: requests, order: order)
    case .blocks: return blockContents(of: requests, order: order)
    case .pieces:
      var contents = PromptContents()
      contents.reserve(requests: order.count, pieces: pieces.count)
      for (id, row) in order.enumerated() {
        let own = slice(pieces, row)
        if own.isEmpty {
          let count = requests[id].promptTokens
          contents.append([Self.ownPiece(of: id, from: 0, count: count)])
        } else {
          contents.append(own)
        }
      }
      return contents
    }
  }

  private func slice<T>(_ all: [T], _ row: Int) -> ArraySlice<T> {
    all[(row == 0 ? 0 : ends[row - 1])..<ends[row]]
  }

  private static func ownPiece(of request: Int, from start: Int32, count: Int32) -> TokenPiece {
    TokenPiece(stream: PromptContents.ownStream(of: request), start: start, count: count)
  }

  /// Equal hashes become equal places: the i-th hash to appear stands at place i × block size.
  ///
  ///     hashes   7 8 9 | 7 8 4         stream 0   |7|8|9|4|      two prompts: 0…3 and 0…2, 3…4
  private func blockContents(of requests: [Request], order: [Int]) -> PromptContents {
    var contents = PromptContents()
    var places: [Int64: Int] = [:]
    let size = Int64(blockTokens ?? 1)
    let blocksPerStream = Self.streamTokensMax / size
    for (id, row) in order.enumerated() {
      var left = requests[id].promptTokens
      var prompt: [TokenPiece] = []
      for hash in slice(blocks, row) {
        let place = Int64(places[hash] ?? places.count)
        places[hash] = Int(place)
        let piece = TokenPiece(
          stream: place / blocksPerStream, start: Int32(place % blocksPerStream * size),
          count: min(left, Int32(size)))
        left -= piece.count
        prompt.appendJoining(piece)
      }
      if left > 0 { prompt.append(Self.ownPiece(of: id, from: 0, count: left)) }
      contents.append(prompt)
    }
    return contents
  }

  /// A prompt that repeats begins as the prompt and output of its session's request before.
  private mutating func repeatedContents(
    of requests: [Request], order: [Int]
  ) -> PromptContents {
    var contents = PromptContents()
    var lastOfSession: [Int32: Int] = [:]
    for (id, row) in order.enumerated() {
      var left = repeats[row]
      var prompt: [TokenPiece] = []
      if left > 0, let session = requests[id].session, let last = lastOfSession[session] {
        let output = TokenPiece(
          stream: PromptContents.outputStream(of: last), start: 0,
          count: requests[last].outputTokens)
        for var piece in contents.pieces(of: last) + [output] where left > 0 && piece.count > 0 {
          piece.count = min(piece.count, left)
          left -= piece.count
          prompt.append(piece)
        }
      }
      unheldTokens += Int(left)
      let own = requests[id].promptTokens - (repeats[row] - left)
      if own > 0 { prompt.append(Self.ownPiece(of: id, from: 0, count: own)) }
      contents.append(prompt)
      if let session = requests[id].session { lastOfSession[session] = id }
    }
    return contents
  }
}

extension [TokenPiece] {
  /// Appends `piece`, or lengthens the last piece where `piece` goes on from it.
  mutating func appendJoining(_ piece: TokenPiece) {
    if let last, last.stream == piece.stream, last.start + last.count == piece.start {
      self[count - 1].count += piece.count
    } else {
      append(piece)
    }
  }
}
