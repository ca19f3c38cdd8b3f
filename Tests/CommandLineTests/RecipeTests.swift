import Foundation
import Messages
import Metrics
import Sweeps
import Testing

@testable import kvplan

/// Every JSON result can be read back, and run again to the same bytes.
@Suite(.serialized) struct RecipeTests {
  private static let rows =
    "arrival_s,prompt_tokens,output_tokens\n"
    + (0..<300).map { "\($0),\(100 + $0),\(20 + $0 % 50)\n" }.joined()

  /// Runs `body` with the paths of a trace and of a file to write beside it, which are removed after it.
  private func withFiles<Value>(_ body: (_ trace: String, _ file: String) throws -> Value) throws
    -> Value
  {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "kvplan-recipe-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let trace = folder.appending(path: "trace.csv")
    try Self.rows.write(to: trace, atomically: true, encoding: .utf8)
    return try body(trace.path, folder.appending(path: "recipe").path)
  }

  private static let llama = ["--model", "llama-3.1-8b"]
  private static let slo = ["--slo", "ttft.p90<=2s, tpot.p90<=100ms"]

  @Test(arguments: [
    ["simulate"] + llama + ["--device", "h100-sxm", "-tp", "2", "--request-rate=3", "--seed", "7"],
    ["simulate"] + llama
      + ["--device", "h100-sxm", "--vary", "block-size=8,16", "--vary", "max-num-seqs=4,8"],
    ["simulate"] + llama + [
      "--device", "h100-sxm", "--no-enable-prefix-caching", "--replica", "count=2", "--replica",
      "device=l40s", "--router", "round-robin", "--num_prompts", "200", "--first",
    ],
    ["compare"] + llama + [
      "--device", "h100-sxm", "--systems", "vllm-v1,vllm-0.2", "--max-model-len", "4096",
    ],
    ["plan", "capacity"] + llama + slo
      + ["--device", "h100-sxm", "--seeds", "1", "--request-rate", "5", "--no-explain"],
    ["plan", "fleet"] + llama + slo
      + [
        "--devices", "h100-sxm", "--tensor-parallel-sizes", "1", "--request-rate", "5,20",
        "--num-prompts", "60",
      ],
    ["plan", "scale"] + llama + slo + ["--device", "h100-sxm", "--window", "100"],
  ])
  func aResultIsMadeAgain(arguments: [String]) throws {
    try withFiles { trace, file in
      let first = try Tool.run(arguments + [trace, "--format", "json"])
      #expect(first.output.contains("\"run\": {"), "\(first)")
      try first.output.write(toFile: file, atomically: true, encoding: .utf8)
      let second = try Tool.run(["run", file, "--format", "json"])
      #expect(second.output == first.output)
      #expect(second.status == first.status)
    }
  }

  /// So are lists and reports.
  @Test(arguments: [
    ["catalog", "devices"],
    ["catalog", "fit", "--model", "llama-3.1-8b", "--device", "h100-sxm"],
    ["trace", "describe", "TRACE"],
    ["conform", "Tests/Goldens/sosp23-youngest.jsonl", "Tests/Goldens/sosp23-youngest.jsonl"],
    [
      "plan", "speculation", "--model", "llama-3.1-8b", "--device", "h100-sxm", "--context", "4000",
      "--speculative-config", #"{"method": "eagle3", "num_speculative_tokens": 3}"#,
      "--acceptance", "0.7,0.5,0.4",
    ],
  ])
  func aListIsMadeAgain(arguments: [String]) throws {
    try withFiles { trace, file in
      let words = arguments.map { $0 == "TRACE" ? trace : $0 }
      let first = try Tool.run(words + ["--format", "json"])
      #expect(first.status == 0, "\(first.errors)")
      try first.output.write(toFile: file, atomically: true, encoding: .utf8)
      let second = try Tool.run(["run", file, "--format", "json"])
      #expect(second.output == first.output, "\(second.errors)")
    }
  }

