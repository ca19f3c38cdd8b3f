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

  /// Ranks of a model with experts share them; of another they are replicas, also where our own `--model` says which.
  @Test func ranksShareExpertsOrAreReplicas() throws {
    func pasted(_ text: String, _ others: [String] = []) throws -> PastedCommand {
      try PastedCommand(expanding: ["simulate", "t.csv", PastedCommand.flag, text] + others)
    }
    let mixture = try pasted("vllm serve deepseek-ai/DeepSeek-R1 -dp 8 --enable-expert-parallel")
    #expect(
      mixture.words.contains("--data-parallel-size=8") && !mixture.words.contains("--replicas=8"))
    let dense = try pasted("vllm serve Qwen/Qwen3-8B -dp 2")
    #expect(dense.words.contains("--replicas=2"))
    #expect(
      dense.notes.contains("`qwen3-8b` has no experts: ranks of `-dp 2` are replicas"),
      "\(dense.notes)")
    let ours = try pasted("vllm serve /models/secret -dp 2", ["--model=qwen3-8b"])
    #expect(ours.words.contains("--replicas=2"))
    #expect(
      try pasted("vllm serve $MODEL -dp 2", ["--model", "qwen3-30b-a3b"]).words
        .contains("--data-parallel-size=2"))
  }

  /// Drafts are simulated where it is said how many are accepted.
  @Test func draftsNeedTheirAcceptance() throws {
    let text = #"vllm serve Qwen/Qwen3-8B -sc '{"method":"ngram","num_speculative_tokens":2}'"#
    let plain = try PastedCommand(expanding: ["simulate", "t.csv", PastedCommand.flag, text])
    #expect(!plain.words.contains { $0.hasPrefix("--speculative-config") })
    #expect(
      plain.warnings == [
        "`-sc {\"method\":\"ngram\",\"num_speculative_tokens\":2}` of `vllm serve`: one token an iteration is "
          + "simulated, as it is not said how many drafts are accepted: answers come faster there as long as "
          + "batches are small (`--acceptance` beside `--from-command` has them drafted)"
      ])
    let drafted = try PastedCommand(expanding: [
      "simulate", "t.csv", PastedCommand.flag, text, "--acceptance", "0.5,0.2",
    ])
    #expect(
      drafted.words.contains(
        #"--speculative-config={"method":"ngram","num_speculative_tokens":2}"#))
    #expect(drafted.warnings.isEmpty)
  }

  /// SGLang's flags of drafts are simulated together, or left out together.
  @Test func draftsOfSGLangNeedTheirAcceptanceToo() throws {
    let flags =
      "--speculative-num-steps 3 --speculative-eagle-topk 1 --speculative-draft-model-path a/b"
    func pasted(_ algorithm: String, _ others: [String] = []) throws -> PastedCommand {
      let text =
        "sglang serve --model-path Qwen/Qwen3-8B --speculative-algorithm \(algorithm) \(flags)"
      return try PastedCommand(
        expanding: ["simulate", "t.csv", PastedCommand.flag, text] + others)
    }
    let plain = try pasted("EAGLE3")
    #expect(!plain.words.contains { $0.hasPrefix("--speculative") })
    #expect(
      plain.warnings == [
        "`--speculative-algorithm EAGLE3`, `--speculative-num-steps 3`, `--speculative-eagle-topk 1`, "
          + "`--speculative-draft-model-path a/b` of `sglang serve`: one token an iteration is simulated, as it "
          + "is not said how many drafts are accepted: answers come faster there as long as batches are small "
          + "(`--acceptance` beside `--from-command` has them drafted)"
      ])
    let drafted = try pasted("eagle3", ["--acceptance", "0.5,0.2,0.1"])
    #expect(drafted.warnings.isEmpty)
    #expect(drafted.words.contains("--speculative-algorithm=EAGLE3"))
    #expect(drafted.words.contains("--speculative-num-steps=3"))
    #expect(!drafted.words.contains { $0.hasPrefix("--speculative-draft-model-path") })
    #expect(
      drafted.notes.contains(
        "`--speculative-draft-model-path a/b`: a head of the usual size is taken for it"))
    let tree = try pasted("NGRAM", ["--acceptance", "0.5"])
    #expect(!tree.words.contains { $0.hasPrefix("--speculative") })
    #expect(
      tree.warnings.first?.hasPrefix("`--speculative-algorithm NGRAM` of `sglang serve`:") == true)
  }
}
