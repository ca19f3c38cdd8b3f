/// What a sequence consists of, from its first token on: runs of consecutive tokens of streams.
///
///     place in the sequence   0          10     14
///     runs                    |─ stream 7 ─|─ stream 3 ─|     of stream 7 from place 4 on: its shift is 4
///
/// Two sequences have the same token at a place if their runs there have the same stream and the same shift, so texts
/// are compared run by run, however long they are.
package struct TokenText: Equatable, Sendable {
  struct Run: Equatable, BitwiseCopyable, Sendable {
    var stream: Int64
    /// Place in the stream less place in the sequence; may be negative.
    var shift: Int32
    /// Tokens of the sequence up to the run's end.
    var end: Int32
  }

  /// No two neighbours go on in each other.
  private(set) var runs: [Run] = []

  /// Makes a text without tokens.
  package init() {}

  /// - Parameter runs: About how many there will be.
  package init(runs count: Int) { runs.reserveCapacity(count) }

  /// Tokens of the sequence.
  package var count: Int { Int(runs.last?.end ?? 0) }

  /// Adds consecutive tokens of a stream, `start` being the place of the first in the stream.
  package mutating func append(stream: Int64, start: Int, count tokens: Int) {
    guard tokens > 0 else { return }
    let begin = count
    let run = Run(stream: stream, shift: Int32(start - begin), end: Int32(begin + tokens))
    if let last = runs.last, last.stream == stream, last.shift == run.shift {
      runs[runs.count - 1].end = run.end
    } else {
      runs.append(run)
    }
  }

  /// The number of the run that holds the token at a place, which is not before run number `first`.
  func run(at place: Int, from first: Int = 0) -> Int {
    var run = first
    while Int(runs[run].end) <= place { run += 1 }
    return run
  }

  /// Consecutive tokens of one stream.
  package struct Piece: Equatable, Sendable {
    package var stream: Int64
    package var start: Int
    package var count: Int
  }

  /// The tokens of some places, in as few pieces as there are.
  package func pieces(_ places: Range<Int>) -> [Piece] {
    var pieces: [Piece] = []
    var place = places.lowerBound
    var number = 0
    while place < places.upperBound {
      number = run(at: place, from: number)
      let end = min(Int(runs[number].end), places.upperBound)
      pieces.append(
        Piece(
          stream: runs[number].stream, start: place + Int(runs[number].shift), count: end - place))
      place = end
    }
    return pieces
  }

  /// Where two texts, equal before `place`, first differ, or `limit`, up to which both have tokens.
  ///
  /// - Parameters:
  ///   - run: The number of the run at `place`; moves to the one at the result, if this one has a token there.
  ///   - otherRun: The number of the other text's run at `place`.
  /// - Complexity: O(runs in between).
  func common(
    with other: TokenText, from place: Int, _ run: inout Int, _ otherRun: Int, limit: Int
  ) -> Int {
    var place = place
    var otherRun = otherRun
    while place < limit {
      let (one, two) = (runs[run], other.runs[otherRun])
      guard one.stream == two.stream, one.shift == two.shift else { return place }
      place = min(Int(one.end), Int(two.end))
      if Int(one.end) == place, run + 1 < runs.count { run += 1 }
      if Int(two.end) == place { otherRun += 1 }
    }
    if place > limit { place = limit }
    while run > 0, Int(runs[run - 1].end) > place { run -= 1 }
    return place
  }
}
