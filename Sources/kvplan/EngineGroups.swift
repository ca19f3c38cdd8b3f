import ArgumentParser
import CostModel
import Foundation
import KVMemory
import Messages
import ModelFiles
import Planning
import Serving
import Workload

/// How many KV blocks there are, and what is kept in them.
struct PoolOptions: ParsableArguments {
  @Option(
    name: .customLong("num-gpu-blocks-override"),
    help: "KV blocks in the pool, in place of what the memory holds.")
  var deviceBlocks: Int?

  @Option(
    name: .customLong("kv-cache-from-log"),
    help: "Start-up log or metrics of an engine to take the size of the KV pool from.")
  var engineLog: String?

  @Option(help: "Host memory for swapped blocks, GiB for each GPU (default: the system's own).")
  var swapSpace: Double?

  @Flag(
    name: .customLong("enable-prefix-caching"), inversion: .prefixedNo,
    help: """
      Start requests behind the KV blocks that are still cached; \(only("enable-prefix-caching")) \
      (default: yes).
      """)
  var prefixCaching: Bool?

  @Option(
    help: """
      Which cached KV block is taken first when none is blank: \(EvictionPolicy.all.map(\.name).joined(separator: ", ")); \
      \(only("eviction-policy")) (default: lru).
      """)
  var evictionPolicy: String?

  @Option(
    help: """
      Host memory for KV blocks of prompts, GiB over all GPUs: what the prefix cache has lost is loaded from there; \
      \(only("kv-offloading-size")) (default: none).
      """)
  var kvOffloadingSize: Double?

  @Option(
    help: """
      What each GPU reaches it with, GB/s each way; \(only("kv-offloading-bandwidth")) (default: the device's PCIe).
      """)
  var kvOffloadingBandwidth: Double?

  @Option(
    help: """
      What keeps it there: `native`, vLLM's own, or `lmcache`, in chunks of 256 tokens that iterations wait for; \
      \(only("kv-offloading-backend")) (default: native).
      """)
  var kvOffloadingBackend: OffloadingBackend?

  @Option(
    help: """
      Disks for KV blocks below the host's memory, GiB, which have a copy of what it holds and keep what it loses; \
      \(only("kv-disk-size")) (default: none).
      """)
  var kvDiskSize: Double?

  @Option(
    help: ArgumentHelp(
      """
      What they read and write, GB/s: one number, or `READ/WRITE`; \(only("kv-disk-bandwidth")).
      """, valueName: "GB/s"))
  var kvDiskBandwidth: String?

  @Option(
    help: """
      What a read or a write takes beside its bytes, ms; \(only("kv-disk-latency")) (default: 0).
      """)
  var kvDiskLatency: Double?

  @Option(
    help: """
      How what it holds comes back: `load`, `recompute`, `faster` of the two, or `two-pointers` (the beginning is computed \
      while the end is loaded); \(only("kv-restore")) (default: load).
      """)
  var kvRestore: RestoreRule?

  /// - Parameter scenario: Has its model and device, which a log is read for.
  func apply(to scenario: inout Scenario) throws {
    scenario.deviceBlocksOverride = try deviceBlocksGiven(for: scenario)
    scenario.swapSpaceGiB = swapSpace
    scenario.prefixCaching = prefixCaching
    scenario.kvOffloadingGiB = kvOffloadingSize
    scenario.kvOffloadingGBps = kvOffloadingBandwidth
    scenario.kvOffloadingBackend = kvOffloadingBackend
    scenario.kvDiskGiB = kvDiskSize
    scenario.kvDiskBandwidth = try kvDiskBandwidth.map { text throws(UserError) in
      try DiskBandwidth(text)
    }
    scenario.kvDiskLatency = kvDiskLatency
    scenario.kvRestore = kvRestore
    if let evictionPolicy {
      try ScenarioSetting.find("eviction-policy").change(evictionPolicy)(&scenario)
    }
  }

  /// KV blocks as the user gave them, or as an engine's log does.
  private func deviceBlocksGiven(for scenario: Scenario) throws -> Int? {
    guard let engineLog else { return deviceBlocks }
    guard deviceBlocks == nil else {
      throw UserError(
        "`--num-gpu-blocks-override` and `--kv-cache-from-log` both give the KV blocks",
        hint: "leave one of them out")
    }
    let log = try EngineLog(path: engineLog)
    let (blocks, warnings) = try log.blocks(of: scenario.checkedCacheSpec())
    Terminal.warn(warnings)
    return blocks
  }
}

/// Who is computed in an iteration, and who makes way.
struct SchedulerOptions: ParsableArguments {
  @Option(help: "Preempt by `auto` (recompute one sequence, swap several) or always by `swap`.")
  var preemptionMode = PreemptionMode.automatic

  @Flag(
    name: .customLong("enable-chunked-prefill"), inversion: .prefixedNo,
    help: """
      Let an iteration compute a part of a prompt; \(only("enable-chunked-prefill")) (default: yes).
      """)
  var chunkedPrefill: Bool?

  @Option(
    help: """
      Most prompt tokens of one request in an iteration while others are there; \
      \(only("long-prefill-token-threshold")) (default: 0, no limit).
      """)
  var longPrefillTokenThreshold: Int?

