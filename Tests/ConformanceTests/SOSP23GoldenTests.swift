import Foundation
import Messages
import Testing

@testable import Conformance

/// What `conform` says about goldens of the SOSP'23 artifact that are wrong or unreadable.
///
/// Five blocks of 4 tokens, two requests of 8 and 3 tokens; free blocks are a stack, 4 on top:
///
///     step   request 0    request 1              free
///     0      |4|3|  P     |2|1|  P               0
///     1      |4|3|0|      recomputed             2 1
///     2      |4|3|0|      waits: needs three     2 1
///     3      done         |0|3|4|  P, 9 tokens   2 1
///     4                   |0|3|4|                2 1
@Suite struct SOSP23GoldenTests {
  private static let lines = handmadeGolden("sosp23-youngest")

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

  private func outcome(line: Int, _ old: String, _ new: String) throws -> String {
    var lines = Self.lines
    #expect(lines[line - 1].contains(old))
    lines[line - 1] = lines[line - 1].replacingOccurrences(of: old, with: new)
    return try outcome(lines)
  }

  @Test func passesAsWorkedOut() throws {
    #expect(try outcome(Self.lines) == "PASS youngest 5 steps")
  }

  @Test(arguments: [
    (5, #""pre":[[1,"R"]],"#, "", "step 1: pre expected [], got [[1, R]]"),
    (5, #""D":[0]"#, #""D":[1]"#, "step 1: D expected [1], got [0]"),
    (5, #""t":10320000"#, #""t":10320001"#, "step 1: t expected 10320001, got 10320000"),
    (7, #""free":2"#, #""free":3"#, "step 3: free expected 3, got 2"),
    (7, #""pt":9"#, #""pt":8"#, "step 3: pt expected 8, got 9"),
    (8, #""fin":[1]"#, #""fin":[]"#, "step 4: fin expected [], got [1]"),
    (9, #""recompute":1"#, #""recompute":2"#, "step 5: recompute expected 2, got 1"),
  ])
  func saysWhereItDiverges(line: Int, old: String, new: String, wanted: String) throws {
    #expect(try outcome(line: line, old, new) == "DIVERGES youngest \(wanted)")
  }

  @Test(arguments: [
    (1, #""source""#, #""mood":1,"source""#, "unknown field `mood` in a `header` record"),
    (1, #""system":"astra""#, #""system":"triton""#, "unknown system `triton`"),
    (
      1, #""block_size":4"#, #""block_size":0"#,
      "`block_size` must be 1 or more and below 2³⁰, found 0"
    ),
    (
      1, #""watermark_blocks":0"#, #""watermark_blocks":2"#,
      "`watermark_blocks` is 2, but 1 % of 5 blocks are 0"
    ),
    (1, #""num_requests":2"#, #""num_requests":3"#, "`num_requests` is 3, but 2 follow"),
    (
      3, #""prompt":8"#, #""prompt":99999999999"#,
      "`prompt` must be 1 or more and below 2³⁰, found 99999999999"
    ),
    (3, #""id":1"#, #""id":2"#, "request 2 out of order, expected 1"),
    (
      3, #""arrival_ns":0"#, #""arrival_ns":-1"#, "request 1 arrives at -1, the one before it at 0"
    ),
    (5, #""i":1"#, #""i":2"#, "step 2 out of order, expected 1"),
    (5, #""type":"step""#, #""type":"stop""#, "unknown record type `stop`"),
    (5, #""tok":1"#, #""tok":1,"extra":0"#, "unknown field `extra` in a `step` record"),
    (5, #""tok":1"#, #""forks":[[0]],"tok":1"#, "`forks` must consist of [child, parent]"),
    (5, #""tok":1"#, #""forks":[[9,0]],"tok":1"#, "`forks` names the unknown sequence 9"),
    (
      5, #""tok":1"#, #""forks":[[0,1]],"tok":1"#,
      "`forks` makes sequence 0 a child of 1, which is of another request"
    ),
  ])
  func refusesWhatItCannotRead(line: Int, old: String, new: String, wanted: String) throws {
    #expect(try outcome(line: line, old, new) == "error: golden:\(line): \(wanted)")
  }

  @Test func refusesRecordsOutOfOrder() throws {
    var late = Self.lines
    late.swapAt(2, 3)
    #expect(try outcome(late) == "error: golden:4: a `req` after the first step")
    let headless = Array(Self.lines.dropLast())
    #expect(
      try outcome(headless) == "error: golden:8: the golden ends without an `end` record")
    let endless = Self.lines + [Self.lines[7]]
    #expect(try outcome(endless) == "error: golden:10: a `step` after the end in line 9")
  }
}
