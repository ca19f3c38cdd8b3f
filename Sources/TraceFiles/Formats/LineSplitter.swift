import Foundation
import Messages

/// A place in a text file; line and byte column count from 1.
struct TextPlace: Equatable {
  var line: Int
  var column: Int
}

/// Cuts a text file into lines, fed in pieces of any size.
///
/// A line that lies within one piece is handed out where it lies; only a line cut by the end of a
/// piece is copied. A byte order mark and the carriage returns of CRLF do not belong to the lines.
struct LineSplitter {
  /// Bytes that a line may have: more is no trace, and would be gathered without end.
  static let lineBytesMax = 1 << 24

  private let file: String
  /// Lines handed out so far.
  private(set) var line = 0
  /// The beginning of a line whose end has not come yet.
  private var carry: [UInt8] = []

  init(file: String) { self.file = file }

  /// Hands every line that ends in `chunk` to `body`, with its number, and keeps the beginning of
  /// the next.
  mutating func consume(
    _ chunk: Span<UInt8>, _ body: (Span<UInt8>, Int) throws(UserError) -> Void
  ) throws(UserError) {
    var start = 0
    while start < chunk.count {
      guard let end = indexOfLineFeed(in: chunk, from: start) else {
        return try keep(chunk.extracting(start..<chunk.count))
      }
      if carry.isEmpty {
        line += 1
        let whole = chunk.extracting(start..<end)
        try body(whole.extracting(textRange(of: whole)), line)
      } else {
        try keep(chunk.extracting(start..<end))
        try takeCarry(body)
      }
      start = end + 1
    }
  }

  /// Hands out a last line that no line feed ends.
  mutating func finish(
    _ body: (Span<UInt8>, Int) throws(UserError) -> Void
  ) throws(UserError) {
    if !carry.isEmpty { try takeCarry(body) }
  }

  private mutating func keep(_ part: Span<UInt8>) throws(UserError) {
    if carry.count + part.count > Self.lineBytesMax {
      throw .at(file, line + 1, 1, "the line is longer than \(Self.lineBytesMax) bytes")
    }
    part.withUnsafeBufferPointer { carry.append(contentsOf: $0) }
  }

  private mutating func takeCarry(
    _ body: (Span<UInt8>, Int) throws(UserError) -> Void
  ) throws(UserError) {
    line += 1
    var whole: [UInt8] = []
    swap(&whole, &carry)
    let range = textRange(of: whole.span)
    try body(whole.span.extracting(range), line)
    whole.removeAll(keepingCapacity: true)
    swap(&whole, &carry)
  }

  /// The bytes of a line without byte order mark and carriage return.
  private func textRange(of bytes: Span<UInt8>) -> Range<Int> {
    let hasMark =
      line == 1 && bytes.count >= 3 && bytes[0] == 0xEF && bytes[1] == 0xBB && bytes[2] == 0xBF
    let hasReturn = bytes.count > 0 && bytes[bytes.count - 1] == UInt8(ascii: "\r")
    return (hasMark ? 3 : 0)..<(hasReturn ? bytes.count - 1 : bytes.count)
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
