import CostModel
import Messages
import Metrics
import Serving
import SimulationKernel
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
