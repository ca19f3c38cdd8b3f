import CostModel
import KVMemory
import Messages
import Metrics
import ModelFiles
import Serving

/// One setting of a scenario: a row of the table ``all``, from which everything that goes by settings follows.
///
/// - the axes of a sweep, `--vary` and `--replica` read and write it by ``name``;
/// - results record it (``ResolvedScenario/fields``), and run keys hold it (``ResolvedScenario/identity``);
/// - systems that do not have it refuse it (``Scenario/requireFlagsOfSystem()``);
/// - a test holds the options of `kvplan simulate` to it.
package struct ScenarioSetting: Sendable {
  /// A value that was understood and can be given to any number of scenarios.
  package typealias Change = @Sendable (inout Scenario) -> Void

  /// How results record a setting.
  struct Record: Sendable {
    /// Place among the recorded settings, which result files have in this order: a new one takes the next.
    var place: Int
    /// The name in the results, where it is not that of the flag.
    var name: String
    /// What is recorded; `nil` for nothing.
    var value: @Sendable (ResolvedScenario) -> String?
  }

  /// How the key of a run holds a setting.
  enum KeyPart: Sendable {
    /// By what results record.
    case recorded
    /// By a line of its own.
    case line(name: String, value: @Sendable (ResolvedScenario) -> String)
    /// Not among the settings: it decides no result, or has a place of its own in the key.
    case elsewhere
  }

  /// The flag without its dashes.
  package let name: String
  /// What may be given, for messages: `a whole number`, `one of auto, swap`.
  package let allowed: String
  /// Whether the text is the path of a file.
  package let isFile: Bool
  /// The value as ``change(_:)`` reads it, so that a scenario can be told from another.
  package let text: @Sendable (Scenario) -> String
  /// What the text means; `nil` where it means nothing, an error where its own is better.
  private let read: @Sendable (String) throws -> Change?
  /// Whether a scenario has another value than its default.
  package internal(set) var isSet: @Sendable (Scenario) -> Bool
  /// Puts the default back.
  let clear: Change
  /// Which systems have it; `nil` for all.
  private var ofSystem: (@Sendable (ServingSystem) -> Bool)?
  private(set) var record: Record?
  private(set) var keyPart = KeyPart.recorded
  /// Whether the key of an impossible run, which consists of the settings as given, holds this one where it is
  /// not set. A row that is younger than those keys leaves them as they were.
  package private(set) var isNamedUnset = true

  /// What `text` asks for.
  ///
  /// - Throws: ``UserError`` that names the flag, the text and what is allowed.
  package func change(_ text: String) throws -> Change {
    if let change = try read(text) { return change }
    throw UserError("`\(name)` must be \(allowed), found `\(text)`")
  }

  /// Whether the text names a model, which may be the path of its configuration.
  package var isModel: Bool { name == "model" }

  /// Whether only some systems have it.
  package var isOfSomeSystems: Bool { ofSystem != nil }

  /// Whether `system` has it.
  package func isOf(_ system: ServingSystem) -> Bool { ofSystem?(system) ?? true }

  /// The systems that have it, in the order of the catalogue.
  package var systems: [ServingSystem] { ServingSystem.all.filter(isOf) }

  /// The setting of that name.
  ///
  /// - Throws: ``UserError`` that names the nearest.
  package static func find(_ name: String) throws(UserError) -> ScenarioSetting {
    try find(name, beside: [])
  }

  /// The same where other words may stand in its place.
  ///
  /// - Parameter others: Those words, which the message knows too.
  static func find(_ name: String, beside others: [String]) throws(UserError) -> ScenarioSetting {
    let name = namesElsewhere[name] ?? name
    if let setting = all.first(where: { $0.name == name }) { return setting }
    let named = "settings have the names of flags, which `kvplan simulate --help` lists"
    throw UserError(
      "unknown setting `\(name)`",
      hint: nearestName(to: name, among: others + all.map(\.name)).map { "did you mean `\($0)`?" }
        ?? (others.isEmpty
          ? named
          : "it may be \(others.map { "`\($0)`" }.joined(separator: ", ")) or a setting: \(named)"))
  }
}

extension ScenarioSetting {
  /// Every setting, in the order of the help text.
  package static let all = hardware + memory + engine + admission + sglang + load

