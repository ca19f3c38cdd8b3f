import Foundation
import Messages
import Testing

@testable import Conformance

/// A golden worked out by hand from the rules: a pool of 20 slots, chunks of 8 tokens.
///
///     step   batch          free  tree
///     0      a 0+6          14    a|6|                       b finds 10 slots promised to a, and waits
///     1      b 4+6           8    |4|2| and |4|6|            a's node is cut at the 4 tokens that b shares
///     2      a 6+1, b 10+1   6    … |6|1|                    b is done: its prompt and answer are unlocked
///     3      a 7+1           5    … |2|2|                    a is done
///     10     c 0+8           4    b's answer and its part of the prompt are evicted, 7 for the 3 that lack
///     11 12  c 8+1, 9+1      2
@Suite struct SGLangGoldenTests {
  private static let lines = handmadeGolden("sglang-split")

  private static func replayLine(_ lines: [String]) throws -> String {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "split.jsonl").path
    try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
    do {
      return try replay(try GoldenFile(path: path)).line
    } catch let error as UserError {
      return error.message.replacingOccurrences(of: folder.path + "/", with: "")
    }
  }

  private static func replayLine(line: Int, _ old: String, _ new: String) throws -> String {
    var lines = lines
    let changed = lines[line - 1].replacingOccurrences(of: old, with: new)
    try #require(changed != lines[line - 1], "`\(old)` is not in line \(line)")
    lines[line - 1] = changed
    return try replayLine(lines)
  }

  @Test func theHandmadeGoldenPasses() throws {
    #expect(try Self.replayLine(Self.lines) == "PASS split 7 steps")
  }

  /// A change of any field of any kind of record is found, and named.
  @Test(arguments: [
    (
      1, #""ratio_decay":0.0010033333333333333"#, #""ratio_decay":0.001"#,
      "step 0: ratio_decay expected 0.001, got 0.0010033333333333333"
    ),
    (1, #""max_req_len":19"#, #""max_req_len":63"#, "step 0: max_req_len expected 63, got 19"),
    (
      2, #""clipped_max_new_tokens":3"#, #""clipped_max_new_tokens":4"#,
      "step 0: clipped_max_new_tokens expected 4, got 3"
    ),
    (8, #""t":3"#, #""t":4"#, "step 4: t expected 4, got 3"),
    (
      5, #""arrive":["a","b"]"#, #""arrive":["b","a"]"#,
      "step 0: arrive expected [b, a], got [a, b]"
    ),
    (6, #""type":"prefill""#, #""type":"mixed""#, "step 1: type expected mixed, got prefill"),
    (6, #"["b",4,6]]"#, #"["b",0,6]]"#, "step 1: batch expected [[b, 0, 6]], got [[b, 4, 6]]"),
    (6, #""tokens":6"#, #""tokens":10"#, "step 1: tokens expected 10, got 6"),
    (
      6, #""admit":[["b",4]]"#, #""admit":[["b",0]]"#,
      "step 1: admit expected [[b, 0]], got [[b, 4]]"
    ),
    (
      7, #""tokens":2"#, #""tokens":2,"retract":[["a",1]]"#,
      "step 2: retract expected [[a, 1]], got []"
    ),
    (
      7, #""tokens":2"#, #""tokens":2,"preempt":[["a",1]]"#,
      "step 2: preempt expected [[a, 1]], got []"
    ),
    (9, #""n_evicted":7"#, #""n_evicted":3"#, "step 10: n_evicted expected 3, got 7"),
    (
      9, #"[4,[[2,0,6]]]"#, #"[4,[[2,0,5]]]"#,
      "step 10: evicted expected [[10,[[1000001,0,1]]],[4,[[2,0,5]]]], got "
        + "[[10,[[1000001,0,1]]],[4,[[2,0,6]]]]"
    ),
    (9, #""evicted_crc":"#, #""evicted_crc":1"#, "step 10: evicted_crc expected 1"),
    (6, #""free_sched":8"#, #""free_sched":9"#, "step 1: free_sched expected 9, got 8"),
    (7, #"[["b",2]]"#, #"[["b",3]]"#, "step 2: finished expected [[b, 3]], got [[b, 2]]"),
    (6, #""chunked":null"#, #""chunked":"b""#, "step 1: chunked expected b, got null"),
    (7, #""ratio":0.6989966666666666"#, #""ratio":0.7"#, "step 2: ratio expected 0.7, got 0.69899"),
    (6, #""free":8"#, #""free":9"#, "step 1: free expected 9, got 8"),
    (6, #""evictable":0"#, #""evictable":1"#, "step 1: evictable expected 1, got 0"),
    (6, #""protected":12"#, #""protected":11"#, "step 1: protected expected 11, got 12"),
    (6, #""running":["a","b"]"#, #""running":["b","a"]"#, "step 1: running expected [b, a]"),
    (6, #""waiting":[]"#, #""waiting":["c"]"#, "step 1: waiting expected [c], got []"),
    (6, #""nq":[2,0]"#, #""nq":[2,1]"#, "step 1: nq expected [2, 1], got [2, 0]"),
    (6, #""q_crc":"#, #""q_crc":1"#, "step 1: q_crc expected 1"),
    (12, #""hit_tokens":4"#, #""hit_tokens":5"#, "step 13: hit_tokens expected 5, got 4"),
    (
      12, #""evicted_tokens":7"#, #""evicted_tokens":6"#,
      "step 13: evicted_tokens expected 6, got 7"
    ),
    (12, #""decode":4"#, #""decode":3"#, "step 13: decode expected 3, got 4"),
  ])
  func everyFieldIsCompared(line: Int, old: String, new: String, report: String) throws {
    let found = try Self.replayLine(line: line, old, new)
    #expect(found.hasPrefix("DIVERGES split \(report)"), "\(found)")
  }

  @Test(arguments: [
    (
      1, "sglang-0.5.23", "sglang-0.5.2",
      "split.jsonl:1: unknown target `sglang-0.5.2`, this reader knows `sglang-0.5.23`"
    ),
    (
      1, #""policy":"fcfs""#, #""policy":"fifo""#,
      "split.jsonl:1: unknown `policy` `fifo`, this reader knows `fcfs`, `lpm`, `dfs-weight`, `lof`, "
        + "`hrrn`, `random`"
    ),
    (
      1, #""policy":"fcfs""#, #""policy":"random""#,
      "split.jsonl:1: `policy` is `random`, whose draws are the engine's own"
    ),
    (
      1, #""eviction_policy":"lru""#, #""eviction_policy":"lfu""#,
      "split.jsonl:1: `eviction_policy` is `lfu`, only `lru` is simulated"
    ),
    (
      1, #""pool_tokens":20"#, #""pool_tokens":20,"dp":2"#,
      "split.jsonl:1: unknown field `dp` in `header`"
    ),
    (
      2, #""prompt_tokens":6"#, #""prompt_tokens":7"#,
      "split.jsonl:2: `prompt` has 6 tokens, `prompt_tokens` is 7"
    ),
    (6, #""admit":[["b",4]]"#, #""admit":[["z",4]]"#, "split.jsonl:6: unknown request `z`"),
    (
      12, #""kind":"summary""#, #""kind":"step""#,
      "split.jsonl:12: the file ends without a `summary`"
    ),
  ])
  func whatCannotBeReadIsNamed(line: Int, old: String, new: String, message: String) throws {
    #expect(try Self.replayLine(line: line, old, new) == message)
  }
}
