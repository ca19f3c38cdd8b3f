import SimulationKernel

/// The columns of a CSV trace that kvplan understands.
enum TraceColumn: String, CaseIterable {
  /// Seconds from the start of the trace to the request's arrival.
  case arrival = "arrival_s"
  case promptTokens = "prompt_tokens"
  case outputTokens = "output_tokens"
  /// Output sequences sampled from the prompt.
  case samples = "n"
  case beamWidth = "beam_width"
  case session = "session_id"

  /// The columns that every trace written by kvplan has.
  static let canonicalHeader = "arrival_s,prompt_tokens,output_tokens"
}

/// The first line of a CSV trace: which field of a row is what.
struct TraceHeader {
  /// Names that a message lists before it says how many more there are.
  private static let namesShownMax = 8

  /// What each field of a row is, in file order; `nil` for a column that is not used.
  let columns: [TraceColumn?]
  /// The columns' names, made safe to print.
  private let names: [String]

  /// Reads the header line, without its line end and byte order mark.
  ///
  /// - Throws: ``UserError`` where a required column is missing or a name appears twice. Columns
  ///   without a name may be several: spreadsheets write them.
  init(_ line: Span<UInt8>, file: String) throws(UserError) {
    let hint =
      "the header is `\(TraceColumn.canonicalHeader)`, in any order; `arrival_s` may be left out"
    if line.isEmpty { throw .at(file, 1, 1, "the header line is empty", hint: hint) }
    var columns: [TraceColumn?] = []
    var names: [String] = []
    var seen: Set<[UInt8]> = []
    var cursor = FieldCursor()
    while let field = try cursor.next(in: line, file: file, line: 1) {
      let bytes = Array(line, field)
      let name = printable(line.extracting(field))
      if !bytes.isEmpty, !seen.insert(bytes).inserted {
        throw .at(file, 1, field.lowerBound + 1, "column `\(name)` appears twice")
      }
      columns.append(TraceColumn(rawValue: String(decoding: bytes, as: UTF8.self)))
      names.append(name)
    }
    for required in [TraceColumn.promptTokens, .outputTokens] where !columns.contains(required) {
      let found = names.prefix(Self.namesShownMax).map { "`\($0)`" }.joined(separator: ", ")
      let more = names.count - Self.namesShownMax
      throw .at(
        file, 1, 1,
        "no column `\(required.rawValue)` (found \(found)\(more > 0 ? " and \(more) more" : ""))",
        hint: hint)
    }
    self.columns = columns
    self.names = names
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
