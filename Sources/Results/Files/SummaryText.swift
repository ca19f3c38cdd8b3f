import Metrics

/// The summaries as text for standard output and `summary.csv`.
package enum SummaryText {
  /// One run as an indented JSON object with a newline at its end: the columns of
  /// ``SummaryColumn`` in their order, those of the KV pool and the provenance nested.
  package static func json(_ summary: RunSummary) -> String { object(summary).indented + "\n" }

  /// Several runs, or none, as an indented JSON array of the objects of ``json(_:)-(RunSummary)``.
  package static func json(_ summaries: [RunSummary]) -> String {
    JSONValue.array(summaries.map(object)).indented + "\n"
  }

  /// A header and one row a run, with LF lines and quotes where RFC 4180 needs them.
  ///
  /// An absent value is an empty field; the scenario is a JSON object in one field.
  package static func csv(_ summaries: [RunSummary]) -> String {
    var buffer = ByteBuffer()
    buffer.append(SummaryColumn.all.map(\.key).joined(separator: ",") + "\n")
    for summary in summaries {
      for (position, column) in SummaryColumn.all.enumerated() {
        if position > 0 { buffer.append(",") }
        buffer.append(csvField: column.value(summary))
      }
      buffer.append("\n")
    }
    return buffer.text
  }

  /// The JSON object of one run.
  package static func object(_ summary: RunSummary) -> JSONValue {
    func members(_ group: SummaryColumn.Group) -> [JSONValue.Member] {
      SummaryColumn.all.filter { $0.group == group }.map { .init($0.key, $0.value(summary)) }
    }
    return .object(
      members(.run) + [
        .init("kv", .object(members(.kv))),
        .init("provenance", .object(members(.provenance))),
      ])
  }
}

extension ByteBuffer {
  fileprivate mutating func append(csvField value: JSONValue) {
    switch value {
    case .null: break
    case .text(let text): append(csvText: text)
    case .boolean, .integer, .unsigned, .real, .array, .object:
      append(csvText: value.compact)
    }
  }

  /// Appends `text`, in quotes if it holds a comma, a quote or a line end (RFC 4180 §2).
  private mutating func append(csvText text: String) {
    let special: [UInt8] = [0x2C, 0x22, 0x0D, 0x0A]
    guard text.utf8.contains(where: special.contains) else { return append(text) }
    append("\"")
    for byte in text.utf8 {
      if byte == UInt8(ascii: "\"") { append(byte: byte) }
      append(byte: byte)
    }
    append("\"")
  }
}
