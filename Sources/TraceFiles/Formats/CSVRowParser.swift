import Messages
import SimulationKernel
import Workload

/// Parses the lines of a CSV trace, once its header is known.
///
/// A class, so that taking it out of ``RowReader`` for each row copies nothing.
final class CSVRowParser {
  private let file: String
  private let header: CSVHeader
  private let timestampUnit: TimestampUnit?
  private var conversations = NameNumbers()
  private(set) var classes = NameNumbers()
  private(set) var adapters = NameNumbers()

  /// Fields that a row must have.
  var columnCount: Int { header.columns.count }

  init(header: CSVHeader, file: String, timestampUnit: TimestampUnit?) {
    self.header = header
    self.file = file
    self.timestampUnit = timestampUnit
  }

  /// Parses the fields of `bytes`, a line without its line end, into `record`.
  ///
  /// - Throws: ``UserError`` at the first field that is wrong; but where the row has too few or too
  ///   many fields it says that instead, since fields out of place look wrong in many ways.
  /// - Complexity: O(bytes), without allocation but for lists of blocks and names.
  func parse(
    _ bytes: Span<UInt8>, line: Int, into record: inout TraceRecord
  ) throws(UserError) {
    record.reset()
    let count: Int
    do throws(UserError) {
      count = try takeFields(bytes, line: line, into: &record)
    } catch {
      guard let count = FieldCursor.count(in: bytes), count != header.columns.count else {
        throw error
      }
      throw wrongCount(count, line: line)
    }
    if count != header.columns.count { throw wrongCount(count, line: line) }
  }

  private func wrongCount(_ count: Int, line: Int) -> UserError {
    .at(
      file, line, 1,
      "\(count) field\(count == 1 ? "" : "s"), the header has \(header.columns.count)")
  }

  /// Parses every field that has a column and returns how many fields there are.
  private func takeFields(
    _ bytes: Span<UInt8>, line: Int, into record: inout TraceRecord
  ) throws(UserError) -> Int {
    var cursor = FieldCursor()
    var index = 0
    var beamColumn = 1
    while let field = try cursor.next(in: bytes, file: file, line: line) {
      if index < header.columns.count, let column = header.columns[index] {
        switch column {
        case .arrival, .date, .timestamp, .moment: record.arrivalColumn = field.lowerBound + 1
        case .beamWidth: beamColumn = field.lowerBound + 1
        default: break
        }
        if let mistake = take(bytes.extracting(field), as: column, index, into: &record) {
          throw .at(file, line, field.lowerBound + 1, mistake)
        }
      }
      index += 1
    }
    if record.samples > 1, record.beamWidth > 0 {
      throw .at(
        file, line, beamColumn,
        "`n` is \(record.samples) and `beam_width` is \(record.beamWidth): "
          + "a request samples or searches, not both",
        hint: "set `n` to 1, or `beam_width` to 0")
    }
    return index
  }

  /// Takes the value of one field, or says what is wrong with it.
  private func take(
    _ text: Span<UInt8>, as column: TraceColumn, _ index: Int, into record: inout TraceRecord
  ) -> String? {
    if text.isEmpty, column != .promptTokens, column != .outputTokens { return nil }
    let name = header.names[index]
    switch column {
    case .arrival: return Self.takeSeconds(text, name, exponent: 0, into: &record.arrival)
    case .timestamp:
      let exponent = timestampUnit?.exponent ?? 0
      return Self.takeSeconds(text, name, exponent: exponent, into: &record.arrival)
    case .moment:
      let parsed = TimeText.parse(text, name: name, unit: timestampUnit)
      if case .nanoseconds(let time) = parsed { record.arrival = time }
      return TimeText.mistake(parsed, "`\(name)`", printable(text))
    case .date:
      guard let instant = DateText.nanoseconds(text) else {
        return "`\(name)` must be a date like `2023-11-16 18:15:46.68`, found `\(printable(text))`"
      }
      record.arrival = instant
      return nil
    case .promptTokens: return Self.parse(text, name, from: 1, into: &record.promptTokens)
    case .outputTokens: return Self.parseOutput(text, name, into: &record.outputTokens)
    case .samples: return Self.parse(text, name, from: 1, into: &record.samples)
    case .beamWidth: return Self.parse(text, name, from: 0, into: &record.beamWidth)
    case .session:
      var value: Int32 = 0
      let mistake = Self.parse(text, name, from: 0, into: &value)
      record.session = value
      return mistake
    case .conversation:
      record.session = conversations.number(of: text)
      return nil
    case .repeatedTokens:
      var value: Int32 = 0
      let mistake = Self.parse(text, name, from: 0, into: &value)
      record.identity = .repeats(value)
      return mistake
    case .requestClass: return classes.label(text, "`\(name)`", into: &record.requestClass)
    case .adapter: return adapters.label(text, "`\(name)`", into: &record.adapter)
    case .priority: return Self.takePriority(text, name, into: &record.priority)
    case .thinkTime:
      var value: Int64?
      let exponent = TimestampUnit(endOf: name)?.exponent ?? 0
      let mistake = Self.takeSeconds(text, name, exponent: exponent, into: &value)
      record.thinkTime = value ?? RequestNotes.noThinkTime
      return mistake
    case .blockHashes: return Self.takeBlocks(text, name, into: &record)
    case .pieces: return Self.takePieces(text, name, into: &record)
    }
  }

