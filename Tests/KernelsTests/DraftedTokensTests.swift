import CostModel
import Fleet
import KVMemory
import Serving
import SimulationKernel
import Testing
import Workload

@testable import Kernels

/// Drafts that are verified for real: whatever is accepted and taken back, the tokens are those of the same model alone.
@Suite struct DraftedTokensTests {
  private static func settings(
    drafts: Int, ahead: Int = 0, blockSize: Int = 8, tokens: Int = 1024
  ) -> EngineSettings {
    var settings = ServedTokensTests.settings(blockSize: blockSize, tokens: tokens)
    var speculation = Speculation(draftTokens: drafts)
    speculation.lookaheadSlots = ahead
    speculation.acceptance = AcceptanceDraws(
      cumulative: (0..<drafts).map { 0.8 / Double($0 + 1) }, seed: 3)
    settings.v1.speculation = speculation
    return settings
  }

  @Test(arguments: [1, 2, 3, 5], ServedTokensTests.blockSizes)
  func verifiedTokensAreThoseGeneratedAlone(drafts: Int, blockSize: Int) throws {
    let requests = ServedTokensTests.requests(count: 8, seed: 1, samples: [1])
    var plain = Self.settings(drafts: drafts, blockSize: blockSize)
    plain.v1.speculation = nil
    let without = try ServedTokensTests.serve(.vllmV1, requests, plain)
    for ahead in [0, drafts] {
      let served = try ServedTokensTests.serve(
        .vllmV1, requests, Self.settings(drafts: drafts, ahead: ahead, blockSize: blockSize))
      #expect(served.differences == [])
      #expect(served.record.iterations < without.record.iterations)
      let totals = served.record.replicas[0].drafts
      #expect(totals.accepted > 0 && totals.accepted < totals.drafts)
      for id in requests.indices {
        #expect(
          served.executor.outputs(of: RequestID(id)) == without.executor.outputs(of: RequestID(id)))
      }
    }
  }

  /// A pool in which sequences lose their blocks, drafts among them.
  @Test(arguments: [1, 8, 16]) func preemptedAmongDrafts(blockSize: Int) throws {
    let requests = ServedTokensTests.requests(count: 8, seed: 2, samples: [1, 2])
    let served = try ServedTokensTests.serve(
      .vllmV1, requests,
      Self.settings(drafts: 3, ahead: 3, blockSize: blockSize, tokens: max(64, 3 * blockSize)))
    #expect(served.differences == [])
    #expect(served.record.preemptionsRecompute > 0)
  }

  /// Blocks with drafts in them are not found by another prompt: the last ones quote an answer that is in the cache.
  @Test(arguments: [1, 8, 16]) func quotedFromTheCache(blockSize: Int) throws {
    var contents = PromptContents()
    var requests: [Request] = []
    for id in 0..<6 {
      let own = TokenPiece(stream: PromptContents.ownStream(of: id % 3), start: 0, count: 20)
      let answer = TokenPiece(stream: PromptContents.outputStream(of: id % 3), start: 0, count: 14)
      let pieces = id < 3 ? [own] : [own, answer]
      contents.append(pieces)
      requests.append(
        Request(
          arrival: SimInstant(nanoseconds: id < 3 ? Int64(id) : 10_000_000_000 + Int64(id)),
          promptTokens: pieces.reduce(0) { $0 + $1.count }, outputTokens: 14))
    }
    let served = try ServedTokensTests.serve(
      .vllmV1, requests, Self.settings(drafts: 3, blockSize: blockSize), contents: contents)
    #expect(served.differences == [])
    #expect((served.record.prefixCache?.hitTokens ?? 0) >= 3 * 16)
  }

  @Test func greedyVerification() throws {
    let requests = ServedTokensTests.requests(count: 6, seed: 9, samples: [1])
    let settings = Self.settings(drafts: 3)
    let greedy = TokenSampler(seed: 7, temperature: 0)
    let executor = ReferenceExecutor(
      ServedTokensTests.transformer, requests: requests, settings: settings,
      deviceBlocks: settings.deviceBlocks, sampler: greedy)
    _ = try ServingSystem.vllmV1.serve(requests, settings: settings, executor: executor)
    var alone = OneAtATime(ServedTokensTests.transformer, sampler: greedy)
    for id in requests.indices {
      let outputs = executor.outputs(of: RequestID(id))
      #expect(outputs.map(\.output.count) == [Int(requests[id].outputTokens)])
      #expect(outputs.compactMap { alone.firstDifference($0) } == [])
    }
  }

  /// As many agree as are to be accepted, and the next does not.
  @Test func draftsAreRightAsOftenAsDrawn() {
    let request = Request(promptTokens: 5, outputTokens: 4)
    let prompts = PromptTokens(
      vocab: ServedTokensTests.transformer.model.vocab, seed: 7, contents: nil)
    let drafts = ForcedDrafts(
      ServedTokensTests.transformer, sampler: ServedTokensTests.sampler, requests: [request],
      prompts: prompts)
    let prompt = prompts.tokens(of: 0, request) { _, _, _ in nil }
    var alone = OneAtATime(ServedTokensTests.transformer, sampler: ServedTokensTests.sampler)
    let plain = alone.output(
      like: GeneratedSequence(
        request: 0, stream: 0, prompt: prompt, output: [], streams: [0, 0, 0, 0]))
    let state = SequenceState(
      request: 0, stream: 0, tokens: prompt + plain.prefix(1), promptTokens: prompt.count)
    func tokens(_ accepted: Int32) -> [Int32] {
      drafts.tokens(
        behind: state, .init(request: 0, drafts: 4, accepted: accepted, isPadding: false))
    }
    #expect(Array(tokens(3).prefix(3)) == Array(plain[1...]))
    for accepted in 0..<3 {
      let made = tokens(Int32(accepted))
      #expect(made.count == 4)
      #expect(zip(made, plain[1...]).map { $0 == $1 } == (0..<3).map { $0 < accepted })
    }
  }
}
