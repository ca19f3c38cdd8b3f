import Testing

@testable import Reproduction

/// MagicDec's law on our prices.
@Suite struct SpeculationReportTests {
  /// 1 + 0.8 + 0.64 + 0.512, and 4 with every draft accepted.
  @Test func tokensOfAVerification() {
    #expect(abs(SelfDraft.tokens(drafts: 3, acceptance: 0.8) - 2.952) < 1e-12)
    #expect(SelfDraft.tokens(drafts: 3, acceptance: 1) == 4)
    #expect(SelfDraft.tokens(drafts: 3, acceptance: 0) == 1)
  }

  /// Short contexts gain with few sequences, where weights are read; long ones with many, where the cache is.
  @Test func longContextsGainWithTheBatch() throws {
    let rule = try SelfDraft("llama-3.1-8b", on: "a100-80gb", gpus: 8, drafts: 3, budget: 512)
    func gains(_ context: Int) -> Double {
      rule.speedup(batch: 256, context: context, acceptance: 0.8)
        - rule.speedup(batch: 32, context: context, acceptance: 0.8)
    }
    #expect(gains(500) < 0 && gains(32_000) > 0)
    let critical = try #require(rule.criticalContext(from: 32, to: 256))
    #expect(gains(critical - 250) <= 0 && gains(critical) > 0)
  }
}
