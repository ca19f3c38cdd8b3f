/// The text of a JSON string: its bytes between the quotes, with escapes.
enum JSONText {
  /// Whether the string stands for `name`, which is ASCII.
  static func matches(_ bytes: Span<UInt8>, _ name: StaticString) -> Bool {
    guard bytes.count == name.utf8CodeUnitCount else { return false }
    for index in bytes.indices where bytes[index] != name.utf8Start[index] { return false }
    return true
  }

  /// Appends the UTF-8 bytes that the string stands for.
  ///
  /// - Throws: ``JSONMistake``, its offset counted from the start of `bytes`, for an escape that
  ///   RFC 8259 does not know, half a surrogate pair, and bytes that are not UTF-8.
  /// - Complexity: O(bytes).
  static func append(
    _ bytes: Span<UInt8>, to text: inout [UInt8]
  ) throws(JSONMistake) {
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      if byte == UInt8(ascii: "\\") {
        let (scalar, next) = try escape(at: index, in: bytes)
        text.append(contentsOf: UTF8.encode(scalar)!)
        index = next
      } else if byte < 0x80 {
        var end = index + 1
        while end < bytes.count, bytes[end] < 0x80, bytes[end] != UInt8(ascii: "\\") { end += 1 }
        bytes.extracting(index..<end).withUnsafeBufferPointer { text.append(contentsOf: $0) }
        index = end
      } else {
        let next = try endOfScalar(at: index, in: bytes)
        for place in index..<next { text.append(bytes[place]) }
        index = next
      }
    }
  }

  /// The characters (Unicode scalars) that the string stands for.
  ///
  /// - Throws: As ``append(_:to:)``.
  /// - Complexity: O(bytes), without allocation.
  static func characterCount(_ bytes: Span<UInt8>) throws(JSONMistake) -> Int {
    var count = 0
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      if byte == UInt8(ascii: "\\") {
        index = try escape(at: index, in: bytes).next
      } else if byte < 0x80 {
        index += 1
      } else {
        index = try endOfScalar(at: index, in: bytes)
      }
      count += 1
    }
    return count
  }

  /// The scalar that the escape at `start` stands for, and where the text goes on.
  private static func escape(
    at start: Int, in bytes: Span<UInt8>
  ) throws(JSONMistake) -> (scalar: Unicode.Scalar, next: Int) {
    let letter = start + 1 < bytes.count ? bytes[start + 1] : 0
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
      return (Unicode.Scalar(letter), start + 2)
    case UInt8(ascii: "n"): return ("\n", start + 2)
    case UInt8(ascii: "t"): return ("\t", start + 2)
    case UInt8(ascii: "r"): return ("\r", start + 2)
    case UInt8(ascii: "b"): return ("\u{8}", start + 2)
    case UInt8(ascii: "f"): return ("\u{C}", start + 2)
    case UInt8(ascii: "u"): return try codeUnits(at: start, in: bytes)
    default: throw JSONMistake(offset: start, what: "no such escape in a string")
    }
  }

  /// Reads `\uXXXX`, or two of them that form a surrogate pair.
  private static func codeUnits(
    at start: Int, in bytes: Span<UInt8>
  ) throws(JSONMistake) -> (scalar: Unicode.Scalar, next: Int) {
    guard let first = hexadecimal(at: start + 2, in: bytes) else {
      throw JSONMistake(offset: start, what: "`\\u` needs four hexadecimal digits")
    }
    if let scalar = Unicode.Scalar(first) { return (scalar, start + 6) }
    if first < 0xDC00, start + 7 < bytes.count, bytes[start + 6] == UInt8(ascii: "\\"),
      bytes[start + 7] == UInt8(ascii: "u"), let second = hexadecimal(at: start + 8, in: bytes),
      (0xDC00..<0xE000).contains(second),
      let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
    {
      return (scalar, start + 12)
    }
    // JavaScript cuts strings between the halves of a pair; published chats hold such halves.
    return ("\u{FFFD}", start + 6)
  }

  private static func hexadecimal(at start: Int, in bytes: Span<UInt8>) -> UInt32? {
    guard start + 4 <= bytes.count else { return nil }
    var value: UInt32 = 0
    for index in start..<start + 4 {
      guard let digit = Character(Unicode.Scalar(bytes[index])).hexDigitValue else { return nil }
      value = value << 4 | UInt32(digit)
    }
    return value
  }

  /// Where the UTF-8 scalar that begins at `start` ends.
  private static func endOfScalar(
    at start: Int, in bytes: Span<UInt8>
  ) throws(JSONMistake) -> Int {
    let lead = bytes[start]
    let length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2
    var value = UInt32(lead & (0xFF >> UInt8(length + 1)))
    var isValid = lead >= 0xC2 && lead <= 0xF4 && start + length <= bytes.count
    for index in start + 1..<start + length where isValid {
      isValid = bytes[index] & 0xC0 == 0x80
      value = value << 6 | UInt32(bytes[index] & 0x3F)
    }
    let least: UInt32 = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0x80
    guard isValid, value >= least, Unicode.Scalar(value) != nil else {
      throw JSONMistake(offset: start, what: "bytes that are not UTF-8")
    }
    return start + length
  }
}
