/// Walks over one JSON text in memory and pulls its values out one by one, without building a tree.
///
///     {"timestamp": 27482, "hash_ids": [46, 47]}
///     ^enterObject  ^number             ^enterArray, nextElement, number, …
///
/// Strict: whatever RFC 8259 forbids is refused with its place. Text is handed out as the range of
/// its bytes between the quotes, escapes and all; ``JSONText`` reads them.
///
/// - Complexity: O(bytes) for a whole walk, without allocation.
/// - Source: RFC 8259. We differ in one thing: nesting deeper than ``depthMax`` is refused.
struct JSONCursor {
  /// Containers inside one another that ``skipValue(in:)`` follows: traces need five.
  static let depthMax = 64

  /// The next byte to be read.
  private(set) var position = 0
  /// Whether a container was just entered, so that no comma comes before its next member.
  private var isFirst = false

  /// A cursor that begins at the byte `position`.
  init(position: Int = 0) { self.position = position }

  /// The first byte of the next value, which stays unread.
  mutating func peek(in bytes: Span<UInt8>) throws(JSONMistake) -> UInt8 {
    skipBlanks(in: bytes)
    guard position < bytes.count else {
      throw JSONMistake(offset: position, what: "the JSON text ends early")
    }
    return bytes[position]
  }

  /// Reads the `{` of an object; `what` names it in the message where there is none.
  mutating func enterObject(in bytes: Span<UInt8>, _ what: String) throws(JSONMistake) {
    try enter(UInt8(ascii: "{"), in: bytes, "\(what) must be an object")
  }

  /// Reads the `[` of an array; `what` names it in the message where there is none.
  mutating func enterArray(in bytes: Span<UInt8>, _ what: String) throws(JSONMistake) {
    try enter(UInt8(ascii: "["), in: bytes, "\(what) must be an array")
  }

  /// Reads up to the value of an object's next member and returns the bytes of its name, or `nil`
  /// after the last member, past the `}`.
  mutating func nextKey(in bytes: Span<UInt8>) throws(JSONMistake) -> Range<Int>? {
    guard try continues(until: UInt8(ascii: "}"), in: bytes) else { return nil }
    let key = try string(in: bytes, "a member's name")
    guard try peek(in: bytes) == UInt8(ascii: ":") else {
      throw JSONMistake(offset: position, what: "a colon is missing after a member's name")
    }
    position += 1
    return key
  }

  /// Reads up to an array's next element; false after the last, past the `]`.
  mutating func nextElement(in bytes: Span<UInt8>) throws(JSONMistake) -> Bool {
    try continues(until: UInt8(ascii: "]"), in: bytes)
  }

  /// Reads a string and returns the range of its bytes without the quotes.
  mutating func string(
    in bytes: Span<UInt8>, _ what: String
  ) throws(JSONMistake) -> Range<Int> {
    guard try peek(in: bytes) == UInt8(ascii: "\"") else {
      throw JSONMistake(offset: position, what: "\(what) must be a string")
    }
    let start = position + 1
    guard let end = Self.endOfString(from: start, in: bytes) else {
      throw JSONMistake(offset: position, what: "the string does not end")
    }
    if end < 0 {
      throw JSONMistake(offset: -end, what: "a control character stands bare in a string")
    }
    position = end + 1
    return start..<end
  }

  /// Reads a number and returns the range of its bytes; what they mean is the caller's business.
  mutating func number(
    in bytes: Span<UInt8>, _ what: String
  ) throws(JSONMistake) -> Range<Int> {
    let first = try peek(in: bytes)
    guard isDigit(first) || first == UInt8(ascii: "-") else {
      throw JSONMistake(offset: position, what: "\(what) must be a number")
    }
    let start = position
    while position < bytes.count, Self.isNumberByte(bytes[position]) { position += 1 }
    return start..<position
  }

  /// Reads `null` if that is what comes next.
  mutating func skipNull(in bytes: Span<UInt8>) throws(JSONMistake) -> Bool {
    guard try peek(in: bytes) == UInt8(ascii: "n") else { return false }
    try literal("null", in: bytes)
    return true
  }

