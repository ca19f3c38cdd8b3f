import Foundation
import Messages
import Testing

@testable import kvplan

/// Options of which only one could count.
@Suite struct GivenTwiceTests {
  private static let engine = ["--model", "llama-3.1-8b", "--device", "h100-sxm"]
  private static let trace = "arrival_s,prompt_tokens,output_tokens\n0,40,4\n1,40,4\n"

  private func expect(
    _ arguments: [String], _ message: String, status: Int32,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let run = try Tool.run(arguments, input: Self.trace)
    #expect(run.status == status, sourceLocation: sourceLocation)
    #expect(
      run.errors == "error: \(message)\n\nhint: leave one of them out\n",
      sourceLocation: sourceLocation)
    #expect(run.output.isEmpty, sourceLocation: sourceLocation)
  }

  @Test(arguments: [
    (
      [
        "plan", "fleet", "-", "--model", "llama-3.1-8b", "--request-rate", "5", "--slo",
        "ttft.p99<=2s",
      ]
        + ["--objective", "cost", "--objective=gpus"],
      "`--objective cost` and `--objective gpus` are both given"
    ),
    (
      ["simulate", "-"] + engine + ["-tp", "1", "--tensor-parallel-size=2"],
      "`-tp 1` and `--tensor-parallel-size 2` are both given"
    ),
    (
      ["trace", "generate", "sharegpt", "--seed", "1", "--num-prompts", "3", "--seed", "1"],
      "`--seed 1` and `--seed 1` are both given"
    ),
  ])
  func oneValueOfAnOption(arguments: [String], message: String) throws {
    try expect(arguments, message + ": the option takes one value", status: 64)
  }

  /// Options that may be repeated, those of another program, and help, are none of it.
  @Test(arguments: [
    ["simulate", "t.csv", "--vary", "block-size=8,16", "--vary", "max-num-seqs=4,8", "-tp", "2"],
    ["sweep", "submit", "s.yaml", "--shards", "2", "--", "--time=1", "--time=2", "--shards", "3"],
    ["simulate", "t.csv", "--seed", "1", "--seed", "2", "--help"],
  ])
  func whatMayComeAgain(words: [String]) {
    #expect(UserError(optionGivenTwiceIn: words) == nil)
  }

  /// Only names of one dash stand for others: what makes the look at a command line a short one.
  @Test(arguments: [
    ["simulate"], ["compare"], ["plan", "fleet"], ["catalog", "fit"], ["sweep", "run"],
  ])
  func anOptionHasOneLongName(words: [String]) {
    let arguments = NamedCommand(words).command.arguments ?? []
    #expect(arguments.count > 3)
    for argument in arguments where argument.kind == .option {
      let long = (argument.names ?? []).filter { $0.flag.hasPrefix("--") }
      #expect(long.count <= 1, "\(argument.synopsis)")
    }
  }

  @Test(arguments: [
    (
      ["--block-size", "32", "--vary", "block-size=8,16"],
      "`--vary block-size=8,16` beside `--block-size 32`"
    ),
    (
      ["--no-enable-prefix-caching", "--vary", "enable-prefix-caching=true,false"],
      "`--vary enable-prefix-caching=true,false` beside `--no-enable-prefix-caching`"
    ),
  ])
  func whatIsVariedHasNoOtherValue(arguments: [String], message: String) throws {
    try expect(
      ["simulate", "-"] + Self.engine + arguments, message + ": no run would have that one",
      status: 2)
  }

  @Test func norInAPlan() throws {
    try expect(
      [
        "plan", "fleet", "-", "--model", "llama-3.1-8b", "--devices", "h100-sxm", "--slo",
        "ttft.p99<=2s",
      ]
        + ["--request-rate", "5", "--max-num-seqs", "128", "--vary", "max-num-seqs=8,16"],
      "`--vary max-num-seqs=8,16` beside `--max-num-seqs 128`: no run would have that one",
      status: 2)
  }

  /// As a flag beside it does, what is varied wins over an engine's command line.
  @Test func whatIsVariedWinsOverACommandOfAnEngine() throws {
    let pasted = try PastedCommand(expanding: [
      "simulate", "t.csv", PastedCommand.flag, "vllm serve m --block-size 32 --max-num-seqs 128",
      "--vary", "page-size=8,16",
    ])
    #expect(
      pasted.words == [
        "simulate", "--system=vllm-v1", "--model=m", "--max-num-seqs=128", "t.csv", "--vary",
        "page-size=8,16",
      ])
    #expect(
      pasted.notes.last
        == "`--vary page-size` beside `--from-command` wins over its `--block-size 32`")
  }
}
