import CostModel
import KVMemory
import Messages
import ModelFiles
import Serving
import SimulationKernel
import Testing

@testable import Planning

/// `sglang` as users meet it: its defaults by device, and what it refuses.
@Suite struct SGLangScenarioTests {
  private func scenario(
    _ device: String, model: String = "llama-3.1-8b", _ change: (inout Scenario) -> Void = { _ in }
  ) throws -> Scenario {
    var scenario = Scenario(
      system: .sglang05, model: try ModelFile.find(model), device: try DeviceFile.find(device))
    change(&scenario)
    return scenario
  }

  /// Chunk, page and most requests, as the engine sets them by the memory of a GPU.
  @Test(arguments: [
    ("a100-40gb", 4096, 1), ("h100-sxm", 8192, 1), ("b200", 16_384, 64),
  ])
  func defaultsFollowTheDevice(device: String, chunk: Int, page: Int) throws {
    let settings = try scenario(device).resolved(prices: .none).settings
    #expect(settings.maxBatchedTokens == chunk)
    #expect(settings.blockSize == page)
    #expect(settings.sglang == SGLangOptions() && settings.sglang.overlap)
  }

  /// At least 2,048 requests and at most 4,096, but no more than half the tokens of the pool.
  @Test func mostRequestsFollowThePool() throws {
    func most(blocks: Int, length: Int) throws -> Int {
      try scenario("h100-sxm") {
        $0.deviceBlocksOverride = blocks
        $0.maxModelLength = length
      }.resolved(prices: .none).settings.maxSequences
    }
    #expect(try most(blocks: 400_000, length: 131_072) == 2048)
    #expect(try most(blocks: 40_960, length: 8192) == 2560)
    #expect(try most(blocks: 400_000, length: 4096) == 4096)
    #expect(try most(blocks: 3000, length: 4096) == 1500)
  }

  /// 81,559 MiB: 512 + 1.5 · 8,192 + 2 · 256 + 128 MiB are left, and 8 for each of 58 prefill graphs.
  @Test func theShareLeavesRoomForGraphs() {
    var memory = SGLangMemory(deviceBytes: 81_559 << 20, chunkTokens: 8192, sequences: 4096)
    #expect(memory.fraction == 0.830)
    memory.pipelineParallel = 2
    // No prefill graphs, and two GPUs.
    #expect(memory.fraction == 0.834)
    // Eight ranks: graphs of 512, with 4.5 MiB of each and rank besides, and 128 MiB of each GPU.
    memory = SGLangMemory(deviceBytes: 81_559 << 20, chunkTokens: 8192, sequences: 4096)
    memory.dataParallel = 8
    #expect(memory.fraction == 0.586)
    // A chunk of 2,048 would leave 4,688 MiB: at least 10,240 are.
    memory = SGLangMemory(deviceBytes: 81_559 << 20, chunkTokens: 2048, sequences: 4096)
    #expect(memory.fraction == 0.874)
  }

  /// Of what is free after 0.53 GiB are gone, 83 % less 14.96 GiB of weights, at 128 KiB a token.
  @Test func thePoolIsAShareOfWhatIsFree() throws {
    let scenario = try scenario("h100-sxm")
    let device = Double(scenario.device.memoryBytes)
    let share = scenario.gpuMemoryShare
    let gone = (0.53 * Double(1 << 30)).rounded()
    let weights = Double(scenario.model.weightBytes(tensorParallel: 1, elements: .bfloat16))
    let tokens = (share * (device - gone) - weights) / Double(128 << 10)
    let settings = try scenario.resolved(prices: .none).settings
    #expect(abs(Double(settings.deviceBlocks) - tokens) < 1)
  }

