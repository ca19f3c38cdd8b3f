import Foundation
import Messages
import SimulationKernel
import Testing
import Workload

@testable import TraceFiles

/// What users read when a trace is wrong, word for word.
@Suite struct TraceReaderMessageTests {
  private static let header = "arrival_s,prompt_tokens,output_tokens"

  @Test(arguments: [
    ("1,12,-1", "2:6: `output_tokens` must be a positive integer, found `-1`"),
    ("1,12,12.5", "2:6: `output_tokens` must be a positive integer, found `12.5`"),
    ("1,0,12", "2:3: `prompt_tokens` must be a positive integer, found `0`"),
    ("1,,12", "2:3: `prompt_tokens` must be a positive integer, found nothing"),
    ("1,12,1e3", "2:6: `output_tokens` must be a positive integer, found `1e3`"),
    ("1, 12,4", "2:3: `prompt_tokens` must be a positive integer, found ` 12`"),
    ("1,2147483648,4", "2:3: `prompt_tokens` must be at most 2147483647, found `2147483648`"),
    (
      "1,99999999999999999999999999,4",
      "2:3: `prompt_tokens` must be at most 2147483647, found `999999999999999999999999…`"
    ),
    (
      "1,1\u{0}\u{7}`2,4",
      #"2:3: `prompt_tokens` must be a positive integer, found `1\u{0}\u{7}\u{60}2`"#
    ),
    ("1,zwölf,4", "2:3: `prompt_tokens` must be a positive integer, found `zwölf`"),
    ("-1,12,4", "2:1: `arrival_s` must be a number of seconds, 0 or more, found `-1`"),
    ("now,12,4", "2:1: `arrival_s` must be a number of seconds, 0 or more, found `now`"),
    ("4000000001,12,4", "2:1: `arrival_s` must be at most 4000000000 s, found `4000000001`"),
    ("1,12", "2:1: 2 fields, the header has 3"),
    ("x", "2:1: 1 field, the header has 3"),
    ("1,12,4,9", "2:1: 4 fields, the header has 3"),
    ("1,12,x,9", "2:1: 4 fields, the header has 3"),
    ("1,12,4\n\n2,12,4", "3:1: 0 fields, the header has 3"),
    ("1,\"12,4", "2:3: the quoted field does not end on its line"),
    ("1,\"12\"3,4", "2:3: the quoted field goes on after its closing quote"),
  ]) func rowMistakes(_ rows: String, _ message: String) {
    let error = mistake("\(Self.header)\n\(rows)\n")
    #expect(error == UserError("trace.csv:\(message)"))
  }

  @Test(arguments: [
    ("1,2,0,0,", "2:5: `n` must be a positive integer, found `0`"),
    ("1,2,x,0,", "2:5: `n` must be a positive integer, found `x`"),
    ("1,2,1,-2,", "2:7: `beam_width` must be 0 or a positive integer, found `-2`"),
    ("1,2,1,0,a1", "2:9: `session_id` must be 0 or a positive integer, found `a1`"),
    ("1,2,1,0,2147483648", "2:9: `session_id` must be at most 2147483647, found `2147483648`"),
  ]) func mistakesInOptionalColumns(_ row: String, _ message: String) {
    let error = mistake("prompt_tokens,output_tokens,n,beam_width,session_id\n\(row)\n")
    #expect(error == UserError("trace.csv:\(message)"))
  }