  @Flag(
    name: .customLong("async-scheduling"), inversion: .prefixedNo,
    help: """
      Decide an iteration before the output of the one before it is known: requests are admitted an iteration later; \
      prices stay as they are; \(only("async-scheduling")) (default: no).
      """)
  var asyncScheduling: Bool?

  @Flag(
    name: .customLong("disable-cascade-attn"), inversion: .prefixedNo,
    help: """
      With `--no-…` attention reads once, for all, what every running request begins with, where vLLM's rule says that it \
      pays; \(only("disable-cascade-attn")) (default: disabled).
      """)
  var disableCascade: Bool?

  @Option(
    help: """
      How prompts and decodes of an iteration share a GPU: `none`, `pod` (attention in one kernel), `bullet` (side by side on \
      parts of it); \(only("overlap")) (default: none).
      """)
  var overlap: String?

  @Option(
    help: ArgumentHelp(
      """
      How tokens are drafted, as vLLM's flag says it: `{"method": "eagle3", "num_speculative_tokens": 3}`; methods are \
      ngram, eagle3 (`model`: the head's `config.json`), mtp and draft_model (`model`: what drafts); \
      \(only("speculative-config")) (default: not).
      """, valueName: "json"))
  var speculativeConfig: String?

  @Option(
    help: """
      Tokens that are drafted behind each, in place of what `--speculative-config` says; \
      \(only("num-speculative-tokens")).
      """)
  var numSpeculativeTokens: Int?

  @Option(
    help: """
      How many drafts are accepted: shares by position, `0.8,0.6`, of verifications that accept the draft there and all \
      before it; `geometric:0.8`; or tokens of a verification in the mean, `length:2.4`; \(only("acceptance")).
      """)
  var acceptance: String?

  @Option(
    help: """
      Which running sequence makes way when there is no block: \(VictimPolicy.all.map(\.name).joined(separator: ", ")); \
      \(only("preemption-policy")) (default: the engine's own).
      """)
  var preemptionPolicy: String?

  @Option(
    help: """
      Whose prompts are computed first: \(ServicePolicy.all.map { "\($0.name) (\($0.summary))" }.joined(separator: ", ")); \
      \(only("scheduling-policy")) (default: fcfs).
      """)
  var schedulingPolicy: String?

  @Option(
    name: .customLong("class"),
    help: ArgumentHelp(
      """
      What each request of a class is to be served within, for policies by deadline: \
      `chat:ttft=2s,tpot=50ms; batch:e2e=10min`; without a name for all others (default: no targets).
      """, valueName: "targets"))
  var classTargets: String?

  @Option(
    help: """
      In which order waiting requests are tried: \(SGLangPolicy.allCases.map(\.rawValue).joined(separator: ", ")); \
      \(only("schedule-policy")) (default: fcfs).
      """)
  var schedulePolicy: String?

  @Option(
    help: """
      How much of what running requests may generate is kept free for them; \
      \(only("schedule-conservativeness")) (default: 1).
      """)
  var scheduleConservativeness: Double?

  @Option(
    help: """
      Most prompt tokens of an iteration, where prompts are not cut and beside decodes; \
      \(only("max-prefill-tokens")) (default: 16384).
      """)
  var maxPrefillTokens: ReadableCount?

  @Option(
    help: "Most requests of a prefill; \(only("prefill-max-requests")) (default: no limit).")
  var prefillMaxRequests: Int?

  @Flag(
    inversion: .prefixedNo,
    help: "Let decodes run beside a prefill; \(only("enable-mixed-chunk")) (default: no).")
  var enableMixedChunk: Bool?

  @Flag(
    inversion: .prefixedNo,
    help: """
      Decide an iteration after the one before it, not while that runs; \
      \(only("disable-overlap-schedule")) (default: no).
      """)
  var disableOverlapSchedule: Bool?

  @Flag(
    inversion: .prefixedNo,
    help: """
      Serve by the trace's priorities, the largest first; \(only("enable-priority-scheduling")) (default: no).
      """)
  var enablePriorityScheduling: Bool?

  @Flag(
    inversion: .prefixedNo,
    help: """
      Serve the smallest priority first; \(only("schedule-low-priority-values-first")) (default: no).
      """)
  var scheduleLowPriorityValuesFirst: Bool?

  @Option(
    help: """
      By more than how much a request must be better than a running one to take its place; \
      \(only("priority-scheduling-preemption-threshold")) (default: 10).
      """)
  var prioritySchedulingPreemptionThreshold: Int?

  @Flag(
    inversion: .prefixedNo,
    help: """
      Let requests of whatever priority run to their end; \(only("disable-priority-preemption")) (default: no).
      """)
  var disablePriorityPreemption: Bool?

  @Option(
    help: """
      Who makes way when there is no room for the next tokens: \
      \(SGLangRetraction.allCases.map(\.rawValue).joined(separator: ", ")); \(only("retraction-policy")) \
      (default: length).
      """)
  var retractionPolicy: String?

