import Messages

/// Walks over the comma-separated fields of a line.
///
///     line      0.5,"12",44
///     fields    |-|  ||  ||     quotes around a whole field do not belong to it
struct FieldCursor {
  /// Where the next field begins; past the end by one once the last field is out.
  private var position = 0

  /// The byte range of the next field, or `nil` after the last. A line has at least one field.
  ///
  /// - Throws: ``UserError`` where a quoted field does not end on its line, or goes on after it.
  mutating func next(
    in bytes: Span<UInt8>, file: String, line: Int
  ) throws(UserError) -> Range<Int>? {
    guard position <= bytes.count else { return nil }
    let start = position
    if start < bytes.count, bytes[start] == UInt8(ascii: "\"") {
      return try nextQuoted(in: bytes, file: file, line: line)
    }
    var end = start
    while end < bytes.count, bytes[end] != UInt8(ascii: ",") { end += 1 }
    position = end + 1
    return start..<end
  }

  /// The number of fields in a line, or `nil` where its quotes do not match.
  static func count(in bytes: Span<UInt8>) -> Int? {
    var cursor = FieldCursor()
    var count = 0
    do {
      while try cursor.next(in: bytes, file: "", line: 0) != nil { count += 1 }
    } catch {
      return nil
    }
    return count
  }

  private mutating func nextQuoted(
    in bytes: Span<UInt8>, file: String, line: Int
  ) throws(UserError) -> Range<Int> {
    let quote = UInt8(ascii: "\"")
    let start = position + 1
    var end = start
    while end < bytes.count {
      if bytes[end] != quote {
        end += 1
      } else if end + 1 < bytes.count, bytes[end + 1] == quote {
        end += 2  // A doubled quote stands for one quote inside the field.
      } else {
        break
      }
    }
    if end >= bytes.count {
      throw .at(file, line, start, "the quoted field does not end on its line")
    }
    if end + 1 < bytes.count, bytes[end + 1] != UInt8(ascii: ",") {
      throw .at(file, line, start, "the quoted field goes on after its closing quote")
    }
    position = end + 2
    return start..<end
  }
}
