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

  /// The rule of the recorded step traces.
  @Test func theFirstOutputStreamIsThatOfTheGoldens() {
    #expect(PromptContents.outputStream(of: 21) == 1_000_021)
  }
}
