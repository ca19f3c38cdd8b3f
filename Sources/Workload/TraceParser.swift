import Foundation
import SimulationKernel

/// Turns the bytes of a CSV trace into requests, fed in pieces of any size.
///
/// A line that lies within one piece is parsed where it lies; only a line cut by the end of a piece
/// is copied. A row's fields are described at ``TraceReader``.
struct TraceParser {
  /// Bytes that a line may have: more is no trace, and would be gathered without end.
  private static let lineBytesMax = 1 << 24

  private let file: String
  /// The number, from 1, of the line being parsed.
  private var line = 0
  /// The beginning of a line whose end has not come yet.
  private var carry: [UInt8] = []
  private var header: TraceHeader?
  private var requests: [Request] = []
  /// Whether the rows carry arrivals; `nil` before the first row, which settles it.
  private var hasArrivals: Bool?
  /// The first of the empty lines just seen: fine at the end of the file, an error before a row.
  private var emptyLine: Int?

  init(file: String) { self.file = file }

  /// Parses the lines that end in `chunk`, and keeps the beginning of the next.
  mutating func consume(_ chunk: Span<UInt8>) throws(UserError) {
    var start = 0
    while start < chunk.count {
      guard let end = indexOfLineFeed(in: chunk, from: start) else {
        return try keep(chunk.extracting(start..<chunk.count))
      }
      if carry.isEmpty {
        try takeLine(chunk.extracting(start..<end))
      } else {
        try keep(chunk.extracting(start..<end))
        try takeCarry()
      }
      start = end + 1
    }
  }

  /// Ends the file: parses a last line without a line feed, and returns what was read.
  mutating func finish() throws(UserError) -> TraceReader.Reading {
    if !carry.isEmpty { try takeCarry() }
    let canonicalHint = "write the header `\(TraceColumn.canonicalHeader)` and one line per request"
    guard let header else { throw UserError("\(file): the file is empty", hint: canonicalHint) }
    guard let hasArrivals else {
      throw UserError("\(file): no requests after the header", hint: canonicalHint)
    }
    let trace = Trace(name: file, requests: requests, hasArrivals: hasArrivals)
    return (trace, header.warnings(file: file))
  }

  private mutating func keep(_ part: Span<UInt8>) throws(UserError) {
    if carry.count + part.count > Self.lineBytesMax {
      throw .at(file, line + 1, 1, "the line is longer than \(Self.lineBytesMax) bytes")
    }
    part.withUnsafeBufferPointer { carry.append(contentsOf: $0) }
  }

  private mutating func takeCarry() throws(UserError) {
    var whole: [UInt8] = []
    swap(&whole, &carry)
    try takeLine(whole.span)
    whole.removeAll(keepingCapacity: true)
    swap(&whole, &carry)
  }

  /// Takes one line, without its line feed.
  private mutating func takeLine(_ bytes: Span<UInt8>) throws(UserError) {
    line += 1
    let hasReturn = bytes.count > 0 && bytes[bytes.count - 1] == UInt8(ascii: "\r")
    let text = bytes.extracting(0..<(hasReturn ? bytes.count - 1 : bytes.count))
    if let header {
      if text.isEmpty {
        emptyLine = emptyLine ?? line
        return
      }
      if let emptyLine {
        throw .at(file, emptyLine, 1, "0 fields, the header has \(header.columns.count)")
      }
      let row = try TraceRow(text, columns: header.columns, file: file, line: line)
      try append(row)
    } else {
      let hasMark = text.count >= 3 && text[0] == 0xEF && text[1] == 0xBB && text[2] == 0xBF
      header = try TraceHeader(text.extracting((hasMark ? 3 : 0)..<text.count), file: file)
    }
  }

  /// Checks a row against the rows before it.
  private mutating func append(_ row: TraceRow) throws(UserError) {
    let isGiven = row.arrival != nil
    if let hasArrivals, hasArrivals != isGiven {
      throw .at(
        file, line, row.arrivalColumn,
        isGiven
          ? "`arrival_s` is given here but not on the rows before"
          : "`arrival_s` is empty here but not on the rows before",
        hint: "give every request an arrival, or none")
    }
    hasArrivals = isGiven
    let arrival = row.arrival ?? .zero
    if let previous = requests.last?.arrival, arrival < previous {
      throw .at(
        file, line, row.arrivalColumn,
        "arrivals go back: \(DecimalSeconds.text(arrival)) s after "
          + "\(DecimalSeconds.text(previous)) s",
        hint: "sort the file by `arrival_s`")
    }
    requests.append(
      Request(
        arrival: arrival, promptTokens: row.promptTokens, outputTokens: row.outputTokens,
        samples: row.samples, beamWidth: row.beamWidth, session: row.session))
  }
}

private func indexOfLineFeed(in bytes: Span<UInt8>, from start: Int) -> Int? {
  bytes.withUnsafeBytes { buffer -> Int? in
    guard let base = buffer.baseAddress,
      let found = memchr(base + start, 0x0A, buffer.count - start)
    else { return nil }
    return UnsafeRawPointer(found) - base
  }
}
