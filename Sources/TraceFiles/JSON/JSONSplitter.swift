import Messages
import SimulationKernel

/// Cuts a JSON file into values, fed in pieces of any size: the elements of one top-level array, or
/// values that follow one another.
///
///     [ {"id": …}, {"id": …} ]       elements of an array, as ShareGPT
///     {…} {…}                        values in a row, a single one included
///       ^value   ^value
///
/// Only strings and nesting are followed; whether a value is well formed is left to
/// ``JSONCursor``. Memory: one chunk and the longest value.
///
/// - Complexity: O(bytes).
struct JSONSplitter {
  /// Bytes that one value may have. A benchmark's result file is a single value, texts included.
  static let valueBytesMax = 1 << 28

  private enum Stage { case start, beforeValue, inValue, afterValue, afterArray }

  private let file: String
  private var stage = Stage.start
  private var isArray = false
  /// Open braces and brackets of the value being read.
  private var depth = 0
  private var isInString = false
  private var isEscaped = false
  /// Place of the byte being read.
  private var place = TextPlace(line: 1, column: 1)
  /// Place of the first byte of the value being read.
  private var valuePlace = TextPlace(line: 1, column: 1)
  /// The beginning of a value whose end has not come yet.
  private var carry: [UInt8] = []

  init(file: String) { self.file = file }

  /// Hands every value that ends in `chunk` to `body`, with the place of its first byte.
  ///
  /// - Throws: ``UserError`` where what stands between the values is not JSON, and whatever `body`
  ///   throws.
  mutating func consume(
    _ chunk: Span<UInt8>, _ body: (Span<UInt8>, TextPlace) throws(UserError) -> Void
  ) throws(UserError) {
    var index = place == TextPlace(line: 1, column: 1) && stage == .start ? markLength(chunk) : 0
    var valueStart = 0
    while index < chunk.count {
      if stage == .inValue {
        guard let end = endOfValue(in: chunk, from: index) else { break }
        if carry.isEmpty {
          try body(chunk.extracting(valueStart..<end), valuePlace)
        } else {
          try keep(chunk.extracting(valueStart..<end))
          try body(carry.span, valuePlace)
          carry.removeAll(keepingCapacity: true)
        }
        index = end
        stage = .afterValue
      } else {
        let byte = chunk[index]
        if try isBetweenValues(byte) {
          advance(over: byte)
          index += 1
        } else {
          valueStart = index
          valuePlace = place
          depth = 0
          stage = .inValue
        }
      }
    }
    if stage == .inValue { try keep(chunk.extracting(valueStart..<chunk.count)) }
  }

  /// Checks that the file did not stop in the middle.
  mutating func finish(
    _ body: (Span<UInt8>, TextPlace) throws(UserError) -> Void
  ) throws(UserError) {
    // A bare number ends with the file.
    if stage == .inValue, depth == 0, !isInString, !isArray {
      stage = .afterValue
      try body(carry.span, valuePlace)
    }
    if stage == .inValue {
      throw .at(
        file, valuePlace.line, valuePlace.column, "the JSON value that begins here does not end",
        hint: "copy or download the file again")
    }
    if isArray, stage != .afterArray {
      throw .at(
        file, place.line, place.column, "the JSON array does not end",
        hint: "copy or download the file again")
    }
  }

  private mutating func keep(_ part: Span<UInt8>) throws(UserError) {
    if carry.count + part.count > Self.valueBytesMax {
      throw .at(
        file, valuePlace.line, valuePlace.column,
        "the JSON value is longer than \(Self.valueBytesMax) bytes")
    }
    part.withUnsafeBufferPointer { carry.append(contentsOf: $0) }
  }

  /// Takes a byte outside every value; false where a value begins with it.
  private mutating func isBetweenValues(_ byte: UInt8) throws(UserError) -> Bool {
    switch byte {
    case 0x20, 0x0A, 0x0D, 0x09: return true
    case UInt8(ascii: "[") where stage == .start:
      isArray = true
      stage = .beforeValue
      return true
    case UInt8(ascii: ",") where isArray && stage == .afterValue:
      stage = .beforeValue
      return true
    case UInt8(ascii: "]") where isArray && stage != .afterArray:
      stage = .afterArray
      return true
    default:
      guard stage == .start || stage == .beforeValue || (stage == .afterValue && !isArray) else {
        throw .at(
          file, place.line, place.column,
          stage == .afterArray
            ? "text goes on after the JSON array" : "a comma is missing between JSON values")
      }
      if byte == UInt8(ascii: ",") || byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") {
        throw .at(file, place.line, place.column, "a JSON value is missing")
      }
      return false
    }
  }

  /// Follows the value that goes on at `start`; the index after its last byte if it ends here.
  private mutating func endOfValue(in chunk: Span<UInt8>, from start: Int) -> Int? {
    chunk.withUnsafeBufferPointer { buffer in
      var index = start
      while index < buffer.count {
        let byte = buffer[index]
        if isInString {
          if isEscaped {
            isEscaped = false
          } else if byte == UInt8(ascii: "\\") {
            isEscaped = true
          } else if byte == UInt8(ascii: "\"") {
            isInString = false
          }
        } else {
          switch byte {
          case UInt8(ascii: "\""): isInString = true
          case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
          case UInt8(ascii: "}"), UInt8(ascii: "]"):
            if depth == 0 { return index }  // The end of the array, after a bare number.
            depth -= 1
          case UInt8(ascii: ","), 0x20, 0x0A, 0x0D, 0x09: if depth == 0 { return index }
          default: break
          }
        }
        advance(over: byte)
        index += 1
        if depth == 0, !isInString,
          byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") || byte == UInt8(ascii: "\"")
        {
          return index
        }
      }
      return nil
    }
  }

  private mutating func advance(over byte: UInt8) {
    if byte == 0x0A {
      place = TextPlace(line: place.line + 1, column: 1)
    } else {
      place.column += 1
    }
  }

  /// Bytes of a UTF-8 byte order mark at the start of the file.
  private func markLength(_ chunk: Span<UInt8>) -> Int {
    chunk.count >= 3 && chunk[0] == 0xEF && chunk[1] == 0xBB && chunk[2] == 0xBF ? 3 : 0
  }
}
