import Foundation

/// The colours of messages: the word before the colon, so that a mistake is found among other lines.
enum TerminalColor {
  /// The word that a line begins with, and its look (ECMA-48 select graphic rendition).
  private static let looks = [
    ("error:", "1;31"), ("warning:", "1;33"), ("hint:", "1;36"), ("note:", "1;36"),
  ]

  /// Whether colours are wanted: on a terminal that has them, unless `NO_COLOR` says otherwise.
  ///
  /// - Source: no-color.org: any value but the empty one counts.
  static func isWanted(isTerminal: Bool, environment: [String: String]) -> Bool {
    isTerminal && environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
  }

  /// The same text with its words coloured.
  static func painted(_ text: String) -> String {
    text.components(separatedBy: "\n").map { line in
      guard let (word, look) = looks.first(where: { line.hasPrefix($0.0) }) else { return line }
      return "\u{1B}[\(look)m\(word)\u{1B}[0m\(line.dropFirst(word.count))"
    }.joined(separator: "\n")
  }
}