  private static let hardware: [ScenarioSetting] = [
    .choice("system", \.system, of: ServingSystem.all, text: \.name) { ServingSystem(named: $0) }
      .keyed { $0.scenario.system.name },
    .named("model", \.model, name: \.reference) { try ModelFile.find($0) }
      .keyed { $0.scenario.model.identity },
    .named("device", \.device, name: \.reference) { try DeviceFile.find($0) }
      .keyed { $0.scenario.device.identity },
    // The key of a run holds all of the profile that prices it.
    .file("device-profile", \.deviceProfile, name: \.name) { try DeviceProfile.read(path: $0) }
      .keyedElsewhere,
    .count("tensor-parallel-size", \.tensorParallel).recorded(1),
    .count("pipeline-parallel-size", \.pipelineParallel).recorded(16),
    .count("data-parallel-size", \.dataParallel).only(\.capabilities.hasRanks)
      .recorded(46, .ifSet).namedIfSet,
    .yesNo("enable-expert-parallel", \.enableExpertParallel).recorded(41, .ifSet).namedIfSet,
    .number("expert-skew", \.expertSkew).recorded(64, .ifSet).namedIfSet,
    .elements(
      "quantization", \.weights,
      ["none": .bfloat16, "fp8": .fp8, "int8": .int8, "int4": .int4, "nvfp4": .nvfp4]
    ).recorded(17),
    .elements(
      "kv-cache-dtype", \.kvCache,
      [
        "auto": .bfloat16, "fp8": .fp8, "bfloat16": .bfloat16, "bf16": .bfloat16,
        "fp8_e4m3": .fp8, "fp8_e5m2": .fp8,
      ]
    ).recorded(18),
  ]

  private static let memory: [ScenarioSetting] = [
    .number("device-memory", \.deviceMemoryGiB).recorded(27, .ifSet).namedIfSet,
    .count("block-size", \.blockSize).recorded(2),
    .number("gpu-memory-utilization", \.gpuMemoryUtilization)
      .recorded(4) { "\($0.scenario.gpuMemoryShare)" },
    .readable("kv-cache-memory-bytes", \.kvCacheBytes).only(\.capabilities.measuresMemory)
      .recorded(28, .ifSet).namedIfSet,
    .yesNo("enforce-eager", \.enforceEager).only(\.capabilities.measuresMemory)
      .recorded(29, .ifSet).namedIfSet,
    .count("max-cudagraph-capture-size", \.graphTokensMax).only(\.capabilities.measuresMemory)
      .recorded(30, .ifSet).namedIfSet,
    .count("num-gpu-blocks-override", \.deviceBlocksOverride)
      .recorded(3, as: "num-gpu-blocks") { "\($0.settings.deviceBlocks)" },
    .number("swap-space", \.swapSpaceGiB).only(\.capabilities.swaps)
      .recorded(8) { "\($0.scenario.hostMemoryGiB)" }
      .keyed(as: "host-blocks") { "\($0.settings.hostBlocks)" },
    .count("max-num-seqs", \.maxSequences).recorded(5) { "\($0.settings.maxSequences)" },
    .readable("max-num-batched-tokens", \.maxBatchedTokens)
      .recorded(6) { "\($0.settings.maxBatchedTokens)" },
    .readable("max-model-len", \.maxModelLength).recorded(7) { "\($0.settings.maxModelLength)" },
    .overrides("hf-overrides", \.hfOverrides).recorded(31, .ifSet).namedIfSet,
    .choice("page-group-size", \.virtualMemory.pageGroup).only(\.capabilities.mapsPageGroups)
      .recorded(9).keyed { "\($0.scenario.virtualMemory.pageGroup.rawValue)" },
  ]

