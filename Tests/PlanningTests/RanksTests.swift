import CostModel
import Messages
import Metrics
import ModelFiles
import Serving
import Testing
import Workload

@testable import Planning

/// `--data-parallel-size`: ranks with requests of their own, of every engine that has them.
@Suite struct RanksTests {
  private static let systems = ServingSystem.all.filter(\.capabilities.hasRanks)

  private func scenario(_ system: ServingSystem, _ ranks: Int) throws -> Scenario {
    var scenario = Scenario(
      system: system, model: try ModelCatalogue.find("qwen3-30b-a3b"),
      device: try DeviceCatalogue.find("h100-sxm"))
    scenario.dataParallel = ranks
    return scenario
  }

  @Test func threeEnginesHaveThem() {
    #expect(Self.systems.map(\.name).sorted() == ["sglang", "trtllm", "vllm-v1"])
  }

  /// Shares of the ledger are of the pools of all ranks together, also in the table of replicas.
  @Test(arguments: systems) func theLedgerIsWhole(_ system: ServingSystem) throws {
    var ranks = try scenario(system, 2)
    ranks.requestRate = .infinity
    let requests = (0..<20).map { _ in Request(promptTokens: 900, outputTokens: 40) }
    let simulation = try Simulation.run(
      ranks, trace: Trace(name: "twenty", requests: requests, hasArrivals: false))
    let kv = simulation.result.summary.kv
    let shares = [
      kv.tokenState, kv.reserved, kv.internalFragmentation, kv.externalFragmentation, kv.cached,
      kv.free,
    ]
    #expect(abs(shares.reduce(0, +) - 1) < 1e-9, "\(shares)")
    #expect(kv.blocks == (try ranks.resolved().settings.poolBlocks))
    #expect(simulation.result.summary.completed == 20)
  }

  /// SGLang's limits are of all ranks, TensorRT-LLM's of one; the pools of both add up.
  @Test func ranksOfOtherEngines() throws {
    func resolved(
      _ system: ServingSystem, _ change: (inout Scenario) -> Void = { _ in }
    ) throws -> ResolvedScenario {
      var ranks = try scenario(system, 4)
      change(&ranks)
      return try ranks.resolved()
    }
    let sglang = try resolved(.sglang05) { $0.maxSequences = 64 }
    #expect(sglang.settings.maxSequences == 64 && sglang.settings.maxBatchedTokens == 8192)
    let own = try resolved(.sglang05)
    #expect(
      own.settings.maxSequences
        == 4
        * SGLangMemory.sequences(
          poolTokens: own.settings.deviceBlocks * own.settings.blockSize,
          modelLength: own.settings.maxModelLength))
    #expect(own.settings.poolBlocks == 4 * own.settings.deviceBlocks)
    #expect(try resolved(.trtllm1).settings.maxSequences == 2048)
    #expect(
      throws: UserError(
        "`--chunked-prefill-size` 60 is below `--page-size` 16 for each of 4 ranks: a prompt longer than the "
          + "chunk would never be admitted", hint: "raise `--chunked-prefill-size` to 64 or more")
    ) {
      try resolved(.sglang05) { ($0.maxBatchedTokens, $0.blockSize) = (60, 16) }
    }
    #expect(
      throws: UserError(
        "`--data-parallel-size` 4 is not simulated together with `--enable-hierarchical-cache`",
        hint: "leave one of them out")
    ) {
      try resolved(.sglang05) { $0.sglang.hierarchicalCache = true }
    }
  }

  /// Drafts of ranks have the same settings as those of one engine.
  @Test func ranksMayDraft() throws {
    var ranks = try scenario(.vllmV1, 2)
    ranks.speculativeConfig = try SpeculativeConfig(
      #"{"method": "ngram", "num_speculative_tokens": 2}"#)
    ranks.acceptance = try Acceptance("0.5,0.2")
    let settings = try ranks.resolved().settings
    #expect(settings.v1.speculation?.draftTokens == 2 && settings.dataParallel == 2)
  }
}
