import Messages
import SimulationKernel
import Testing

@testable import CostModel

/// Attention that reads once what all sequences begin with.
@Suite struct CascadeAttentionTests {
  private func work(_ sequences: Int, context: Int = 0, shared: Int) -> IterationWork {
    var work = KernelCostModelTests.decode(sequences, context: max(context, shared + 1))
    work.sharedPrefixTokens = shared
    return work
  }

  /// vLLM's rule by hand for 32 query heads on 8, and 132 multiprocessors: a prefix of 2,048 is 16 tiles of 128, which 32
  /// blocks of threads walk through in one round: 16 steps. Split, each of n · 8 heads has its 16 tiles: ⌈n · 128 ⁄ 132⌉.
  @Test func theRuleCountsRounds() {
    let grouped = CascadeRule(heads: .init(query: 32, kv: 8, dim: 128), multiprocessors: 132)
    #expect(!grouped.applies(to: work(16, shared: 2048)))  // 16 and 16
    #expect(grouped.applies(to: work(17, shared: 2048)))  // 16 and 17
    #expect(!grouped.applies(to: work(7, shared: 100_000)))
    #expect(!grouped.applies(to: work(200, shared: 255)))
    // Two tiles in ⌈64 ⁄ 132⌉ rounds, 2; 200 · 8 · 2 ⁄ 132 are 25.
    #expect(grouped.applies(to: work(200, shared: 256)))
    // Beside a chunk, and without groups of query heads, nothing is split.
    var mixed = work(7, shared: 256)
    mixed.prefillChunks = [.init(tokens: 16, contextTokens: 256)]
    #expect(grouped.applies(to: mixed))
    let alone = CascadeRule(heads: .init(query: 40, kv: 40, dim: 128), multiprocessors: 132)
    #expect(alone.applies(to: work(8, shared: 256)) && !alone.applies(to: work(7, shared: 256)))
  }

  private func price(_ model: String, cascades: Bool) throws -> KernelCostModel {
    let model = try ModelCatalogue.find(model)
    var deployment = PricedDeployment(
      model: model, device: try DeviceCatalogue.find("h100-sxm"),
      blockBytes: 16 * model.kvBytesPerToken())
    deployment.cascades = cascades
    return try KernelCostModel(deployment)
  }

  private func seconds(_ cost: KernelCostModel, _ name: String, _ work: IterationWork) -> Double {
    cost.breakdown(of: work).first { $0.name == name }?.seconds ?? 0
  }

  /// 64 sequences at 4,000 tokens of which 3,840 are shared: decode attention at 160, and what 3,840 cached tokens add to a
  /// chunk of 64 queries, in a launch of its own.
  @Test func thePrefixIsReadOnce() throws {
    let (cost, plain) = (
      try price("llama-3.1-8b", cascades: true), try price("llama-3.1-8b", cascades: false)
    )
    let whole = work(64, context: 4000, shared: 3840)
    let chunk = KernelCostModelTests.prefill(64)
    var two = chunk
    two.prefillChunks += chunk.prefillChunks
    let name = "attention prefill"
    let launch = 2 * seconds(plain, name, chunk) - seconds(plain, name, two)
    let added =
      seconds(plain, name, KernelCostModelTests.prefill(64, context: 3840))
      - seconds(plain, name, chunk)
    #expect(abs(seconds(cost, "attention shared prefix", whole) - launch - added) < 1e-12)
    #expect(
      seconds(cost, "attention decode", whole)
        == seconds(plain, "attention decode", KernelCostModelTests.decode(64, context: 160)))
    let sum = cost.breakdown(of: whole).reduce(0) { $0 + $1.seconds }
    #expect(SimDuration(rounding: sum) == cost.duration(of: whole))
    #expect(cost.duration(of: whole) < plain.duration(of: whole))
    // A chunk of a prompt reads behind the prefix too.
    var mixed = whole
    mixed.prefillChunks = [.init(tokens: 512, contextTokens: 3840)]
    #expect(
      seconds(cost, name, mixed) == seconds(plain, name, KernelCostModelTests.prefill(512)))
  }

  /// Where the rule says no, where nothing is shared, and in models with windows prices are the same.
  @Test(arguments: ["llama-3.1-8b", "mistral-7b", "gemma-3-4b"]) func otherwiseNothingChanges(
    model: String
  ) throws {
    let (cost, plain) = (try price(model, cascades: true), try price(model, cascades: false))
    var works = [work(7, context: 4000, shared: 3840), work(64, context: 4000, shared: 0)]
    if model != "llama-3.1-8b" { works.append(work(64, context: 4000, shared: 3840)) }
    for work in works { #expect(cost.duration(of: work) == plain.duration(of: work)) }
  }
}
