import Foundation
import Testing

/// Numbers far beyond what anyone means, things said twice, things that are not there: a message each, and no crash.
@Suite struct OddInputTests {
  private static let engine = ["--model", "llama-3.1-8b", "--device", "h100-sxm"]
  private static let trace = """
    arrival_s,prompt_tokens,output_tokens
    0,40,4
    1,40,4

    """
  /// Turns of one session, so that prompts have contents.
  private static let blocks = """
    arrival_s,prompt_tokens,output_tokens,block_hashes
    0,48,4,1 2 3
    1,32,4,1 2

    """

  private func simulate(_ arguments: [String]) throws -> Tool.Run {
    try Tool.run(["simulate", "-"] + Self.engine + arguments, input: Self.trace)
  }

  private func expect(
    _ run: Tool.Run, _ message: String, status: Int32 = 2,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(run.status == status, sourceLocation: sourceLocation)
    #expect(run.errors == message + "\n", sourceLocation: sourceLocation)
    #expect(run.output.isEmpty, sourceLocation: sourceLocation)
  }

  /// Each has memory of its own: a thousand million of them would end the tool.
  @Test func moreReplicasThanAnyoneHas() throws {
    expect(
      try simulate(["--replicas", "1000000000"]),
      """
      error: `--replicas` must be at most 10000, found `1000000000`

      hint: simulate a share of the replicas, with as large a share of the requests
      """)
    expect(
      try simulate(["--replica", "count=9223372036854775807", "--replica", "count=5"]),
      """
      error: the `count` of all `--replica` must be at most 10000, found `9223372036854775807`

      hint: simulate a share of the replicas, with as large a share of the requests
      """)
  }

  /// `count` and `role` are settings of `--replica` alone.
  @Test func aMistypedCount() throws {
    expect(
      try simulate(["--replica", "cout=2"]),
      """
      error: unknown setting `cout`

      hint: did you mean `count`?
      """)
  }

  @Test(arguments: ["1000", "inf", "-0.5"])
  func loadsOfExpertsThatCannotBe(skew: String) throws {
    let found = try #require(Double(skew))
    expect(
      try Tool.run(
        ["simulate", "-", "--model", "qwen3-30b-a3b", "--device", "h100-sxm"]
          + ["--expert-skew=\(skew)"], input: Self.trace),
      """
      error: `--expert-skew` must lie between 0 and 10, found `\(found)`

      hint: 0 is even, 1.01 what engines are measured with
      """)
  }

  /// Simulated time ends before, and memory.
  @Test(arguments: [
    (["--from-second", "1e300"], "`--from-second` must be at most 4000000000, found `1e+300`"),
    (
      ["--to-second", "9e15"],
      "`--to-second` must be at most 4000000000, found `9000000000000000.0`"
    ),
    (
      ["--num-warmups", "9223372036854775807"],
      "`--num-warmups` must be at most 1000000, found `9223372036854775807`"
    ),
  ])
  func beyondTheEndOfTime(arguments: [String], message: String) throws {
    expect(try simulate(arguments), "error: \(message)")
  }

  /// The weights are no reason: these bytes are for keys and values alone.
  @Test func lessMemoryThanABlock() throws {
    expect(
      try simulate(["--kv-cache-memory-bytes", "2097151"]),
      """
      error: no KV block fits: `--kv-cache-memory-bytes` is 2097151, and one block has 2097152 bytes

      hint: give at least 2097152
      """)
  }

  /// Simulated time has whole nanoseconds: at more than one request in each they come all at once.
  @Test(arguments: [
    ["plan", "capacity", "-", "--slo", "ttft.p99<=2s"] + engine,
    ["plan", "fleet", "-", "--slo", "ttft.p99<=2s", "--model", "llama-3.1-8b"],
    ["plan", "cache", "-"], ["trace", "generate", "sharegpt", "--num-prompts", "3"],
    ["trace", "generate", "sharegpt", "--num-prompts", "3", "--turns", "2"],
    ["trace", "convert", "-"], ["trace", "scale", "-"],
  ])
  func ratesBeyondTheGrainOfTime(arguments: [String]) throws {
    expect(
      try Tool.run(arguments + ["--request-rate", "1e300"], input: Self.trace),
      """
      error: `--request-rate` must be at most 1000000000 requests per second, found `1e+300`

      hint: arrivals are whole nanoseconds apart: give a lower rate
      """)
  }

  @Test func ratesBeyondTheGrainOfTimeWhereAllMayComeAtOnce() throws {
    let wayOut = "hint: write `inf` to let all requests come at once"
    expect(
      try simulate(["--request-rate", "1.1e9"]),
      """
      error: `--request-rate` must be at most 1000000000 requests per second, found `1100000000`

      \(wayOut)
      """)
    expect(
      try simulate(["--vary", "request-rate=1,1e300"]),
      """
      error: `request-rate` must be at most 1000000000 requests per second, found `1e+300`

      \(wayOut)
      """)
    for rate in ["1e9", "inf"] {
      #expect(try simulate(["--request-rate", rate]).status == 0)
    }
    expect(
      try Tool.run(
        ["plan", "capacity", "-", "--slo", "ttft.p99<=2s", "--request-rate", "1,5"] + Self.engine
          + ["--what-if", "rate=x3e8"], input: Self.trace),
      """
      error: `--what-if rate=x3e8` asks about 1500000000 requests per second, more than 1000000000

      hint: arrivals are whole nanoseconds apart: give a lower factor
      """)
  }

