import CostModel
import Messages
import Metrics
import ModelFiles
import Serving
import SimulationKernel
import Testing
import Workload

@testable import Planning

/// What a scenario becomes for each system, and what is refused.
@Suite struct ScenarioTests {
  private func scenario(
    _ system: ServingSystem, model: String = "opt-13b",
    _ change: (inout Scenario) throws -> Void = { _ in }
  ) throws -> Scenario {
    var scenario = Scenario(
      system: system, model: try ModelCatalogue.find(model),
      device: try DeviceCatalogue.find("a100-40gb"))
    try change(&scenario)
    return scenario
  }

  /// The systems of the paper keep its pool; vLLM itself leaves a tenth of the memory, and swaps to 4 GiB.
  @Test func defaultsAreThoseOfTheSystem() throws {
    for system in ServingSystem.paperComparison {
      #expect(try scenario(system).resolved().settings.deviceBlocks == 983)
    }
    let v02 = try scenario(.vllm02).resolved().settings
    let v1 = try scenario(.vllmV1).resolved().settings
    #expect(v02.deviceBlocks == 821)
    #expect(v02.hostBlocks == 327)
    #expect(v02.vllm02 == VLLM02Options(.v027))
    #expect(v1.hostBlocks == 0)
    #expect(v1.maxBatchedTokens == 2048)
    #expect(v1.v1 == V1Options())
    let utilized = try scenario(.vllm02) { $0.gpuMemoryUtilization = 0.95 }.resolved().settings
    #expect(utilized.deviceBlocks == 983)
  }

  /// Models that do not fit with what would, found by trying: for vLLM of today, and for a system that computes prompts
  /// whole.
  private static let misfits:
    [(system: ServingSystem, model: String, device: String, hint: String)] =
      [
        (
          .vllmV1, "llama-3.1-70b", "h200-sxm",
          "each of these alone would fit: `--quantization fp8`, `--tensor-parallel-size 2`, "
            + "`--pipeline-parallel-size 2`, `--device mi300x`"
        ),
        (
          .vllmSOSP23, "llama-3.1-8b", "h100-sxm",
          "`vllm-sosp23` computes a prompt in one iteration, of up to 131072 tokens here; each of these "
            + "alone would fit: `--max-model-len 65536`, `--tensor-parallel-size 4`, "
            + "`--pipeline-parallel-size 4`, `--device h200-sxm`"
        ),
        (
          .vllmSOSP23, "opt-66b", "a100-40gb@2023",
          "each of these alone would fit: `--tensor-parallel-size 4`, `--pipeline-parallel-size 4`"
        ),
        (
          .vllmV1, "llama-3.1-405b", "l4",
          "no single change is enough; with `--tensor-parallel-size 4` each of these would be: "
            + "`--pipeline-parallel-size 16`, `--device mi325x`"
        ),
      ]

  @Test(arguments: misfits.indices) func whatWouldFitIsNamed(index: Int) throws {
    let (system, model, device, hint) = Self.misfits[index]
    var scenario = try scenario(system, model: model)
    scenario.device = try DeviceCatalogue.find(device)
    let error = #expect(throws: UserError.self) { try scenario.resolved() }
    #expect(error?.hint == hint)
  }

