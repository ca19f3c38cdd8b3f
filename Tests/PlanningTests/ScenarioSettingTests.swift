import CostModel
import Messages
import Serving
import Testing

@testable import Planning

/// Settings by the names of their flags.
@Suite struct ScenarioSettingTests {
  private func scenario() throws -> Scenario {
    Scenario(
      system: .vllmV1, model: try ModelCatalogue.find("opt-13b"),
      device: try DeviceCatalogue.find("a100-40gb"))
  }

  /// What a setting says of a scenario, it reads.
  @Test func textsReadBack() throws {
    for setting in ScenarioSetting.all {
      var scenario = try scenario()
      let text = setting.text(scenario)
      try setting.change(text)(&scenario)
      #expect(setting.text(scenario) == text, "`\(setting.name)`")
    }
    #expect(Set(ScenarioSetting.all.map(\.name)).count == ScenarioSetting.all.count)
  }

  /// Result files list the recorded settings by their places, and every run key holds what decides a result.
  @Test func everyRowIsRecordedOrHasAReason() throws {
    let records = ScenarioSetting.all.compactMap(\.record)
    #expect(records.map(\.place).sorted() == Array(1...records.count))
    #expect(Set(records.map(\.name)).count == records.count)
    for setting in ScenarioSetting.all where setting.record == nil {
      if case .recorded = setting.keyPart {
        Issue.record("`\(setting.name)` is neither in results nor in run keys")
      }
    }
    let elsewhere = ScenarioSetting.all.filter {
      if case .elsewhere = $0.keyPart { true } else { false }
    }
    #expect(elsewhere.map(\.name) == ["device-profile", "stepping", "seed"])
  }

  /// A setting that is not at its default counts as set until it is cleared.
  @Test func settingsAreClearedAgain() throws {
    let texts = [
      "page-group-size": "64", "preemption-mode": "swap", "engine-release": "0.10",
      "enable-prefix-caching": "true", "enable-chunked-prefill": "false", "swap-space": "1",
      "long-prefill-token-threshold": "0", "kv-cache-memory-bytes": "1", "enforce-eager": "false",
      "max-cudagraph-capture-size": "1",
      "preemption-policy": "fewest-outputs", "eviction-policy": "lfu",
      "scheduling-policy": "fcfs", "engine-overheads": "vllm",
      "schedule-policy": "fcfs", "schedule-conservativeness": "1", "max-prefill-tokens": "16384",
      "prefill-max-requests": "3", "enable-mixed-chunk": "false",
      "scheduler-recv-interval": "30", "expert-skew": "0.5",
      "disable-overlap-schedule": "false", "client-max-tokens": "900",
      "enable-priority-scheduling": "false", "schedule-low-priority-values-first": "false",
      "priority-scheduling-preemption-threshold": "10", "disable-priority-preemption": "false",
      "retraction-policy": "length",
      "enable-hierarchical-cache": "false", "hicache-ratio": "2", "hicache-size": "9",
      "hicache-write-policy": "write_through",
      "capacity-scheduler-policy": "guaranteed_no_evict", "use-kv-cache-manager-v2": "false",
      "async-scheduling": "false", "kv-offloading-size": "1", "kv-offloading-bandwidth": "1",
      "speculative-config": #"{"method": "ngram"}"#, "num-speculative-tokens": "0",
      "acceptance": "0.5", "speculative-algorithm": "EAGLE", "speculative-num-steps": "2",
      "speculative-eagle-topk": "1", "speculative-num-draft-tokens": "3",
      "speculative-draft-model-path": "facebook/opt-125m", "enable-two-batch-overlap": "true",
      "kv-offloading-backend": "lmcache",
      "kv-disk-size": "4", "kv-disk-bandwidth": "7/5", "kv-disk-latency": "0.1",
      "kv-restore": "faster", "data-parallel-size": "2", "disable-cascade-attn": "false",
      "overlap": "pod",
    ]
    for setting in ScenarioSetting.ofSomeSystems {
      var scenario = try scenario()
      #expect(!setting.isSet(scenario), "`\(setting.name)`")
      try setting.change(try #require(texts[setting.name]))(&scenario)
      #expect(setting.isSet(scenario), "`\(setting.name)`")
      setting.clear(&scenario)
      #expect(!setting.isSet(scenario), "`\(setting.name)`")
    }
  }

  /// Overheads that a validation computed are no flag that a system could lack.
  @Test func givenOverheadsAreNoFlag() throws {
    var scenario = try scenario()
    scenario.system = .vllm02
    scenario.engineOverheads = .given(.none)
    _ = try scenario.resolved()
  }

  @Test func valuesArrive() throws {
    var scenario = try scenario()
    for (name, text) in [
      ("system", "orca-max"), ("block-size", "32"), ("max-num-seqs", "7"), ("request-rate", "0.5"),
      ("enable-prefix-caching", "false"), ("page-group-size", "64"), ("preemption-mode", "swap"),
      ("seed", "18446744073709551615"), ("device", "h100_sxm"),
    ] { try ScenarioSetting.find(name).change(text)(&scenario) }
    #expect(scenario.system == .orcaMax && scenario.blockSize == 32)
    #expect(scenario.maxSequences == 7 && scenario.requestRate == 0.5)
    #expect(scenario.prefixCaching == false && scenario.virtualMemory.pageGroup == .kib64)
    #expect(scenario.preemptionMode == .swap && scenario.seed == .max)
    #expect(scenario.device.name == "h100-sxm")
    try ScenarioSetting.find("max-num-seqs").change("default")(&scenario)
    #expect(scenario.maxSequences == nil)
  }

  @Test(arguments: [
    ("block-size", "many", "`block-size` must be a whole number, found `many`"),
    ("max-num-seqs", "1.5", "`max-num-seqs` must be a whole number, or `default`, found `1.5`"),
    ("request-rate", "nan", "`request-rate` must be a number or `inf`, or `default`, found `nan`"),
    (
      "enable-prefix-caching", "on",
      "`enable-prefix-caching` must be true or false, or `default`, found `on`"
    ),
    ("preemption-mode", "x", "`preemption-mode` must be one of auto, swap, found `x`"),
    ("seed", "-1", "`seed` must be a whole number, found `-1`"),
    ("device-profile", "/no/file", "cannot read profile `/no/file`: no such file"),
  ])
  func mistakesAreNamed(_ name: String, _ text: String, _ message: String) throws {
    let setting = try ScenarioSetting.find(name)
    #expect(throws: UserError(message)) { _ = try setting.change(text) }
  }

  @Test func theNearestNameIsGiven() {
    #expect(throws: UserError("unknown setting `blck-size`", hint: "did you mean `block-size`?")) {
      _ = try ScenarioSetting.find("blck-size")
    }
  }
}
