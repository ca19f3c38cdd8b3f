import SimulationKernel
import Testing

@testable import Workload

@Suite struct PromptContentsTests {
  @Test func piecesAreKeptByRequest() {
    var contents = PromptContents()
    let shared = TokenPiece(stream: 1, start: 0, count: 100)
    let own = TokenPiece(stream: PromptContents.ownStream(of: 1), start: 0, count: 7)
    contents.append([shared])
    contents.append([shared, TokenPiece(stream: 4, start: 9, count: 0), own])
    contents.append([TokenPiece]())
    #expect(contents.requestCount == 3)
    #expect(Array(contents.pieces(of: 0)) == [shared])
    #expect(Array(contents.pieces(of: 1)) == [shared, own])
    #expect(contents.pieces(of: 2).isEmpty)
    #expect((0..<3).map { contents.promptTokens(of: $0) } == [100, 107, 0])
  }

  @Test func noStreamIsUsedTwice() {
    var streams: [Int64] = [0, 999_999]
    for request in [0, 1, 10_000_000] {
      streams.append(PromptContents.ownStream(of: request))
      for sample in 0..<3 {
        streams.append(PromptContents.outputStream(of: request, sample: sample))
      }
    }
    #expect(Set(streams).count == streams.count)
  }

  /// A naive model keeps every beginning of every prompt, token by token.
  @Test(arguments: 0..<40 as Range<UInt64>) func newTokensAreThoseNoEarlierPromptBeganWith(
    seed: UInt64
  ) {
    var chance = RandomStream(seed: seed, label: "novelty")
    let streams: [Int64] = [
      0, 1, PromptContents.ownStream(of: 3), PromptContents.outputStream(of: 1),
    ]
    var contents = PromptContents()
    var seen: Set<[Int64]> = []
    var expected: [Int] = []
    for _ in 0..<12 {
      let pieces = (0..<1 + chance.below(4)).map { _ in
        TokenPiece(
          stream: streams[chance.below(4)], start: Int32(chance.below(2) * 2),
          count: Int32(1 + chance.below(3)))
      }
      contents.append(pieces)
      var beginning: [Int64] = []
      var new = 0
      for piece in pieces {
        for place in piece.start..<piece.start + piece.count {
          beginning.append(piece.stream * 100 + Int64(place))
          if seen.insert(beginning).inserted, piece.stream != streams[3] { new += 1 }
        }
      }
      expected.append(new)
    }
    #expect(contents.newTokens() == expected)
  }

  /// The rule of the recorded step traces.
  @Test func theFirstOutputStreamIsThatOfTheGoldens() {
    #expect(PromptContents.outputStream(of: 21) == 1_000_021)
  }
}
