import Foundation
import Messages
import Testing

@testable import Conformance

/// What `conform` says about goldens of vLLM 0.2 that are wrong, unreadable, or recorded otherwise.
@Suite struct VLLM02GoldenTests {
  /// Two samples of which one ends with its first token, and a beam search of width two.
  private static let lines = handmadeGolden("vllm-0.2-tiny")

  /// Writes a golden, replays it, and returns what the user would read, the path left out.
  private func outcome(_ lines: [String]) throws -> String {
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).jsonl")
    try Data(lines.joined(separator: "\n").utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    do {
      return try replay(try GoldenFile(path: file.path)).line
    } catch let error as UserError {
      return error.description.replacingOccurrences(of: file.path, with: "golden")
    }
  }

  /// The golden with a piece of one line replaced.
  private func outcome(line: Int, _ old: String, _ new: String) throws -> String {
    var lines = Self.lines
    #expect(lines[line - 1].contains(old))
    lines[line - 1] = lines[line - 1].replacingOccurrences(of: old, with: new)
    return try outcome(lines)
  }

  @Test func passesAsRecorded() throws {
    #expect(try outcome(Self.lines) == "PASS 0.2.7/tiny 2 steps")
  }

  @Test(arguments: [
    (4, #""batched_tokens":8"#, #""batched_tokens":9"#, "step 0: batched_tokens expected 9, got 8"),
    (4, #""arrive":["a","b"],"#, "", "step 0: arrive expected [], got [a, b]"),
    (4, #""next_seq_id":7"#, #""next_seq_id":4"#, "step 0: next_seq_id expected 4, got 5"),
    (5, #""t":1"#, #""t":2"#, "step 2: t expected 2, got 1"),
    (
      5, "[7,5]", "[7,4]",
      "step 1: tables expected [a/0:7,4, b/3:6,4, b/4:6,3], "
        + "got [a/0:7,5, b/3:6,4, b/4:6,3]"
    ),
    (
      5, #"["free",0],"#, "",
      "step 1: ops expected [[free, 3], [free, 4]], "
        + "got [[free, 0], [free, 3], [free, 4]]"
    ),
    (5, #""kind":"decode""#, #""error":"oops""#, "step 1: error expected oops, got none"),
    (6, #""cow":0"#, #""cow":1"#, "step 1: cow expected 1, got 0"),
  ])
  func saysWhereItDiverges(line: Int, old: String, new: String, wanted: String) throws {
    #expect(try outcome(line: line, old, new) == "DIVERGES 0.2.7/tiny \(wanted)")
  }

  @Test(arguments: [
    (1, #""target":"v0""#, #""target":"v9""#, "not a golden of a known engine"),
    (1, #""policy""#, #""colour":1,"policy""#, "unknown field `colour` in a `header` record"),
    (1, "0.2.7", "0.3.0", "unknown `engine_version` `0.3.0`; `0.2.0` and `0.2.7` are known"),
    (1, "0.2.7", "0.2.0", "vLLM 0.2.0 has no `max_paddings`"),
    (1, #""engine":"vllm""#, #""engine":"tgi""#, "unknown `engine` `tgi`, expected `vllm`"),
    (1, #""prefix_caching":false"#, #""prefix_caching":true"#, "vLLM 0.2 has no `prefix_caching`"),
    (
      1, #""block_size":4"#, #""block_size":0"#,
      "`block_size` must be 1 or more and below 2³⁰, found 0"
    ),
    (
      1, #""prompt_limit":32"#, #""prompt_limit":64"#,
      "`prompt_limit` is 64, but the smaller of "
        + "`max_model_len` and `max_num_batched_tokens` is 32"
    ),
    (2, #""n":2"#, #""n":3"#, "2 `output_tokens` for 3 sequences"),
    (2, "[1,2]", "[0,2]", "`output_tokens` must be 1 or more and below 2³⁰, found 0"),
    (3, #""id":"b""#, #""id":"a""#, "a second request `a`"),
    (3, #""beam_width""#, #""n":2,"beam_width""#, "a request has `n` or `beam_width`, not both"),
    (3, #""type":"request""#, #""type":"wish""#, "unknown record type `wish`"),
    (4, #""nq""#, #""mood":1,"nq""#, "unknown field `mood` in a `step` record"),
    (4, #"["free",1]"#, #"["free",9]"#, "`ops` names sequence 9, which does not run"),
    (
      4, #"["free",1]"#, #"["drop",1]"#,
      "`ops` must list [fork, parent, child] or [free, sequence]"
    ),
    (
      4, #"["free",1]"#, #"["fork",1,5],["fork",1,6]"#,
      "`ops` forks more beams than the search of sequence 1 holds"
    ),
    (5, #""t":1"#, #""t":0"#, "step t = 0 out of order, line 4 has t = 0"),
  ])
  func refusesWhatItCannotRead(line: Int, old: String, new: String, wanted: String) throws {
    #expect(try outcome(line: line, old, new) == "error: golden:\(line): \(wanted)")
  }

  @Test func refusesRecordsOutOfOrder() throws {
    let lines = Self.lines
    #expect(
      try outcome(Array(lines[0...1] + lines[3...3] + lines[2...2]))
        == "error: golden:4: a `request` after the first step in line 3")
    #expect(
      try outcome(Array(lines[...4]))
        == "error: golden:5: the golden ends without a `summary` record")
    #expect(
      try outcome(lines + lines[4...4])
        == "error: golden:7: a `step` after the summary in line 6")
  }

  /// Two thirds of a gzip file.
  @Test func refusesTruncatedGzip() throws {
    let bytes = Data(
      base64Encoded:
        "H4sIAAAAAAACA6tWKqksSFWyUspITUxJLVLSUUrLL8pNLAGKlOXk5Oqm5+ekpObpGwIlShKL"
        + "0lPBEgZAXnI=")!
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).jsonl.gz")
    try bytes.write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    #expect(throws: UserError("\(file.path):1: the gzip data ends early")) {
      try GoldenFile(path: file.path)
    }
  }
}