  /// A file by hand says what the command line says, and `--output` writes the same files.
  @Test func aScenarioFileIsACommandLine() throws {
    try withFiles { trace, file in
      let yaml = """
        schema: 1
        command: simulate
        trace: \(trace)
        model: llama-3.1-8b
        device: h100-sxm
        request-rate: 3
        no-enable-chunked-prefill: true
        first: false
        replica: [count=2, "device=l40s,max-num-seqs=64"]
        """
      try yaml.write(toFile: file, atomically: true, encoding: .utf8)
      let words = [
        "simulate", trace, "--model", "llama-3.1-8b", "--device", "h100-sxm", "--request-rate", "3",
        "--no-enable-chunked-prefill", "--replica", "count=2", "--replica",
        "device=l40s,max-num-seqs=64",
      ]
      for format in ["table", "json", "csv"] {
        let byHand = try Tool.run(words + ["--format", format])
        let byFile = try Tool.run(["run", file, "--format", format])
        #expect(byHand.status == 0 && byFile.output == byHand.output)
      }
      let folder = file + "-results"
      #expect(try Tool.run(["run", file, "--output", folder, "--files", "summary"]).status == 0)
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == [
          "replicas.csv", "summary.csv",
        ])
      let drawn = try Tool.run([
        "run", file, "--output", folder, "--files", "figures", "--figure", "cdf:metric=ttft",
      ])
      #expect(drawn.status == 0)
      #expect(FileManager.default.fileExists(atPath: "\(folder)/figures/cdf-ttft.svg"))
      // Where results go and what is drawn of them is no part of what made them.
      #expect(
        RunRecipe(words: words + ["--output", folder, "--figure", "cdf"])
          == RunRecipe(words: words))
    }
  }

  @Test(arguments: [
    (
      "schema: 2\nversion: 0.3.0\ncommand: simulate\n",
      "FILE:1:9: `schema` is 2, and this kvplan reads up to 1: kvplan 0.3.0 wrote it\n\n"
        + "hint: run it with that version, or write the settings anew with `schema: 1`"
    ),
    (
      "schema: 1\ncommand: simulate\ntrace: a.csv\ndevise: l4\n",
      "FILE:4:1: `simulate` has no setting `devise`\n\n"
        + "hint: did you mean `device`? `kvplan simulate --help` lists all"
    ),
    (
      "schema: 1\ncommand: plan capacty\n",
      "FILE:2:10: no command `plan capacty` can be run from a file\n\n"
        + "hint: did you mean `plan capacity`?"
    ),
    (
      "schema: 1\ncommand: simulate\nseed: [1, 2]\n",
      "FILE:3:1: `seed` takes one value, found 2"
    ),
    (
      "schema: 1\ncommand: simulate\nfirst: maybe\n",
      "FILE:3:1: `first` is true or false, found `maybe`"
    ),
    (
      "schema: 1\ncommand: simulate\nformat: json\n",
      "FILE:3:1: `format` is no part of a recipe\n\n"
        + "hint: give it to `kvplan run`: `--format json`"
    ),
    (
      "command: simulate\n",
      "FILE:1:1: the field `schema` is missing\n\nhint: write `schema: 1`"
    ),
    (
      "{\"capacity\": 3}",
      "FILE: no recipe: neither a `command` nor a result's `run` is in it\n\nhint: JSON that kvplan prints has it, or "
        + "write `schema: 1` and `command: simulate`"
    ),
    (
      "schema: one\ncommand: simulate\n",
      "FILE:1:9: `schema` must be a positive whole number, found `one`\n\nhint: write `schema: 1`"
    ),
    (
      "schema: 1\ncommand: trace generate\n",
      "FILE:2:10: no command `trace generate` can be run from a file\n\n"
        + "hint: every command that has `--format` can, such as `simulate` or `plan capacity`"
    ),
  ])
  func mistakesHaveAPlace(text: String, message: String) throws {
    try withFiles { _, file in
      try text.write(toFile: file, atomically: true, encoding: .utf8)
      let run = try Tool.run(["run", file])
      #expect(run.status == 2 && run.output.isEmpty)
      #expect(run.errors == "error: " + message.replacing("FILE", with: file) + "\n")
    }
  }

  /// What is wrong with a value, the command itself says.
  @Test func valuesAreThoseOfTheCommand() throws {
    try withFiles { trace, file in
      let text = "schema: 1\ncommand: simulate\ntrace: \(trace)\nblock-size: 16k\n"
      try text.write(toFile: file, atomically: true, encoding: .utf8)
      let run = try Tool.run(["run", file])
      #expect(run.status == 64)
      #expect(run.errors.hasPrefix("error: `--block-size` does not take `16k`\n"))
    }
  }

  @Test func whatWasSaidIsKept() {
    let recipe = RunRecipe(words: [
      "simulate", "a.csv", "--seed=2", "--vary", "seed=1,2", "--format", "json",
      "--vary=block-size=8", "--first",
    ])
    #expect(recipe.command == ["simulate"])
    #expect(
      recipe.settings == [
        .init("trace", ["a.csv"]), .init("seed", ["2"]),
        .init("vary", ["seed=1,2", "block-size=8"]), .init("first", []),
      ])
  }
}