  @Test(arguments: [
    (
      "block-size=16 max-num-batched-tokens=8",
      "`--chunked-prefill-size` 8 is below `--page-size` 16: a prompt longer than the chunk would "
        + "never be admitted", "raise `--chunked-prefill-size` to 16 or more"
    ),
    (
      "schedule-policy=dfs-weight enable-prefix-caching=false",
      "`--schedule-policy dfs-weight` goes by the prefix tree, which `--disable-radix-cache` leaves "
        + "out", "choose `fcfs` or `lof`, or keep the prefix tree"
    ),
    (
      "enable-mixed-chunk=true enable-chunked-prefill=false",
      "`--enable-mixed-chunk` does nothing beside `--chunked-prefill-size -1`",
      "leave one of them out"
    ),
    (
      "schedule-conservativeness=-1",
      "`--schedule-conservativeness` must be positive, found `-1.0`", nil
    ),
    (
      "enable-priority-scheduling=true schedule-policy=lpm",
      "`--enable-priority-scheduling` knows `fcfs` and `lof`, not `--schedule-policy lpm`",
      "choose one of them, or leave priorities out"
    ),
    (
      "retraction-policy=priority",
      "`--retraction-policy priority` does nothing without `--enable-priority-scheduling`",
      "leave it out, or add that"
    ),
    ("max-prefill-tokens=0", "`--max-prefill-tokens` must be at least 1, found `0`", nil),
    (
      "eviction-policy=lfu", "`sglang` has no `--eviction-policy`",
      "leave it out, or choose a system that has it: `vllm-v1`"
    ),
    (
      "hicache-ratio=3", "`--hicache-ratio` decides nothing without a tier",
      "leave it out, or give `--enable-hierarchical-cache`"
    ),
    (
      "enable-hierarchical-cache=true enable-prefix-caching=false",
      "`--enable-hierarchical-cache` keeps what a prefix tree has evicted, and there is none",
      "leave out one of it and `--no-enable-prefix-caching`"
    ),
    (
      "enable-hierarchical-cache=true hicache-ratio=3 hicache-size=90",
      "`--hicache-ratio` and `--hicache-size` both say how large the host's memory is",
      "leave one of them out"
    ),
    (
      "enable-hierarchical-cache=true num-gpu-blocks-override=1000 max-model-len=900 hicache-ratio=1",
      "`--hicache-ratio` 1.0 makes 1000 blocks of 131072 bytes on the host, and the pool of a GPU "
        + "has 1000: the engine wants more there than here, and 2³¹ at most",
      "give `--hicache-ratio` 2"
    ),
  ])
  func refusesByName(settings: String, message: String, hint: String?) throws {
    var scenario = try scenario("h100-sxm")
    for setting in settings.split(separator: " ") {
      let parts = setting.split(separator: "=").map(String.init)
      try ScenarioSetting.find(parts[0]).change(parts[1])(&scenario)
    }
    #expect(throws: UserError(message, hint: hint)) {
      try scenario.resolved(prices: .none)
    }
  }

  /// 90 GB for each GPU, of 131,072 bytes a token, and twice the pool; the pool has 20,000.
  @Test func theHostIsSizedByGBOrByRatio() throws {
    func tier(_ change: (inout SGLangChoices) -> Void) throws -> HiCacheSettings? {
      try scenario("h100-sxm") {
        $0.deviceBlocksOverride = 20_000
        $0.sglang.hierarchicalCache = true
        change(&$0.sglang)
      }.resolved(prices: .none).settings.sglang.hiCache
    }
    let own = try #require(try tier { _ in })
    #expect(own.tokens == 40_000 && own.policy == .writeThrough && own.layers == 32)
    #expect(own.link.duration(blocks: 1).nanoseconds == 2048, "131,072 bytes at 64 GB/s")
    let sized = try #require(
      try tier {
        $0.hicacheSize = 90
        $0.hicacheWritePolicy = .writeBack
      })
    #expect(sized.tokens == 686_645 && sized.policy == .writeBack)
  }

  /// Settings go by SGLang's names too.
  @Test func namesOfSGLangAreKnown() throws {
    var scenario = try scenario("h100-sxm")
    try ScenarioSetting.find("page-size").change("32")(&scenario)
    try ScenarioSetting.find("mem-fraction-static").change("0.7")(&scenario)
    #expect(scenario.blockSize == 32 && scenario.gpuMemoryUtilization == 0.7)
    scenario.system = .vllmV1
    scenario.blockSizeGiven = nil
    #expect(scenario.blockSize == 16)
  }
}
