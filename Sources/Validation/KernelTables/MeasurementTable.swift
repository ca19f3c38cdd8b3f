import Messages
import TraceFiles

/// A CSV file of measurements, plain or gzip, with a header: columns by name, rows by line number; or JSON lines,
/// whose numbers and texts are the columns.
///
/// A field in quotes may hold commas, and ends with its line.
package struct MeasurementTable {
  /// What messages call it.
  package let path: String
  private let columns: [String: Int]
  private let bytes: [UInt8]
  /// Where each field of each row begins and ends in `bytes`, row by row.
  private let fields: [Range<Int>]
  private let lines: [Int]
  private let width: Int

  /// Reads a whole file.
  ///
  /// - Throws: ``UserError`` with file and line for a file that cannot be read, has no rows, or has a
  ///   row with another number of fields than its header.
  package init(path: String) throws {
    self.path = path
    let file = try UnpackedFile(path: path)
    if let mistake = file.mistake { throw UserError("\(path): \(mistake.rawValue)") }
    let jsonLines = try JSONLines(path: path, bytes: file.bytes)
    bytes = jsonLines?.table ?? file.bytes
    var rows: [(line: Int, fields: [Range<Int>])] = []
    var header: [Range<Int>] = []
    var start = 0
    var line = 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
      line += 1
      let fields = Self.split(bytes, start..<end)
      start = end + 1
      if header.isEmpty {
        header = fields
      } else if fields.count == header.count {
        rows.append((line, fields))
      } else if fields.count > 1 || !fields[0].isEmpty {
        throw UserError(
          "\(path):\(line): \(fields.count) fields, the header has \(header.count)")
      }
    }
    guard !rows.isEmpty else { throw UserError("\(path): the table has no rows") }
    width = header.count
    fields = rows.flatMap(\.fields)
    lines = jsonLines?.lines ?? rows.map(\.line)
    let bytes = self.bytes
    columns = Dictionary(
      header.enumerated().map { (String(decoding: bytes[$1], as: UTF8.self), $0) },
      uniquingKeysWith: { first, _ in first })
  }

  package var rowCount: Int { lines.count }

  /// In the order of the alphabet.
  package var columnNames: [String] { columns.keys.sorted() }

  package func has(_ column: String) -> Bool { columns[column] != nil }

  /// Checks that all of `names` are there, before any row is read.
  package func require(_ names: [String]) throws {
    let missing = names.filter { columns[$0] == nil }
    guard missing.isEmpty else {
      let plural = missing.count == 1 ? "column" : "columns"
      throw UserError(
        "\(path):1: no \(plural) \(missing.map { "`\($0)`" }.joined(separator: ", "))",
        hint: "the columns found are \(columnNames.joined(separator: ", "))")
    }
  }

  package func text(_ column: String, _ row: Int) -> String {
    guard let index = columns[column] else { return "" }
    return String(decoding: bytes[fields[row * width + index]], as: UTF8.self)
  }

  /// A field as messages show it.
  private func shown(_ column: String, _ row: Int) -> String {
    printable(Array(text(column, row).utf8).span)
  }

  /// A number; `nil` for an empty field.
  package func optional(_ column: String, _ row: Int) throws -> Double? {
    let text = text(column, row)
    if text.isEmpty { return nil }
    guard let value = Double(text) else {
      throw failure(row, "`\(column)` must be a number, found `\(shown(column, row))`")
    }
    return value
  }

  /// A number that must be there and be finite and at least `least`.
  package func number(_ column: String, _ row: Int, atLeast least: Double = 0) throws -> Double {
    guard let value = try optional(column, row) else {
      throw failure(row, "`\(column)` is empty")
    }
    guard value.isFinite, value >= least else {
      throw failure(
        row, "`\(column)` must be a number of at least \(Int(least)), found `\(shown(column, row))`"
      )
    }
    return value
  }

  /// A time in `unit` seconds, which must be positive.
  package func seconds(_ column: String, _ row: Int, unit: Double) throws -> Double {
    let value = try number(column, row)
    guard value > 0 else {
      throw failure(row, "`\(column)` must be a positive time, found `\(shown(column, row))`")
    }
    return value * unit
  }

  /// The same, for a time that a kernel can take.
  package func kernelSeconds(_ column: String, _ row: Int, unit: Double) throws -> Double {
    let seconds = try seconds(column, row, unit: unit)
    guard (1e-9...3600).contains(seconds) else {
      throw failure(
        row,
        "`\(column)` is `\(shown(column, row))`, which is \(seconds) s: no kernel takes less than "
          + "1 ns or more than 1 h")
    }
    return seconds
  }

  /// A size, which must be whole.
  package func size(_ column: String, _ row: Int, atLeast least: Double = 1) throws -> Double {
    let value = try number(column, row, atLeast: least)
    guard value <= 1e12, value == value.rounded() else {
      throw failure(
        row, "`\(column)` must be a whole number up to 10¹², found `\(shown(column, row))`")
    }
    return value
  }

  /// The line of the file that a row stands in.
  package func line(_ row: Int) -> Int { lines[row] }

  /// `FILE:LINE`.
  package func place(_ row: Int) -> String { "\(path):\(lines[row])" }

  package func failure(_ row: Int, _ message: String) -> UserError {
    UserError("\(place(row)): \(message)")
  }

  private static func split(_ bytes: [UInt8], _ range: Range<Int>) -> [Range<Int>] {
    var fields: [Range<Int>] = []
    var start = range.lowerBound
    var end = range.upperBound
    if end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
    var isQuoted = false
    for index in start..<end {
      if bytes[index] == UInt8(ascii: "\"") {
        isQuoted.toggle()
      } else if bytes[index] == UInt8(ascii: ","), !isQuoted {
        fields.append(unquoted(bytes, start..<index))
        start = index + 1
      }
    }
    fields.append(unquoted(bytes, start..<end))
    return fields
  }

  /// A field without the quotes around it.
  private static func unquoted(_ bytes: [UInt8], _ field: Range<Int>) -> Range<Int> {
    let quote = UInt8(ascii: "\"")
    guard field.count >= 2, bytes[field.lowerBound] == quote, bytes[field.upperBound - 1] == quote
    else { return field }
    return field.lowerBound + 1..<field.upperBound - 1
  }
}
