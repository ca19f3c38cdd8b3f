/// One value of a result: a cell of a table or a part of a JSON document.
///
/// Objects keep the order of their members, which `JSONEncoder` does not promise: the same results
/// are the same bytes.
package enum JSONValue: Equatable, Sendable {
  /// Nothing was measured: JSON `null`, an empty CSV field, SQL NULL.
  case null
  case boolean(Bool)
  case integer(Int)
  /// For seeds, which use all 64 bits.
  case unsigned(UInt64)
  /// Finite; written as the shortest decimal that reads back as the same number.
  case real(Double)
  case text(String)
  case array([JSONValue])
  case object([Member])

  /// One name and its value.
  package struct Member: Equatable, Sendable {
    package var name: String
    package var value: JSONValue

    package init(_ name: String, _ value: JSONValue) {
      self.name = name
      self.value = value
    }
  }

  /// `value`, or `null`.
  package init(_ value: Double?) { self = value.map(JSONValue.real) ?? .null }

  /// The document on several lines, indented by two spaces, without a newline at the end.
  package var indented: String {
    var buffer = ByteBuffer()
    write(to: &buffer, indent: 0)
    return buffer.text
  }

  /// The document on one line, without blanks: a CSV field.
  package var compact: String {
    var buffer = ByteBuffer()
    write(to: &buffer, indent: nil)
    return buffer.text
  }

  /// - Parameter indent: Levels of nesting above this value, or `nil` for one line.
  private func write(to buffer: inout ByteBuffer, indent: Int?) {
    switch self {
    case .null: buffer.append("null")
    case .boolean(let value): buffer.append(value ? "true" : "false")
    case .integer(let value): buffer.append(value)
    case .unsigned(let value): buffer.append(value)
    case .real(let value): buffer.append(value)
    case .text(let value): buffer.append(jsonText: value)
    case .array(let values):
      Self.write(values, between: "[", and: "]", to: &buffer, indent: indent) { value, buffer in
        value.write(to: &buffer, indent: indent.map { $0 + 1 })
      }
    case .object(let members):
      Self.write(members, between: "{", and: "}", to: &buffer, indent: indent) { member, buffer in
        buffer.append(jsonText: member.name)
        buffer.append(indent == nil ? ":" : ": ")
        member.value.write(to: &buffer, indent: indent.map { $0 + 1 })
      }
    }
  }

  private static func write<Element>(
    _ elements: [Element], between open: String, and close: String, to buffer: inout ByteBuffer,
    indent: Int?, element write: (Element, inout ByteBuffer) -> Void
  ) {
    buffer.append(open)
    for (position, element) in elements.enumerated() {
      if position > 0 { buffer.append(",") }
      if let indent { buffer.append("\n" + String(repeating: "  ", count: indent + 1)) }
      write(element, &buffer)
    }
    if let indent, !elements.isEmpty {
      buffer.append("\n" + String(repeating: "  ", count: indent))
    }
    buffer.append(close)
  }
}

extension ByteBuffer {
  /// Appends `text` as a JSON string, escaping what RFC 8259 §7 demands and nothing else.
  fileprivate mutating func append(jsonText text: String) {
    let hexadecimal = Array("0123456789abcdef".utf8)
    append(byte: UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): append("\\\"")
      case UInt8(ascii: "\\"): append("\\\\")
      case UInt8(ascii: "\n"): append("\\n")
      case UInt8(ascii: "\r"): append("\\r")
      case UInt8(ascii: "\t"): append("\\t")
      case 0..<0x20:
        append("\\u00")
        append(byte: hexadecimal[Int(byte >> 4)])
        append(byte: hexadecimal[Int(byte & 15)])
      default: append(byte: byte)
      }
    }
    append(byte: UInt8(ascii: "\""))
  }
}
