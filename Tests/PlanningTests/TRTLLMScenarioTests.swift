import CostModel
import Messages
import ModelFiles
import Serving
import Testing

@testable import Planning

/// `trtllm` as users meet it: its defaults, its pool, and what it refuses.
@Suite struct TRTLLMScenarioTests {
  private func scenario(_ change: (inout Scenario) -> Void = { _ in }) throws -> Scenario {
    var scenario = Scenario(
      system: .trtllm1, model: try ModelFile.find("llama-3.1-8b"),
      device: try DeviceFile.find("h100-sxm"))
    change(&scenario)
    return scenario
  }

  @Test func defaultsAreTheEngines() throws {
    let settings = try scenario().resolved(prices: .none).settings
    #expect(settings.maxBatchedTokens == 8192 && settings.maxSequences == 2048)
    #expect(settings.blockSize == 32 && settings.trtllm == TRTLLMOptions())
    #expect(settings.trtllm.policy == .guaranteedNoEvict && settings.trtllm.blockReuse)
    #expect(!settings.trtllm.chunkedContext && !settings.trtllm.managerV2)
  }

  /// 90 % of what weights, activations and context leave, at 128 KiB a token and 32 tokens a block.
  @Test func thePoolIsAShareOfWhatIsLeft() throws {
    let scenario = try scenario()
    let limits = try scenario.iterationLimits()
    let budget = KVBudget(scenario.budgetInputs(limits))
    let taken = budget.weightBytes + budget.activationBytes + budget.contextBytes
    let free = budget.deviceBytes - taken
    #expect(budget.kvBytes == Int((0.9 * Double(free)).rounded(.down)))
    #expect(budget.reserveBytes == free - budget.kvBytes)
    #expect(budget.contextBytes == Int((0.53 * Double(1 << 30)).rounded()))
    let blocks = try scenario.resolved(prices: .none).settings.deviceBlocks
    #expect(blocks == budget.kvBytes / (32 * 128 << 10))
  }

  /// The second manager knows one policy, which it brings with it.
  @Test func theSecondManagerBringsItsPolicy() throws {
    let settings = try scenario { $0.trtllm.managerV2 = true }.resolved(prices: .none).settings
    #expect(settings.trtllm.policy == .maxUtilization)
  }

  @Test(arguments: [
    (
      "use-kv-cache-manager-v2=true capacity-scheduler-policy=static_batch",
      "`--use-kv-cache-manager-v2` knows no `--capacity-scheduler-policy static_batch`: it always is "
        + "`max_utilization`", "leave one of them out"
    ),
    (
      "enable-chunked-prefill=true max-num-tokens=16",
      "`--max-num-tokens` 16 is below `--tokens-per-block` 32: a chunk is whole blocks, so that a "
        + "longer prompt would never be computed", "raise `--max-num-tokens` to 32 or more"
    ),
    (
      "capacity-scheduler-policy=max-utilization",
      "unknown `capacity-scheduler-policy` `max-utilization`", "did you mean `max_utilization`?"
    ),
    (
      "capacity-scheduler-policy=greedy",
      "`capacity-scheduler-policy` must be one of guaranteed_no_evict, max_utilization, static_batch, "
        + "or `default`, found `greedy`", nil
    ),
    ("client-max-tokens=0", "`--client-max-tokens` must be at least 1, found `0`", nil),
    (
      "schedule-policy=lpm", "`trtllm` has no `--schedule-policy`",
      "leave it out, or choose a system that has it: `sglang`"
    ),
    (
      "eviction-policy=lfu", "`trtllm` has no `--eviction-policy`",
      "leave it out, or choose a system that has it: `vllm-v1`"
    ),
  ])
  func refusesByName(settings: String, message: String, hint: String?) throws {
    #expect(throws: UserError(message, hint: hint)) {
      var scenario = try scenario()
      for setting in settings.split(separator: " ") {
        let parts = setting.split(separator: "=").map(String.init)
        try ScenarioSetting.find(parts[0]).change(parts[1])(&scenario)
      }
      _ = try scenario.resolved(prices: .none)
    }
  }

  @Test func otherSystemsHaveNoPolicyOfCapacity() throws {
    #expect(
      throws: UserError(
        "`vllm-v1` has no `--capacity-scheduler-policy`",
        hint: "leave it out, or choose a system that has it: `trtllm`")
    ) {
      _ = try scenario {
        $0.system = .vllmV1
        $0.trtllm.policy = .staticBatch
      }.resolved(prices: .none)
    }
  }

  /// A prompt that no iteration can compute is refused, and not the model's length.
  @Test func longPromptsAreRefused() throws {
    let resolved = try scenario().resolved(prices: .none)
    #expect(resolved.settings.maxModelLength == 131_072)
    #expect(resolved.settings.maxBatchedTokens == 8192)
  }

  /// Settings go by TensorRT-LLM's names too.
  @Test func namesOfTRTLLMAreKnown() throws {
    var scenario = try scenario()
    for (name, value) in [
      ("tokens-per-block", "64"), ("max-batch-size", "99"), ("max-num-tokens", "4096"),
      ("max-seq-len", "8192"), ("kv-cache-free-gpu-memory-fraction", "0.8"),
      ("enable-block-reuse", "false"),
    ] { try ScenarioSetting.find(name).change(value)(&scenario) }
    #expect(scenario.blockSize == 64 && scenario.maxSequences == 99)
    #expect(scenario.maxBatchedTokens == 4096 && scenario.maxModelLength == 8192)
    #expect(scenario.gpuMemoryUtilization == 0.8 && scenario.prefixCaching == false)
  }
}