  /// Every change that a hint names resolves, with room for a sequence of the longest length.
  @Test func whatIsNamedFits() throws {
    var named = 0
    for system in ServingSystem.all {
      for (model, device) in [
        ("llama-3.1-8b", "l4"), ("llama-3.1-70b", "a100-80gb"), ("opt-66b", "a100-40gb@2023"),
        ("mixtral-8x7b", "a100-40gb"),
      ] {
        var scenario = try scenario(system, model: model)
        scenario.device = try DeviceCatalogue.find(device)
        guard let hint = Self.hint({ _ = try scenario.resolved(prices: .none) }) else { continue }
        var flags = hint.matches(of: /`--([a-z-]+) ([^`]+)`/).map { (String($0.1), String($0.2)) }
        let wider = hint.contains("no single change") ? [flags.removeFirst()] : []
        for flag in flags {
          var changed = scenario
          for (name, text) in wider + [flag] {
            try ScenarioSetting.find(name).change(text)(&changed)
          }
          let resolved = try changed.resolved(prices: .none)
          #expect(
            resolved.kvCapacity.admits(modelLength: resolved.settings.maxModelLength),
            "\(system) \(model) \(device): \(flag)")
          named += 1
        }
      }
    }
    #expect(named > 40)
  }

  /// The hint of what `body` throws; `nil` where it throws nothing.
  private static func hint(_ body: () throws -> Void) -> String? {
    do { try body() } catch { return (error as? UserError)?.hint }
    return nil
  }

  @Test func releasesAndFlagsReachTheEngine() throws {
    let old = try scenario(.vllm02) { $0.engineRelease = "0.2.0" }.resolved()
    #expect(old.settings.vllm02 == VLLM02Options(.v020))
    let v1 = try scenario(.vllmV1) {
      $0.engineRelease = "0.10"
      $0.prefixCaching = false
      $0.chunkedPrefill = false
      $0.longPrefillTokenThreshold = 256
    }.resolved()
    var wanted = V1Options(.v010)
    wanted.prefixCaching = false
    wanted.chunkedPrefill = false
    wanted.longPrefillTokenThreshold = 256
    #expect(v1.settings.v1 == wanted)
    let fields = v1.fields.map { "\($0.name)=\($0.value)" }
    #expect(
      fields[7..<11] == [
        "engine-release=0.10", "enable-prefix-caching=false", "enable-chunked-prefill=false",
        "long-prefill-token-threshold=256",
      ])
    #expect(!fields.contains { $0.hasPrefix("swap-space") })
  }

  /// OPT-13B has 800 KiB a token, so that a block of one token is the least that swap space can consist of.
  @Test func poolsAreAsLargeAsBlocksCanBeNumbered() throws {
    let most = try scenario(.vllmV1) { $0.deviceBlocksOverride = 536_870_911 }.resolved()
    #expect(most.settings.deviceBlocks == 536_870_911)
    #expect(
      throws: UserError(
        "`--num-gpu-blocks-override` must be at most 536870911, found `536870912`")
    ) { try scenario(.vllmV1) { $0.deviceBlocksOverride = 536_870_912 }.resolved() }
    #expect(
      throws: UserError(
        "`--swap-space` of 500000.0 GiB is more than 536870911 blocks of 819200 bytes",
        hint: "give at most 409599")
    ) {
      try scenario(.vllm02) {
        $0.blockSize = 1
        $0.swapSpaceGiB = 500_000
      }.resolved()
    }
  }

  /// vLLM's V1 engine of today is priced as measured servers run: the newest hides its host behind the
  /// device, that of autumn 2025 does not.
  @Test func overheadsAreThoseOfTheRelease() throws {
    func resolved(_ release: String?, _ choice: OverheadsChoice?) throws -> ResolvedScenario {
      try scenario(.vllmV1, model: "llama-3.1-8b") {
        $0.device = try! DeviceCatalogue.find("h100-sxm")
        $0.maxModelLength = 4096
        $0.engineRelease = release
        $0.engineOverheads = choice
      }.resolved()
    }
    func field(_ resolved: ResolvedScenario) -> String? {
      resolved.fields.first { $0.name == "engine-overheads" }?.value
    }
    var work = IterationWork()
    work.decodeSequences = 1
    work.decodeContextTokens = 100
    work.sampledSequences = 1
    func price(_ overheads: EngineOverheads) throws -> SimDuration {
      try resolved(nil, .given(overheads)).costModel.duration(of: work)
    }
    let newest = try resolved(nil, nil)
    #expect(field(newest) == "vllm")
    #expect(newest.costModel.duration(of: work) == (try price(.vllm019)))
    let oldest = try resolved("0.10", nil)
    #expect(oldest.costModel.duration(of: work) == (try price(.vllm011)))
    let kernels = try resolved(nil, .kernelsOnly)
    #expect(field(kernels) == "none")
    #expect(kernels.costModel.duration(of: work) == (try price(.none)))
    #expect(kernels.costModel.duration(of: work) < newest.costModel.duration(of: work))
    #expect(newest.costModel.duration(of: work) < oldest.costModel.duration(of: work))
  }

  @Test func pricesOfThePastContainTheirOverheads() throws {
    var past = try scenario(.vllmV1) { $0.device = try! DeviceCatalogue.find("a100-40gb@2023") }
    let field = try past.resolved().fields.first { $0.name == "engine-overheads" }
    #expect(field?.value == "none")
    past.engineOverheads = .vllm
    #expect(
      throws: UserError(
        "the prices of `a100-40gb@2023` contain what the engine adds: `--engine-overheads vllm` would "
          + "count it twice", hint: "leave it out, or choose the device of today")
    ) { try past.resolved() }
  }

  /// Llama 3.1 has 131,072 positions. Only a system that cuts prompts can have a smaller budget.
  @Test func theTokenBudgetHoldsTheLongestPromptWherePromptsAreWhole() throws {
    func budget(_ system: ServingSystem, chunked: Bool? = nil) throws -> Int {
      try scenario(system, model: "llama-3.1-8b") {
        $0.chunkedPrefill = chunked
        $0.deviceBlocksOverride = 1000
      }.resolved().settings.maxBatchedTokens
    }
    #expect(try budget(.vllm02) == 131_072)
    #expect(try budget(.vllmV1) == 2048)
    #expect(try budget(.vllmV1, chunked: false) == 131_072)
    _ = try scenario(.vllmV1) { $0.maxBatchedTokens = 100 }.resolved()
    #expect(
      throws: UserError(
        "`--max-num-batched-tokens` is 100, below `--max-model-len` 2048: `vllm-v1` without chunked "
          + "prefill computes a prompt in one iteration",
        hint: "raise `--max-num-batched-tokens` or lower `--max-model-len`")
    ) {
      try scenario(.vllmV1) {
        $0.maxBatchedTokens = 100
        $0.chunkedPrefill = false
      }.resolved()
    }
  }

  @Test func refusesANegativeThreshold() throws {
    #expect(
      throws: UserError("`--long-prefill-token-threshold` must be zero or more, found `-1`")
    ) { try scenario(.vllmV1) { $0.longPrefillTokenThreshold = -1 }.resolved() }
  }

  @Test func refusesToScheduleAheadInReleasesThatAreNotKnownTo() throws {
    #expect(
      throws: UserError(
        "`vllm-v1` of release 0.11 is not known to schedule ahead as later ones do",
        hint: "leave out `--async-scheduling`, or choose an `--engine-release` from 0.12 on")
    ) {
      try scenario(.vllmV1) {
        $0.engineRelease = "0.11"
        $0.asyncScheduling = true
      }.resolved()
    }
    let ahead = try scenario(.vllmV1) { $0.asyncScheduling = true }.resolved()
    #expect(ahead.settings.v1.isAsynchronous)
    #expect(try !scenario(.vllmV1).resolved().settings.v1.isAsynchronous)
  }

  /// Every flag, given to every system, is either in its resolved settings or refused.
  @Test(arguments: ScenarioSetting.ofSomeSystems.map(\.name), ServingSystem.all)
  func noFlagIsIgnored(name: String, system: ServingSystem) throws {
    let setting = try ScenarioSetting.find(name)
    let texts = [
      "swap-space": "7", "page-group-size": "64", "preemption-mode": "swap",
      // Of the oldest of vllm-v1 only the memory is known.
      "engine-release": system.countsPatches ? "0.10" : system.releases.first ?? "0.2.0",
      "kv-cache-memory-bytes": "5000000000", "enforce-eager": "true",
      "max-cudagraph-capture-size": "8",
      "enable-prefix-caching": "false",
      "enable-chunked-prefill": "\(!system.defaults(on: nil).chunkedPrefill)",
      "long-prefill-token-threshold": "7",
      "preemption-policy": "fewest-outputs", "scheduling-policy": "priority",
      "class": "ttft=2s,tpot=50ms", "eviction-policy": "lfu",
      "engine-overheads": "none", "async-scheduling": "true",
      "schedule-policy": "lpm", "schedule-conservativeness": "0.5", "max-prefill-tokens": "9000",
      "prefill-max-requests": "3", "enable-mixed-chunk": "true",
      "scheduler-recv-interval": "30",
      "disable-overlap-schedule": "true", "client-max-tokens": "900",
      "enable-priority-scheduling": "true", "schedule-low-priority-values-first": "true",
      "priority-scheduling-preemption-threshold": "3", "disable-priority-preemption": "true",
      "retraction-policy": "priority",
      "enable-hierarchical-cache": "true", "hicache-ratio": "3", "hicache-size": "90",
      "hicache-write-policy": "write_back",
      "capacity-scheduler-policy": "static_batch", "use-kv-cache-manager-v2": "true",
      "kv-offloading-size": "4", "kv-offloading-bandwidth": "20", "kv-restore": "recompute",
      "kv-offloading-backend": "lmcache",
      "kv-disk-size": "8", "kv-disk-bandwidth": "7/5", "kv-disk-latency": "0.1",
      "speculative-config": #"{"method": "ngram", "num_speculative_tokens": 2}"#,
      "num-speculative-tokens": "3", "acceptance": "0.5", "data-parallel-size": "2",
      "disable-cascade-attn": "false", "overlap": "bullet",
      "speculative-algorithm": "NEXTN", "speculative-num-steps": "3",
      "speculative-eagle-topk": "1", "speculative-num-draft-tokens": "3",
      "speculative-draft-model-path": "facebook/opt-125m", "enable-two-batch-overlap": "true",
    ]
    let change = try setting.change(try #require(texts[name], "no value for `\(name)`"))
    let scenario = try scenario(system) {
      // By itself it decides nothing, and is refused.
      switch name {
      case "kv-offloading-bandwidth", "kv-restore", "kv-offloading-backend": $0.kvOffloadingGiB = 4
      case "kv-disk-size", "kv-disk-bandwidth", "kv-disk-latency":
        $0.kvOffloadingGiB = 4
        $0.kvDiskGiB = 8
        $0.kvDiskBandwidth = try DiskBandwidth("6/4")
      case "hicache-ratio", "hicache-size", "hicache-write-policy":
        $0.sglang.hierarchicalCache = true
      case "speculative-config": $0.acceptance = try Acceptance("0.5,0.2,0.1")
      case "num-speculative-tokens", "acceptance":
        $0.speculativeConfig = try SpeculativeConfig(
          #"{"method": "ngram", "num_speculative_tokens": 1}"#)
        $0.acceptance = try Acceptance("0.5,0.2,0.1")
      case "speculative-algorithm", "speculative-num-steps", "speculative-eagle-topk",
        "speculative-num-draft-tokens", "speculative-draft-model-path":
        $0.sglang.drafts.drafter = name.hasSuffix("path") ? .standalone : .eagle
        $0.sglang.drafts.steps = 2
        $0.acceptance = try Acceptance("0.5,0.2,0.1")
      case "schedule-low-priority-values-first", "priority-scheduling-preemption-threshold",
        "disable-priority-preemption", "retraction-policy":
        $0.sglang.priorityScheduling = true
      case "data-parallel-size", "enable-two-batch-overlap":
        if name == "enable-two-batch-overlap" { $0.dataParallel = 2 }
        $0.model = try ModelCatalogue.find("qwen3-30b-a3b")
        $0.device = try DeviceCatalogue.find("h100-sxm")
      default: break
      }
      change(&$0)
    }
    guard setting.isOf(system) else {
      #expect(throws: UserError.self) { try scenario.resolved() }
      return
    }
    let resolved = try scenario.resolved()
    #expect(resolved.fields.contains { $0.name == name })
    // Overheads and what runs side by side are part of the prices; all else is a setting of the
    // engine.
    let plain = try self.scenario(system).resolved()
    let isPrice = ["engine-overheads", "overlap"].contains(name)
    #expect((resolved.settings == plain.settings) == isPrice)
  }

  @Test func pageGroupsAreRefusedWhereNoneAreMapped() throws {
    #expect(
      throws: UserError(
        "`vllm-v1` has no `--page-group-size`",
        hint: "leave it out, or choose a system that has it: `vattention`")
    ) { try scenario(.vllmV1) { $0.virtualMemory.pageGroup = .kib64 }.resolved() }
    let fields = try scenario(.vattention) { $0.virtualMemory.pageGroup = .kib64 }.resolved().fields
    #expect(fields.first { $0.name == "page-group-size" }?.value == "64")
  }

  /// Two requests of one prompt through the front door: the second hits all but the last token's block.
  @Test func contentsReachThePrefixCache() throws {
    var contents = PromptContents()
    for _ in 0..<2 { contents.append([TokenPiece(stream: 1, start: 0, count: 64)]) }
    let requests = [
      Request(arrival: .zero, promptTokens: 64, outputTokens: 2),
      Request(
        arrival: SimInstant(nanoseconds: 5_000_000_000), promptTokens: 64, outputTokens: 2),
    ]
    let trace = Trace(name: "pair", requests: requests, hasArrivals: true, contents: contents)
    let cache = try #require(
      try Simulation.run(try scenario(.vllmV1), trace: trace).result.summary.kv.prefixCache)
    #expect(cache.queriedTokens == 128)
    #expect(cache.hitTokens == 48)
    #expect(cache.hitRate == 0.375)
    #expect(cache.evictedBlocks == 0)
    let without = try scenario(.vllmV1) { $0.prefixCaching = false }
    #expect(try Simulation.run(without, trace: trace).result.summary.kv.prefixCache == nil)
    #expect(
      try Simulation.run(scenario(.vllm02), trace: trace).result.summary.kv.prefixCache == nil)
  }
}

/// Classes of traffic from the trace to the summary and the rows.
@Suite struct ClassMetricsTests {
  @Test func latenciesByClass() throws {
    var trace = Trace(
      name: "two",
      requests: (0..<8).map {
        Request(
          arrival: SimInstant(nanoseconds: Int64($0) * 50_000_000_000),
          promptTokens: $0 % 2 == 0 ? 10 : 1000, outputTokens: 5)
      }, hasArrivals: true)
    trace.classNames = ["short", "long", "none"]
    for index in 0..<7 { trace.requests[index].requestClass = index % 2 == 0 ? 1 : 2 }
    let scenario = Scenario(
      system: .vllmV1, model: try ModelCatalogue.find("opt-13b"),
      device: try DeviceCatalogue.find("a100-40gb"))
    let result = try Simulation.run(scenario, trace: trace).result
    let classes = result.summary.classes
    #expect(classes.map(\.name) == ["short", "long", "none"])
    #expect(classes.map(\.completed) == [4, 3, 0])
    #expect(
      result.requests.map(\.className) == [
        "short", "long", "short", "long", "short", "long", "short", nil,
      ])
    for of in classes.dropLast() {
      let own = result.requests.filter { $0.className == of.name }.compactMap(\.ttft)
      #expect(abs(of.ttft.mean! - own.reduce(0, +) / Double(own.count) * 1000) < 1e-9)
    }
    #expect(classes[1].ttft.mean! > 2 * classes[0].ttft.mean!)
    #expect(classes[2].ttft.mean == nil)
    trace.classNames = []
    for index in 0..<8 { trace.requests[index].requestClass = 0 }
    #expect(try Simulation.run(scenario, trace: trace).result.summary.classes.isEmpty)
  }
}
