import CostModel
import Database
import Planning
import Results

/// The rows of a merged table, read from the shards: a database and a CSV file are written from them.
///
/// Used from one thread; each has its own.
final class MergedRows {
  /// What a row has of a shard, in the order of ``reader(_:)``.
  enum ShardColumn {
    static let key = 0
    static let scenario = 1
    static let profile = 2
    /// The first of the columns that were kept.
    static let kept = 3
  }

  /// GPUs of a run, and what they cost an hour.
  struct Cost {
    var gpus: Int
    var dollarsPerHour: Double?
  }

  let columns: MergedColumns
  private let grid: SweepGrid
  private let files: [DatabaseFile]
  private let readers: [PreparedStatement]
  /// By the steps of the axes that change devices or how many.
  private var costs: [[Int]: Cost] = [:]
  private let costAxes: [Int]

  init(_ paths: [String], _ columns: MergedColumns, _ grid: SweepGrid) throws(DatabaseFailure) {
    self.columns = columns
    self.grid = grid
    let names = ["key", "scenario", "profile"] + columns.kept.map(\.key)
    let query = "SELECT \(names.joined(separator: ", ")) FROM runs WHERE rowid = ?"
    var files: [DatabaseFile] = []
    var readers: [PreparedStatement] = []
    for path in paths {
      let file = try DatabaseFile(path, .reading)
      let reader = try file.use { database throws(DatabaseFailure) in
        try database.execute("PRAGMA mmap_size = 1073741824")
        return try database.statement(query)
      }
      files.append(file)
      readers.append(reader)
    }
    self.files = files
    self.readers = readers
    let priced = ["device", "tensor-parallel-size", "pipeline-parallel-size"]
    costAxes = grid.file.axes.indices.filter {
      !Set(grid.file.axes[$0].names).isDisjoint(with: priced)
    }
  }

  /// Gives `body` an entry's row.
  func withRow(
    _ entry: MergeIndex.Entry, _ body: (ResultRow) throws(DatabaseFailure) -> Void
  ) throws(DatabaseFailure) {
    let reader = readers[entry.file]
    reader.bind(entry.row, at: 1)
    try body(try row(entry, of: reader.rows()))
  }

  /// Gives `body` the row of a failure: `key, version, message`.
  func withFailure(
    _ entry: MergeIndex.Entry, _ body: (ResultRow) throws(DatabaseFailure) -> Void
  ) throws(DatabaseFailure) {
    let rows = try files[entry.file].use { database throws(DatabaseFailure) in
      try database.rows("SELECT key, version, message FROM failures WHERE rowid = \(entry.row)")
    }
    try body(try row(entry, of: rows))
  }

  /// The file that an entry's row lies in.
  func file(of entry: MergeIndex.Entry) -> DatabaseFile { files[entry.file] }

  private func row(
    _ entry: MergeIndex.Entry, of rows: ResultRows
  ) throws(DatabaseFailure) -> ResultRow {
    guard let row = try rows.next() else {
      throw DatabaseFailure(
        .unusable, "row \(entry.row) is gone: another process changes the file",
        path: files[entry.file].path)
    }
    return row
  }

  /// The values that an entry's run has on all axes.
  func values(_ entry: MergeIndex.Entry) -> [SettingValue] { grid.values(entry.position) }

  func cost(_ entry: MergeIndex.Entry) -> Cost {
    let steps = grid.steps(entry.position)
    let key = costAxes.map { steps[$0] }
    if let known = costs[key] { return known }
    let scenario = grid.scenario(entry.position)
    let cost = Cost(
      gpus: scenario.gpus,
      dollarsPerHour: scenario.device.price.map { Double(scenario.gpus) * $0.dollarsPerHour })
    costs[key] = cost
    return cost
  }

  /// Appends a run's row as a line of CSV.
  func appendLine(
    of entry: MergeIndex.Entry, to line: inout [UInt8]
  ) throws(DatabaseFailure) {
    try withRow(entry) { row throws(DatabaseFailure) in append(entry, row, to: &line) }
  }

  private func append(_ entry: MergeIndex.Entry, _ row: ResultRow, to line: inout [UInt8]) {
    line.append(contentsOf: "\(entry.position + 1),\(row.key(ShardColumn.key)?.text ?? "")".utf8)
    let values = values(entry)
    for axis in columns.axes {
      line.append(UInt8(ascii: ","))
      line.append(csvField: values[axis.place].text)
    }
    for index in columns.kept.indices {
      line.append(UInt8(ascii: ","))
      row.append(ShardColumn.kept + index, to: &line)
    }
    let cost = cost(entry)
    line.append(contentsOf: ",\(cost.gpus),\(cost.dollarsPerHour.map { "\($0)" } ?? ""),".utf8)
    line.append(csvField: row.text(ShardColumn.profile))
    line.append(UInt8(ascii: "\n"))
  }
}

extension [UInt8] {
  /// Appends a text, in quotes where RFC 4180 asks for them.
  mutating func append(csvField text: String) {
    guard text.utf8.contains(where: { [0x2c, 0x22, 0x0a, 0x0d].contains($0) }) else {
      return append(contentsOf: text.utf8)
    }
    append(contentsOf: "\"\(text.replacing("\"", with: "\"\""))\"".utf8)
  }
}

extension ResultRow {
  /// Appends the column as a CSV field takes it but for quotes: nothing for NULL.
  func append(_ column: Int, to bytes: inout [UInt8]) {
    switch kind(column) {
    case .null: break
    case .integer: bytes.append(contentsOf: integer(column).description.utf8)
    case .real: bytes.append(contentsOf: real(column).description.utf8)
    case .text, .blob: bytes.append(contentsOf: text(column).utf8)
    }
  }
}
