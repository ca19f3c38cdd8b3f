import ArgumentParser
import CostModel
import Foundation
import Planning
import Serving
import Testing

@testable import kvplan

/// The options of the tool and the table of settings are one list.
@Suite struct SettingFlagsTests {
  /// Flags that only say where the value of another comes from.
  private static let sources = [
    "kv-cache-from-log": "num-gpu-blocks-override", "from-command": "system",
  ]

  /// Another value than the default, for each setting; files are made where they are needed.
  private static let others = [
    "system": "orca-max", "model": "llama-3.1-8b", "device": "h100-sxm",
    "tensor-parallel-size": "2", "data-parallel-size": "2", "pipeline-parallel-size": "3",
    "quantization": "fp8",
    "kv-cache-dtype": "fp8", "device-memory": "79.25", "block-size": "32",
    "gpu-memory-utilization": "0.5", "kv-cache-memory-bytes": "5000000000",
    "enforce-eager": "false", "max-cudagraph-capture-size": "64",
    "num-gpu-blocks-override": "77", "swap-space": "3.0", "max-num-seqs": "9",
    "max-num-batched-tokens": "4096", "max-model-len": "1024", "page-group-size": "64",
    "preemption-mode": "swap", "engine-release": "0.10", "enable-prefix-caching": "false",
    "enable-chunked-prefill": "false", "long-prefill-token-threshold": "5",
    "async-scheduling": "true", "disable-cascade-attn": "false",
    "overlap": "bullet",
    "enable-expert-parallel": "true",
    "kv-offloading-size": "40.0", "kv-offloading-bandwidth": "50.5", "kv-restore": "two-pointers",
    "kv-offloading-backend": "lmcache",
    "kv-disk-size": "900.0", "kv-disk-bandwidth": "7.0/5.5", "kv-disk-latency": "0.25",
    "speculative-config": #"{"method": "ngram", "num_speculative_tokens": 2}"#,
    "speculative-algorithm": "STANDALONE", "speculative-num-steps": "2",
    "speculative-eagle-topk": "1", "speculative-num-draft-tokens": "3",
    "speculative-draft-model-path": "facebook/opt-125m", "enable-two-batch-overlap": "false",
    "num-speculative-tokens": "3", "acceptance": "0.75,0.5",
    "preemption-policy": "fewest-outputs", "eviction-policy": "lfu",
    "scheduling-policy": "edf", "class": "chat:ttft=2s,tpot=50ms; e2e=600s",
    "hf-overrides": #"{"max_position_embeddings": 4096}"#,
    "schedule-policy": "lpm", "schedule-conservativeness": "0.5", "max-prefill-tokens": "9000",
    "prefill-max-requests": "3", "enable-mixed-chunk": "false",
    "scheduler-recv-interval": "30", "expert-skew": "0.5",
    "disable-overlap-schedule": "false", "client-max-tokens": "900",
    "enable-priority-scheduling": "true", "schedule-low-priority-values-first": "true",
    "priority-scheduling-preemption-threshold": "3", "disable-priority-preemption": "true",
    "retraction-policy": "priority",
    "enable-hierarchical-cache": "false", "hicache-ratio": "2.5", "hicache-size": "90.0",
    "hicache-write-policy": "write_back",
    "capacity-scheduler-policy": "static_batch", "use-kv-cache-manager-v2": "true",
    "engine-overheads": "none", "request-rate": "2.5", "max-concurrency": "4",
    "session-think-time": "exponential:2.5",
    "num-warmups": "6", "num-prompts": "8", "first": "false", "from-second": "1.5",
    "to-second": "9.5",
    "oversized": "fail", "stepping": "iteration", "seed": "12",
  ]

  /// The flags of `kvplan simulate` by the title above them in the help text.
  private static func flags() throws -> [(title: String, name: String)] {
    let help = try Tool.run(["simulate", "--experimental-dump-help"]).output
    let root = try JSONSerialization.jsonObject(with: Data(help.utf8)) as? [String: Any]
    let command = try #require(root?["command"] as? [String: Any])
    let arguments = try #require(command["arguments"] as? [[String: Any]])
    let shown = arguments.filter { $0["shouldDisplay"] as? Bool == true }
    return shown.flatMap { argument in
      let names = argument["names"] as? [[String: Any]] ?? []
      return names.filter { $0["kind"] as? String == "long" }.compactMap { name in
        (name["name"] as? String).map { (argument["sectionTitle"] as? String ?? "", $0) }
      }
    }
  }

