/// A run of tokens by identity: `count` consecutive tokens of a stream, from `start` on.
///
///     stream 7   | 0 | 1 | 2 | 3 | 4 | 5 | …
///                        |── piece ──|           start = 2, count = 3
///
/// Two tokens are the same token if their stream and their place in it are the same; what the
/// tokens say does not matter to a prefix cache.
package struct TokenPiece: Equatable, Sendable {
  package var stream: Int64
  /// Place of the first token in its stream, from 0.
  package var start: Int32
  /// Tokens in the piece.
  package var count: Int32

  package init(stream: Int64, start: Int32, count: Int32) {
    self.stream = stream
    self.start = start
    self.count = count
  }
}

/// What the prompts of a trace consist of, so that equal beginnings can be told: shared system
/// prompts, conversations that grow turn by turn, answers quoted by later prompts.
///
/// | streams | what they hold |
/// |---|---|
/// | below 0 | the own text of one request, ``ownStream(of:)`` |
/// | 0 to 999,999 | text that generators and traces share between requests as they like |
/// | from 1,000,000 | outputs, ``outputStream(of:sample:)`` |
///
/// All pieces lie in one array; a request's are a slice of it.
package struct PromptContents: Equatable, Sendable {
  private var allPieces: [TokenPiece] = []
  /// Where the pieces of each request end; they begin where those of the one before it end.
  private var ends: [Int] = []

  static let firstOutputStream: Int64 = 1_000_000
  /// Distance between the output streams of two samples of one request; no trace has as many
  /// requests.
  private static let sampleStride: Int64 = 1 << 40

  package init() {}

  /// Requests whose prompts are described.
  package var requestCount: Int { ends.count }

  /// Makes room for as many more.
  package mutating func reserve(requests: Int, pieces: Int) {
    ends.reserveCapacity(ends.count + requests)
    allPieces.reserveCapacity(allPieces.count + pieces)
  }

  /// Describes the prompt of the next request.
  ///
  /// Empty pieces are left out. Nothing else is changed: a run cut in two is still the same tokens.
  package mutating func append(_ pieces: ArraySlice<TokenPiece>) {
    for piece in pieces where piece.count != 0 {
      precondition(piece.count > 0 && piece.start >= 0, "PromptContents: piece \(piece)")
      allPieces.append(piece)
    }
    ends.append(allPieces.count)
  }

  /// Describes the prompt of the next request.
  package mutating func append(_ pieces: [TokenPiece]) { append(pieces[...]) }

  /// The pieces of one prompt, first to last.
  package func pieces(of request: Int) -> ArraySlice<TokenPiece> {
    allPieces[(request == 0 ? 0 : ends[request - 1])..<ends[request]]
  }

  /// One piece of a prompt, counted from 0.
  package func piece(_ index: Int, of request: Int) -> TokenPiece {
    allPieces[(request == 0 ? 0 : ends[request - 1]) + index]
  }

  /// Whether some prompt holds tokens that a request of the trace generates.
  ///
  /// - Complexity: O(pieces).
  package var quotesOutputs: Bool { allPieces.contains { $0.stream >= Self.firstOutputStream } }

  /// Tokens of one prompt.
  ///
  /// - Complexity: O(pieces of the prompt).
  package func promptTokens(of request: Int) -> Int {
    pieces(of: request).reduce(0) { $0 + Int($1.count) }
  }

  /// Traps unless every prompt of `requests` is described, token for token; readers of traces have
  /// to see to that.
  package func requireMatch(_ requests: [Request]) {
    precondition(
      requestCount == requests.count,
      "contents of \(requestCount) prompts for \(requests.count) requests")
    for id in requests.indices {
      let described = promptTokens(of: id)
      precondition(
        described == Int(requests[id].promptTokens),
        "request \(id): \(described) tokens in pieces, \(requests[id].promptTokens) in the prompt")
    }
  }

  /// The stream of the tokens that a request generates; the j-th output token has place j.
  ///
  /// - Parameter sample: Which of the request's output sequences, from 0.
  /// - Source: 1,000,000 plus the number of the request, as in our recorded step traces; the
  ///   streams of further samples are ours.
  package static func outputStream(of request: Int, sample: Int = 0) -> Int64 {
    firstOutputStream + Int64(request) + Int64(sample) * sampleStride
  }

  /// A stream that no other request has, for the text that is a request's own.
  package static func ownStream(of request: Int) -> Int64 { -1 - Int64(request) }
}
