import Messages

/// Parses JSON values that hold a list of requests somewhere inside.
///
///     benchmarks, 0, requests, successful, *      {"benchmarks": [{"requests": {"successful": [{…}, {…}]}}, …]}
///                                                                                             ^record ^record
struct ListedRecordParser {
  private let path: [String]
  private(set) var records: JSONRecordParser
  /// Elements of a list of which only the first is taken: other runs.
  private(set) var otherRuns = 0

  /// - Parameter path: Names of members, `a|b` for either; `*` for every element of a list, `0` for the first.
  init(_ format: TraceFormat, path: [String], options: TraceReadOptions) {
    self.path = path
    records = JSONRecordParser(format, options: options)
  }

  /// Parses the value in `bytes` into one record for each request.
  ///
  /// - Complexity: O(bytes).
  mutating func parse(
    _ bytes: Span<UInt8>, into found: inout [TraceRecord]
  ) throws(JSONMistake) {
    found.removeAll(keepingCapacity: true)
    var cursor = JSONCursor()
    try walk(bytes, &cursor, step: 0, into: &found)
    try cursor.finish(in: bytes)
  }

  private mutating func walk(
    _ bytes: Span<UInt8>, _ cursor: inout JSONCursor, step: Int, into found: inout [TraceRecord]
  ) throws(JSONMistake) {
    guard step < path.count else { return try take(bytes, &cursor, into: &found) }
    guard path[step] == "*" || path[step] == "0" else {
      let names = path[step].split(separator: "|").map { Array($0.utf8) }
      try cursor.enterObject(in: bytes, "what holds `\(path[step])`")
      while let key = try cursor.nextKey(in: bytes) {
        let name = bytes.extracting(key)
        if names.contains(where: { $0 == name.indices.map { name[$0] } }) {
          try walk(bytes, &cursor, step: step + 1, into: &found)
        } else {
          try cursor.skipValue(in: bytes)
        }
      }
      return
    }
    var count = 0
    try cursor.enterArray(in: bytes, "`\(path[max(step - 1, 0)])`")
    while try cursor.nextElement(in: bytes) {
      count += 1
      if path[step] == "0", count > 1 {
        otherRuns += 1
        try cursor.skipValue(in: bytes)
      } else {
        try walk(bytes, &cursor, step: step + 1, into: &found)
      }
    }
  }

  private mutating func take(
    _ bytes: Span<UInt8>, _ cursor: inout JSONCursor, into found: inout [TraceRecord]
  ) throws(JSONMistake) {
    _ = try cursor.peek(in: bytes)
    let start = cursor.position
    try cursor.skipValue(in: bytes)
    var record = TraceRecord()
    do throws(JSONMistake) {
      if try records.parse(bytes.extracting(start..<cursor.position), into: &record) {
        found.append(record)
      }
    } catch {
      throw JSONMistake(offset: start + error.offset, what: error.what)
    }
  }
}
