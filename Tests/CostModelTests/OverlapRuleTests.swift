import SimulationKernel
import Testing

@testable import CostModel

/// Prompts and decodes of an iteration that share a GPU otherwise than one after the other.
@Suite struct OverlapRuleTests {
  /// Ten nanoseconds for a token of a prompt, 36 for a sequence that decodes.
  private final class ByKind: IterationCostModel {
    let profile = CostProfile(name: "kinds", isCalibrated: false, error: "none")
    func duration(of work: IterationWork) -> SimDuration {
      let prompts = work.prefillChunks.reduce(0) { $0 + $1.tokens }
      return SimDuration(nanoseconds: Int64(10 * prompts + 36 * work.decodeSequences))
    }
  }

  private func mixed(_ tokens: Int, _ decodes: Int) -> IterationWork {
    var work = KernelCostModelTests.decode(decodes, context: 100)
    if tokens > 0 { work.prefillChunks = [.init(tokens: tokens, contextTokens: 0)] }
    return work
  }

  /// 780 and 1,080 ns on 108 multiprocessors: 30 have the whole bandwidth, and prompts take 108 ⁄ 78 as long on the other
  /// 78: 1,080 both, and 8 % for contention. A decode of 36 ns pauses: two multiprocessors cost prompts 858 ns with contention,
  /// one after the other are 816.
  @Test func bothEndTogether() {
    let cost = PartitionedCostModel(ByKind(), multiprocessors: 108)
    #expect(cost.duration(of: mixed(78, 30)).nanoseconds == 1166)
    #expect(cost.duration(of: mixed(78, 1)).nanoseconds == 816)
    #expect(cost.duration(of: mixed(78, 0)).nanoseconds == 780)
    #expect(cost.duration(of: mixed(0, 30)).nanoseconds == 1080)
  }

  /// Never dearer than one after the other, never cheaper than either alone; and more is never cheaper.
  @Test(arguments: ["llama-3.1-8b", "mixtral-8x7b"]) func betweenEitherAndBoth(model: String) throws
  {
    let base = try KernelCostModelTests.price(model, "a100-80gb")
    let cost = PartitionedCostModel(base, multiprocessors: 108)
    for (tokens, decodes) in [(64, 1), (512, 16), (1024, 64), (2048, 256), (16, 256)] {
      let (prompts, alone) = (mixed(tokens, 0), mixed(0, decodes))
      let both = cost.duration(of: mixed(tokens, decodes)).seconds
      let (first, second) = (base.duration(of: prompts).seconds, base.duration(of: alone).seconds)
      #expect(both <= first + second + 1e-9 && both >= max(first, second) - 1e-9)
      #expect(cost.duration(of: mixed(tokens + 8, decodes)).seconds >= both)
      #expect(cost.duration(of: mixed(tokens, decodes + 4)).seconds >= both)
    }
  }

  private func attention(_ cost: KernelCostModel, _ work: IterationWork) -> (Double, Double) {
    let parts = cost.breakdown(of: work)
    func seconds(_ name: String) -> Double { parts.first { $0.name == name }?.seconds ?? 0 }
    return (seconds("attention prefill"), seconds("attention decode"))
  }

  /// Attention of a chunk and of decodes is the longer of both; all else is as it was.
  @Test(arguments: [(512, 64), (2048, 4)]) func joinedAttentionIsTheLonger(chunk: Int, decodes: Int)
    throws
  {
    let model = try ModelCatalogue.find("llama-3.1-8b")
    func price(_ overlap: OverlapRule) throws -> KernelCostModel {
      var deployment = PricedDeployment(
        model: model, device: try DeviceCatalogue.find("a100-80gb"),
        blockBytes: 16 * model.kvBytesPerToken())
      deployment.overlap = overlap
      return try KernelCostModel(deployment)
    }
    let (plain, joined) = (try price(.none), try price(.pod))
    var prompt = IterationWork()
    prompt.prefillChunks = [.init(tokens: chunk, contextTokens: 8192)]
    var both = KernelCostModelTests.decode(decodes, context: 8192)
    let alone = both
    both.prefillChunks = prompt.prefillChunks
    let parts = attention(joined, both)
    let longer = max(attention(plain, prompt).0, attention(plain, alone).1)
    #expect(abs(parts.0 + parts.1 - longer) < 1e-12)
    let saved = attention(plain, both)
    let difference = plain.duration(of: both).seconds - joined.duration(of: both).seconds
    #expect(abs(difference - (saved.0 + saved.1 - longer)) < 2e-9)
    #expect(joined.duration(of: alone) == plain.duration(of: alone))
    #expect(joined.duration(of: prompt) == plain.duration(of: prompt))
  }
}
