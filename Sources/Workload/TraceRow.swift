import SimulationKernel

/// One line of a CSV trace, parsed but not yet compared with the lines before it.
struct TraceRow {
  /// `nil` where the row has no arrival.
  private(set) var arrival: SimInstant?
  private(set) var promptTokens: Int32 = 1
  private(set) var outputTokens: Int32 = 1
  private(set) var samples: Int32 = 1
  private(set) var beamWidth: Int32 = 0
  private(set) var session: Int32?
  /// The byte column, from 1, where the arrival stands; 1 in a trace without that column.
  private(set) var arrivalColumn = 1

  /// Parses the fields of `bytes`, a line without its line end.
  ///
  /// - Throws: ``UserError`` at the first field that is wrong; but where the row has too few or too
  ///   many fields it says that instead, since fields out of place look wrong in many ways.
  /// - Complexity: O(bytes), without allocation.
  init(
    _ bytes: Span<UInt8>, columns: [TraceColumn?], file: String, line: Int
  ) throws(UserError) {
    let count: Int
    do throws(UserError) {
      count = try takeFields(bytes, columns: columns, file: file, line: line)
    } catch {
      guard let count = FieldCursor.count(in: bytes), count != columns.count else { throw error }
      throw Self.wrongCount(count, columns: columns, file: file, line: line)
    }
    if count != columns.count {
      throw Self.wrongCount(count, columns: columns, file: file, line: line)
    }
  }

  private static func wrongCount(
    _ count: Int, columns: [TraceColumn?], file: String, line: Int
  ) -> UserError {
    .at(file, line, 1, "\(count) field\(count == 1 ? "" : "s"), the header has \(columns.count)")
  }

  /// Parses every field that has a column and returns how many fields there are.
  private mutating func takeFields(
    _ bytes: Span<UInt8>, columns: [TraceColumn?], file: String, line: Int
  ) throws(UserError) -> Int {
    var cursor = FieldCursor()
    var index = 0
    var beamColumn = 1
    while let field = try cursor.next(in: bytes, file: file, line: line) {
      if index < columns.count, let column = columns[index] {
        if column == .arrival { arrivalColumn = field.lowerBound + 1 }
        if column == .beamWidth { beamColumn = field.lowerBound + 1 }
        let text = bytes.extracting(field)
        if let mistake = take(text, as: column) {
          throw .at(file, line, field.lowerBound + 1, mistake)
        }
      }
      index += 1
    }
    if samples > 1, beamWidth > 0 {
      throw .at(
        file, line, beamColumn,
        "`n` is \(samples) and `beam_width` is \(beamWidth): "
          + "a request samples or searches, not both",
        hint: "set `n` to 1, or `beam_width` to 0")
    }
    return index
  }

  /// Takes the value of one field, or says what is wrong with it.
  private mutating func take(_ text: Span<UInt8>, as column: TraceColumn) -> String? {
    if text.isEmpty {
      switch column {
      case .promptTokens, .outputTokens: break
      case .arrival, .samples, .beamWidth, .session: return nil
      }
    }
    switch column {
    case .arrival:
      switch DecimalSeconds.parse(text) {
      case .instant(let instant): arrival = instant
      case .notANumber:
        return "`arrival_s` must be a number of seconds, 0 or more, found `\(printable(text))`"
      case .tooLarge:
        return "`arrival_s` must be at most \(DecimalSeconds.secondsMax) s, "
          + "found `\(printable(text))`"
      }
    case .promptTokens: return Self.parse(text, column, from: 1, into: &promptTokens)
    case .outputTokens: return Self.parse(text, column, from: 1, into: &outputTokens)
    case .samples: return Self.parse(text, column, from: 1, into: &samples)
    case .beamWidth: return Self.parse(text, column, from: 0, into: &beamWidth)
    case .session:
      var value: Int32 = 0
      let mistake = Self.parse(text, column, from: 0, into: &value)
      session = value
      return mistake
    }
    return nil
  }

  /// Parses an integer of at least `least`, or says what is wrong with it.
  private static func parse(
    _ text: Span<UInt8>, _ column: TraceColumn, from least: Int64, into value: inout Int32
  ) -> String? {
    guard let number = parseDigits(text), number >= least else {
      let kind = least > 0 ? "a positive integer" : "0 or a positive integer"
      let found = text.isEmpty ? "nothing" : "`\(printable(text))`"
      return "`\(column.rawValue)` must be \(kind), found \(found)"
    }
    guard number <= Int32.max else {
      return "`\(column.rawValue)` must be at most \(Int32.max), found `\(printable(text))`"
    }
    value = Int32(number)
    return nil
  }
}