  private static let engine: [ScenarioSetting] = [
    .choice("preemption-mode", \.preemptionMode).only(\.capabilities.swaps).recorded(10),
    .text(release, \.engineRelease).only(\.hasReleases).recorded(11) { $0.scenario.release },
    .yesNo("enable-prefix-caching", \.prefixCaching).only(\.capabilities.hasPrefixCache)
      .recorded(12) { "\($0.scenario.choices.prefixCaching)" },
    .number("kv-offloading-size", \.kvOffloadingGiB).only(\.capabilities.offloads)
      .recorded(44, .ifSet).namedIfSet,
    .number("kv-offloading-bandwidth", \.kvOffloadingGBps).only(\.capabilities.offloads)
      .recorded(45, .ifSet).namedIfSet,
    .choice(
      "kv-offloading-backend", \.kvOffloadingBackend, of: OffloadingBackend.allCases,
      text: \.rawValue
    ).only(\.capabilities.offloads).recorded(56, .ifSet).namedIfSet,
    .number("kv-disk-size", \.kvDiskGiB).only(\.capabilities.offloads)
      .recorded(53, .ifSet).namedIfSet,
    .diskBandwidth("kv-disk-bandwidth", \.kvDiskBandwidth).only(\.capabilities.offloads)
      .recorded(54, .ifSet).namedIfSet,
    .number("kv-disk-latency", \.kvDiskLatency).only(\.capabilities.offloads)
      .recorded(55, .ifSet).namedIfSet,
    .choice(
      "kv-restore", \.kvRestore, of: RestoreRule.allCases, text: \.rawValue
    ).only(\.capabilities.offloads).recorded(50, .ifSet).namedIfSet,
    .yesNo("enable-chunked-prefill", \.chunkedPrefill).only(\.capabilities.cutsPrompts)
      .recorded(13) { "\($0.scenario.choices.chunkedPrefill)" },
    .count("long-prefill-token-threshold", \.longPrefillTokenThreshold)
      .only(\.capabilities.limitsLongPrompts)
      .recorded(14) { "\($0.scenario.choices.longPrefillTokenThreshold)" },
    .yesNo("async-scheduling", \.asyncScheduling)
      .only { $0.capabilities.decidesAheadFrom != nil }.recorded(40, .ifSet).namedIfSet,
    .yesNo("disable-cascade-attn", \.disableCascade).only(\.capabilities.choosesKernels)
      .recorded(69, .ifSet).namedIfSet,
    .choice("overlap", \.overlap, of: OverlapRule.allCases, text: \.rawValue)
      .only(\.capabilities.choosesKernels).recorded(70, .ifSet).namedIfSet,
    .speculation("speculative-config", \.speculativeConfig).only(\.capabilities.speculates)
      .recorded(47, .ifSet).namedIfSet,
    .count("num-speculative-tokens", \.speculativeTokens).only(\.capabilities.speculates)
      .recorded(48, .ifSet).namedIfSet,
    .acceptance("acceptance", \.acceptance).only(\.capabilities.speculates)
      .recorded(49, .ifSet).namedIfSet,
    .choice("preemption-policy", \.victims, of: VictimPolicy.all, text: \.name)
      .only(\.capabilities.choosesVictims).recorded(25, .ifSet).namedIfSet,
    .choice("scheduling-policy", \.service, of: ServicePolicy.all, text: \.name)
      .only(\.capabilities.ordersService).recorded(51, .ifSet).namedIfSet,
    .targets("class", \.targets).recorded(52, .ifSet).namedIfSet,
    .choice("eviction-policy", \.eviction, of: EvictionPolicy.all, text: \.name)
      .only(\.capabilities.choosesEvictions).recorded(26, .ifSet).namedIfSet,
    .words(
      "engine-overheads", \.engineOverheads, ["vllm": .vllm, "none": .kernelsOnly], name: \.name
    ).only(\.hasMeasuredOverheads).recorded(15) { $0.scenario.overheadsChoice.name }
      .namedIfSet,
  ]

