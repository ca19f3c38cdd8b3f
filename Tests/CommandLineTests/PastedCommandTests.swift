import Messages
import Testing

@testable import kvplan

/// `--from-command` in a command line of ours.
@Suite struct PastedCommandTests {
  @Test func becomesFlagsOfOursAndGivesWayToThem() throws {
    let pasted = try PastedCommand(expanding: [
      "catalog", "fit", "--device", "h100-sxm", "-tp", "4", PastedCommand.flag,
      "vllm serve /data/hub/models--Qwen--Qwen3-8B/snapshots/2069 -tp 2 --enable-prefix-caching --port 80",
      "--max-num-seqs=9",
    ])
    #expect(
      pasted.words == [
        "catalog", "fit", "--system=vllm-v1", "--model=Qwen/Qwen3-8B", "--device", "h100-sxm",
        "-tp", "4",
        "--max-num-seqs=9",
      ])
    #expect(
      pasted.notes == [
        "`vllm serve` is read as --system=vllm-v1 --model=Qwen/Qwen3-8B",
        "there is no `/data/hub/models--Qwen--Qwen3-8B/snapshots/2069` here: taken for the model `Qwen/Qwen3-8B`",
        "`-tp` beside `--from-command` wins over its `-tp 2`",
        "`kvplan catalog fit` does not ask for `--enable-prefix-caching`",
        "nothing that is simulated depends on `--port`",
      ])
  }

  @Test func severalSystemsAndVariables() throws {
    let compared = try PastedCommand(expanding: [
      "compare", "t.csv", "\(PastedCommand.flag)=sglang serve --model-path m --tp 2",
    ])
    #expect(
      compared.words == [
        "compare", "--systems=sglang", "--model=m", "--tensor-parallel-size=2", "t.csv",
      ])
    let error = #expect(throws: UserError.self) {
      try PastedCommand(expanding: ["simulate", "t.csv", PastedCommand.flag, "vllm serve $M"])
    }
    #expect(error?.message == "`--from-command`: the shell puts a value in the place of `$M`")
    let plain = ["simulate", "t.csv", "--", PastedCommand.flag, "vllm serve m"]
    #expect(try PastedCommand(expanding: plain).words == plain)
  }
}
