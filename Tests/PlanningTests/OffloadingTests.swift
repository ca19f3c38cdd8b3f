import CostModel
import Messages
import Metrics
import Serving
import SimulationKernel
import Statistics
import Testing
import Workload

@testable import Planning

/// A tier in the host's memory behind the prefix cache of `vllm-v1`.
@Suite struct OffloadingTests {
  /// A KV block of OPT-13B: 16 tokens × 40 layers × keys and values of 5,120 numbers of 16 bits.
  private static let blockBytes = 16 * 40 * 2 * 5120 * 2

  private func scenario(
    system: ServingSystem = .vllmV1, _ change: (inout Scenario) -> Void = { _ in }
  ) throws -> Scenario {
    var scenario = Scenario(
      system: system, model: try ModelCatalogue.find("opt-13b"),
      device: try DeviceCatalogue.find("a100-40gb"))
    scenario.deviceBlocksOverride = 10
    scenario.maxModelLength = 144
    scenario.kvOffloadingGiB = 1
    change(&scenario)
    return scenario
  }

  /// The second request takes all nine blocks, the third is the first again: its four blocks come back over PCIe.
  private var trace: Trace {
    var contents = PromptContents()
    for (stream, tokens) in [(1, 64), (2, 140), (1, 64)] {
      contents.append([TokenPiece(stream: Int64(stream), start: 0, count: Int32(tokens))])
    }
    let requests = [(0, 64), (5, 140), (10, 64)].map { second, tokens in
      Request(
        arrival: SimInstant(nanoseconds: Int64(second) * 1_000_000_000),
        promptTokens: Int32(tokens), outputTokens: 2)
    }
    return Trace(name: "three", requests: requests, hasArrivals: true, contents: contents)
  }

  private func summary(_ scenario: Scenario) throws -> RunSummary {
    try Simulation.run(scenario, trace: trace).result.summary
  }

  @Test func whatTheDeviceLosesComesBackOverTheLink() throws {
    let cache = try #require(try summary(try scenario()).kv.prefixCache)
    let tier = try #require(cache.tier)
    #expect(cache.hitTokens == 0 && cache.queriedTokens == 64 + 140 + 64)
    #expect(tier.hitTokens == 64 && tier.loads == 1)
    #expect(tier.loadedBytes == 4 * Self.blockBytes)
    #expect(tier.storedBytes == (4 + 8) * Self.blockBytes)
    // 52,428,800 bytes at 32 GB/s, to the nanosecond.
    #expect(tier.loadSeconds == 0.0016384)
    #expect(tier.flushSeconds == 0)
  }

  /// The third request waits for its load and computes one token; without a tier it computes 64.
  @Test func aSlowLinkIsWaitedFor() throws {
    let fast = try summary(try scenario())
    let slow = try summary(try scenario { $0.kvOffloadingGBps = 0.052_428_8 })
    #expect(slow.kv.prefixCache?.tier?.loadSeconds == 1)
    // A second in place of 1.6384 ms, in the mean of three.
    let difference = try #require(slow.ttft.mean) - #require(fast.ttft.mean)
    #expect(abs(difference - (1000 - 1.6384) / 3) < 1e-6)
  }

  @Test func withoutATierNothingIsLoaded() throws {
    let without = try summary(try scenario { $0.kvOffloadingGiB = nil })
    #expect(without.kv.prefixCache?.tier == nil && without.kv.prefixCache?.hitTokens == 0)
  }

