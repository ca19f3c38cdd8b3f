import CostModel
import Testing

@testable import Reproduction

@Suite struct JengaReportTests {
  /// Layers of 1 byte a token, blocks of 2 tokens, a window of 4: one of each kind.
  private var small: WindowModel {
    var model = WindowModel()
    (model.fullLayers, model.windowLayers) = (1, 1)
    (model.windowTokens, model.layerBytes, model.blockTokens) = (4, 1, 2)
    return model
  }

  /// A prompt of 9 tokens: 5 blocks of 4 bytes, or 5 pages of all and 3 of the window (tokens 5 to 9 lie in pages 2 to 4).
  @Test func theWindowsPagesGoBack() {
    var uniform = UniformMemory(bytes: 40, model: small)
    let isHeld = uniform.hold(0, tokens: 9, spare: 0)
    #expect(isHeld)
    #expect(uniform.usedBytes == 20)
    var jenga = JengaMemory(bytes: 40, model: small)
    let nine = jenga.hold(0, tokens: 9, spare: 0)
    #expect(nine)
    #expect(jenga.usedBytes == 16)
    // The tenth token fills page 4; the window begins at token 6, in page 3.
    let ten = jenga.hold(0, tokens: 10, spare: 0)
    #expect(ten)
    #expect(jenga.usedBytes == 14)
    jenga.release(0)
    #expect(jenga.usedBytes == 0)
  }

  /// Two requests of 3 tokens in room for one and a half: one after the other.
  @Test func requestsWaitForRoom() {
    var memory = UniformMemory(bytes: 12, model: small)
    let outcome = DecodeReplay.run(
      [(prompt: 3, output: 2), (prompt: 3, output: 2)], model: small, memory: &memory)
    #expect(outcome.decodeSteps == 4)
    #expect(outcome.tokens == 4)
    #expect(outcome.meanBatch == 1)
  }

  /// The pool is what vLLM 0.6 leaves of an H100 beside Ministral's weights and a trial iteration of 131,072 tokens; parts of
  /// prompts of 2,048 tokens would leave more.
  @Test(arguments: [(131_072, JengaReport.poolGB), (2048, 59.1)])
  func thePoolIsVLLMs(tokens: Int, gigabytes: Double) throws {
    let ministral = ModelSpec(
      name: "ministral-8b", aliases: [], layers: 36, hidden: 4096, heads: 32, kvHeads: 8,
      headDim: 128, ffn: 12_288, vocab: 131_072, maxPositions: 131_072)
    var inputs = KVBudget.Inputs(
      model: ministral, device: try DeviceCatalogue.find("h100-sxm"), utilization: 0.9,
      tokenBudget: tokens, blockSize: 16)
    inputs.engine = .vllm(
      VLLMMemory(release: VLLMRelease(0, 6), sequences: 256, modelLength: 131_072))
    #expect((Double(KVBudget(inputs).kvBytes) / 1e8).rounded() / 10 == gigabytes)
  }

  @Test func theMinistralRowComesOut() throws {
    let report = try JengaReport.report(seed: 0, poolGB: JengaReport.poolGB)
    for claim in report.claims.prefix(6) { #expect(claim.verdict == .inside, "\(claim)") }
    #expect(report.data.rows.count == 80)
    // The H200's contexts are 8 and 9 % longer than printed, the H100's 26.
    #expect(
      report.claims.suffix(4).map(\.verdict) == [.outside, .outside, .inside, .inside])
  }

  /// One byte of a token in each of 48 layers. With pages by kind 36 layers hold a chunk of 8,192 tokens and 12 the rest.
  @Test func chunksLeaveRoomForContext() {
    #expect(LongestContext.tokens(kvBytes: 48_000, layerBytes: 1).uniform == 1000)
    #expect(LongestContext.tokens(kvBytes: 36 * 8192 + 12 * 24_000, layerBytes: 1).jenga == 24_000)
  }
}
