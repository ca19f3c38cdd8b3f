import SimulationKernel
import Testing

@testable import Workload

/// The curve of all caches at once against one list that is looked through block by block.
@Suite struct PrefixCacheCurveTests {
  /// Requests whose prompts begin alike, grow turn by turn, quote answers, and end anywhere.
  private func trace(seed: UInt64, quotes: Bool) -> Trace {
    var chance = RandomStream(seed: seed, label: "curve")
    var contents = PromptContents()
    var requests: [Request] = []
    var chats: [[TokenPiece]] = []
    for id in 0..<120 {
      var pieces: [TokenPiece]
      if !chats.isEmpty, chance.below(2) == 0 {
        pieces = chats[chance.below(chats.count)]
      } else {
        pieces = [
          TokenPiece(stream: Int64(chance.below(3)), start: 0, count: Int32(1 + chance.below(20)))
        ]
      }
      let own = TokenPiece(
        stream: chance.below(3) == 0
          ? Int64(3 + chance.below(4)) : PromptContents.ownStream(of: id), start: 0,
        count: Int32(1 + chance.below(15)))
      pieces.append(own)
      contents.append(pieces)
      let request = Request(
        promptTokens: pieces.reduce(0) { $0 + $1.count }, outputTokens: Int32(1 + chance.below(9)))
      requests.append(request)
      let answer = TokenPiece(
        stream: PromptContents.outputStream(of: id), start: 0, count: request.outputTokens)
      if pieces.count < 12 { chats.append(quotes ? pieces + [answer] : pieces) }
    }
    var trace = Trace(name: "curve", requests: requests, hasArrivals: false)
    trace.contents = contents
    return trace
  }

  @Test(arguments: 0..<40 as Range<UInt64>) func isThatOfAList(seed: UInt64) throws {
    let trace = trace(seed: seed, quotes: seed % 2 == 0)
    let contents = try #require(trace.contents)
    let size = [1, 3, 4, 16][Int(seed / 2 % 4)]
    let curve = PrefixCacheCurve(trace.requests, contents, blockTokens: size)

    var chains = BlockChains(blockTokens: size)
    var stack: [Int] = []
    var found = Array(repeating: 0, count: 64)
    var (blocks, foundBlocks, tokens) = (0, 0, 0)
    for (id, request) in trace.requests.enumerated() {
      let prompt = chains.blocks(of: contents.pieces(of: id))
      blocks += prompt.count
      tokens += Int(request.promptTokens)
      for (place, block) in prompt.enumerated() {
        guard let distance = stack.firstIndex(of: block) else { break }
        let first = (0..<63).first { distance < 1 << $0 }
        found[try #require(first)] += min(size, Int(request.promptTokens) - place * size)
        foundBlocks += 1
      }
      let answer = TokenPiece(
        stream: PromptContents.outputStream(of: id), start: 0, count: request.outputTokens)
      let left =
        contents.quotesOutputs ? chains.blocks(of: contents.pieces(of: id) + [answer]) : prompt
      for block in left.reversed() {
        stack.removeAll { $0 == block }
        stack.insert(block, at: 0)
      }
    }
    #expect(curve.blocks == blocks && curve.uniqueBlocks == chains.count)
    #expect(curve.blockHitRatio == Double(foundBlocks) / Double(blocks))
    var sum = 0
    let ratios = found.map { more in
      sum += more
      return Double(sum) / Double(tokens)
    }
    #expect(curve.points.map(\.tokenHitRatio) == Array(ratios.prefix(curve.points.count)))
    #expect(curve.tokenHitRatio == ratios.last)
    #expect(foundBlocks > 0)
  }
}