  /// Reads a value of any kind and drops it.
  mutating func skipValue(in bytes: Span<UInt8>, depth: Int = 0) throws(JSONMistake) {
    guard depth < Self.depthMax else {
      throw JSONMistake(offset: position, what: "nested deeper than \(Self.depthMax) levels")
    }
    switch try peek(in: bytes) {
    case UInt8(ascii: "{"):
      try enterObject(in: bytes, "the value")
      while try nextKey(in: bytes) != nil { try skipValue(in: bytes, depth: depth + 1) }
    case UInt8(ascii: "["):
      try enterArray(in: bytes, "the value")
      while try nextElement(in: bytes) { try skipValue(in: bytes, depth: depth + 1) }
    case UInt8(ascii: "\""): _ = try string(in: bytes, "the value")
    case UInt8(ascii: "t"): try literal("true", in: bytes)
    case UInt8(ascii: "f"): try literal("false", in: bytes)
    case UInt8(ascii: "n"): try literal("null", in: bytes)
    // Python writes these three where a statistic is undefined; as values to skip they do no harm.
    case UInt8(ascii: "N"): try literal("NaN", in: bytes)
    case UInt8(ascii: "I"): try literal("Infinity", in: bytes)
    default: _ = try number(in: bytes, "the value")
    }
  }

  /// Checks that nothing follows the value.
  mutating func finish(in bytes: Span<UInt8>) throws(JSONMistake) {
    skipBlanks(in: bytes)
    if position < bytes.count {
      throw JSONMistake(offset: position, what: "text goes on after the value")
    }
  }

  private mutating func enter(
    _ open: UInt8, in bytes: Span<UInt8>, _ what: String
  ) throws(JSONMistake) {
    guard try peek(in: bytes) == open else { throw JSONMistake(offset: position, what: what) }
    position += 1
    isFirst = true
  }

  /// Reads the comma before the next member, or the `close` that ends the container.
  private mutating func continues(
    until close: UInt8, in bytes: Span<UInt8>
  ) throws(JSONMistake) -> Bool {
    let byte = try peek(in: bytes)
    defer { isFirst = false }
    if byte == close {
      position += 1
      return false
    }
    if isFirst { return true }
    guard byte == UInt8(ascii: ",") else {
      throw JSONMistake(offset: position, what: "a comma is missing")
    }
    position += 1
    return true
  }

  private mutating func literal(
    _ text: StaticString, in bytes: Span<UInt8>
  ) throws(JSONMistake) {
    for index in 0..<text.utf8CodeUnitCount {
      guard position + index < bytes.count, bytes[position + index] == text.utf8Start[index] else {
        throw JSONMistake(offset: position, what: "this is no JSON value")
      }
    }
    position += text.utf8CodeUnitCount
  }

  private mutating func skipBlanks(in bytes: Span<UInt8>) {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x0A, 0x0D, 0x09: position += 1
      default: return
      }
    }
  }

  private static func isNumberByte(_ byte: UInt8) -> Bool {
    if isDigit(byte) { return true }
    switch byte {
    case UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"),
      UInt8(ascii: "E"), UInt8(ascii: "I"), UInt8(ascii: "n"), UInt8(ascii: "f"),
      UInt8(ascii: "i"), UInt8(ascii: "t"), UInt8(ascii: "y"):
      return true  // Letters so that `-Infinity` is one number, refused or skipped as a whole.
    default: return false
    }
  }

  /// The index of the quote that ends a string, `nil` where none does, or minus the index of a
  /// control character in it.
  private static func endOfString(from start: Int, in bytes: Span<UInt8>) -> Int? {
    bytes.withUnsafeBufferPointer { buffer in
      var index = start
      while index < buffer.count {
        let byte = buffer[index]
        if byte == UInt8(ascii: "\"") { return index }
        if byte == UInt8(ascii: "\\") {
          index += 1
        } else if byte < 0x20 {
          return -index
        }
        index += 1
      }
      return nil
    }
  }
}
