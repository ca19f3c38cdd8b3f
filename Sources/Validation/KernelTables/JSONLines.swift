import Foundation
import Messages

/// JSON objects, one a line, as the bytes of a table: a column for each member that is a number or a text.
struct JSONLines {
  let table: [UInt8]
  /// The line of each row, 1-based.
  let lines: [Int]

  /// `nil` for a file that does not begin with an object.
  ///
  /// - Throws: ``UserError`` with file and line for a line that is no object.
  init?(path: String, bytes: [UInt8]) throws {
    guard bytes.first(where: { !" \n\r\t".utf8.contains($0) }) == UInt8(ascii: "{") else {
      return nil
    }
    let objects = try JSONObjects.lines(path: path, String(decoding: bytes, as: UTF8.self))
    lines = objects.map(\.line)
    let texts = objects.map { $0.object.compactMapValues(Self.text) }
    let columns = Set(texts.flatMap(\.keys)).sorted()
    let rows = texts.map { row in columns.map { Self.field(row[$0] ?? "") }.joined(separator: ",") }
    table = Array(
      ([columns.map(Self.field).joined(separator: ",")] + rows).joined(separator: "\n").utf8)
  }

  private static func text(_ value: Any) -> String? {
    switch value {
    case let number as NSNumber: "\(number)"
    case let text as String: text
    default: nil
    }
  }

  /// In quotes, within which the table has no escapes.
  private static func field(_ text: String) -> String {
    "\"\(text.filter { $0 != "\"" && !$0.isNewline })\""
  }
}