  @Test func everyFlagOfTheEngineIsARow() throws {
    let flags = try Self.flags()
    let settings = Set(ScenarioSetting.all.map(\.name))
    let titles = ["Model and device", "Memory", "Scheduler", "Workload"]
    let engine = flags.filter { titles.contains($0.title) }.map(\.name)
    #expect(engine.count > 25)
    for flag in engine {
      if let target = Self.sources[flag] {
        #expect(settings.contains(target))
      } else {
        // A flag that can be turned off has a second name.
        let name = flag.hasPrefix("no-") ? String(flag.dropFirst(3)) : flag
        #expect(settings.contains(name), "`--\(flag)` is not in the table of settings")
      }
    }
    let names = Set(flags.map(\.name))
    for setting in ScenarioSetting.all {
      #expect(names.contains(setting.name), "`\(setting.name)` has no flag")
    }
  }

  private func scenario(_ arguments: [String]) throws -> Scenario {
    let command = try #require(
      try SimulateCommand.parse(
        ["trace.csv", "--model", "opt-13b", "--device", "a100-40gb"] + arguments)
        as SimulateCommand?)
    return try command.engine.scenario(
      system: try ServingSystem.find(command.system), requestRate: command.requestRate)
  }

  /// Without flags, every setting is at the default of the table.
  @Test func defaultsAgree() throws {
    let plain = Scenario(
      system: .today, model: try ModelCatalogue.find("opt-13b"),
      device: try DeviceCatalogue.find("a100-40gb"))
    let parsed = try scenario([])
    for setting in ScenarioSetting.all {
      #expect(setting.text(parsed) == setting.text(plain), "`--\(setting.name)`")
    }
  }

  /// A flag does what its row does with the same text, and nothing else.
  @Test(arguments: ScenarioSetting.all.filter { !$0.isFile }.map(\.name))
  func aFlagDoesWhatItsRowDoes(name: String) throws {
    let setting = try ScenarioSetting.find(name)
    let text = try #require(Self.others[name], "no other value of `\(name)`")
    var wanted = try scenario([])
    let before = setting.text(wanted)
    try setting.change(text)(&wanted)
    #expect(setting.text(wanted) != before)
    let switches = ["false": ["--no-\(name)"], "true": ["--\(name)"]]
    let arguments = switches[text] ?? ["--\(name)", text]
    let parsed = try scenario(arguments)
    for setting in ScenarioSetting.all {
      #expect(setting.text(parsed) == setting.text(wanted), "`--\(name)`: `\(setting.name)`")
    }
  }

  /// Names and numbers that a `vllm serve` line may have.
  @Test func flagsOfVLLMAreTaken() throws {
    let words = CommandWords.read([
      "-tp", "4", "-pp=2", "-q", "fp8", "--max_model_len=32K", "--max_num_batched_tokens", "25.6k",
      "--kv-cache-memory-bytes", "2g", "-dp", "1",
    ])
    let parsed = try scenario(words)
    #expect(parsed.tensorParallel == 4)
    #expect(parsed.pipelineParallel == 2)
    #expect(parsed.quantization == .fp8)
    #expect(parsed.maxModelLength == 32_768)
    #expect(parsed.maxBatchedTokens == 25_600)
    #expect(parsed.kvCacheBytes == 2_000_000_000)
  }

  /// SGLang's own names, and the values with which it says that something is off.
  @Test func flagsOfSGLangAreTaken() throws {
    let words = CommandWords.read([
      "--system", "sglang", "--page_size", "32", "--mem-fraction-static=0.7",
      "--max-running-requests", "99", "--chunked-prefill-size", "-1", "--disable-radix-cache",
      "--context-length", "4K", "--schedule-policy", "lof", "--tp-size", "2",
    ])
    let parsed = try scenario(words)
    #expect(parsed.blockSize == 32 && parsed.gpuMemoryUtilization == 0.7)
    #expect(parsed.maxSequences == 99 && parsed.maxModelLength == 4096)
    #expect(parsed.chunkedPrefill == false && parsed.prefixCaching == false)
    #expect(parsed.sglang.policy == .longestOutput && parsed.tensorParallel == 2)
    #expect(
      CommandWords.read(["--chunked-prefill-size=512", "--", "--page-size"])
        == ["--max-num-batched-tokens=512", "--", "--page-size"])
  }

  /// Only names of options, and only up to `--`.
  @Test func underscoresStayInValues() {
    #expect(
      CommandWords.read(["sweep", "--a_b=c_d", "e_f", "--g_h", "-i_j", "--", "--k_l"])
        == ["sweep", "--a-b=c_d", "e_f", "--g-h", "-i_j", "--", "--k_l"])
  }

  /// The help names the systems that have a setting.
  @Test func helpNamesTheSystems() throws {
    let help = try Tool.run(["simulate", "--help"]).output.split(whereSeparator: \.isWhitespace)
      .joined(separator: " ")
    #expect(help.contains("0.2.0 or 0.2.7 of vllm-0.2, 0.6 to 0.33 of vllm-v1"))
    #expect(help.contains("Page-group of `vattention`, KiB"))
    #expect(help.contains("a part of a prompt; vllm-v1, sglang, trtllm only"))
  }
}
