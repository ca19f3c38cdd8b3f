import Foundation
import Messages
import Testing

@testable import Conformance

/// A golden worked out by hand from the rules: five usable blocks of 4 tokens.
///
///     step   a             b               free queue after
///     0      |1|2|         |1|3|4|  hit    5
///     1      |1|2|5|       done            4 3            3 is cached, 1 is still a's
///     2      done                          5 4 3 2 1      1, 2 and 3 are cached
///     5      c: |5|4|3|2|  done            2 1 3 4 5      3 and 2 were evicted, 3 is cached anew
private enum HandmadeGolden {
  static let lines = handmadeGolden("vllm-v1-pair")

  /// Writes the lines to a file of their own and replays it.
  ///
  /// - Returns: The line of the report, or the message without the name of the folder.
  static func replayLine(_ lines: [String]) throws -> String {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "pair.jsonl").path
    try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
    do {
      return try replay(try GoldenFile(path: path)).line
    } catch let error as UserError {
      return error.message.replacingOccurrences(of: folder.path + "/", with: "")
    }
  }

  /// The same with one text replaced in one line (1-based).
  static func replayLine(line: Int, _ old: String, _ new: String) throws -> String {
    var lines = lines
    let changed = lines[line - 1].replacingOccurrences(of: old, with: new)
    try #require(changed != lines[line - 1], "`\(old)` is not in line \(line)")
    lines[line - 1] = changed
    return try replayLine(lines)
  }
}

@Suite struct V1GoldenTests {
  @Test func theHandmadeGoldenPasses() throws {
    #expect(try HandmadeGolden.replayLine(HandmadeGolden.lines) == "PASS pair 4 steps")
  }