  @Test func aTierThatCannotBeIsRefused() throws {
    #expect(
      throws: UserError(
        "`--kv-offloading-size` 0.01 GiB holds 0 chunks of 13107200 bytes, a KV block on each GPU",
        hint: "give at least 0.0126953125")
    ) { try scenario { $0.kvOffloadingGiB = 0.01 }.resolved() }
    #expect(
      throws: UserError("`--kv-offloading-bandwidth` must be positive GB/s, found `0.0`")
    ) { try scenario { $0.kvOffloadingGBps = 0 }.resolved() }
    #expect(
      throws: UserError(
        "`--kv-offloading-bandwidth` decides nothing without a tier",
        hint: "leave it out, or give `--kv-offloading-size`")
    ) {
      try scenario {
        $0.kvOffloadingGiB = nil
        $0.kvOffloadingGBps = 20
      }.resolved()
    }
    #expect(
      throws: UserError(
        "`--kv-offloading-size` keeps what a prefix cache has lost, and there is none",
        hint: "leave out one of `--kv-offloading-size` and `--no-enable-prefix-caching`")
    ) { try scenario { $0.prefixCaching = false }.resolved() }
    #expect(
      throws: UserError(
        "`vllm-0.2` has no `--kv-offloading-size`",
        hint: "leave it out, or choose a system that has it: `vllm-v1`")
    ) { try scenario(system: .vllm02).resolved() }
  }

  // MARK: Restoring

  /// Prompts of 1,000 tokens, each of which takes the blocks of the one before it; by default one comes again.
  private func run(
    _ rule: RestoreRule?, gbps: Double = 10, prompts: [Int] = [1, 2, 1], gib: Double = 4
  ) throws -> RunResult {
    var contents = PromptContents()
    for stream in prompts {
      contents.append([TokenPiece(stream: Int64(stream), start: 0, count: 1000)])
    }
    let requests = prompts.indices.map {
      Request(
        arrival: SimInstant(nanoseconds: Int64($0) * 10_000_000_000), promptTokens: 1000,
        outputTokens: 2)
    }
    let trace = Trace(name: "long", requests: requests, hasArrivals: true, contents: contents)
    let scenario = try scenario {
      $0.deviceBlocksOverride = 64
      $0.maxModelLength = 1008
      $0.kvOffloadingGiB = gib
      $0.kvOffloadingGBps = gbps
      $0.kvRestore = rule
    }
    return try Simulation.run(scenario, trace: trace).result
  }

  /// 62 full blocks are in the tier.
  @Test func aPartIsComputedWhileTheRestIsLoaded() throws {
    let runs = try RestoreRule.allCases.map { try run($0) }
    let ttft = try runs.map { try #require($0.requests[2].ttft) }
    let tiers = try runs.map { try #require($0.summary.kv.prefixCache?.tier) }
    for (run, tier) in zip(runs, tiers) {
      #expect(tier.hitTokens + tier.computedTokens == 62 * 16)
      #expect(tier.loadedBytes == tier.hitTokens / 16 * Self.blockBytes)
      #expect(run.requests[2].hostTokens == tier.hitTokens)
      #expect(run.requests[2].cachedTokens == tier.hitTokens)
      #expect(run.requests[0].hostTokens == 0)
    }
    let (load, recompute, faster, both) = (ttft[0], ttft[1], ttft[2], ttft[3])
    #expect(tiers[0].computedTokens == 0 && tiers[1].hitTokens == 0)
    #expect(faster == min(load, recompute))
    #expect(tiers[3].hitTokens > 0 && tiers[3].computedTokens > 0)
    #expect(both < faster)
    #expect(try run(nil).requests == runs[0].requests)
  }

  /// The tier holds 130 blocks; the first prompt is used again before the third takes the place of others: those of the
  /// second leave, and the first is found once more as a whole, whether it was computed or loaded.
  @Test(arguments: RestoreRule.allCases) func whatIsComputedCountsAsUsed(rule: RestoreRule) throws {
    let tokens = try run(
      rule, prompts: [1, 2, 1, 3, 1], gib: 130.5 * Double(Self.blockBytes) / Double(1 << 30))
    let tier = try #require(tokens.summary.kv.prefixCache?.tier)
    #expect(tier.hitTokens + tier.computedTokens == 2 * 62 * 16)
  }

  /// Loading a block takes longer than computing all: nobody waits for the link.
  @Test func aSlowLinkIsLeftAlone() throws {
    let slow = try RestoreRule.allCases.map { try run($0, gbps: 0.01) }
    #expect(slow[2].requests[2].ttft == slow[1].requests[2].ttft)
    #expect(slow[3].requests == slow[1].requests)
    let loaded = try #require(slow[0].requests[2].ttft)
    #expect(loaded > 62 * Double(Self.blockBytes) / 0.01e9)
  }

  /// Chats that find their blocks in the tier again and again, preempted on the way: everyone is served, and every token
  /// found in the tier is loaded or computed.
  @Test(arguments: RestoreRule.allCases) func everyoneIsServed(rule: RestoreRule) throws {
    var recipe = TraceRecipe(lengths: .preset(.sharegpt), count: 120, seed: 3)
    recipe.requestRate = 2
    recipe.turns = .init(mean: 5, gapSeconds: 4, added: nil, totalTokensMax: 1000)
    let trace = try TraceGenerator.generate(recipe)
    let scenario = try scenario {
      $0.deviceBlocksOverride = 140
      $0.maxModelLength = 1100
      $0.kvOffloadingGiB = 16
      $0.kvOffloadingGBps = 4
      $0.kvRestore = rule
    }
    let summary = try Simulation.run(scenario, trace: trace).result.summary
    // Some are longer than a sequence may be.
    #expect(summary.completed + summary.rejected == 120 && summary.completed > 90)
    let tier = try #require(summary.kv.prefixCache?.tier)
    #expect(tier.hitTokens + tier.computedTokens > 5000)
    #expect(tier.hitTokens == 0 || rule != .recompute)
    #expect((tier.computedTokens > 0) == (rule != .load))
  }

  @Test func aRuleWithoutATierIsRefused() throws {
    let message = UserError(
      "`--kv-restore` decides nothing without a tier",
      hint: "leave it out, or give `--kv-offloading-size`")
    #expect(throws: message) {
      try scenario {
        $0.kvOffloadingGiB = nil
        $0.kvRestore = .twoPointers
      }.resolved()
    }
    let windows = UserError(
      "`--kv-restore faster` is known for layers that keep every token, and `gemma-3-12b` has others",
      hint: "leave it out: what the tier holds is loaded")
    let gemma = try ModelCatalogue.find("gemma-3-12b")
    #expect(throws: windows) {
      try scenario {
        $0.model = gemma
        $0.kvRestore = .faster
      }.resolved()
    }
  }

  // MARK: The plan

  /// What one pass says of a cache of any size, and what the engine finds with a pool as large: one request after the
  /// other. The engine finds full blocks only and computes the last token again, which is what tells them apart.
  @Test func onePassAgreesWithTheEngine() throws {
    var recipe = TraceRecipe(lengths: .preset(.azureConversation), count: 100, seed: 1)
    recipe.requestRate = 0.01
    recipe.turns = .init(mean: 6, gapSeconds: 100, added: nil, totalTokensMax: 8000)
    let trace = try TraceGenerator.generate(recipe)
    let sizes = (1...10).map { 1100 * $0 }
    var study = CacheStudy(trace: trace, blockTokens: 16, policies: [.lru])
    study.capacities = sizes
    let llama = try ModelCatalogue.find("llama-3.1-8b")
    let points = try study.run().points
    for (size, point) in zip(sizes, points) {
      let scenario = try scenario {
        $0.model = llama
        $0.deviceBlocksOverride = size + 1
        $0.maxModelLength = 16_384
        $0.kvOffloadingGiB = nil
      }
      let summary = try Simulation.run(scenario, trace: trace).result.summary
      let engine = try #require(summary.kv.prefixCache?.hitRate)
      #expect(abs(engine - point.lruTokens.mean) < 0.01, "\(size) blocks: \(engine)")
    }
  }

  @Test func aTraceWithoutContentsIsRefused() throws {
    var bare = trace
    bare.contents = nil
    let message = UserError(
      "`--kv-offloading-size` finds keys and values by what prompts hold, which `three` does not say",
      hint:
        "leave it out, or replay a trace with contents, such as one of `kvplan trace generate --turns`"
    )
    #expect(throws: message) { try Simulation.run(try scenario(), trace: bare) }
  }
}
