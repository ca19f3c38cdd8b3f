extension UserError {
  /// A mistake at a place in a file: `FILE:LINE:COLUMN: what`; line and byte column count from 1.
  package static func at(
    _ file: String, _ line: Int, _ column: Int, _ what: String, hint: String? = nil
  ) -> UserError {
    UserError("\(file):\(line):\(column): \(what)", hint: hint)
  }
}

/// Text from a file made safe for a terminal: at most 24 characters unless said otherwise, then `…`; control characters,
/// backquotes and the like as `\u{…}`; bytes that are not UTF-8 as the replacement character.
package func printable(_ bytes: Span<UInt8>, atMost charactersMax: Int = 24) -> String {
  // A character of UTF-8 has at most four bytes; one more character tells whether to cut.
  let head = (0..<min(bytes.count, 4 * (charactersMax + 1))).map { bytes[$0] }
  let scalars = String(decoding: head, as: UTF8.self).unicodeScalars
  var text = ""
  for scalar in scalars.prefix(charactersMax) {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator:
      text += "\\u{\(String(scalar.value, radix: 16))}"
    default: text += scalar == "`" ? "\\u{60}" : String(scalar)
    }
  }
  return scalars.count > charactersMax ? text + "…" : text
}

/// A number as a user would type it: `4`, not `4.0`.
package func plain(_ value: Double) -> String {
  Int(exactly: value).map(String.init) ?? "\(value)"
}

/// A word as a shell reads it back.
package func shellQuoted(_ word: String) -> String {
  let isPlain = word.allSatisfy {
    $0.isASCII && ($0.isLetter || $0.isNumber || "-_./=,:".contains($0))
  }
  return isPlain && !word.isEmpty ? word : "'\(word.replacing("'", with: "'\\''"))'"
}