  private static func takeSeconds(
    _ text: Span<UInt8>, _ name: String, exponent: Int, into value: inout Int64?
  ) -> String? {
    switch DecimalSeconds.parse(text, exponent: exponent) {
    case .instant(let instant):
      value = instant.nanoseconds
      return nil
    case .notANumber:
      return "`\(name)` must be a number of seconds, 0 or more, found `\(printable(text))`"
    case .tooLarge:
      return "`\(name)` must be at most \(DecimalSeconds.secondsMax) s, "
        + "found `\(printable(text))`"
    }
  }

  private static func takePriority(
    _ text: Span<UInt8>, _ name: String, into value: inout Int8
  ) -> String? {
    let isNegative = text.count > 1 && text[0] == UInt8(ascii: "-")
    guard let digits = parseDigits(text.extracting((isNegative ? 1 : 0)..<text.count)),
      digits <= 128, let number = Int8(exactly: isNegative ? -digits : digits)
    else {
      return "`\(name)` must be an integer from -128 to 127, found `\(printable(text))`"
    }
    value = number
    return nil
  }

  /// Parses an integer of at least `least`, or says what is wrong with it.
  private static func parse(
    _ text: Span<UInt8>, _ name: String, from least: Int64, into value: inout Int32
  ) -> String? {
    guard let number = parseDigits(text), number >= least else {
      let kind = least > 0 ? "a positive integer" : "0 or a positive integer"
      let found = text.isEmpty ? "nothing" : "`\(printable(text))`"
      return "`\(name)` must be \(kind), found \(found)"
    }
    guard number <= Int32.max else {
      return "`\(name)` must be at most \(Int32.max), found `\(printable(text))`"
    }
    value = Int32(number)
    return nil
  }

  /// Parses output tokens: as a positive integer, except that 0 is a request that failed, which is
  /// not a mistake of the file's.
  private static func parseOutput(
    _ text: Span<UInt8>, _ name: String, into value: inout Int32
  ) -> String? {
    if text.count == 1, text[0] == UInt8(ascii: "0") {
      value = 0
      return nil
    }
    return parse(text, name, from: 1, into: &value)
  }

  /// Parses `12 13 17`.
  private static func takeBlocks(
    _ text: Span<UInt8>, _ name: String, into record: inout TraceRecord
  ) -> String? {
    record.identity = .blocks
    var isWhole = true
    forEachWord(in: text) { word in
      guard let number = parseDigits(word), number < .max else {
        isWhole = false
        return
      }
      record.blocks.append(number)
    }
    return isWhole ? nil : "`\(name)` must be integers with blanks between, 0 or more"
  }

  /// Parses `3:0:500 -1:0:20`.
  private static func takePieces(
    _ text: Span<UInt8>, _ name: String, into record: inout TraceRecord
  ) -> String? {
    record.identity = .pieces
    let blank = UInt8(ascii: " ")
    var (place, total) = (0, 0)
    while place < text.count {
      guard text[place] != blank else {
        place += 1
        continue
      }
      guard let piece = TokenPiece(text, from: &place), place == text.count || text[place] == blank
      else { return "`\(name)` must be `stream:start:count` with blanks between" }
      record.pieces.append(piece)
      total += Int(piece.count)
    }
    record.piecesTotal = total
    return nil
  }

  private static func forEachWord(in text: Span<UInt8>, _ body: (Span<UInt8>) -> Void) {
    var start = 0
    while start < text.count {
      var end = start
      while end < text.count, text[end] != UInt8(ascii: " ") { end += 1 }
      if end > start { body(text.extracting(start..<end)) }
      start = end + 1
    }
  }
}

extension TokenPiece {
  /// Parses `stream:start:count` from a place on: a stream may be negative, a start is at least 0, a count at
  /// least 1.
  ///
  /// - Parameter place: Becomes the end of the count.
  fileprivate init?(_ text: Span<UInt8>, from place: inout Int) {
    let isNegative = text[place] == UInt8(ascii: "-")
    if isNegative { place += 1 }
    guard let stream = parseDigits(text, from: &place), Self.takeColon(text, &place),
      let start = parseDigits(text, from: &place), Self.takeColon(text, &place),
      let count = parseDigits(text, from: &place),
      stream < .max, count >= 1, start <= Int64(Int32.max), count <= Int64(Int32.max) - start
    else { return nil }
    self.init(stream: isNegative ? -stream : stream, start: Int32(start), count: Int32(count))
  }

  private static func takeColon(_ text: Span<UInt8>, _ place: inout Int) -> Bool {
    guard place < text.count, text[place] == UInt8(ascii: ":") else { return false }
    place += 1
    return true
  }
}
