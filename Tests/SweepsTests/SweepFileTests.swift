import Messages
import Testing

@testable import Sweeps

/// What a sweep file means, and what is said where it means nothing.
@Suite struct SweepFileTests {
  private func texts(_ fields: String, axis: Int = 0) throws -> [String] {
    try Samples.file(fields).axes[axis].steps.map { $0.map(\.text).joined(separator: "+") }
  }

  @Test func axesAreListsAndRanges() throws {
    #expect(try texts("axes: {block-size: [8, 16]}") == ["8", "16"])
    #expect(try texts("axes: {block-size: {from: 8, to: 32, step: 8}}") == ["8", "16", "24", "32"])
    #expect(
      try texts("axes: {request-rate: {from: 0.1, to: 0.5, step: 0.1}}")
        == ["0.1", "0.2", "0.3", "0.4", "0.5"])
    #expect(
      try texts("axes: {request-rate: {from: 1, to: 2, count: 5}}")
        == ["1", "1.25", "1.5", "1.75", "2"])
    #expect(
      try texts("axes: {max-num-seqs: {from: 1, to: 256, count: 9, scale: log}}")
        == ["1", "2", "4", "8", "16", "32", "64", "128", "256"])
    #expect(try texts("seeds: 3") == ["0", "1", "2"])
    #expect(try texts("seeds: [7, 9]") == ["7", "9"])
  }

  @Test func zippedAxesGoInStep() throws {
    let fields = "zip:\n  - {model: [opt-13b, llama-3.1-8b], device: [a100-40gb, h100-sxm]}"
    #expect(try texts(fields) == ["opt-13b+a100-40gb", "llama-3.1-8b+h100-sxm"])
  }

  /// JSON is YAML: the same file, the same mistakes at the same places.
  @Test func jsonIsRead() throws {
    let json = """
      {"sweep": "s", "trace": "t.csv", "output": "o", "base": {"model": "opt-13b", "device": "l4"},
       "axes": {"block-size": [8, 16]}, "seeds": 2}
      """
    let file = try SweepReader.read(json, path: "f.json")
    #expect(file.axisNames == ["block-size", "seed"])
    #expect(throws: UserError("f.json:2:26: `block-size` must be a whole number, found `x`")) {
      _ = try SweepReader.read(json.replacing("8", with: "\"x\""), path: "f.json")
    }
  }

  @Test func pathsStartFromTheFile() throws {
    let rest = "\nbase: {model: opt-13b, device: l4}\n"
    let text = "sweep: s\ntrace: t.csv\noutput: o\(rest)"
    #expect(try SweepReader.read(text, path: "a/b/f.yaml").output == "a/b/o")
    #expect(try SweepReader.read(text, path: "f.yaml").output == "o")
    #expect(try SweepReader.read(text, path: "/f.yaml").output == "//o")
    #expect(
      try SweepReader.read("sweep: s\ntrace: t\noutput: /o\(rest)", path: "a/f.yaml").output == "/o"
    )
  }

  @Test(arguments: [
    (
      "axis: {}",
      "f.yaml:4:1: unknown field `axis` | did you mean `axes`?"
    ),
    (
      "axes: {blok-size: [8]}",
      "f.yaml:4:8: unknown setting `blok-size` | did you mean `block-size`?"
    ),
    ("axes:\n  block-size: [8, x]", "f.yaml:5:19: `block-size` must be a whole number, found `x`"),
    (
      "base: {model: opt-14b}",
      "f.yaml:4:15: unknown model `opt-14b` | did you mean `opt-13b`? `kvplan catalog models` lists all"
    ),
    (
      "base: {system: vlm-v1}",
      "f.yaml:4:16: unknown `system` `vlm-v1` | did you mean `vllm-v1`?"
    ),
    ("axes: {block-size: []}", "f.yaml:4:20: the list is empty: there is nothing to run"),
    ("seeds: 0", "f.yaml:4:8: `seeds` must be a number of seeds or a list of them, found `0`"),
    (
      "axes: {block-size: {from: 8, to: 64}}",
      "f.yaml:4:20: a range has `from`, `to` not below it, and either `step` or `count` | write "
        + "`{from: 8, to: 64, step: 8}` or `{from: 0.5, to: 8, count: 5, scale: log}`"
    ),
    (
      "axes: {block-size: {from: 8, too: 64}}",
      "f.yaml:4:30: unknown part of a range `too` | did you mean `to`?"
    ),
    (
      "axes: {max-num-seqs: {from: 1, to: 2, count: 3}}",
      "f.yaml:4:22: `max-num-seqs` must be a whole number, or `default`, found `1.5`"
    ),
    (
      "zip: [{model: [opt-13b], device: [a100-40gb, h100-sxm]}]",
      "f.yaml:4:7: `model` has 1 values, `device` has 2: axes that are zipped have as many"
    ),
    (
      "skip-where: [{seed: 1}]",
      "f.yaml:4:15: `seed` is neither set for all runs nor on an axis | known are model, device, trace"
    ),
    (
      "seeds: 2\nskip-where: [{seed: \"> many\"}]",
      "f.yaml:5:21: `>` compares with a number, found `> many`"
    ),
    (
      "seeds: 2\nskip-where: [{seed: \"=> 1\"}]",
      "f.yaml:5:21: `=> 1` begins with no comparison that is known | comparisons are >=, <=, !=, >, "
        + "<, ="
    ),
    (
      "metrics: [mean_tfft_ms]",
      "f.yaml:4:11: unknown metric `mean_tfft_ms` | did you mean `mean_ttft_ms`?"
    ),
    (
      "slo: {chat: {p90_ttft_ms: fast}}",
      "f.yaml:4:27: `p90_ttft_ms` must be a number, found `fast`"
    ),
    (
      "base: {model: opt-13b, device: l4}\nseeds: [",
      "f.yaml:6:1: did not find expected node content"
    ),
    ("sweep: again", "f.yaml:1:1: `sweep` stands there twice"),
    ("base: {seed: 1}\nseeds: 2", "f.yaml:1:1: `seed` is set for all runs and on an axis too"),
    (
      "base: {enable-prefix-caching: true}\naxes: {system: [orca-max, vllm-0.2]}",
      "f.yaml: no system of the sweep has `enable-prefix-caching` true | leave it out, or add a "
        + "system that has it: `vllm-v1` and `sglang` and `trtllm`"
    ),
  ])
  func mistakesAreNamed(_ fields: String, _ message: String) {
    #expect(Samples.mistake(fields) == message)
  }

  @Test func whatHasToBeThere() {
    func mistake(_ text: String) -> UserError? {
      do {
        _ = try SweepReader.read(text, path: "f.yaml")
        return nil
      } catch { return error as? UserError }
    }
    #expect(
      mistake("")
        == UserError("f.yaml: the file is empty", hint: "`kvplan sweep init` writes an example"))
    #expect(mistake("sweep: s\noutput: o") == UserError("f.yaml:1:1: the field `trace` is missing"))
    #expect(mistake("trace: t\noutput: o") == UserError("f.yaml:1:1: the field `sweep` is missing"))
  }

  /// The example that the tool writes is a sweep.
  @Test func theExampleIsRead() throws {
    let file = try SweepReader.read(SweepExample.text(trace: "t.csv"), path: "f.yaml")
    let grid = try SweepGrid(file)
    #expect(grid.count == 3 * 3 * 4 * 3)
    #expect((0..<grid.count).count { !grid.isSkipped($0) } == 84)
  }
}