  /// A change of any field of any kind of record is found, and named.
  @Test(arguments: [
    (7, #""t":2"#, #""t":3"#, "step 3: t expected 3, got 2"),
    (
      5, #""arrive":["a","b"]"#, #""arrive":["b","a"]"#,
      "step 0: arrive expected [b, a], got [a, b]"
    ),
    (
      5, #"["b",4,5]]"#, #"["b",4,4]]"#,
      "step 0: sched expected [[a, 0, 8], [b, 4, 4]], got [[a, 0, 8], [b, 4, 5]]"
    ),
    (5, #""tokens":13"#, #""tokens":12"#, "step 0: tokens expected 12, got 13"),
    (
      5, #""admit":[["a",0],["b",4]]"#, #""admit":[["a",0]]"#,
      "step 0: admit expected [[a, 0]], got [[a, 0], [b, 4]]"
    ),
    (
      6, #""tokens":2"#, #""preempt":[["b",9]],"tokens":2"#,
      "step 1: preempt expected [[b, 9]], got []"
    ),
    (8, #""evicted":[3,2]"#, #""evicted":[2,3]"#, "step 5: evicted expected [2, 3], got [3, 2]"),
    (8, #""evicted":[3,2]"#, #""evicted":3"#, "step 5: evicted expected 3, got 2"),
    (5, #""free_sched":1"#, #""free_sched":2"#, "step 0: free_sched expected 2, got 1"),
    (
      5, #"["b",[1,3,4]]"#, #"["b",[2,3,4]]"#,
      "step 0: tables expected [[a, 1, 2], [b, 2, 3, 4]], got [[a, 1, 2], [b, 1, 3, 4]]"
    ),
    (6, #""finished":["b"]"#, #""finished":["a"]"#, "step 1: finished expected [a], got [b]"),
    (6, #""running":["a"]"#, #""running":["b"]"#, "step 1: running expected [b], got [a]"),
    (6, #""waiting":[]"#, #""waiting":["c"]"#, "step 1: waiting expected [c], got []"),
    (6, #""nq":[1,0]"#, #""nq":[1,1]"#, "step 1: nq expected [1, 1], got [1, 0]"),
    (
      6, #""q_crc":[3904355907,0]"#, #""q_crc":[1,0]"#,
      "step 1: q_crc expected [1, 0], got [3904355907, 0]"
    ),
    (6, #""free":2"#, #""free":3"#, "step 1: free expected 3, got 2"),
    (
      6, #""free_queue":[4,3]"#, #""free_queue":[3,4]"#,
      "step 1: free_queue expected [3, 4], got [4, 3]"
    ),
    (
      6, #""hashed_blocks":[1,2,3]"#, #""hashed_blocks":[1,2]"#,
      "step 1: hashed_blocks expected [1, 2], got [1, 2, 3]"
    ),
    (6, #""hashed_blocks":[1,2,3]"#, #""n_hashed":2"#, "step 1: n_hashed expected 2, got 3"),
    (
      6, #""free_queue_crc":1522704102"#, #""free_queue_crc":0"#,
      "step 1: free_queue_crc expected 0, got 1522704102"
    ),
    (9, #""steps":4"#, #""steps":5"#, "step 6: steps expected 5, got 4"),
    (9, #""finished":3"#, #""finished":2"#, "step 6: finished expected 2, got 3"),
    (9, #""preemptions":0"#, #""preemptions":1"#, "step 6: preemptions expected 1, got 0"),
    (
      9, #""tokens_scheduled":29"#, #""tokens_scheduled":28"#,
      "step 6: tokens_scheduled expected 28, got 29"
    ),
    (
      9, #""cache_hit_tokens":4"#, #""cache_hit_tokens":8"#,
      "step 6: cache_hit_tokens expected 8, got 4"
    ),
    (9, #""evictions":2"#, #""evictions":1"#, "step 6: evictions expected 1, got 2"),
  ])
  func aChangedFieldIsNamed(line: Int, old: String, new: String, expected: String) throws {
    let found = try HandmadeGolden.replayLine(line: line, old, new)
    #expect(found == "DIVERGES pair " + expected)
  }

  @Test(arguments: [
    (
      1, #""vllm-golden/1""#, #""vllm-golden/2""#,
      "unknown format `vllm-golden/2`, this reader knows `vllm-golden/1`"
    ),
    (
      1, #""0.33.0""#, #""0.21.0""#,
      "unknown `engine_version` 0.21.0, this reader knows 0.10 and 0.33"
    ),
    (
      1, #""null_block":0"#, #""null_block":0,"spec":1"#,
      "unknown field `spec` in a `header` record"
    ),
    (1, #""fcfs""#, #""lifo""#, "unknown `policy` `lifo`"),
    (
      1, #""async_scheduling":false"#, #""async_scheduling":true"#,
      "asynchronous scheduling is not simulated"
    ),
    (
      1, #""watermark_blocks":0"#, #""watermark_blocks":1"#,
      "`watermark_blocks` is 1, but `watermark` leaves 0 of 6"
    ),
    (1, #""block_size":4"#, #""block_size":0"#, "`block_size` is 0, out of range"),
    (
      1, #""preemption":"recompute""#, #""preemption":"swap""#,
      "`preemption` is `swap`, only `recompute` is simulated"
    ),
    (
      1, #""num_cpu_blocks":0"#, #""num_cpu_blocks":4"#,
      "`num_cpu_blocks` is 4, only 0 is simulated"
    ),
    (3, #""id":"b""#, #""id":"a""#, "request `a` is there twice"),
    (
      3, #""arrival_step":0"#, #""arrival_step":-1"#,
      "request `b` out of order: it arrives at step -1, the one before it at 0"
    ),
    (
      3, #""prompt_tokens":9"#, #""prompt_tokens":8"#, "`prompt` has 9 tokens, `prompt_tokens` is 8"
    ),
    (3, "[2,0,5]", "[2,0]", "`prompt` must consist of [stream, start, count]"),
    (
      3, #""output_tokens":2"#, #""output_tokens":2,"n":2"#,
      "unknown field `n` in a `request` record"
    ),
    (6, #""t":1"#, #""t":0"#, "step 0 out of order, after 0"),
    (6, #""t":1"#, #""t":1,"extra":0"#, "unknown field `extra` in a `step` record"),
    (6, #"["b",9,1]"#, #"["z",9,1]"#, "unknown request `z`"),
    (6, #"["b",9,1]"#, #"["b","9",1]"#, "`sched` must consist of lists [id, number, …]"),
    (6, #""finished":["b"]"#, #""finished":["z"]"#, "unknown request `z`"),
    (8, #""type":"step""#, #""type":"stop""#, "unknown record type `stop`"),
    (8, "}", "", "not a JSON object (is the file cut off?)"),
  ])
  func aBadRecordIsNamedByFileAndLine(
    line: Int, old: String, new: String, expected: String
  ) throws {
    let found = try HandmadeGolden.replayLine(line: line, old, new)
    #expect(found == "pair.jsonl:\(line): " + expected)
  }

  @Test func recordsOutOfOrderAreRefused() throws {
    let lines = HandmadeGolden.lines
    let swapped = lines[0..<5] + [lines[6], lines[5]] + lines[7...]
    #expect(
      try HandmadeGolden.replayLine(Array(swapped)) == "pair.jsonl:7: step 1 out of order, after 2")
    let late = lines[0..<3] + lines[4..<6] + [lines[3]] + lines[6...]
    #expect(
      try HandmadeGolden.replayLine(Array(late))
        == "pair.jsonl:6: a `request` after the first `step`")
    #expect(
      try HandmadeGolden.replayLine(lines + [lines[7]])
        == "pair.jsonl:10: a record after the `summary`")
    #expect(
      try HandmadeGolden.replayLine(Array(lines.dropLast()))
        == "pair.jsonl:8: the file ends without a `summary`")
  }

  /// With the queue of 0.10 everything is freed at the tail, the partial block 5 too.
  @Test func theReleaseDecidesWhereFreedBlocksQueue() throws {
    let found = try HandmadeGolden.replayLine(line: 1, "0.33.0", "0.10.2")
    #expect(
      found == "DIVERGES pair step 2: free_queue expected [5, 4, 3, 2, 1], got [4, 3, 5, 2, 1]")
  }
}