  @Test func samplesAndBeamTogether() {
    let error = mistake("prompt_tokens,output_tokens,n,beam_width\n10,20,4,6\n")
    #expect(
      error
        == UserError(
          "trace.csv:2:9: `n` is 4 and `beam_width` is 6: a request samples or searches, not both",
          hint: "set `n` to 1, or `beam_width` to 0"))
  }

  @Test func arrivals() {
    #expect(
      mistake("\(Self.header)\n0,1,1\n4.5,1,1\n3.200,1,1\n")
        == UserError(
          "trace.csv:4:1: arrivals go back: 3.2 s after 4.5 s",
          hint: "sort the file by `arrival_s`"))
    let hint = "give every request an arrival, or none"
    #expect(
      mistake("\(Self.header)\n0,1,1\n,1,1\n")
        == UserError(
          "trace.csv:3:1: `arrival_s` is empty here but not on the rows before", hint: hint))
    #expect(
      mistake("prompt_tokens,arrival_s,output_tokens\n1,,1\n10,7,1\n")
        == UserError(
          "trace.csv:3:4: `arrival_s` is given here but not on the rows before", hint: hint))
  }

  @Test func headers() {
    let hint =
      "the header is `arrival_s,prompt_tokens,output_tokens`, in any order; "
      + "`arrival_s` may be left out"
    #expect(
      mistake("a,b\n1,2\n")
        == UserError("trace.csv:1:1: no column `prompt_tokens` (found `a`, `b`)", hint: hint))
    #expect(
      mistake("prompt_tokens\n1\n")
        == UserError(
          "trace.csv:1:1: no column `output_tokens` (found `prompt_tokens`)", hint: hint))
    #expect(
      mistake("1,2,3,4,5,6,7,8,9,10\n")
        == UserError(
          "trace.csv:1:1: no column `prompt_tokens` "
            + "(found `1`, `2`, `3`, `4`, `5`, `6`, `7`, `8` and 2 more)", hint: hint))
    #expect(mistake("\n1,2\n") == UserError("trace.csv:1:1: the header line is empty", hint: hint))
    #expect(
      mistake("prompt_tokens,x,output_tokens,x\n")
        == UserError("trace.csv:1:31: column `x` appears twice"))
  }

  @Test func emptyFiles() {
    let hint = "write the header `arrival_s,prompt_tokens,output_tokens` and one line per request"
    #expect(mistake("") == UserError("trace.csv: the file is empty", hint: hint))
    #expect(mistake(gzip([])) == UserError("trace.csv: the file is empty", hint: hint))
    for end in ["", "\n", "\r\n", "\n\n\n"] {
      #expect(
        mistake(Self.header + end)
          == UserError("trace.csv: no requests after the header", hint: hint))
    }
  }

  @Test func brokenGzip() {
    let packed = gzip(Array("\(Self.header)\n0,12,4\n".utf8))
    #expect(
      mistake(packed.dropLast(), name: "trace.csv.gz")
        == UserError(
          "trace.csv.gz: the gzip data ends early", hint: "copy or download the file again"))
    var flipped = packed
    flipped[packed.count - 6] ^= 0xFF
    #expect(
      mistake(flipped, name: "trace.csv.gz") == UserError("trace.csv.gz: the gzip data is corrupt"))
    #expect(
      mistake(packed + [1, 2, 3], name: "trace.csv.gz")
        == UserError("trace.csv.gz: the gzip data is corrupt"))
  }

  @Test func endlessLine() {
    let line = [UInt8](repeating: UInt8(ascii: "7"), count: (1 << 24) + 1)
    #expect(
      mistake(line) == UserError("trace.csv:1:1: the line is longer than 16777216 bytes"))
  }

  @Test func unreadableFiles() throws {
    let hint = "paths start from where kvplan is run; `kvplan trace generate` makes a trace"
    #expect(throws: UserError("cannot read trace `x.csv`: no such file", hint: hint)) {
      try TraceReader.read(path: "x.csv")
    }
    try withTemporaryDirectory { directory in
      #expect(throws: UserError("cannot read trace `\(directory.path)`: it is a directory")) {
        try TraceReader.read(path: directory.path)
      }
    }
  }

  /// Root may read everything, so the test says nothing there.
  @Test(.enabled(if: geteuid() != 0)) func forbiddenFile() throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending(path: "secret.csv").path
      let isMade = FileManager.default.createFile(
        atPath: path, contents: Data(), attributes: [.posixPermissions: 0])
      #expect(isMade)
      #expect(throws: UserError("cannot read trace `\(path)`: permission denied")) {
        try TraceReader.read(path: path)
      }
    }
  }
}
