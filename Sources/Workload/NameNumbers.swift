import Messages

/// Numbers for names that a file uses, in order of first appearance.
package struct NameNumbers {
  /// The most names of classes or adapters.
  package static let labelsMax = Int(UInt16.max)

  private var numbers: [[UInt8]: Int32] = [:]
  package private(set) var names: [[UInt8]] = []

  package init() {}

  /// The number of the name that `bytes` spell, new if the name is.
  package mutating func number(of bytes: Span<UInt8>) -> Int32 {
    let name = bytes.indices.map { bytes[$0] }
    if let number = numbers[name] { return number }
    let number = Int32(numbers.count)
    numbers[name] = number
    names.append(name)
    return number
  }

  /// The number from 1 of the class or adapter that `bytes` spell, or what is wrong with the name.
  package mutating func label(
    _ bytes: Span<UInt8>, _ what: String, into number: inout UInt16
  ) -> String? {
    for index in bytes.indices {
      let byte = bytes[index]
      if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: ",")
        || byte == UInt8(ascii: "\\") || byte == 0x7F
      {
        return "\(what) must be a name without commas, quotes and backslashes, "
          + "found `\(printable(bytes))`"
      }
    }
    let found = self.number(of: bytes)
    guard found < Self.labelsMax else {
      return "\(what): the file has more than \(Self.labelsMax) names"
    }
    number = UInt16(found + 1)
    return nil
  }

  /// The names as text.
  package var texts: [String] { names.map { String(decoding: $0, as: UTF8.self) } }
}