  /// ArgumentParser takes a negative number for an option.
  @Test func aNegativeNumberIsNoMissingValue() throws {
    expect(
      try simulate(["--replicas", "-1"]),
      """
      error: `--replicas` does not take `-1`

      hint: `--replicas <replicas>`: Replicas behind the router
      """, status: 64)
    expect(
      try simulate(["--replicas", "--seed", "1"]),
      """
      error: `--replicas` needs a value

      hint: `--replicas <replicas>`: Replicas behind the router
      """, status: 64)
  }

  @Test func thingsSaidTwice() throws {
    expect(
      try simulate(["--vary", "block-size=8,16,8"]),
      """
      error: `--vary block-size` has the value `8` twice

      hint: give each value once
      """)
    let compare = ["compare", "-"] + Self.engine
    expect(
      try Tool.run(compare + ["--systems", "vllm-v1,sglang,vllm-v1"], input: Self.trace),
      """
      error: `--systems` names `vllm-v1` twice

      hint: name each once
      """)
    expect(
      try Tool.run(
        compare + ["--systems", "vllm-v1", "--latex", "--format", "json"], input: Self.trace),
      """
      error: `--latex` is a table, and `--format json` is none

      hint: leave out one of them
      """)
  }

  /// The warning says so, and that 99th percentiles rest on two requests; rates have three digits behind the point.
  @Test func prioritiesThatNobodyHas() throws {
    let run = try Tool.run(
      ["simulate", "-"] + Self.engine + ["--scheduling-policy", "priority"],
      input: Self.trace + "1.7,40,4\n")
    #expect(run.status == 0)
    #expect(
      run.errors.hasPrefix(
        """
        warning: only 3 requests of `vllm-v1` at 1.176 req/s finished in the window; p99 rests on fewer than 100 samples
        warning: no request of `<stdin>` has a priority: `--scheduling-policy priority` serves them as they came

        """), "\(run.errors)")
    let one = try Tool.run(
      ["simulate", "-"] + Self.engine, input: "arrival_s,prompt_tokens,output_tokens\n0,40,4\n")
    #expect(
      one.errors.hasPrefix(
        "warning: only 1 request of `vllm-v1` at 0 req/s finished in the window; "))
  }

  @Test(arguments: [
    (
      ["--cache-block-size", "9223372036854775807"],
      "error: `--cache-block-size` must be from 1 to 1000000, found `9223372036854775807`"
    ),
    (
      ["--capacity", "9223372036854775807"],
      "error: `--capacity` must be whole numbers of blocks by commas, found `9223372036854775807`"
    ),
    (
      ["--sample", "1e-12"],
      """
      error: `--sample` 1e-12 takes no block of `<stdin>`

      hint: raise it, or leave it out to look at every block
      """
    ),
    (
      ["--tier", "host:512:50", "--tier", "host:64:20"],
      """
      error: two tiers have the name `host`

      hint: give each a name of its own, or make one tier of them
      """
    ),
    (
      ["--tier", "nvme:512:20", "--tier", "host:64:50.5"],
      """
      error: tier `host` with 50.5 GB/s stands below `nvme` with 20

      hint: give the fastest tier first
      """
    ),
  ])
  func cachesThatCannotBe(arguments: [String], message: String) throws {
    expect(try Tool.run(["plan", "cache", "-"] + arguments, input: Self.blocks), message)
  }

  @Test func windowsWithoutRequests() throws {
    expect(
      try Tool.run(["trace", "slice", "-", "--from-second", "100"], input: Self.trace),
      "error: no request of `<stdin>` arrives from 100 s on: they arrive from 0 to 1 s")
    expect(
      try Tool.run(
        ["trace", "slice", "-", "--from-second", "100", "--to-second", "200"], input: Self.trace),
      "error: no request of `<stdin>` arrives from 100 s to 200 s: they arrive from 0 to 1 s")
    expect(
      try Tool.run(
        ["trace", "slice", "-", "--from-second", "10", "--to-second", "5"], input: Self.trace),
      """
      error: the window from `--from-second` 10 to `--to-second` 5 is empty

      hint: give a later `--to-second`
      """)
  }

  @Test func turnsThatCannotBe() throws {
    expect(
      try Tool.run([
        "trace", "generate", "sharegpt", "--num-prompts", "9", "--request-rate", "1", "--turns",
        "0",
        "--turn-gap", "3",
      ]),
      """
      error: `--turns` must be from 1 to 10000 and `--turn-gap` above 0, at most 1e6 s, found `0` and `3`
      """)
  }

  /// The name of the file that was asked for, not that of the one beside it which is renamed.
  @Test func aFileThatCannotBeWritten() throws {
    expect(
      try Tool.run([
        "trace", "generate", "sharegpt", "--num-prompts", "9", "--output", "/proc/none/t.csv",
      ]),
      """
      error: cannot write `/proc/none/t.csv`: no such file or directory

      hint: choose another folder with `--output`
      """)
  }

  @Test func filesThatAreNotThere() throws {
    expect(
      try Tool.run(["catalog", "fit", "--model", "./none.json", "--device", "h100-sxm"]),
      """
      error: cannot read `./none.json`: no such file

      hint: give the path of a model's `config.json`
      """)
    expect(
      try Tool.run(["catalog", "fit"] + Self.engine + ["--kv-cache-from-log", "none.log"]),
      "error: cannot read the log `none.log`: no such file")
  }

  @Test func helpOfWhatIsNoCommand() throws {
    expect(
      try Tool.run(["help", "simulat"]),
      """
      error: no command `simulat`

      hint: did you mean `simulate`?
      """, status: 64)
    expect(
      try Tool.run(["everything"]),
      """
      error: no command `everything`

      hint: commands are `simulate`, `compare`, `plan`, `run`, `sweep`, `conform`, `trace`, `catalog`, `run-cpu`, \
      `calibrate`, `validate`, `reproduce`, `bench-plan`, `help`
      """, status: 64)
  }

  @Test func standardOutputThatIsFull() throws {
    let run = try Tool.shell("$KVPLAN catalog systems > /dev/full")
    #expect(run.status == 2)
    #expect(
      run.errors == "error: cannot write to standard output: No space left on device\n")
  }

  /// Each ended the tool with a trap.
  @Test(arguments: [
    (
      "capacity", "--seeds=9223372036854775807",
      "`--seeds` must be from 1 to 1000, found `9223372036854775807`"
    ),
    (
      "fleet", "--max-gpus=9223372036854775807",
      "`--max-gpus` must be from 1 to 100000, found `9223372036854775807`"
    ),
    ("scale", "--window=1e-300", "`--window` must be from 0.1 to 1000000000 s, found `1e-300`"),
    ("scale", "--interval=1e300", "`--interval` must be from 0.1 to 1000000000 s, found `1e+300`"),
    (
      "scale", "--startup-time=1e300",
      "`--startup-time` must be from 0 to 1000000000 s, found `1e+300`"
    ),
    (
      "scale", "--target-utilization=1e-300",
      "`--target-utilization` must be from 0.01 to 1, found `1e-300`"
    ),
    (
      "scale", "--max-replicas=9223372036854775807",
      "`--max-replicas` must be from 1 to 10000, found `9223372036854775807`"
    ),
  ])
  func numbersOfPlans(plan: String, flag: String, message: String) throws {
    let device =
      plan == "fleet"
      ? ["--devices", "h100-sxm", "--request-rate", "5"] : ["--device", "h100-sxm"]
    expect(
      try Tool.run(
        ["plan", plan, "-", "--model", "llama-3.1-8b", "--slo", "ttft.p99<=2s", flag] + device,
        input: Self.trace),
      "error: \(message)")
  }

  /// So did these.
  @Test(arguments: [
    (
      ["run-cpu", "-", "--time-scale=1e-300"],
      "`--time-scale` must be from 1e-06 to 1000000, found `1e-300`"
    ),
    (
      ["run-cpu", "-", "--max-model-len=9223372036854775807"],
      "`--max-model-len` must be from 1 to 1000000, found `9223372036854775807`"
    ),
    (
      ["validate", "memory", "-", "--block-size=9223372036854775807"],
      "`--block-size` must be from 1 to 1000000, found `9223372036854775807`"
    ),
    (
      ["sweep", "run", "none.yaml", "--checkpoint=1e300"],
      "`--checkpoint` must be from 0 to 1000000 s, found `1e+300`"
    ),
    (
      ["sweep", "status", "none.yaml", "--shards=9223372036854775807"],
      "`--shards` must be from 1 to 1000000, found `9223372036854775807`"
    ),
  ])
  func numbersOfOtherCommands(arguments: [String], message: String) throws {
    expect(try Tool.run(arguments, input: Self.trace), "error: \(message)")
  }

  @Test func sizesThatAreNone() throws {
    expect(
      try Tool.run(
        [
          "plan", "fleet", "-", "--model", "llama-3.1-8b", "--devices", "h100-sxm",
          "--request-rate", "5",
          "--slo", "ttft.p99<=2s", "--tensor-parallel-sizes", ",",
        ], input: Self.trace),
      """
      error: `--tensor-parallel-sizes` must be positive integers, found ``

      hint: separate them by commas: `1,2,4,8`
      """)
  }

  @Test func targetsBeyondAllTime() throws {
    let plan = ["plan", "capacity", "-"] + Self.engine + ["--slo"]
    expect(
      try Tool.run(plan + ["ttft.p99<=1e300s"], input: Self.trace),
      "error: `ttft.p99<=1e300s`: a bound is at most 1000000000 s, found `1e300s`")
    expect(
      try Tool.run(plan + ["ttft.p99<=nan"], input: Self.trace),
      """
      error: `ttft.p99<=nan` has no unit that is known

      hint: units are us, ms, s and min, as in `2s`
      """)
  }
}
