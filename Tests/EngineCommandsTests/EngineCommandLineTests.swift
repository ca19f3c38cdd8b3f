import Foundation
import Messages
import Testing

@testable import EngineCommands

/// How a pasted text is read: shell, flags in their many spellings, and what is wrong with it.
@Suite struct EngineCommandLineTests {
  private func words(_ text: String) throws -> String {
    try EngineCommandLine(text).settings.map { String($0.word.dropFirst(2)) }.joined(separator: " ")
  }

  @Test func spellingsOfOneFlag() throws {
    let wanted: Set = ["system=vllm-v1", "model=m", "max-model-len=32K"]
    for text in [
      "vllm serve m --max-model-len 32K", "vllm serve m --max_model_len=32K",
      "vllm serve --max-model-len 32K m",
      "vllm serve --model m --max-model-l 32K", "uv run vllm serve m '--max-model-len' \"32K\"",
      "vllm serve m —max-model-len 32K", "bash -c 'vllm serve m --max-model-len 32K' > log 2>&1",
      "vllm serve m --max-model-len 8 --max-model-len 32K",
    ] {
      #expect(Set(try words(text).split(separator: " ").map(String.init)) == wanted, "\(text)")
    }
  }

  @Test func valuesThatMeanSomethingElse() throws {
    #expect(
      try words("vllm serve m -tp=2 -q awq -O3 -dp 1")
        == "system=vllm-v1 model=m tensor-parallel-size=2 quantization=int4")
    #expect(
      try words("vllm serve m --enable-chunked-prefill=False --enable-prefix-caching True")
        == "system=vllm-v1 model=m no-enable-chunked-prefill enable-prefix-caching")
    #expect(
      try words(#"vllm serve m --compilation-config '{"cudagraph_capture_sizes": [1, 512, 64]}'"#)
        == "system=vllm-v1 model=m max-cudagraph-capture-size=512")
    #expect(
      try words("vllm serve m -cc.max_cudagraph_capture_size=128")
        == "system=vllm-v1 model=m max-cudagraph-capture-size=128")
    #expect(
      try words(#"vllm serve m --rope-scaling '{"rope_type":"yarn","factor":4.0}'"#)
        == #"system=vllm-v1 model=m hf-overrides={"rope_scaling": {"rope_type":"yarn","factor":4.0}}"#
    )
    #expect(
      try words("sglang serve --model-path m --chunked-prefill-size -1")
        == "system=sglang model=m no-enable-chunked-prefill")
    let auto = try EngineCommandLine("vllm serve m --max-model-len auto --kv-cache-dtype nvfp4")
    #expect(auto.settings.count == 2)
    #expect(auto.effects.map(\.flags) == [["--max-model-len auto"], ["--kv-cache-dtype nvfp4"]])
  }

  @Test func releaseOfAnImage() throws {
    let run = "docker run --gpus all -p 80:80 vllm/vllm-openai"
    #expect(
      try words("\(run):v0.11.0 --model m") == "system=vllm-v1 engine-release=0.11.0 model=m")
    #expect(
      try words("\(run):v0.11.0 vllm serve m") == "system=vllm-v1 engine-release=0.11.0 model=m")
    #expect(try words("\(run):nightly --model m") == "system=vllm-v1 model=m")
  }

  @Test func ranksAreOfAllGPUsOrOfSome() throws {
    #expect(
      try words("vllm serve m -dp 4 --enable-expert-parallel")
        == "system=vllm-v1 model=m data-parallel-size=4 enable-expert-parallel")
    let sglang = "sglang serve --model-path m --tp 16 --dp-size 8"
    #expect(
      try words(sglang) == "system=sglang model=m tensor-parallel-size=16 replicas=8")
    #expect(
      try words("\(sglang) --enable-dp-attention --ep 16")
        == "system=sglang model=m tensor-parallel-size=2 data-parallel-size=8 enable-expert-parallel"
    )
    #expect(
      try words("sglang serve --model-path m --tp 8 --attn-dp-size 8")
        == "system=sglang model=m tensor-parallel-size=1 data-parallel-size=8")
    let one = try EngineCommandLine("sglang serve --model-path m --tp 8 --enable-dp-attention")
    #expect(one.settings.map(\.word).last == "--tensor-parallel-size=8")
    #expect(one.idle == ["--enable-dp-attention"])
    let error = #expect(throws: UserError.self) {
      try EngineCommandLine("sglang serve --model-path m --tp 8 --dp 3 --enable-dp-attention")
    }
    #expect(
      error?.message
        == "`--from-command`: `--dp 3` cuts the GPUs of `--tp 8` into ranks, and 8 is not a multiple of 3"
    )
  }

  @Test func ranksDecideNothingAhead() throws {
    let ahead = try EngineCommandLine("vllm serve m -dp 4 --async-scheduling")
    #expect(ahead.settings.map(\.name) == ["system", "model", "data-parallel-size"])
    #expect(
      ahead.effects == [
        .init(
          flags: ["--async-scheduling"],
          effect:
            "ranks of `-dp 4` decide an iteration when the one before it has ended, and not while it runs"
        )
      ])
  }

  @Test func expertsOverAllGPUsOrOverSome() throws {
    let some = try EngineCommandLine("trtllm-serve m --tp_size 8 --ep_size 2")
    #expect(
      some.effects.map(\.effect) == ["experts are spread over all GPUs of tensor parallelism"])
    #expect(try EngineCommandLine("trtllm-serve m --tp_size 8 --ep_size 8").effects.isEmpty)
  }

  @Test(arguments: [
    (
      "vllm bench serve --model m",
      "`--from-command`: no command in it starts an engine",
      "it reads the words behind `vllm serve`, `python -m vllm.entrypoints.openai.api_server`, `sglang serve`, "
        + "`python -m sglang.launch_server` and `trtllm-serve`"
    ),
    (
      "vllm serve a &\nsglang serve --model b",
      "`--from-command`: 2 commands in it start an engine (`vllm serve`, `sglang serve`)",
      "give one of them"
    ),
    (
      "vllm serve m --max-model-lenn 4",
      "`--from-command`: no flag `--max-model-lenn` of `vllm serve` is known",
      "did you mean `--max-model-len`? leave it out of the command if it changes nothing that is simulated"
    ),
    (
      "vllm serve m --max-num-seqs --port 8", "`--from-command`: `--max-num-seqs` has no value", nil
    ),
    (
      "vllm serve m n", "`--from-command`: unexpected `n` behind `vllm serve`",
      "quote it if it belongs to a value"
    ),
    (
      "vllm serve m $EXTRA", "`--from-command`: unexpected `$EXTRA` behind `vllm serve`",
      "the shell puts words in its place: write them"
    ),
    ("", "`--from-command`: no command in it starts an engine", nil),
    (
      "vllm serve \"x --port 8",
      "`--from-command`: the quote at character 12 is not closed: `\"x --port 8`",
      "close it, or put a backslash before it where it is part of the text"
    ),
    (
      "Here's it:\nvllm serve x",
      "`--from-command`: the quote at character 5 is not closed: `'s it:\\u{a}vllm serve x`", nil
    ),
    (
      "bash -c \"vllm serve 'x\"",
      "`--from-command`: the quote at character 12 of the text in quotes is not closed: `'x`", nil
    ),
  ]) func mistakes(_ text: String, _ message: String, _ hint: String?) {
    let error = #expect(throws: UserError.self) { try EngineCommandLine(text) }
    #expect(error?.message == message)
    if let hint { #expect(error?.hint == hint) }
  }

  /// Of a text that is no command, and behind a backslash, it opens nothing.
  @Test func anApostropheIsNoQuote() throws {
    #expect(
      try words("echo \"it's here\" && vllm serve m --max-num-seqs 4")
        == words("vllm serve m --max-num-seqs 4"))
    #expect(try words("vllm serve m\\'s") == "system=vllm-v1 model=m's")
  }

  @Test func flagsOutsideOfALine() {
    #expect(
      EngineCommandLine.explanation(of: "--port")
        == "nothing that is simulated depends on `--port` of `vllm serve`")
    #expect(EngineCommandLine.explanation(of: "--block-siz") == nil)
  }

  /// A name means one thing: two rows of it would leave the second unread.
  @Test(arguments: Engine.allCases) func namesStandOnce(_ engine: Engine) {
    let names = engine.flags.flatMap(\.names)
    let twice = Dictionary(grouping: names, by: \.self).filter { $0.value.count > 1 }.keys.sorted()
    #expect(twice.isEmpty)
    #expect(names.allSatisfy { $0.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9-]*/) != nil })
  }

  /// Damaged command lines are read or refused; none crashes.
  @Test func damagedLines() {
    var state: UInt64 = 7
    func below(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let pieces = [
      "\"", "'", "\\", "\n", "#", "--", "-", "=", ".", "$", "&", "|", ">", "^", "{", "–", "\u{0}",
      "é", " ",
    ]
    let lines = (PublishedCommandTests.Line.vllm + PublishedCommandTests.Line.others).map {
      Array($0.text)
    }
    var read = 0
    let rounds = ProcessInfo.processInfo.environment["KVPLAN_FUZZ_ROUNDS"].flatMap(Int.init) ?? 400
    for round in 0..<rounds {
      var text = lines[round % lines.count]
      for _ in 0...below(4) {
        let place = below(text.count)
        switch below(3) {
        case 0: text.remove(at: place)
        case 1: text.insert(contentsOf: Array(pieces[below(pieces.count)]), at: place)
        default: text.removeSubrange(place..<min(text.count, place + below(9)))
        }
        if text.isEmpty { text = ["x"] }
      }
      do throws(UserError) {
        let line = try EngineCommandLine(String(text))
        #expect(line.settings.first?.name == "system")
        read += 1
      } catch {
        #expect(error.message.hasPrefix("`--from-command`: "))
      }
    }
    #expect(read > 40)
  }
}