  @Option(
    help: """
      Decodes from one look at new requests to the next; \(only("scheduler-recv-interval")) (default: 1).
      """)
  var schedulerRecvInterval: Int?

  @Flag(
    inversion: .prefixedNo,
    help: ArgumentHelp(
      """
      Keep in the host's memory what the prefix tree evicts, and load it from there; \
      \(only("enable-hierarchical-cache")) (default: no).
      """))
  var enableHierarchicalCache: Bool?

  @Option(
    help: "Tokens of that memory over those of the pool; \(only("hicache-ratio")) (default: 2).")
  var hicacheRatio: Double?

  @Option(help: "GB of that memory for each GPU; \(only("hicache-size")) (default: by ratio).")
  var hicacheSize: Double?

  @Option(
    help: """
      When it is written to: write_through (with the first use), write_through_selective (with the second), write_back \
      (when the tree evicts); \(only("hicache-write-policy")) (default: write_through).
      """)
  var hicacheWritePolicy: RadixHost.WritePolicy?

  @Option(
    help: """
      Most output tokens that each client asks for, at least its output, which it ends by itself; \
      \(only("client-max-tokens")) (default: its output, whatever tokens come).
      """)
  var clientMaxTokens: Int?

  @Option(
    help: """
      Which requests run together: \(TRTLLMPolicy.allCases.map(\.rawValue).joined(separator: ", ")); \
      \(only("capacity-scheduler-policy")) (default: guaranteed_no_evict).
      """)
  var capacitySchedulerPolicy: String?

  @Flag(
    name: .customLong("use-kv-cache-manager-v2"), inversion: .prefixedNo,
    help: """
      Let the second KV cache manager decide, which knows max_utilization alone; \
      \(only("use-kv-cache-manager-v2")) (default: no).
      """)
  var managerV2: Bool?

  func apply(to scenario: inout Scenario) throws {
    scenario.preemptionMode = preemptionMode
    scenario.chunkedPrefill = chunkedPrefill
    scenario.longPrefillTokenThreshold = longPrefillTokenThreshold
    scenario.asyncScheduling = asyncScheduling
    scenario.disableCascade = disableCascade
    if let overlap { try ScenarioSetting.find("overlap").change(overlap)(&scenario) }
    scenario.speculativeConfig = try speculativeConfig.map { try SpeculativeConfig($0) }
    scenario.speculativeTokens = numSpeculativeTokens
    scenario.acceptance = try acceptance.map { text throws(UserError) in try Acceptance(text) }
    if let preemptionPolicy {
      try ScenarioSetting.find("preemption-policy").change(preemptionPolicy)(&scenario)
    }
    if let schedulingPolicy {
      try ScenarioSetting.find("scheduling-policy").change(schedulingPolicy)(&scenario)
    }
    scenario.targets = try classTargets.map { text throws(UserError) in try ServiceTargets(text) }
    if let schedulePolicy {
      try ScenarioSetting.find("schedule-policy").change(schedulePolicy)(&scenario)
    }
    scenario.sglang.conservativeness = scheduleConservativeness
    scenario.sglang.maxPrefillTokens = maxPrefillTokens?.value
    scenario.sglang.prefillMaxRequests = prefillMaxRequests
    scenario.sglang.mixedChunk = enableMixedChunk
    scenario.sglang.disableOverlap = disableOverlapSchedule
    scenario.sglang.priorityScheduling = enablePriorityScheduling
    scenario.sglang.lowPriorityFirst = scheduleLowPriorityValuesFirst
    scenario.sglang.preemptionThreshold = prioritySchedulingPreemptionThreshold
    scenario.sglang.disablePreemption = disablePriorityPreemption
    if let retractionPolicy {
      try ScenarioSetting.find("retraction-policy").change(retractionPolicy)(&scenario)
    }
    scenario.sglang.receiveInterval = schedulerRecvInterval
    scenario.sglang.hierarchicalCache = enableHierarchicalCache
    scenario.sglang.hicacheRatio = hicacheRatio
    scenario.sglang.hicacheSize = hicacheSize
    scenario.sglang.hicacheWritePolicy = hicacheWritePolicy
    scenario.clientMaxTokens = clientMaxTokens
    if let capacitySchedulerPolicy {
      let setting = try ScenarioSetting.find("capacity-scheduler-policy")
      try setting.change(capacitySchedulerPolicy)(&scenario)
    }
    scenario.trtllm.managerV2 = managerV2
  }
}

extension EngineLog {
  /// - Throws: ``UserError`` for a file that cannot be read, and as for its text.
  init(path: String) throws(UserError) {
    guard let bytes = FileManager.default.contents(atPath: path) else {
      let isThere = FileManager.default.fileExists(atPath: path)
      throw UserError(
        "cannot read the log `\(path)`: \(isThere ? "it is no file that may be read" : "no such file")"
      )
    }
    try self.init(String(decoding: bytes, as: UTF8.self), name: path)
  }
}

extension PreemptionMode: ExpressibleByArgument {}
extension OffloadingBackend: ExpressibleByArgument {}
extension RadixHost.WritePolicy: ExpressibleByArgument {}
extension RestoreRule: ExpressibleByArgument {}
