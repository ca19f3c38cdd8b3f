import Messages
import Workload

/// Reads the rows of a trace, whatever the format: lines of a table, objects, conversations.
struct RowReader {
  private enum Parser {
    /// A table whose header has not come yet.
    case beforeHeader
    case table(CSVRowParser)
    case objects(JSONRecordParser)
    case listed(ListedRecordParser)
    case sessions(SessionParser)
    case conversations(ShareGPTParser)
    case results(VLLMBenchParser)
  }

  private let file: String
  private let options: TraceReadOptions
  private var parser: Parser
  private var assembler: TraceAssembler?
  private var statistics: TraceStatistics?
  private var record = TraceRecord()
  private var records: [TraceRecord] = []
  private var headerWarnings: [String] = []
  private var usesText = false
  /// Whether the result of a benchmark was read, and how many came behind it.
  private var hasRun = false
  private var otherRuns = 0
  /// The first of the empty lines just seen: fine at the end of the file, an error before a row.
  private var emptyLine: Int?

  /// - Parameter format: The format, or `nil` for a table, whose header tells.
  init(
    file: String, format: TraceFormat?, options: TraceReadOptions, statistics: TraceStatistics?
  ) {
    self.file = file
    self.options = options
    guard let format else {
      parser = .beforeHeader
      self.statistics = statistics
      return
    }
    switch format.shape.values {
    case .conversation: parser = .conversations(ShareGPTParser(options: options))
    case .results: parser = .results(VLLMBenchParser())
    case .record: parser = .objects(JSONRecordParser(format, options: options))
    case .session: parser = .sessions(SessionParser())
    case .listed(let path):
      parser = .listed(ListedRecordParser(format, path: path, options: options))
    }
    usesText = format.shape.readsTexts
    assembler = TraceAssembler(file: file, format: format, options: options, statistics: nil)
  }

  /// Takes one row, whose first byte stands at `place`.
  ///
  /// - Throws: ``UserError`` for a row that is wrong, unless such rows are skipped, and for a wrong
  ///   header in any case.
  mutating func take(_ bytes: Span<UInt8>, at place: TextPlace) throws(UserError) {
    if case .beforeHeader = parser { return try takeHeader(bytes) }
    do throws(UserError) {
      try takeRow(bytes, at: place)
    } catch {
      guard options.skipsBadRows else { throw error }
      assembler?.skip(error)
    }
  }

  private mutating func takeHeader(_ bytes: Span<UInt8>) throws(UserError) {
    let header = try CSVHeader(
      bytes, file: file, format: options.format, suffix: options.columnSuffix,
      mapping: options.columns)
    if header.columns.contains(.timestamp), options.timestampUnit == nil {
      throw .at(
        file, 1, 1, "the format does not say what its timestamps count",
        hint: "give `--timestamp-unit s` or `ms`")
    }
    headerWarnings = header.warnings(file: file)
    parser = .table(
      CSVRowParser(header: header, file: file, timestampUnit: options.timestampUnit))
    // Rows need not be kept if they come in order and say nothing of their prompts' tokens.
    let isPlain =
      header.format == .csv && !header.columns.contains { $0?.isIdentity ?? false }
      && options.spreadSeconds == nil
    assembler = TraceAssembler(
      file: file, format: header.format, options: options,
      statistics: isPlain ? statistics : nil)
    statistics = nil
  }

