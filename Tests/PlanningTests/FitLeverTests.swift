import KVMemory
import Messages
import Serving
import Testing

@testable import CostModel
@testable import Planning

/// What would fit more, by the same budget; and our figures beside a log's.
@Suite struct FitLeverTests {
  private func scenario(
    _ model: String = "llama-3.1-8b", on device: String = "h100-sxm", release: String? = nil,
    system: ServingSystem = .vllmV1
  ) throws -> Scenario {
    var scenario = Scenario(
      system: system, model: try ModelCatalogue.find(model),
      device: try DeviceCatalogue.find(device))
    scenario.engineRelease = release
    return scenario
  }

  private func levers(_ scenario: Scenario) throws -> [String] {
    scenario.levers(beside: try scenario.memoryFit()).map(\.flags)
  }

  /// Each is what `--` flags of that text come to.
  @Test func leversAreWhatTheirFlagsDo() throws {
    let base = try scenario()
    let fit = try base.memoryFit()
    let levers = base.levers(beside: fit)
    #expect(
      levers.map(\.flags) == [
        "--kv-cache-dtype fp8", "--gpu-memory-utilization 0.99", "--tensor-parallel-size 2",
        "--quantization fp8", "--quantization int4", "--max-num-batched-tokens 4096",
        "--max-num-seqs 256", "--enforce-eager",
      ])
    for lever in levers {
      var words = lever.flags.dropFirst(2).split(separator: " ").map(String.init)
      if words.count == 1 { words.append("true") }
      var changed = base
      try ScenarioSetting.find(words[0]).change(words[1])(&changed)
      if words[0] == "max-num-seqs" { changed.maxBatchedTokens = 8192 }
      #expect(try changed.memoryFit().tokens == lever.tokens, "\(lever.flags)")
      #expect(lever.tokens > fit.tokens)
    }
    // 8 bits a number: twice the tokens in the same bytes, but for what does not fill a block.
    #expect(levers[0].tokens / 2 - fit.tokens <= 16)
  }

  @Test func onlyWhatIsPermittedIsNamed() throws {
    #expect(try !levers(scenario(release: "0.10")).contains("--enforce-eager"))
    let stored = try levers(scenario("gpt-oss-20b"))
    #expect(!stored.contains { $0.hasPrefix("--quantization") })
    let volta = try levers(scenario("qwen3-8b", on: "v100-32gb"))
    #expect(!volta.contains { $0.hasSuffix("fp8") || $0.hasPrefix("--quantization") })
    let paper = try levers(scenario("opt-13b", on: "a100-40gb", system: .vllmSOSP23))
    #expect(!paper.contains { $0.hasSuffix("fp8") || $0.hasPrefix("--max-num-seqs") })
    var narrow = try scenario()
    narrow.kvCache = .fp8
    narrow.gpuMemoryUtilization = 0.99
    narrow.enforceEager = true
    let left = try levers(narrow)
    #expect(!left.contains { $0.contains("kv-cache") || $0.contains("utilization") })
    #expect(!left.contains("--enforce-eager"))
  }

  /// 0.53 GiB and 150 MiB of 79.18 are 0.86 %; with the reduction in the switch 1.25 GiB more.
  @Test func theLimitLeavesWhatIsNotCharged() throws {
    #expect(try scenario().memoryFit().inputs.utilizationLimit == 0.99)
    var two = try scenario()
    two.tensorParallel = 2
    #expect(try two.memoryFit().inputs.utilizationLimit == 0.97)
    var older = try scenario(release: "0.19")
    let inputs = try older.memoryFit().inputs
    guard case .vllm(let memory) = inputs.engine else { return }
    // Its graphs are not in the budget.
    #expect(memory.unchargedBytes(inputs) > memory.capturedBytes(inputs))
    older.enforceEager = true
    let eager = try older.memoryFit().inputs
    guard case .vllm(let plain) = eager.engine else { return }
    #expect(
      memory.unchargedBytes(inputs) - plain.unchargedBytes(eager) == memory.capturedBytes(inputs))
  }

  @Test func aLogStandsBesideOurFigures() throws {
    let log = try EngineLog(EngineLogLineTests.newest, name: "vllm.log")
    let (fit, comparison, warnings) = try scenario().memoryFit(log: log)
    #expect(warnings.isEmpty)
    #expect(fit.isLogged && fit.capacity.blocks == 28_781 && fit.tokens == 460_496)
    #expect(fit.budget == (try scenario().memoryFit().budget))
    let gib = Double(1 << 30)
    let weights = try #require(comparison.rows.first { $0.name == "weights" })
    #expect((weights.logged, weights.line) == (15 * gib, 1))
    #expect(weights.ours == Double(fit.budget.weightBytes))
    #expect(weights.difference == Double(fit.budget.weightBytes) - 15 * gib)
    let sequences = try #require(comparison.rows.last)
    #expect(sequences.name == "sequences of 131072" && sequences.logged == 3.51)
    #expect(sequences.ours == fit.budget.capacity.sequences(ofTokens: 131_072))
    #expect(comparison.rows.map(\.name).contains("weights, not PyTorch's"))
    #expect(!comparison.rows.map(\.name).contains("CUDA graphs, captured"))
  }

  @Test func logsOfOtherSettingsAreTold() throws {
    let log = try EngineLog(EngineLogLineTests.newest, name: "vllm.log")
    var other = try scenario("qwen3-8b")
    other.maxModelLength = 8192
    let warnings = try other.memoryFit(log: log).warnings
    // 56.21 GiB for 28,781 blocks.
    #expect(
      warnings == [
        "vllm.log: the engine served up to 131072 tokens, here `--max-model-len` is 8192",
        "vllm.log: its blocks have 2097044 bytes, ours 2359296: is it a log of `qwen3-8b` with these settings?",
      ])
    let small = try EngineLog("# GPU blocks: 100", name: "vllm.log")
    var long = try scenario()
    long.maxModelLength = 8192
    #expect(
      try long.memoryFit(log: small).fit.failure
        == UserError(
          "vllm.log: 100 blocks are too few for one sequence of `--max-model-len` 8192 tokens (512 blocks)",
          hint: "use at most 1600"))
    let weights = try EngineLog("Model loading took 15.0 GiB memory", name: "vllm.log")
    let ours = try scenario().memoryFit(log: weights)
    #expect(!ours.fit.isLogged && ours.comparison.rows.map(\.name) == ["weights"])
  }
}
