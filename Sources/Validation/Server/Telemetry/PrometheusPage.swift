import Messages

/// What a server of an engine tells under `/metrics`, in Prometheus' text format.
///
///     vllm:request_success_total{engine="0",finished_reason="length"} 12.0 1765000000000
///     └────── name ────────────┘ └──────── labels ──────────────────┘ value └ milliseconds, may be left out
///
/// Lines of other names (Python's, the HTTP server's) are not looked at.
struct PrometheusPage {
  struct Sample: Equatable {
    var name: String
    /// In the order of their names.
    var labels: [Label]
    var value: Double
    /// Since 1970; `nil` where the line has none.
    var seconds: Double?
    /// 1-based.
    var line: Int
  }

  struct Label: Equatable {
    var name: String
    var value: String
  }

  /// The file, for messages.
  let name: String
  let samples: [Sample]

  /// - Parameter prefixes: How names begin that are read.
  /// - Throws: ``UserError`` with file and line for a line of such a name that cannot be read, and for one that stands twice.
  /// - Source: Prometheus, text-based exposition format 0.0.4.
  init(_ text: String, name: String, prefixes: [String]) throws(UserError) {
    self.name = name
    var samples: [Sample] = []
    var lines: [String: Int] = [:]
    for (index, text) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .enumerated()
    {
      guard prefixes.contains(where: text.hasPrefix) else { continue }
      var cursor = SampleCursor(text)
      guard let sample = cursor.sample(line: index + 1) else {
        throw UserError(
          "\(name):\(index + 1): no line of Prometheus' text format: \(printable(Array(text.utf8).span))",
          hint: "a line is `NAME{LABEL=\"TEXT\",…} NUMBER`")
      }
      let key = "\(sample.name) \(sample.labels.map { "\($0.name)=\($0.value)" })"
      if let first = lines.updateValue(index + 1, forKey: key) {
        throw UserError(
          "\(name):\(index + 1): `\(sample.name)` stands in line \(first) with the same labels",
          hint: "give pages that were read one after the other as files of their own")
      }
      samples.append(sample)
    }
    self.samples = samples
  }
}

/// A line of the format, read from left to right.
private struct SampleCursor {
  private var rest: Substring.UTF8View

  init(_ text: Substring) { rest = text.utf8[...] }

  private mutating func take(_ byte: Character) -> Bool {
    guard let value = byte.asciiValue, rest.first == value else { return false }
    rest.removeFirst()
    return true
  }

  private mutating func skipBlanks() {
    rest = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
  }

  private mutating func word(_ isPart: (UInt8) -> Bool) -> String {
    let word = rest.prefix(while: isPart)
    rest = rest[word.endIndex...]
    return String(Substring(word))
  }

  private static func isName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: ":"):
      true
    default: false
    }
  }

  /// The text between quotes, in which a backslash stands before a quote, a backslash and an `n`.
  private mutating func quoted() -> String? {
    guard take("\"") else { return nil }
    var bytes: [UInt8] = []
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\"") { return String(decoding: bytes, as: UTF8.self) }
      if byte == UInt8(ascii: "\\") {
        guard let next = rest.popFirst() else { return nil }
        bytes.append(next == UInt8(ascii: "n") ? UInt8(ascii: "\n") : next)
      } else {
        bytes.append(byte)
      }
    }
    return nil
  }

  private mutating func labels() -> [PrometheusPage.Label]? {
    guard take("{") else { return [] }
    var labels: [PrometheusPage.Label] = []
    while true {
      skipBlanks()
      if take("}") { return labels.sorted { $0.name < $1.name } }
      if !labels.isEmpty {
        guard take(",") else { return nil }
        skipBlanks()
        if take("}") { return labels.sorted { $0.name < $1.name } }
      }
      let name = word(Self.isName)
      guard !name.isEmpty, take("="), let value = quoted() else { return nil }
      labels.append(.init(name: name, value: value))
    }
  }

  mutating func sample(line: Int) -> PrometheusPage.Sample? {
    let name = word(Self.isName)
    skipBlanks()
    guard let labels = labels() else { return nil }
    skipBlanks()
    guard let value = Double(word { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }) else {
      return nil
    }
    skipBlanks()
    var seconds: Double?
    // What stands behind a `#` is OpenMetrics' example of a value.
    if !rest.isEmpty, rest.first != UInt8(ascii: "#") {
      guard let milliseconds = Double(word { $0 != UInt8(ascii: " ") }), milliseconds.isFinite
      else { return nil }
      seconds = milliseconds / 1e3
    }
    return .init(name: name, labels: labels, value: value, seconds: seconds, line: line)
  }
}