  /// Of systems that keep room for answers, by estimate or by a policy.
  private static let admission: [ScenarioSetting] = [
    .choice("schedule-policy", \.sglang.policy, of: SGLangPolicy.allCases, text: \.rawValue)
      .byEstimate.recorded(33) { $0.settings.sglang.policy.rawValue },
    .number("schedule-conservativeness", \.sglang.conservativeness).byEstimate
      .recorded(34) { "\($0.settings.sglang.conservativeness)" },
    .readable("max-prefill-tokens", \.sglang.maxPrefillTokens).byEstimate
      .recorded(35) { "\($0.settings.sglang.maxPrefillTokens)" },
    .count("prefill-max-requests", \.sglang.prefillMaxRequests).byEstimate.recorded(36, .ifSet),
    .yesNo("enable-mixed-chunk", \.sglang.mixedChunk).byEstimate
      .recorded(37) { "\($0.settings.sglang.mixedChunk)" },
    .yesNo("disable-overlap-schedule", \.sglang.disableOverlap).byEstimate
      .recorded(38) { "\(!$0.settings.sglang.overlap)" },
    .yesNo("enable-priority-scheduling", \.sglang.priorityScheduling).byEstimate
      .recorded(57, .ifSet).namedIfSet,
    .yesNo("schedule-low-priority-values-first", \.sglang.lowPriorityFirst).byEstimate
      .recorded(58, .ifSet).namedIfSet,
    .count("priority-scheduling-preemption-threshold", \.sglang.preemptionThreshold).byEstimate
      .recorded(59, .ifSet).namedIfSet,
    .yesNo("disable-priority-preemption", \.sglang.disablePreemption).byEstimate
      .recorded(60, .ifSet).namedIfSet,
    .choice(
      "retraction-policy", \.sglang.retraction, of: SGLangRetraction.allCases, text: \.rawValue
    )
    .byEstimate.recorded(61, .ifSet).namedIfSet,
    .count("scheduler-recv-interval", \.sglang.receiveInterval).byEstimate
      .recorded(63, .ifSet).namedIfSet,
    .yesNo("enable-hierarchical-cache", \.sglang.hierarchicalCache).byEstimate
      .recorded(65, .ifSet).namedIfSet,
    .number("hicache-ratio", \.sglang.hicacheRatio).byEstimate.recorded(66, .ifSet).namedIfSet,
    .number("hicache-size", \.sglang.hicacheSize).byEstimate.recorded(67, .ifSet).namedIfSet,
    .choice(
      "hicache-write-policy", \.sglang.hicacheWritePolicy,
      of: RadixHost.WritePolicy.allCases, text: \.rawValue
    ).byEstimate.recorded(68, .ifSet).namedIfSet,
    .count("client-max-tokens", \.clientMaxTokens).only(\.capabilities.reservesAnswers)
      .recorded(39, .ifSet).namedIfSet,
    .choice(
      "capacity-scheduler-policy", \.trtllm.policy, of: TRTLLMPolicy.allCases, text: \.rawValue
    ).only(\.capabilities.hasCapacityPolicies)
      .recorded(42) { $0.settings.trtllm.policy.rawValue }.namedIfSet,
    .yesNo("use-kv-cache-manager-v2", \.trtllm.managerV2)
      .only(\.capabilities.hasCapacityPolicies).recorded(43, .ifSet).namedIfSet,
  ]

  private static let load: [ScenarioSetting] = [
    .rate("request-rate", \.requestRate)
      .keyed { $0.scenario.requestRate.map { "\($0)" } ?? "of the trace" },
    .count("max-concurrency", \.maxConcurrency).recorded(23, .ifSet),
    .thinkTime("session-think-time", \.thinkTime).recorded(62, .ifSet).namedIfSet,
    .count("num-warmups", \.warmups).recorded(24, .ifSet),
    .count("num-prompts", \.promptCount).recorded(22, .ifSet),
    // Which rows a number of them means; younger than the number.
    .yesNo("first", \.firstRows).recorded(32) {
      let isSaid = $0.scenario.promptCount != nil || $0.scenario.firstRows != nil
      return isSaid ? "\($0.scenario.firstRows ?? false)" : nil
    }.namedIfSet,
    .number("from-second", \.windowFrom).recorded(20),
    .number("to-second", \.windowTo).recorded(21, .ifSet),
    .choice("oversized", \.oversized).recorded(19),
    // The same results either way.
    .choice("stepping", \.stepping).keyedElsewhere,
    // Beside all others in the key and in the results.
    .count("seed", \.seed).keyedElsewhere,
  ]

  /// Settings of every engine by the names that they have in SGLang and in TensorRT-LLM.
  package static let namesElsewhere = [
    "page-size": "block-size", "mem-fraction-static": "gpu-memory-utilization",
    "max-running-requests": "max-num-seqs", "chunked-prefill-size": "max-num-batched-tokens",
    "context-length": "max-model-len", "tp-size": "tensor-parallel-size",
    "pp-size": "pipeline-parallel-size", "dp-size": "data-parallel-size",
    "tokens-per-block": "block-size", "max-batch-size": "max-num-seqs",
    "max-num-tokens": "max-num-batched-tokens", "max-seq-len": "max-model-len",
    "kv-cache-free-gpu-memory-fraction": "gpu-memory-utilization",
    "enable-block-reuse": "enable-prefix-caching",
  ]

