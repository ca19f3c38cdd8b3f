import Messages
import Workload

/// Parses one session of an agent, as LLMServingSim has it: requests that follow one another after a tool's time.
///
///     {"session_id":"s0","arrival_time_ns":4000000,
///      "sub_requests":[{"input_toks":1472,"output_toks":133,"tool_duration_ns":127000000}, …]}
///
/// A request but the first arrives the tool's time after the one before, as if that had been answered at once; the time
/// is its think time. What prompts have in common is not said.
///
/// - Source: rows in the samples of reported files.
struct SessionParser {
  private var sessions = NameNumbers()
  /// Requests whose arrival is that of the one before and the tool's time.
  private(set) var delayedRequests = 0

  private static let members = FieldPaths(["session_id", "arrival_time_ns", "sub_requests"])
  private static let requestMembers = FieldPaths(["input_toks", "output_toks", "tool_duration_ns"])

  /// Parses the object in `bytes` into one record for each request.
  ///
  /// - Complexity: O(bytes).
  mutating func parse(
    _ bytes: Span<UInt8>, into records: inout [TraceRecord]
  ) throws(JSONMistake) {
    records.removeAll(keepingCapacity: true)
    var cursor = JSONCursor()
    var session: Int32?
    var arrival: Int64?
    var tools: [Int64] = []
    var seen: Set<Int> = []
    try cursor.enterObject(in: bytes, "a session")
    try Self.members.walk(bytes, &cursor) { index, key, _, cursor throws(JSONMistake) in
      guard seen.insert(index).inserted else {
        throw JSONMistake(offset: key.lowerBound, what: "a member of the session appears twice")
      }
      switch index {
      case 0:
        let isText = try cursor.peek(in: bytes) == UInt8(ascii: "\"")
        let range =
          isText
          ? try cursor.string(in: bytes, "`session_id`")
          : try cursor.number(in: bytes, "`session_id`")
        session = sessions.number(of: bytes.extracting(range))
      case 1: arrival = try cursor.integer(in: bytes, "`arrival_time_ns`", from: 0)
      default: try Self.takeRequests(bytes, &cursor, &records, &tools)
      }
    }
    try cursor.finish(in: bytes)
    guard !records.isEmpty else { throw JSONMistake(offset: 0, what: "no `sub_requests`") }
    let limit = DecimalSeconds.secondsMax * 1_000_000_000
    for index in records.indices {
      records[index].session = session
      if index > 0 {
        records[index].thinkTime = tools[index - 1]
        let (sum, overflows) = (arrival ?? 0).addingReportingOverflow(tools[index - 1])
        guard !overflows else { throw JSONMistake(offset: 0, what: "tools take too long") }
        if arrival != nil { arrival = sum }
        delayedRequests += 1
      }
      guard arrival ?? 0 <= limit else {
        throw JSONMistake(
          offset: 0, what: "`arrival_time_ns` must be at most \(DecimalSeconds.secondsMax) s")
      }
      records[index].arrival = arrival
    }
  }

  private static func takeRequests(
    _ bytes: Span<UInt8>, _ cursor: inout JSONCursor, _ records: inout [TraceRecord],
    _ tools: inout [Int64]
  ) throws(JSONMistake) {
    try cursor.enterArray(in: bytes, "`sub_requests`")
    while try cursor.nextElement(in: bytes) {
      var record = TraceRecord()
      var tool: Int64 = 0
      var seen: Set<Int> = []
      try cursor.enterObject(in: bytes, "a request")
      let start = cursor.position - 1
      try requestMembers.walk(bytes, &cursor) { index, key, _, cursor throws(JSONMistake) in
        guard seen.insert(index).inserted else {
          throw JSONMistake(offset: key.lowerBound, what: "a member of the request appears twice")
        }
        switch index {
        case 0: record.promptTokens = try cursor.count(in: bytes, "`input_toks`", from: 1)
        case 1: record.outputTokens = try cursor.count(in: bytes, "`output_toks`", from: 0)
        default: tool = try cursor.integer(in: bytes, "`tool_duration_ns`", from: 0)
        }
      }
      guard seen.isSuperset(of: [0, 1]) else {
        throw JSONMistake(
          offset: start, what: "no `\(seen.contains(0) ? "output_toks" : "input_toks")`")
      }
      records.append(record)
      tools.append(tool)
    }
  }
}
