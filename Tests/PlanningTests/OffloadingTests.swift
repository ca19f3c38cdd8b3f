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
  static let blockBytes = 16 * 40 * 2 * 5120 * 2

  func scenario(
    system: ServingSystem = .vllmV1, _ change: (inout Scenario) throws -> Void = { _ in }
  ) throws -> Scenario {
    var scenario = Scenario(
      system: system, model: try ModelCatalogue.find("opt-13b"),
      device: try DeviceCatalogue.find("a100-40gb"))
    scenario.deviceBlocksOverride = 10
    scenario.maxModelLength = 144
    scenario.kvOffloadingGiB = 1
    try change(&scenario)
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

  // MARK: A disk below

  /// Nine chunks in the host's memory: of the first prompt's four, the second takes the places of the last three, which come
  /// back from the disk in 2 ms and three times 13,107,200 bytes at 1 GB/s, and then with the first over PCIe.
  @Test func whatTheHostLosesComesBackFromTheDisk() throws {
    let gib = Double(Self.blockBytes) / Double(1 << 30)
    let two = try scenario {
      $0.kvOffloadingGiB = 9.5 * gib
      $0.kvDiskGiB = 20.5 * gib
      $0.kvDiskBandwidth = try DiskBandwidth("1/0.5")
      $0.kvDiskLatency = 2
    }
    let (one, run) = (try summary(try scenario()), try Simulation.run(two, trace: trace).result)
    let cache = try #require(run.summary.kv.prefixCache)
    let (host, disk) = (try #require(cache.tier), try #require(cache.disk))
    #expect(host.hitTokens == 16 && disk.hitTokens == 48)
    #expect(host.loads == 1 && host.loadSeconds == 0.0016384)
    #expect(host.loadedBytes == 4 * Self.blockBytes && host.storedBytes == 12 * Self.blockBytes)
    #expect(disk.loads == 1 && disk.loadSeconds == 0.0413216)
    #expect(disk.loadedBytes == 3 * Self.blockBytes && disk.storedBytes == 12 * Self.blockBytes)
    let difference = try #require(run.summary.ttft.mean) - #require(one.ttft.mean)
    #expect(abs(difference - 41.3216 / 3) < 1e-6)
    // The last token is computed again.
    #expect(run.requests[2].cachedTokens == 63)
    #expect(run.requests[2].hostTokens == 16 && run.requests[2].diskTokens == 48)
    #expect(run.requests[0].diskTokens == 0)
  }

  /// Both ways of stepping look at the tiers at the same instants, though many iterations are not looked at by events.
  @Test func stepsAgreeBesideADisk() throws {
    let runs = try [Stepping.event, .iteration].map { stepping in
      try chats {
        $0.kvOffloadingGiB = 4
        $0.kvDiskGiB = 16
        $0.kvDiskBandwidth = try DiskBandwidth("4/2")
        $0.stepping = stepping
      }
    }
    let disk = try #require(runs[0].summary.kv.prefixCache?.disk)
    #expect(disk.hitTokens > 0)
    #expect(runs[0].requests == runs[1].requests && runs[0].summary.kv == runs[1].summary.kv)
  }

  @Test func aDiskThatCannotBeIsRefused() throws {
    func refuses(_ message: String, _ hint: String, _ change: (inout Scenario) throws -> Void) {
      #expect(throws: UserError(message, hint: hint)) {
        try scenario {
          $0.kvDiskGiB = 4
          $0.kvDiskBandwidth = try DiskBandwidth("7/5")
          try change(&$0)
        }.resolved()
      }
    }
    refuses(
      "`--kv-disk-size` decides nothing without a tier",
      "leave it out, or give `--kv-offloading-size`"
    ) { $0.kvOffloadingGiB = nil }
    refuses(
      "`--kv-disk-size` 4.0 GiB has no bandwidth, and no catalogue tells one",
      "give what it reads and writes in GB/s, such as `--kv-disk-bandwidth 7/5`"
    ) { $0.kvDiskBandwidth = nil }
    refuses(
      "`--kv-disk-size` 0.01 GiB holds 0 chunks of 13107200 bytes, a KV block on each GPU",
      "give at least 0.0126953125"
    ) { $0.kvDiskGiB = 0.01 }
    refuses(
      "`--kv-disk-size` holds 40 chunks and `--kv-offloading-size` 81: the disk has a copy of what the host holds, "
        + "and no room for more", "give more than the host has, or leave it out"
    ) { $0.kvDiskGiB = 0.5 }
    refuses(
      "`--kv-restore recompute` reads no tier, so that nothing would come from `--kv-disk-size`",
      "leave out one of them"
    ) { $0.kvRestore = .recompute }
    refuses(
      "`--kv-disk-bandwidth` decides nothing without a disk",
      "leave it out, or give `--kv-disk-size`"
    ) { $0.kvDiskGiB = nil }
    for text in ["0", "5/0", "1/2/3", "fast", ""] {
      #expect(
        throws: UserError(
          "`--kv-disk-bandwidth` must be positive GB/s, for both directions or `READ/WRITE`, found `\(text)`",
          hint: "write `7/5`")
      ) { try DiskBandwidth(text) }
    }
  }

  // MARK: Restoring

  /// Prompts of 1,000 tokens, each of which takes the blocks of the one before it; by default one comes again.
  func run(
    _ rule: RestoreRule?, gbps: Double = 10, prompts: [Int] = [1, 2, 1], gib: Double = 4,
    backend: OffloadingBackend? = nil
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
      $0.kvOffloadingBackend = backend
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

  /// Chats that find their blocks in the tier again and again, preempted on the way.
  private func chats(_ change: (inout Scenario) throws -> Void) throws -> RunResult {
    var recipe = TraceRecipe(lengths: .preset(.sharegpt), count: 120, seed: 3)
    recipe.requestRate = 2
    recipe.turns = .init(mean: 5, gapSeconds: 4, added: nil, totalTokensMax: 1000)
    let trace = try TraceGenerator.generate(recipe)
    let scenario = try scenario {
      $0.deviceBlocksOverride = 140
      $0.maxModelLength = 1100
      $0.kvOffloadingGiB = 16
      $0.kvOffloadingGBps = 4
      try change(&$0)
    }
    return try Simulation.run(scenario, trace: trace).result
  }

  /// Everyone is served, and every token found in the tier is loaded or computed.
  @Test(arguments: RestoreRule.allCases) func everyoneIsServed(rule: RestoreRule) throws {
    let summary = try chats { $0.kvRestore = rule }.summary
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

  /// Of a turn that comes before the last answer is complete the engine does not find that answer, and one pass does. Where
  /// turns wait for answers both find the same, of short prompts as well.
  @Test func onePassTakesTurnsToWait() throws {
    var recipe = TraceRecipe(lengths: .preset(.sharegpt), count: 400, seed: 1)
    recipe.requestRate = 0.01
    recipe.turns = .init(mean: 3, gapSeconds: 10, added: nil, totalTokensMax: 2048)
    let trace = try TraceGenerator.generate(recipe)
    var study = CacheStudy(trace: trace, blockTokens: 16, policies: [.lru])
    study.capacities = [2000]
    let plan = try #require(try study.run().points.first).lruTokens.mean
    let llama = try ModelCatalogue.find("llama-3.1-8b")
    func engine(_ thinkTime: ThinkTime?) throws -> Double {
      let scenario = try scenario {
        $0.model = llama
        $0.deviceBlocksOverride = 2001
        $0.maxModelLength = 2100
        $0.kvOffloadingGiB = nil
        $0.thinkTime = thinkTime
      }
      return try #require(
        try Simulation.run(scenario, trace: trace).result.summary.kv.prefixCache?.hitRate)
    }
    let (waiting, open) = (try engine(.gaps), try engine(nil))
    #expect(abs(waiting - plan) < 0.005, "\(waiting) and \(plan)")
    #expect(open < plan - 0.02, "\(open) and \(plan)")
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
