import Foundation
import Testing

/// What the tool says to a command line that it does not understand: in one voice, and with status 64.
@Suite struct UsageMessageTests {
  private func expect(
    _ arguments: [String], _ message: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let run = try Tool.run(arguments)
    #expect(run.status == 64, sourceLocation: sourceLocation)
    #expect(run.errors == message + "\n", sourceLocation: sourceLocation)
    #expect(run.output.isEmpty, sourceLocation: sourceLocation)
  }

  @Test func aMistypedCommandHasANearest() throws {
    try expect(
      ["simulat", "trace.csv", "--model", "opt-13b"],
      """
      error: no command `simulat`

      hint: did you mean `simulate`?
      """)
    try expect(
      ["plan", "capcity", "trace.csv"],
      """
      error: no command `plan capcity`

      hint: did you mean `plan capacity`?
      """)
    try expect(
      ["plan", "everything"],
      """
      error: no command `plan everything`

      hint: commands are `plan capacity`, `plan fleet`, `plan scale`, `plan cache`, \
      `plan speculation`
      """)
  }

  @Test func anUnknownOptionHasANearest() throws {
    try expect(
      ["simulate", "trace.csv", "--block-siz", "3"],
      """
      error: `kvplan simulate` has no option `--block-siz`

      hint: did you mean `--block-size`? `kvplan simulate --help` lists all
      """)
    try expect(
      ["compare", "trace.csv", "--colour=blue"],
      """
      error: `kvplan compare` has no option `--colour`

      hint: `kvplan compare --help` lists all
      """)
    try expect(
      ["simulate", "trace.csv", "-z"],
      """
      error: `kvplan simulate` has no option `-z`

      hint: `kvplan simulate --help` lists all
      """)
  }

  @Test func aMissingValueHasItsMeaning() throws {
    try expect(
      ["simulate", "trace.csv", "--block-size"],
      """
      error: `--block-size` needs a value

      hint: `--block-size <block-size>`: Token slots in a KV block (default: 16, of sglang mostly 1, of trtllm 32)
      """)
  }

  @Test func aValueOfAnotherTypeHasTheMeaning() throws {
    try expect(
      ["simulate", "trace.csv", "--block-size", "it's"],
      """
      error: `--block-size` does not take `it's`

      hint: `--block-size <block-size>`: Token slots in a KV block (default: 16, of sglang mostly 1, of trtllm 32)
      """)
  }

  @Test func aValueOfAListHasANearest() throws {
    try expect(
      ["catalog", "devices", "--format", "jsn"],
      """
      error: `--format` does not take `jsn`

      hint: did you mean `json`? it takes `table`, `json`, `csv`
      """)
    try expect(
      ["plan", "capacity", "trace.csv", "--slo", "chat", "--router", "best"],
      """
      error: `--router` does not take `best`

      hint: it takes `round-robin`, `least-outstanding`, `power-of-two`, `least-kv`, `prefix-aware`, `random`, \
      `session`, `vllm-dp`, `llm-d`, `llm-d-precise`, `llm-d-load`, `dynamo`, \
      `cache-aware`
      """)
  }

  @Test func aMissingArgumentHasAnExample() throws {
    try expect(
      ["trace", "describe"],
      """
      error: `<trace>` is missing

      hint: for example: kvplan trace describe traces/sharegpt.csv
      """)
    try expect(
      ["plan", "capacity", "trace.csv"],
      """
      error: `--slo <slo>` is missing

      hint: for example: kvplan plan capacity traces/sharegpt.csv --model llama-3.1-8b --device h100-sxm --slo \
      'ttft.p99<=2s, tpot.p99<=100ms'
      """)
  }

  @Test func moreArgumentsThanTaken() throws {
    try expect(
      ["simulate", "trace.csv", "b.csv"],
      """
      error: unexpected argument `b.csv`

      hint: `kvplan simulate` takes `<trace>` and options, which begin with `--`
      """)
    try expect(
      ["catalog", "models", "opt-13b", "opt-66b"],
      """
      error: unexpected arguments `opt-13b`, `opt-66b`

      hint: `kvplan catalog models` takes options, which begin with `--`
      """)
  }

  @Test func aFlagTakesNoValue() throws {
    try expect(
      ["simulate", "trace.csv", "--first=3"], "error: `--first` takes no value, found `3`")
  }

  /// What the commands find themselves.
  @Test func whatCommandsRefuse() throws {
    try expect(
      ["conform", "Tests/Goldens", "--format", "csv"], "error: `conform` prints `table` or `json`")
  }

  @Test func anUnknownShell() throws {
    try expect(
      ["--generate-completion-script", "tcsh"],
      """
      error: no completion for this shell

      hint: write `--generate-completion-script` and one of `bash`, `fish`, `zsh`
      """)
  }
}