  private mutating func takeRow(_ bytes: Span<UInt8>, at place: TextPlace) throws(UserError) {
    switch parser {
    case .beforeHeader: return
    case .table(let table):
      if bytes.isEmpty {
        emptyLine = emptyLine ?? place.line
        return
      }
      if let line = emptyLine {
        emptyLine = nil
        throw .at(file, line, 1, "0 fields, the header has \(table.columnCount)")
      }
      try table.parse(bytes, line: place.line, into: &record)
      try assembler?.take(record, line: place.line)
    case .objects(var objects):
      if isBlank(bytes) { return }
      parser = .beforeHeader
      defer { parser = .objects(objects) }
      do throws(JSONMistake) {
        guard try objects.parse(bytes, into: &record) else { return }
      } catch {
        throw placed(error, in: bytes, at: place)
      }
      try assembler?.take(record, line: place.line)
    case .listed(var listed):
      parser = .beforeHeader
      defer { parser = .listed(listed) }
      do throws(JSONMistake) { try listed.parse(bytes, into: &records) } catch {
        throw placed(error, in: bytes, at: place)
      }
      for record in records { try assembler?.take(record, line: place.line) }
    case .sessions(var sessions):
      if isBlank(bytes) { return }
      parser = .beforeHeader
      defer { parser = .sessions(sessions) }
      do throws(JSONMistake) { try sessions.parse(bytes, into: &records) } catch {
        throw placed(error, in: bytes, at: place)
      }
      for record in records { try assembler?.take(record, line: place.line) }
    case .conversations(var conversations):
      parser = .beforeHeader
      defer { parser = .conversations(conversations) }
      do throws(JSONMistake) { try conversations.parse(bytes, into: &records) } catch {
        throw placed(error, in: bytes, at: place)
      }
      for record in records { try assembler?.take(record, line: place.line) }
    case .results(var results):
      // SGLang's benchmark appends its runs to one file.
      guard !hasRun else {
        otherRuns += 1
        return
      }
      do throws(JSONMistake) { try results.parse(bytes, into: &records) } catch {
        throw placed(error, in: bytes, at: place)
      }
      for record in records { try assembler?.take(record, line: place.line) }
      hasRun = true
    }
  }

  private func isBlank(_ bytes: Span<UInt8>) -> Bool {
    for index in bytes.indices where bytes[index] != 0x20 && bytes[index] != 0x09 { return false }
    return true
  }

  /// A mistake in the JSON of one row, with its place in the file.
  private func placed(
    _ mistake: JSONMistake, in bytes: Span<UInt8>, at start: TextPlace
  ) -> UserError {
    var place = start
    for index in 0..<min(mistake.offset, bytes.count) {
      if bytes[index] == 0x0A {
        place = TextPlace(line: place.line + 1, column: 1)
      } else {
        place.column += 1
      }
    }
    // What programs print for people has one brace in its first line.
    let isSpread = bytes.count < 4 && mistake.offset >= bytes.count
    return .at(
      file, place.line, place.column, mistake.what,
      hint: isSpread
        ? "objects stand one a line: `jq -c . FILE` writes those of several lines so" : nil)
  }

  /// What was read.
  mutating func finish() throws(UserError) -> (TraceReading, TraceStatistics?) {
    let hint = "write the header `\(TraceColumn.canonicalHeader)` and one line per request"
    guard assembler != nil else { throw UserError("\(file): the file is empty", hint: hint) }
    var isTable = false
    switch parser {
    case .objects(let objects):
      assembler!.note(
        orphans: objects.orphans, delayedRequests: objects.delayedRequests,
        otherRows: objects.otherRows)
      assembler!.name(classes: objects.classes.texts, adapters: objects.adapters.texts)
    case .listed(let listed):
      assembler!.note(otherRows: listed.records.otherRows, otherRuns: listed.otherRuns)
    case .sessions(let sessions):
      assembler!.note(delayedRequests: sessions.delayedRequests)
    case .conversations(let conversations):
      assembler!.note(emptyRows: conversations.emptyConversations)
    case .table(let table):
      isTable = true
      assembler!.name(classes: table.classes.texts, adapters: table.adapters.texts)
    case .beforeHeader: isTable = true
    case .results: assembler!.note(otherRuns: otherRuns)
    }
    return try assembler!.finish(
      warnings: headerWarnings, usesText: usesText, emptyHint: isTable ? hint : nil)
  }
}
