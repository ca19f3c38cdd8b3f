import Messages
import Workload

/// Turns the bytes of a trace file into requests, fed in pieces of any size.
struct TraceParser {
  private let file: String
  private let options: TraceReadOptions
  private var statistics: TraceStatistics?
  /// Bytes by which the format is told: pieces are gathered until there are so many.
  private let headBytes: Int
  /// The beginning of the file, until its format is told.
  private var head: [UInt8] = []
  private var splitter = Splitter.none
  private var rows: RowReader?

  private enum Splitter {
    case none
    case lines(LineSplitter)
    case values(JSONSplitter)
  }

  /// - Parameter statistics: Where given, requests of a plain table go there and are not kept.
  init(
    file: String, options: TraceReadOptions = TraceReadOptions(),
    statistics: TraceStatistics? = nil, headBytes: Int = 1 << 16
  ) {
    self.file = file
    self.headBytes = headBytes
    self.options = options
    self.statistics = statistics
  }

  /// Takes a piece of the file.
  ///
  /// - Throws: ``UserError`` where the content fits no format, and for rows that are wrong.
  mutating func consume(_ chunk: Span<UInt8>) throws(UserError) {
    if rows != nil { return try parse(chunk) }
    chunk.withUnsafeBufferPointer { head.append(contentsOf: $0) }
    if head.count >= headBytes { try start() }
  }

  /// Tells the format by the head, and parses the head.
  private mutating func start() throws(UserError) {
    let isJSON = TraceFormat.isJSON(head.span)
    var format = try formatGiven()
    if format == nil, isJSON {
      let names = TraceFormat.membersOfJSON(head.span)
      guard let detected = TraceFormat.ofJSON(names) else { throw noFormat(names) }
      format = detected
    }
    let syntax = (format ?? .csv).syntax(isJSON: isJSON)
    splitter =
      syntax == .values ? .values(JSONSplitter(file: file)) : .lines(LineSplitter(file: file))
    rows = RowReader(
      file: file, format: syntax == .table ? nil : format, options: options,
      statistics: statistics)
    statistics = nil
    let bytes = head
    head = []
    try parse(bytes.span)
  }

  /// The format that the user says; what `--columns` says goes before any format's own names.
  private func formatGiven() throws(UserError) -> TraceFormat? {
    guard options.columns != nil else {
      guard options.format == .columns else { return options.format }
      throw UserError("\(file): `--trace-format columns` needs `--columns`")
    }
    guard let format = options.format, format != .columns else { return .columns }
    throw UserError(
      "\(file): `--columns` and `--trace-format \(format.rawValue)` both say what names mean",
      hint: "leave one of them out")
  }

  private func noFormat(_ names: [String]) -> UserError {
    let found = names.prefix(8).map { name in
      "`" + printable(Array(name.utf8).span) + "`"
    }.joined(separator: ", ")
    let more = names.count > 8 ? " and \(names.count - 8) more" : ""
    let hint = ColumnMapping.guess(names).map { "`\($0)` would read it" }
    return UserError(
      "\(file):1:1: this JSON has the members of no format that is known"
        + (names.isEmpty ? "" : " (found \(found)\(more))"),
      hint: hint
        ?? "say which member has what: `--columns arrival=TIME,prompt=TOKENS,output=TOKENS`, a member inside another "
        + "behind a dot; the formats are in docs/TRACES.md")
  }

  /// Parses what ends in `chunk`, and keeps the beginning of the next row.
  private mutating func parse(_ chunk: Span<UInt8>) throws(UserError) {
    // Both are moved out, so that the splitter may call the rows while it works.
    guard var rows = rows.take() else { return }
    defer { self.rows = rows }
    switch splitter {
    case .none: return
    case .lines(var lines):
      splitter = .none
      defer { splitter = .lines(lines) }
      try lines.consume(chunk) { line, number throws(UserError) in
        try rows.take(line, at: TextPlace(line: number, column: 1))
      }
    case .values(var values):
      splitter = .none
      defer { splitter = .values(values) }
      try values.consume(chunk) { value, place throws(UserError) in
        try rows.take(value, at: place)
      }
    }
  }

  /// Ends the file: parses what no line end followed, and returns what was read.
  mutating func finish() throws(UserError) -> (TraceReading, TraceStatistics?) {
    if rows == nil { try start() }
    guard var rows = rows.take() else { preconditionFailure("TraceParser: no format") }
    switch splitter {
    case .none: break
    case .lines(var lines):
      try lines.finish { line, number throws(UserError) in
        try rows.take(line, at: TextPlace(line: number, column: 1))
      }
    case .values(var values):
      try values.finish { value, place throws(UserError) in try rows.take(value, at: place) }
    }
    return try rows.finish()
  }
}
