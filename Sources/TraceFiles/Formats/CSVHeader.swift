import Messages
import Workload

/// The first line of a CSV trace: which format it is, and which field of a row is what.
struct CSVHeader {
  /// Names that a message lists before it says how many more there are.
  private static let namesShownMax = 8

  let format: TraceFormat
  /// What each field of a row is, in file order; `nil` for a column that is not used.
  let columns: [TraceColumn?]
  /// The columns' names, made safe to print.
  let names: [String]

  /// Reads the header line, without its line end and byte order mark.
  ///
  /// - Parameters:
  ///   - format: The format that the user forces, or `nil` to take the one whose names are there.
  ///   - suffix: What follows the names of the token columns to use, in a file that counts with
  ///     several tokenizers.
  /// - Throws: ``UserError`` where a required column is missing or a name appears twice. Columns
  ///   without a name may be several: spreadsheets write them.
  init(
    _ line: Span<UInt8>, file: String, format forced: TraceFormat?, suffix: String,
    mapping: ColumnMapping? = nil
  ) throws(UserError) {
    let hint =
      "the header is `\(TraceColumn.canonicalHeader)`, in any order; `arrival_s` may be left out"
    if line.isEmpty { throw .at(file, 1, 1, "the header line is empty", hint: hint) }
    var texts: [String] = []
    var names: [String] = []
    var seen: Set<[UInt8]> = []
    var cursor = FieldCursor()
    while let field = try cursor.next(in: line, file: file, line: 1) {
      let bytes = Array(line, field)
      let name = printable(line.extracting(field))
      if !bytes.isEmpty, !seen.insert(bytes).inserted {
        throw .at(file, 1, field.lowerBound + 1, "column `\(name)` appears twice")
      }
      texts.append(String(decoding: bytes, as: UTF8.self))
      names.append(name)
    }
    if let mapping {
      self = try CSVHeader(texts, names, file: file, mapping)
      return
    }
    let candidates = forced.map { [$0] } ?? Self.tables
    let format = candidates.first { Self.isComplete(Self.columns(texts, of: $0, suffix: suffix)) }
    guard let format else {
      throw Self.missingColumn(texts, names, file: file, format: forced ?? .csv, suffix: suffix)
    }
    let columns = Self.columns(texts, of: format, suffix: suffix)
    for (index, column) in columns.enumerated() {
      guard let column, let first = columns.firstIndex(where: { $0?.saysWhat(column) ?? false }),
        first < index
      else { continue }
      throw .at(file, 1, 1, "columns `\(names[first])` and `\(names[index])` say the same")
    }
    self.format = format
    self.columns = columns
    self.names = names
  }

  /// What `--columns` says of the names.
  private init(
    _ texts: [String], _ names: [String], file: String, _ mapping: ColumnMapping
  ) throws(UserError) {
    for (role, name) in mapping.names where !texts.contains(name) {
      throw .at(
        file, 1, 1,
        "no column `\(name)`, which `--columns` takes for \(role.rawValue) (found \(Self.shown(names)))",
        hint: ColumnMapping.guess(texts).map { "`\($0)` would read it" })
    }
    (format, columns, self.names) = (.columns, texts.map(mapping.column), names)
  }

  /// The formats that are tables, ours first.
  private static let tables: [TraceFormat] = [
    .csv, .azure, .burstgpt, .vidur, .guidellm, .splitwise, .blis,
  ]

  private static func shown(_ names: [String]) -> String {
    let found = names.prefix(namesShownMax).map { "`\($0)`" }.joined(separator: ", ")
    let more = names.count - namesShownMax
    return "\(found)\(more > 0 ? " and \(more) more" : "")"
  }

  private static func columns(
    _ names: [String], of format: TraceFormat, suffix: String
  ) -> [TraceColumn?] {
    let known = format.columns
    return names.map { name in
      if suffix.isEmpty { return known[name] }
      let plain = name.hasSuffix(suffix) ? known[String(name.dropLast(suffix.count))] : known[name]
      let counts = plain == .promptTokens || plain == .outputTokens || plain == .repeatedTokens
      return counts && !name.hasSuffix(suffix) ? nil : plain
    }
  }

  private static func isComplete(_ columns: [TraceColumn?]) -> Bool {
    columns.contains(.promptTokens) && columns.contains(.outputTokens)
  }

  /// The message for a header without prompt or output tokens.
  private static func missingColumn(
    _ texts: [String], _ names: [String], file: String, format: TraceFormat, suffix: String
  ) -> UserError {
    let columns = columns(texts, of: format, suffix: suffix)
    let missing: TraceColumn = columns.contains(.promptTokens) ? .outputTokens : .promptTokens
    let wanted = format.columns.filter { $0.value == missing }.keys.sorted()
      .map { "`\($0)\(suffix)`" }.joined(separator: " or ")
    let mapping = format == .csv && suffix.isEmpty ? ColumnMapping.guess(texts) : nil
    return .at(
      file, 1, 1, "no column \(wanted) (found \(shown(names)))",
      hint: mapping.map { "`\($0)` would read it" }
        ?? (format == .csv && suffix.isEmpty
          ? "the header is `\(TraceColumn.canonicalHeader)`, in any order; "
            + "`arrival_s` may be left out"
          : "leave out `--trace-format` and `--token-columns` to have the format told by its header")
    )
  }

  /// One line for each column that is not used.
  func warnings(file: String) -> [String] {
    names.indices.filter { columns[$0] == nil }.map {
      names[$0].isEmpty
        ? "\(file): column \($0 + 1), which has no name, is not used"
        : "\(file): column `\(names[$0])` is not used"
    }
  }
}

extension Array where Element == UInt8 {
  fileprivate init(_ bytes: Span<UInt8>, _ range: Range<Int>) {
    self = range.map { bytes[$0] }
  }
}
