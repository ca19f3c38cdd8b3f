import Foundation
import Testing

/// The tool as its users run it: the built binary, its streams and its exit status.
@Suite(.serialized) struct CommandLineTests {
  private let temporary: TemporaryFolder
  private var folder: URL { temporary.url }

  init() throws { temporary = try TemporaryFolder() }

  private func file(_ name: String, _ text: String) throws -> String {
    let url = folder.appending(path: name)
    try Data(text.utf8).write(to: url)
    return url.path
  }

  /// A trace of forty requests without arrivals.
  private func trace() throws -> String {
    let rows = (0..<40).map { "\(10 + $0),\(20 + 3 * $0)\n" }.joined()
    return try file("trace.csv", "prompt_tokens,output_tokens\n" + rows)
  }

  // MARK: What works

  @Test func comparesTheFiveSystems() throws {
    let run = try Tool.run(paper: [
      "compare", try trace(), "--request-rate", "1, 2", "--format", "csv",
    ])
    #expect(run.status == 0)
    let rows = run.output.split(separator: "\n").map { $0.split(separator: ",") }
    #expect(rows.count == 11)
    #expect(
      rows[1...5].map { String($0[0]) } == [
        "vllm-sosp23", "orca-oracle", "orca-pow2", "orca-max", "fastertransformer",
      ])
  }

  @Test func printsJSONWithTheNamesOfVLLM() throws {
    let run = try Tool.run(paper: [
      "simulate", try trace(), "--request-rate", "2", "--format", "json", "--seed", "5",
    ])
    #expect(run.status == 0)
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    for key in [
      "system", "model", "device", "completed", "rejected", "duration", "request_throughput",
      "output_throughput", "mean_ttft_ms", "median_ttft_ms", "p90_ttft_ms", "p99_ttft_ms",
      "mean_tpot_ms", "p99_itl_ms", "mean_e2el_ms", "mean_normalized_latency_s_per_token",
      "mean_batched_requests", "preemptions_recompute", "preemptions_swap",
    ] { #expect(object[key] != nil, "no \(key)") }
    let kv = try #require(object["kv"] as? [String: Any])
    let shares = [
      "token_state", "reserved", "internal_fragmentation", "external_fragmentation", "cached",
      "free",
    ].compactMap { kv[$0] as? Double }
    #expect(shares.count == 6)
    #expect(abs(shares.reduce(0, +) - 1) < 1e-12)
    #expect(kv["num_blocks"] as? Int == 983)
    let provenance = try #require(object["provenance"] as? [String: Any])
    #expect(provenance["seed"] as? Int == 5)
    #expect((provenance["scenario"] as? [String: Any])?["block-size"] != nil)
  }

  @Test func writesTheSameBytesTwice() throws {
    let trace = try trace()
    let outputs = try ["a", "b"].map { name -> [Data] in
      let output = folder.appending(path: name)
      let run = try Tool.run(paper: [
        "compare", trace, "--request-rate", "1,3", "--output", output.path, "--format", "json",
      ])
      #expect(run.status == 0)
      return try ["summary.csv", "requests.csv", "kvplan.sqlite"].map {
        try Data(contentsOf: output.appending(path: $0))
      } + [Data(run.output.utf8)]
    }
    #expect(outputs[0] == outputs[1])
  }

  @Test func aFleetWritesItsReplicasAndAddsThemUp() throws {
    let output = folder.appending(path: "fleet")
    let run = try Tool.run(paper: [
      "simulate", try trace(), "--request-rate", "2", "--replicas", "3", "--router", "round-robin",
      "--output", output.path, "--format", "json",
    ])
    #expect(run.status == 0)
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    let replicas = try #require(object["replicas"] as? [[String: Any]])
    #expect(replicas.map { $0["requests"] as? Int } == [14, 13, 13])
    #expect(
      replicas.compactMap { $0["iterations"] as? Int }.reduce(0, +) == object["iterations"] as? Int)
    let csv = try String(contentsOf: output.appending(path: "replicas.csv"), encoding: .utf8)
    #expect(
      csv.split(separator: "\n").dropFirst().map { $0.prefix(4) } == ["1,0,", "1,1,", "1,2,"])
    try expectPieces(
      in: String(contentsOf: output.appending(path: "timeline.csv"), encoding: .utf8),
      addUpTo: replicas)
    // A single replica has no such file, and takes away the one of the fleet before it.
    let single = try Tool.run(paper: [
      "simulate", try trace(), "--request-rate", "2", "--output", output.path,
    ])
    #expect(single.status == 0)
    #expect(
      !FileManager.default.fileExists(atPath: output.appending(path: "replicas.csv").path))
  }

  /// The pieces of each replica, weighted by how long they last, are what its summary says of the whole window.
  private func expectPieces(in timeline: String, addUpTo replicas: [[String: Any]]) throws {
    let lines = timeline.split(separator: "\n").map { $0.split(separator: ",") }
    let places = ["replica", "duration_s", "token_state", "running"].compactMap { name in
      lines[0].firstIndex { $0 == name }
    }
    for (number, replica) in replicas.enumerated() {
      let pieces = lines.dropFirst().map { line in places.map { Double(line[$0]) ?? .nan } }
        .filter { $0[0] == Double(number) }
      let duration = pieces.reduce(0) { $0 + $1[1] }
      for (place, name) in [(2, "token_state"), (3, "mean_batched_requests")] {
        let mean = pieces.reduce(0) { $0 + $1[1] * $1[place] } / duration
        let expected = try #require(replica[name] as? Double)
        #expect(abs(mean - expected) <= 1e-9 * expected, "replica \(number), \(name)")
      }
    }
  }

  /// Ten of forty: a sample spread over the trace, said on standard error and in the results; `--first` takes the first.
  @Test func fewerPromptsAreASample() throws {
    let trace = try trace()
    let arguments = [
      "simulate", trace, "--request-rate", "2", "--num-prompts", "10", "--format", "json",
    ]
    func fields(_ run: Tool.Run) throws -> [String: String] {
      let object = try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any]
      let provenance = try #require(object?["provenance"] as? [String: Any])
      return try #require(provenance["scenario"] as? [String: String])
    }
    let sampled = try Tool.run(paper: arguments)
    #expect(
      sampled.errors.hasPrefix(
        "warning: `--num-prompts` 10 takes a sample of 10 of 40 requests of `\(trace)`, spread over all of it and drawn "
          + "by seed 0; each stands for 4\n"))
    #expect(try fields(sampled)["sample"] == "10 of 40")
    #expect(try fields(sampled)["first"] == "false")
    let first = try Tool.run(paper: arguments + ["--first"])
    #expect(!first.errors.contains("a sample"))
    #expect(try fields(first)["sample"] == nil)
    #expect(try fields(first)["first"] == "true")
    let rows = try file(
      "rows.csv", Tool.run(["trace", "slice", trace, "--from-row", "0", "--to-row", "10"]).output)
    let csv = try [
      first, Tool.run(paper: ["simulate", rows, "--request-rate", "2", "--format", "json"]),
    ].map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.output.utf8)) as? [String: Any])[
        "mean_ttft_ms"] as? Double
    }
    #expect(csv[0] != nil && csv[0] == csv[1])
  }

  /// A sample that keeps its arrivals comes at a lower rate, which is said.
  @Test func aSampleWithItsArrivalsIsSaid() throws {
    let rows = (0..<40).map { "\($0),10,20\n" }.joined()
    let path = try file("timed.csv", "arrival_s,prompt_tokens,output_tokens\n" + rows)
    let run = try Tool.run(paper: ["simulate", path, "--num-prompts", "20"])
    #expect(
      run.errors.firstMatch(
        of:
          /warning: the sample comes at 0\.5\d* req\/s, the trace at 1: `--request-rate` draws arrivals at another rate, `--first`/
      ) != nil, "\(run.errors)")
  }

  @Test func anotherSeedBringsOtherArrivals() throws {
    let trace = try trace()
    let outputs = try ["1", "1", "2"].map {
      try Tool.run(paper: [
        "simulate", trace, "--request-rate", "2", "--seed", $0, "--format", "csv",
      ])
      .output.replacing("seed", with: "")
    }
    #expect(outputs[0] == outputs[1])
    #expect(outputs[0] != outputs[2])
  }

  @Test func readsATraceFromStandardInput() throws {
    let run = try Tool.run(
      paper: ["simulate", "-", "--format", "csv"],
      input: "arrival_s,prompt_tokens,output_tokens\n0,5,6\n")
    #expect(run.status == 0)
    #expect(run.output.contains("\nvllm-sosp23,opt-13b,a100-40gb,0.0,1,0,0,"))
  }

  @Test func generatesADescribedTrace() throws {
    let path = folder.appending(path: "made.csv").path
    let made = try Tool.run([
      "trace", "generate", "alpaca", "--num-prompts", "50", "--seed", "3", "--output", path,
    ])
    #expect(made.status == 0)
    let printed = try Tool.run([
      "trace", "generate", "alpaca", "--num-prompts", "50", "--seed", "3",
    ])
    #expect(printed.output == (try String(contentsOfFile: path, encoding: .utf8)))
    let described = try Tool.run(["trace", "describe", path, "--format", "json"])
    #expect(described.output.contains("\"rows\": 50"))
  }

  @Test(arguments: [
    ["--help"], ["simulate", "--help"], ["compare", "--help"], ["trace", "generate", "--help"],
    ["trace", "describe", "--help"], ["catalog", "models", "--help"], ["conform", "--help"],
  ]) func helpShowsAnExample(arguments: [String]) throws {
    let run = try Tool.run(arguments)
    #expect(run.status == 0)
    #expect(run.output.contains("EXAMPLE"))
  }

  @Test func listsTheCatalogues() throws {
    #expect(try Tool.run(["catalog", "models"]).output.contains("opt-13b"))
    #expect(
      try Tool.run(["catalog", "devices", "--format", "csv"]).output.contains(
        "\na100-40gb,39.39,as an engine sees it,1555,312,"))
    #expect(
      try Tool.run(["catalog", "systems", "--format", "json"]).output.contains("\"orca-max\""))
  }

  // MARK: What does not

  private func expectFailure(
    _ arguments: [String], status: Int32 = 2, _ message: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let run = try Tool.run(paper: arguments)
    #expect(run.status == status, sourceLocation: sourceLocation)
    #expect(run.errors == message + "\n", sourceLocation: sourceLocation)
    #expect(run.output.isEmpty, sourceLocation: sourceLocation)
  }

  /// The engines of today fit where today's models do; those of the paper are named.
  @Test func comparesTodaysEnginesUnlessToldOtherwise() throws {
    let run = try Tool.run([
      "compare", try trace(), "--request-rate", "2", "--model", "llama-3.1-8b", "--device",
      "h100-sxm",
    ])
    #expect(run.status == 0)
    let lines = run.output.split(separator: "\n").map { $0.split(separator: " ") }
    let systems = ["vllm-v1", "sglang", "trtllm"]
    let named = lines.flatMap { $0.prefix(2).map(String.init) }.filter(systems.contains)
    #expect(named == systems + systems)
    // The second time with how far each was from served runs.
    #expect(run.output.contains("\nserved error"))
  }

  @Test func namesTheNearestSystemModelAndDevice() throws {
    let trace = try trace()
    try expectFailure(
      ["simulate", trace, "--system", "vlm"],
      """
      error: unknown system `vlm`

      hint: did you mean `vllm`? `kvplan catalog systems` lists all
      """)
    try expectFailure(
      ["simulate", trace, "--system", "vlm-sosp23"],
      """
      error: unknown system `vlm-sosp23`

      hint: did you mean `vllm-sosp23`? `kvplan catalog systems` lists all
      """)
    try expectFailure(
      ["simulate", trace, "--model", "opt-14b"],
      """
      error: unknown model `opt-14b`

      hint: did you mean `opt-13b`? `kvplan catalog models` lists all
      """)
    try expectFailure(
      ["compare", trace, "--device", "a100-40"],
      """
      error: unknown device `a100-40`

      hint: did you mean `a100-40gb`? `kvplan catalog devices` lists all
      """)
  }

  @Test func simulateTakesOneSystem() throws {
    try expectFailure(
      ["simulate", try trace(), "--system", "vllm-v1,orca-max"],
      """
      error: `--system` takes one system, found `vllm-v1,orca-max`

      hint: `kvplan compare` takes several
      """)
  }

  /// No result is about a model or a GPU that nobody named; the hint is the command with an example of each.
  @Test func asksForModelAndDevice() throws {
    let trace = try trace()
    func expectMissing(_ arguments: [String], _ message: String) throws {
      let run = try Tool.run(arguments)
      #expect(run.status == 2)
      #expect(run.errors == message + "\n")
    }
    try expectMissing(
      ["simulate", trace, "--request-rate", "1"],
      """
      error: `--model` and `--device` are missing, and have no default

      hint: for example: kvplan simulate \(trace) --request-rate 1 --model llama-3.1-8b --device h100-sxm
      """)
    try expectMissing(
      ["plan", "fleet", trace, "--request-rate", "1", "--slo", "ttft.p99<=2s"],
      """
      error: `--model` is missing, and has no default

      hint: for example: kvplan plan fleet \(trace) --request-rate 1 --slo 'ttft.p99<=2s' --model llama-3.1-8b
      """)
    try expectMissing(
      ["plan", "capacity", trace, "--slo", "ttft.p99<=2s", "--model", "opt-13b"],
      """
      error: `--device` is missing, and has no default

      hint: for example: kvplan plan capacity \(trace) --slo 'ttft.p99<=2s' --model opt-13b --device h100-sxm
      """)
  }

  /// What is varied need not be given beside it.
  @Test func whatIsVariedIsGiven() throws {
    let run = try Tool.run([
      "simulate", try trace(), "--request-rate", "1", "--model", "opt-13b", "--vary",
      "device=a100-40gb,a100-80gb", "--format", "csv",
    ])
    #expect(run.status == 0)
    #expect(
      run.output.split(separator: "\n").map { $0.split(separator: ",").prefix(3) }.dropFirst() == [
        ["vllm-v1", "opt-13b", "a100-40gb"], ["vllm-v1", "opt-13b", "a100-80gb"],
      ])
  }

  /// The engine of today serves where none is named; `vllm` is the same.
  @Test func theSystemIsThatOfToday() throws {
    let arguments = [
      "simulate", try trace(), "--request-rate", "1", "--model", "opt-13b", "--device", "a100-40gb",
      "--format", "csv",
    ]
    let plain = try Tool.run(arguments)
    #expect(plain.output.contains("\nvllm-v1,opt-13b,a100-40gb,1.0,"))
    #expect(try Tool.run(arguments + ["--system", "vllm"]).output == plain.output)
  }

  @Test func saysThatALongContextLeavesNoBlocks() throws {
    try expectFailure(
      ["simulate", try trace(), "--request-rate", "1", "--model", "llama-3.1-8b"],
      """
      error: no KV block fits: weights 16.1 GB + activations 67.2 GB + context 1.1 GB + one block \
      2.1 MB exceed the 40.2 GB that each of 1 × `a100-40gb` leaves after the 5 % reserve

      hint: `vllm-sosp23` computes a prompt in one iteration, of up to 131072 tokens here; each of these alone would fit: \
      `--max-model-len 32768`, `--device h200-sxm`
      """)
  }

  @Test func saysWhatIsWrongWithATrace() throws {
    try expectFailure(
      ["simulate", "none.csv"],
      """
      error: cannot read trace `none.csv`: no such file

      hint: paths start from where kvplan is run; `kvplan trace generate` makes a trace
      """)
    let negative = try file("bad.csv", "prompt_tokens,output_tokens\n5,6\n5,-1\n")
    try expectFailure(
      ["simulate", negative],
      "error: \(negative):3:3: `output_tokens` must be a positive integer, found `-1`")
    let trace = try trace()
    try expectFailure(
      ["simulate", trace],
      """
      error: `\(trace)` has no arrival times

      hint: give `--request-rate 2` for Poisson arrivals at 2 requests per second
      """)
  }

  @Test func saysThatAModelDoesNotFit() throws {
    let trace = try trace()
    try expectFailure(
      ["simulate", trace, "--request-rate", "1", "--model", "opt-66b"],
      """
      error: the model does not fit: weights need 131.4 GB but 1 × `a100-40gb` leaves 40.2 GB \
      after the 5 % reserve

      hint: each of these alone would fit: `--tensor-parallel-size 4`, `--pipeline-parallel-size 4`, \
      `--device h200-sxm`
      """)
  }

  @Test func countsOrRefusesWhatCanNeverBeAdmitted() throws {
    let path = try file("long.csv", "arrival_s,prompt_tokens,output_tokens\n0,5,6\n1,2000,100\n")
    let skipped = try Tool.run(paper: ["simulate", path, "--format", "csv"])
    #expect(skipped.status == 0)
    #expect(skipped.output.contains(",1,1,0,"))
    #expect(
      skipped.errors.contains(
        "warning: 1 of 2 requests can never be admitted by `vllm-sosp23` and were rejected"))
    try expectFailure(
      ["simulate", path, "--oversized", "fail"],
      """
      error: request 2 of `\(path)` can never be admitted: prompt and output are 2100 tokens, \
      `--max-model-len` is 2048

      hint: leave such requests out with `--oversized skip`
      """)
  }

  @Test func refusesContradictions() throws {
    let trace = try trace()
    try expectFailure(
      ["simulate", trace, "--request-rate", "1", "--max-num-batched-tokens", "1000"],
      """
      error: `--max-num-batched-tokens` is 1000, below `--max-model-len` 2048: `vllm-sosp23` \
      computes a prompt in one iteration

      hint: raise `--max-num-batched-tokens` or lower `--max-model-len`
      """)
    try expectFailure(
      ["simulate", trace, "--request-rate", "1", "--from-second", "9", "--to-second", "3"],
      "error: `--to-second` must be later than `--from-second` 9.0, found `3.0`")
    try expectFailure(
      ["simulate", trace, "--request-rate=-1"],
      "error: `--request-rate` must be a positive number of requests per second, found `-1`")
    try expectFailure(
      ["compare", trace, "--request-rate", "1,x"],
      """
      error: `--request-rate` must be positive numbers of requests per second, found `x`

      hint: separate them by commas: `--request-rate 0.5,1,2`
      """)
    try expectFailure(
      ["simulate", trace, "--request-rate", "1", "--block-size", "0"],
      "error: `--block-size` must be at least 1, found `0`")
  }

  @Test func refusesFilesThatItDoesNotWrite() throws {
    let trace = try trace()
    try expectFailure(
      ["simulate", trace, "--request-rate", "1", "--files", "requests"],
      """
      error: `--files` says what to write, and nothing where

      hint: add `--output FOLDER`
      """)
    try expectFailure(
      ["simulate", trace, "--request-rate", "1", "--output", "out", "--files", "requests,csv"],
      """
      error: `--files` has an unknown file `csv`

      hint: choose of `summary`, `requests`, `timeline`, `sqlite`, `report` and `figures`, by commas
      """)
  }

  @Test func refusesAFlagThatTheSystemDoesNotHave() throws {
    let trace = try trace()
    try expectFailure(
      ["simulate", trace, "--request-rate", "1", "--system", "orca-max", "--swap-space", "8"],
      """
      error: `orca-max` has no `--swap-space`

      hint: leave it out, or choose a system that has it: `vllm-sosp23` and `vllm-0.2`
      """)
    try expectFailure(
      ["simulate", trace, "--request-rate", "1", "--no-enable-prefix-caching"],
      """
      error: `vllm-sosp23` has no `--enable-prefix-caching`

      hint: leave it out, or choose a system that has it: `vllm-v1` and `sglang` and `trtllm`
      """)
    try expectFailure(
      ["simulate", trace, "--request-rate", "1", "--system", "vllm-v1", "--engine-release", "0.2"],
      """
      error: `vllm-v1` has no release `0.2`

      hint: its releases are `0.6` to `0.33`
      """)
    try expectFailure(
      [
        "compare", trace, "--request-rate", "1", "--systems", "vllm-0.2,orca-max",
        "--enable-chunked-prefill",
      ],
      """
      error: none of the `--systems` has `--enable-chunked-prefill`

      hint: leave it out, or add a system that has it: `vllm-v1` and `sglang` and `trtllm`
      """)
    try expectFailure(
      [
        "compare", trace, "--request-rate", "1", "--systems", "vllm-0.2,orca-max",
        "--engine-release", "0.33",
      ],
      """
      error: none of the `--systems` has a release `0.33`

      hint: releases are `0.2.0` and `0.2.7` of `vllm-0.2`, `0.6` to `0.33` of `vllm-v1`
      """)
  }

  /// In `compare` a flag applies to the systems that have it.
  @Test func givesAFlagToTheSystemsThatHaveIt() throws {
    let run = try Tool.run(paper: [
      "compare", try trace(), "--request-rate", "1", "--systems", "vllm-0.2,vllm-v1,orca-max",
      "--engine-release", "0.2.0", "--no-enable-prefix-caching", "--format", "json",
    ])
    #expect(run.status == 0)
    let runs = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [[String: Any]])
    let scenarios = runs.compactMap {
      ($0["provenance"] as? [String: Any])?["scenario"] as? [String: String]
    }
    #expect(scenarios.map { $0["engine-release"] } == ["0.2.0", "0.33", nil])
    #expect(scenarios.map { $0["enable-prefix-caching"] } == [nil, "false", nil])
    #expect(scenarios.map { $0["gpu-memory-utilization"] } == ["0.9", "0.92", "0.95"])
  }

  @Test func badUsageIsSixtyFour() throws {
    let run = try Tool.run(paper: ["simulate", "x.csv", "--no-such-flag"])
    #expect(run.status == 64)
    #expect(run.errors.contains("has no option `--no-such-flag`"))
    #expect(try Tool.run(["simulate"]).status == 64)
    #expect(try Tool.run(paper: ["simulate", "x.csv", "--oversized", "maybe"]).status == 64)
  }

  @Test func refusesAnOutputFolderThatIsAFile() throws {
    let taken = try file("taken", "")
    try expectFailure(
      ["simulate", try trace(), "--request-rate", "1", "--output", taken],
      """
      error: cannot write to `\(taken)`: it is a file

      hint: choose another folder with `--output`
      """)
  }

  /// Ctrl-C half-way: status 130 and no trace of the folder.
  @Test func leavesNothingWhenInterrupted() throws {
    let output = folder.appending(path: "out").path
    let process = try Tool.start(
      Tool.paper([
        "simulate", try trace(), "--request-rate", "2", "--num-prompts", "4000000", "--output",
        output,
      ]))
    let files = FileManager.default
    while process.isRunning, try files.contentsOfDirectory(atPath: folder.path).count < 2 {
      Thread.sleep(forTimeInterval: 0.02)
    }
    #expect(process.isRunning)
    kill(process.processIdentifier, SIGINT)
    process.waitUntilExit()
    #expect(process.terminationStatus == 130)
    let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(left == ["trace.csv"])
  }

  @Test func conformNeedsGoldens() throws {
    try expectFailure(
      ["conform", folder.path],
      """
      error: no goldens in `\(folder.path)`

      hint: goldens are named `*.jsonl` or `*.json`, or `*.gz` of these
      """)
  }
}
