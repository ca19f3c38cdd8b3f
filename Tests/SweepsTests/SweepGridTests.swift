import Messages
import Planning
import Testing

@testable import Sweeps

/// Which runs a file asks for, in which order, and under which keys.
@Suite struct SweepGridTests {
  @Test func theLastAxisVariesFastest() throws {
    let grid = try SweepGrid(try Samples.file("axes: {block-size: [8, 16]}\nseeds: 3"))
    #expect(
      (0..<grid.count).compactMap { grid.point($0)?.label } == [
        "block-size=8 seed=0", "block-size=8 seed=1", "block-size=8 seed=2",
        "block-size=16 seed=0", "block-size=16 seed=1", "block-size=16 seed=2",
      ])
    let scenario = try #require(grid.point(5)).scenario
    #expect(scenario.blockSize == 16)
    #expect(scenario.seed == 2)
  }

  @Test(arguments: [
    ("{block-size: 8}", "16 24"), ("{block-size: [8, 24]}", "16"),
    ("{block-size: \"> 8\"}", "8"), ("{block-size: \">= 24\"}", "8 16"),
    ("{block-size: \"!= 16\"}", "16"), ("{block-size: 8, system: orca-max}", "8 16 24"),
    ("{block-size: 8.0, system: vllm-v1}", "16 24"),
  ])
  func conditionsLeaveRunsOut(_ condition: String, _ left: String) throws {
    let grid = try SweepGrid(
      try Samples.file(
        "base: {system: vllm-v1}\naxes: {block-size: [8, 16, 24]}\nskip-where: [\(condition)]"))
    let sizes = (0..<grid.count).compactMap { grid.point($0)?.scenario.blockSize }
    #expect(sizes.map { "\($0)" }.joined(separator: " ") == left)
  }

  /// 10⁸ runs are counted without being made.
  @Test func aHugeGridIsOnlyANumber() throws {
    let axis = "{from: 1, to: 10000, step: 1}"
    let scratch = try Scratch()
    let grid = try SweepGrid(try Samples.file("axes: {block-size: \(axis), max-num-seqs: \(axis)}"))
    #expect(grid.count == 100_000_000)
    #expect(grid.point(99_999_999)?.label == "block-size=10000 max-num-seqs=10000")
    #expect(
      throws: UserError(
        "`\(scratch.path)/out.yaml` asks for 100000000 runs, more than 1000000",
        hint: "add `--yes` if that is meant")
    ) { _ = try scratch.plan("axes: {block-size: \(axis), max-num-seqs: \(axis)}") }
  }

  private func keys(_ fields: String) throws -> [KeyedRun] {
    try Scratch().plan(fields).runs().runs
  }

  /// A run is what it is, whatever it is called and wherever it stands.
  @Test func equalRunsHaveOneKey() throws {
    let plain = try keys("base: {device: h100-sxm, num-prompts: 5, request-rate: 1}")
    #expect(plain.count == 1)
    #expect(plain[0].key.text.count == 32)
    let same = try keys(
      """
      base: {num-prompts: 5, max-num-seqs: default, block-size: 16}
      axes: {request-rate: [2, 1.0], device: [h100_sxm, h100-sxm]}
      """)
    #expect(same.count == 2)
    #expect(same[1].key == plain[0].key)
    // A setting that the system does not have changes nothing.
    let orca = try keys("base: {request-rate: 1, system: orca-max}")
    let both = try keys(
      "base: {request-rate: 1}\naxes: {system: [orca-max, vllm-v1], enable-prefix-caching: [true, false]}"
    )
    #expect(both.count == 3)
    #expect(both[0].key == orca[0].key)
  }

  /// Each setting of the table that changes a result changes the key. `stepping` does not: both ways give
  /// the same bytes.
  @Test func everySettingIsInTheKey() throws {
    let other: [String: String] = [
      "system": "vllm-0.2", "model": "llama-2-7b", "device": "h200-sxm",
      "tensor-parallel-size": "2", "pipeline-parallel-size": "2", "quantization": "fp8",
      "kv-cache-dtype": "fp8", "max-concurrency": "9", "num-warmups": "2",
      "session-think-time": "5",
      "device-memory": "60", "block-size": "32", "gpu-memory-utilization": "0.8",
      "num-gpu-blocks-override": "77", "kv-cache-memory-bytes": "5000000000",
      "enforce-eager": "true", "max-cudagraph-capture-size": "8",
      "swap-space": "3", "max-num-seqs": "7", "max-num-batched-tokens": "2500",
      "max-model-len": "1024", "page-group-size": "64", "preemption-mode": "swap",
      "hf-overrides": #"{"max_position_embeddings": 2050}"#,
      "engine-release": "0.2.0", "enable-prefix-caching": "false",
      "enable-chunked-prefill": "false", "engine-overheads": "none",
      "long-prefill-token-threshold": "64", "preemption-policy": "last",
      "scheduling-policy": "priority",
      "class": "ttft=2s,tpot=50ms", "eviction-policy": "lfu", "async-scheduling": "true",
      "request-rate": "3", "num-prompts": "9",
      "first": "true",
      "enable-expert-parallel": "true", "kv-offloading-size": "8", "kv-offloading-bandwidth": "9",
      "kv-offloading-backend": "lmcache",
      "kv-disk-size": "16", "kv-disk-bandwidth": "7/5", "kv-disk-latency": "0.1",
      "kv-restore": "recompute", "data-parallel-size": "2", "num-speculative-tokens": "3",
      "speculative-config": #"{"method": "ngram", "num_speculative_tokens": 2}"#,
      "speculative-algorithm": "EAGLE", "speculative-num-steps": "2",
      "speculative-eagle-topk": "1", "speculative-num-draft-tokens": "3",
      "speculative-draft-model-path": "facebook/opt-125m", "enable-two-batch-overlap": "true",
      "acceptance": "0.5", "disable-cascade-attn": "false", "overlap": "pod",
      "schedule-policy": "lpm", "schedule-conservativeness": "0.5", "max-prefill-tokens": "9000",
      "prefill-max-requests": "3", "enable-mixed-chunk": "true",
      "scheduler-recv-interval": "30", "expert-skew": "0.5",
      "disable-overlap-schedule": "true", "client-max-tokens": "900",
      "enable-priority-scheduling": "true", "schedule-low-priority-values-first": "true",
      "priority-scheduling-preemption-threshold": "3", "disable-priority-preemption": "true",
      "retraction-policy": "priority",
      "enable-hierarchical-cache": "true", "hicache-ratio": "3", "hicache-size": "90",
      "hicache-write-policy": "write_back",
      "capacity-scheduler-policy": "static_batch", "use-kv-cache-manager-v2": "true",
      "from-second": "1", "to-second": "5", "oversized": "fail", "seed": "4",
    ]
    let home: [String: String] = [
      "page-group-size": "vattention", "engine-release": "vllm-0.2",
      "enable-prefix-caching": "vllm-v1", "enable-chunked-prefill": "vllm-v1",
      "long-prefill-token-threshold": "vllm-v1", "preemption-policy": "vllm-v1",
      "eviction-policy": "vllm-v1", "scheduling-policy": "vllm-v1", "engine-overheads": "vllm-v1",
      "session-think-time": "vllm-v1",
      "async-scheduling": "vllm-v1",
      "kv-cache-memory-bytes": "vllm-v1", "enforce-eager": "vllm-v1",
      "max-cudagraph-capture-size": "vllm-v1",
      "schedule-policy": "sglang", "schedule-conservativeness": "sglang",
      "max-prefill-tokens": "sglang", "prefill-max-requests": "sglang",
      "scheduler-recv-interval": "sglang",
      "enable-mixed-chunk": "sglang", "disable-overlap-schedule": "sglang",
      "enable-priority-scheduling": "sglang", "schedule-low-priority-values-first": "sglang",
      "priority-scheduling-preemption-threshold": "sglang",
      "disable-priority-preemption": "sglang", "retraction-policy": "sglang",
      "enable-hierarchical-cache": "sglang", "hicache-ratio": "sglang", "hicache-size": "sglang",
      "hicache-write-policy": "sglang",
      "client-max-tokens": "sglang", "capacity-scheduler-policy": "trtllm",
      "use-kv-cache-manager-v2": "trtllm",
      "kv-offloading-size": "vllm-v1",
      "kv-offloading-bandwidth": "vllm-v1", "kv-restore": "vllm-v1",
      "kv-offloading-backend": "vllm-v1",
      "kv-disk-size": "vllm-v1", "kv-disk-bandwidth": "vllm-v1", "kv-disk-latency": "vllm-v1",
      "num-speculative-tokens": "vllm-v1",
      "speculative-config": "vllm-v1", "acceptance": "vllm-v1",
      "speculative-algorithm": "sglang", "speculative-num-steps": "sglang",
      "speculative-eagle-topk": "sglang", "speculative-num-draft-tokens": "sglang",
      "speculative-draft-model-path": "sglang", "enable-two-batch-overlap": "sglang",
      "disable-cascade-attn": "vllm-v1", "overlap": "vllm-v1",
    ]
    let naming = RunNaming([:])
    for setting in ScenarioSetting.all where !["stepping", "device-profile"].contains(setting.name)
    {
      let value = try #require(other[setting.name], "no other value of `\(setting.name)`")
      let grid = try SweepGrid(
        try Samples.file("base: {system: \(home[setting.name] ?? "vllm-sosp23"), device: h100-sxm}")
      )
      var point = try #require(grid.point(0))
      let before = naming.named(point)
      #expect(before.profile != "none", "\(setting.name): the scenario is impossible")
      try setting.change(value)(&point.scenario)
      #expect(naming.named(point).key != before.key, "`\(setting.name)` is not in the key")
    }
  }

  /// Version and profile change the key and leave the point.
  @Test func versionsHaveKeysOfTheirOwn() throws {
    let point = try #require(try SweepGrid(try Samples.file("seeds: 1")).point(0))
    let (old, new) = (RunNaming([:], version: "1"), RunNaming([:], version: "2"))
    #expect(old.named(point).key != new.named(point).key)
    #expect(old.named(point).point == new.named(point).point)
  }

  /// A sweep that was begun before `engine-overheads` became a setting goes on with its impossible runs: they keep
  /// the name that they had, unless the setting is used. A name was recorded then.
  @Test func impossibleRunsKeepTheirNames() throws {
    let scratch = try Scratch()
    func point(_ more: String = "") throws -> String {
      let plan = try scratch.plan("base: {system: vllm-v1, model: opt-66b\(more)}\nseeds: 1")
      return try plan.runs().runs[0].point.text
    }
    #expect(try point() == "799cfa5573e467b383639a78c48b62e9")
    #expect(try point(", engine-overheads: none") != point())
  }

  @Test func tracesAreKnownByWhatTheyAskFor() throws {
    let scratch = try Scratch()
    let first = try scratch.plan("seeds: 1").runs().runs[0].key
    try scratch.write(
      "copy.csv",
      "output_tokens,prompt_tokens\n"
        + (0..<40).map { "\(5 + $0 * 11 % 60),\(20 + $0 * 7 % 90)\n" }.joined())
    try scratch.write("other.csv", "prompt_tokens,output_tokens\n1,1\n")
    func key(_ trace: String) throws -> RunKey {
      try scratch.write(
        "t.yaml", "sweep: s\ntrace: \(trace)\noutput: o\n\(Samples.whole("seeds: 1"))\n")
      return try SweepPlan(path: "\(scratch.path)/t.yaml", isConfirmed: false).runs().runs[0].key
    }
    #expect(try key("copy.csv") == first)
    #expect(try key("other.csv") != first)
  }

  /// Every run is in one shard, and shards are about equal.
  @Test func shardsPartTheRuns() throws {
    let runs = try Scratch().plan("seeds: 1000").runs().runs
    for count in [1, 2, 7, 16] {
      var sizes = Array(repeating: 0, count: count)
      for run in runs {
        let owners = (0..<count).filter { Shard($0, of: count).owns(run.key) }
        #expect(owners == [Shard.index(of: run.key, count: count)])
        sizes[owners[0]] += 1
      }
      // Five standard deviations of a fair draw.
      let mean = 1000 / Double(count)
      #expect(sizes.allSatisfy { abs(Double($0) - mean) <= 5 * mean.squareRoot() })
    }
  }

  @Test func filesOfShardsAreNamedBothWays() {
    #expect(Shard(3, of: 16).fileName == "shard-003-of-016.sqlite")
    #expect(Shard(fileName: "shard-003-of-016.sqlite") == Shard(3, of: 16))
    #expect(Shard(fileName: "shard-1234-of-2000.sqlite") == Shard(1234, of: 2000))
    for name in [
      "shard-016-of-016.sqlite", "shard-3-of-16.sqlite", "shard-003-of-016.sqlite.partial-h-1",
    ] {
      #expect(Shard(fileName: name) == nil, "\(name)")
    }
  }
}
