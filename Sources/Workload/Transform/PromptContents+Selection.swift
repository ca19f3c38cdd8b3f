extension PromptContents {
  /// The contents of a trace whose request i is request `rows[i]` of this one.
  ///
  /// Shared text stays shared. A prompt that quotes another request, its text or its output, quotes
  /// that request's latest copy among those before it; where there is none, the quoted text
  /// belongs to a request outside the trace and is still the same for all that quote it. A request
  /// that is repeated has text of its own each time, as if another user had written as much.
  ///
  /// - Complexity: O(pieces of the requests selected).
  package func selecting(_ rows: [Int]) -> PromptContents {
    var selected = PromptContents()
    /// The latest copy of each old request.
    var copies: [Int64: Int] = [:]
    /// Numbers beyond the trace's own for what is quoted from outside it, by its old stream.
    var outsiders: [Int64: Int] = [:]
    func moved(_ stream: Int64) -> Int64 {
      guard let owner = Self.owner(of: stream) else { return stream }
      if let copy = copies[owner.request] { return owner.stream(copy) }
      let number = outsiders[stream] ?? rows.count + outsiders.count
      outsiders[stream] = number
      return Self.ownStream(of: number)
    }
    for (id, row) in rows.enumerated() {
      copies[Int64(row)] = id
      selected.append(
        pieces(of: row).map { piece in
          TokenPiece(stream: moved(piece.stream), start: piece.start, count: piece.count)
        })
    }
    return selected
  }

  /// The highest stream of shared text, or -1 where there is none.
  ///
  /// - Complexity: O(pieces).
  var lastSharedStream: Int64 {
    var last: Int64 = -1
    for id in 0..<requestCount {
      for piece in pieces(of: id) where Self.owner(of: piece.stream) == nil {
        last = max(last, piece.stream)
      }
    }
    return last
  }

  /// The request that a stream belongs to, and how the same stream of another request is called;
  /// `nil` for shared text.
  static func owner(
    of stream: Int64
  ) -> (request: Int64, stream: (Int) -> Int64)? {
    if stream < 0 { return (-1 - stream, { ownStream(of: $0) }) }
    let firstOutput = outputStream(of: 0)
    guard stream >= firstOutput else { return nil }
    let stride = outputStream(of: 0, sample: 1) - firstOutput
    let (sample, request) = (stream - firstOutput).quotientAndRemainder(dividingBy: stride)
    return (request, { outputStream(of: $0, sample: Int(sample)) })
  }
}
