import Foundation
import Messages

/// A file of JSON objects: one, an array of them, or one a line. `NaN` and `Infinity`, as Python writes them, are read.
struct JSONObjects {
  var objects: [[String: Any]]

  init(path: String, bytes: [UInt8]) throws {
    let text = String(decoding: bytes, as: UTF8.self)
      .replacing(/-?\bInfinity\b/, with: "\"inf\"").replacing(/\bNaN\b/, with: "null")
    if let object = Self.parsed(text) as? [String: Any] {
      objects = [object]
    } else if let array = Self.parsed(text) as? [[String: Any]] {
      objects = array
    } else {
      objects = try Self.lines(path: path, text).map(\.object)
    }
  }

  private static func parsed(_ text: some StringProtocol) -> Any? {
    try? JSONSerialization.jsonObject(with: Data(text.utf8))
  }

  /// One object a line; lines count from 1.
  static func lines(path: String, _ text: String) throws -> [(line: Int, object: [String: Any])] {
    // A line end of two characters is one newline.
    let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    return try lines.enumerated().compactMap { index, line in
      guard line.contains(where: { !$0.isWhitespace }) else { return nil }
      guard let object = parsed(line) as? [String: Any] else {
        throw UserError("\(path):\(index + 1): not a JSON object")
      }
      return (index + 1, object)
    }
  }
}
