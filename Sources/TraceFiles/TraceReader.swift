import Messages
import Workload

/// Reads request traces in every ``TraceFormat``, plain or gzip, from a file or from standard
/// input, in one pass.
///
///     arrival_s,prompt_tokens,output_tokens,n,beam_width,session_id
///     0,374,44,1,0,7
///     4.314579,396,109,1,0,
///
/// The format is told by the content, never by the file's name: JSON by its first byte and the
/// members of its first object, tables by the names in their header. Columns are found by name, in
/// any order. In our own format `prompt_tokens` and `output_tokens` are required; a column
/// `arrival_s` that is absent, or empty on every row, makes a trace without arrivals; `n` defaults
/// to 1, `beam_width` to 0 and `session_id` to none. Other columns are allowed and named in a
/// warning. Accepted besides: a UTF-8 byte order mark, CRLF, quoted fields (RFC 4180, but within
/// one line), empty lines after the last request, and several gzip members in a row. Gzip is told
/// by its first two bytes.
///
/// A request of 0 output tokens is a failure: it is left out, counted, and said. Numbers are exact:
/// token counts are integers (`12.0` is refused) and arrivals become integer nanoseconds without
/// passing through `Double` (see ``DecimalSeconds``).
///
/// - Complexity: O(bytes) time; memory for the requests, two chunks and the longest row.
/// - Source: RFC 4180 (CSV), RFC 8259 (JSON), RFC 1952 (gzip); `docs/TRACES.md` lists the formats.
package enum TraceReader {
  package typealias Reading = TraceReading

  /// Bytes read, and bytes inflated, at a time.
  private static let chunkBytes = 1 << 18

  /// Reads the trace at `path`, or from standard input where `path` is `-`.
  ///
  /// The trace is named by `path` as given, or `<stdin>`; an estimate of its tokens is added to the
  /// name.
  ///
  /// - Throws: ``UserError``, as `FILE:LINE:COLUMN: what` for a mistake in a row (line and byte
  ///   column count from 1), as `FILE: what` for one of the whole file, and as
  ///   `cannot read trace …` where the file cannot be opened or read.
  package static func read(
    path: String, options: TraceReadOptions = TraceReadOptions()
  ) throws(UserError) -> TraceReading {
    try read(path: path, options: options, statistics: nil).0
  }

  /// Reads a trace from bytes in memory; `name` stands for the file in messages.
  package static func read(
    bytes: [UInt8], name: String, options: TraceReadOptions = TraceReadOptions()
  ) throws(UserError) -> TraceReading {
    try read(bytes: bytes, name: name, options: options, statistics: nil).0
  }

  /// Describes the trace at `path` without keeping the requests of a plain table of our own format;
  /// other traces are read whole.
  ///
  /// - Parameter blockTokens: Tokens in a block of the prefix cache that is looked at; `nil` for
  ///   the file's own blocks, or 16.
  /// - Throws: As ``read(path:options:)``.
  package static func describe(
    path: String, options: TraceReadOptions, blockTokens: Int?,
    progress: (_ done: Int, _ all: Int) -> Void = { _, _ in }
  ) throws(UserError) -> (TraceDescription, TraceReading) {
    let (reading, statistics) = try read(
      path: path, options: options, statistics: TraceStatistics())
    if let statistics { return (statistics.description(), reading) }
    let size = blockTokens ?? reading.facts.blockTokens ?? 16
    return (
      TraceDescription(reading.trace, blockTokens: size, progress: progress), reading
    )
  }

  static func read(
    path: String, options: TraceReadOptions, statistics: TraceStatistics?
  ) throws(UserError) -> (TraceReading, TraceStatistics?) {
    let file = try TraceFile(path: path)
    let name = path == "-" ? "<stdin>" : path
    return try read(name: name, options: options, statistics: statistics) {
      chunk throws(UserError) in try file.read(into: &chunk)
    }
  }

  static func read(
    bytes: [UInt8], name: String, options: TraceReadOptions, statistics: TraceStatistics?
  ) throws(UserError) -> (TraceReading, TraceStatistics?) {
    var offset = 0
    return try read(name: name, options: options, statistics: statistics) {
      chunk throws(UserError) in
      let end = min(bytes.count, offset + chunk.count)
      defer { offset = end }
      chunk.withUnsafeMutableBytes { $0.copyBytes(from: bytes[offset..<end]) }
      return end - offset
    }
  }

  /// Feeds a parser from `nextChunk`, which fills the array it is given, returns how many bytes
  /// that took, and fills less than all of it only at the end.
  private static func read(
    name: String, options: TraceReadOptions, statistics: TraceStatistics?,
    nextChunk: (inout [UInt8]) throws(UserError) -> Int
  ) throws(UserError) -> (TraceReading, TraceStatistics?) {
    var parser = TraceParser(file: name, options: options, statistics: statistics)
    let mistake = try UnpackedFile.unpack(chunkBytes: chunkBytes, nextChunk: nextChunk) {
      bytes throws(UserError) in try parser.consume(bytes)
    }
    if let mistake {
      throw UserError(
        "\(name): \(mistake.rawValue)",
        hint: mistake == .endsEarly ? "copy or download the file again" : nil)
    }
    return try parser.finish()
  }
}