  /// The setting whose values differ from system to system.
  static let release = "engine-release"

  /// Those that only some systems have.
  static let ofSomeSystems = all.filter(\.isOfSomeSystems)

  /// Those that results record, in the order of the results.
  static let recorded = all.filter { $0.record != nil }.sorted {
    ($0.record?.place ?? 0) < ($1.record?.place ?? 0)
  }
}

extension ResolvedScenario {
  /// The settings that results record, by their names and in their order.
  package var fields: [ScenarioField] {
    ScenarioSetting.recorded.compactMap { setting in
      guard setting.isOf(scenario.system), let record = setting.record,
        let value = record.value(self)
      else { return nil }
      return ScenarioField(record.name, value)
    }
  }

  /// What decides a result beside trace, seed, prices and version: what the keys of runs are made of.
  ///
  /// The settings that results do not record come first, then finer values of some that they do, then what they
  /// record. Another order would give every run another key.
  package var identity: [ScenarioField] {
    var (unrecorded, finer): ([ScenarioField], [ScenarioField]) = ([], [])
    for setting in ScenarioSetting.all where setting.isOf(scenario.system) {
      guard case .line(let name, let value) = setting.keyPart else { continue }
      let field = ScenarioField(name, value(self))
      if setting.record == nil { unrecorded.append(field) } else { finer.append(field) }
    }
    let lines = unrecorded + finer
    return lines + fields.filter { field in !lines.contains { $0.name == field.name } }
  }
}

/// What a row says beside how its value is read.
extension ScenarioSetting {
  init(
    name: String, allowed: String, isFile: Bool = false,
    text: @escaping @Sendable (Scenario) -> String,
    isSet: @escaping @Sendable (Scenario) -> Bool, clear: @escaping Change,
    read: @escaping @Sendable (String) throws -> Change?
  ) {
    self.name = name
    self.allowed = allowed
    self.isFile = isFile
    self.text = text
    self.isSet = isSet
    self.clear = clear
    self.read = read
  }

  /// When a setting is recorded by the text that sets it.
  enum Occasion { case always, ifSet }

  /// Only systems of that kind have it.
  fileprivate func only(_ has: @escaping @Sendable (ServingSystem) -> Bool) -> ScenarioSetting {
    var copy = self
    copy.ofSystem = has
    return copy
  }

  /// Only systems that admit prompts by estimate have it, which are younger than the keys of impossible runs.
  var byEstimate: ScenarioSetting { only(\.capabilities.admitsByEstimate).namedIfSet }

  /// Results record it by the text that sets it.
  func recorded(_ place: Int, _ occasion: Occasion = .always) -> ScenarioSetting {
    let (text, isSet) = (text, isSet)
    return recorded(place) { resolved in
      occasion == .always || isSet(resolved.scenario) ? text(resolved.scenario) : nil
    }
  }

  /// Results record it by what it came to.
  fileprivate func recorded(
    _ place: Int, as name: String? = nil, _ value: @escaping @Sendable (ResolvedScenario) -> String?
  ) -> ScenarioSetting {
    var copy = self
    copy.record = Record(place: place, name: name ?? self.name, value: value)
    return copy
  }

  /// The key of a run holds it by a line of its own.
  fileprivate func keyed(
    as name: String? = nil, _ value: @escaping @Sendable (ResolvedScenario) -> String
  ) -> ScenarioSetting {
    var copy = self
    copy.keyPart = .line(name: name ?? self.name, value: value)
    return copy
  }

  /// The key of an impossible run holds it only where it is set.
  fileprivate var namedIfSet: ScenarioSetting {
    var copy = self
    copy.isNamedUnset = false
    return copy
  }

  /// The key of a run does not hold it among the settings.
  fileprivate var keyedElsewhere: ScenarioSetting {
    var copy = self
    copy.keyPart = .elsewhere
    return copy
  }
}
