import CostModel
import Planning
import Results

/// The rows of a merged table, read from the shards: a database and a CSV file are written from them.
///
/// Used from one thread; each has its own.
final class MergedRows {
  /// What a row has of a shard, in the order of ``reader(_:)``.
  enum ShardColumn {
    static let key: Int32 = 0
    static let scenario: Int32 = 1
    static let profile: Int32 = 2
    /// The first of the columns that were kept.
    static let kept: Int32 = 3
  }

  /// GPUs of a run, and what they cost an hour.
  struct Cost {
    var gpus: Int
    var dollarsPerHour: Double?
  }

  let columns: MergedColumns
  private let grid: SweepGrid
  private let files: [SQLite]
  private let readers: [Statement]
  /// By the steps of the axes that change devices or how many.
  private var costs: [[Int]: Cost] = [:]
  private let costAxes: [Int]

  init(_ paths: [String], _ columns: MergedColumns, _ grid: SweepGrid) throws(SQLiteFailure) {
    self.columns = columns
    self.grid = grid
    var files: [SQLite] = []
    for path in paths {
      let file = try SQLite(path, isReadOnly: true)
      // One transaction for all its rows: a lock for each would cost more than the row.
      try file.execute("PRAGMA mmap_size = 1073741824; BEGIN")
      files.append(file)
    }
    self.files = files
    let names = ["key", "scenario", "profile"] + columns.kept.map(\.key)
    var readers: [Statement] = []
    for file in files {
      readers.append(
        try Statement(file, "SELECT \(names.joined(separator: ", ")) FROM runs WHERE rowid = ?"))
    }
    self.readers = readers
    let priced = ["device", "tensor-parallel-size", "pipeline-parallel-size"]
    costAxes = grid.file.axes.indices.filter {
      !Set(grid.file.axes[$0].names).isDisjoint(with: priced)
    }
  }

  /// The reading statement at an entry's row.
  func row(_ entry: MergeIndex.Entry) throws(SQLiteFailure) -> Statement {
    let row = readers[entry.file]
    row.reset()
    row.bind(entry.row, at: 1)
    guard try row.step() else {
      throw SQLiteFailure(
        code: 0, message: "row \(entry.row) is gone: another process changes the file",
        path: files[entry.file].path)
    }
    return row
  }

  /// The reading statement at the row of a failure: `key, version, message`.
  func failure(_ entry: MergeIndex.Entry) throws(SQLiteFailure) -> Statement {
    let row = try Statement(
      files[entry.file], "SELECT key, version, message FROM failures WHERE rowid = \(entry.row)")
    _ = try row.step()
    return row
  }

  /// The file that an entry's row lies in.
  func file(of entry: MergeIndex.Entry) -> SQLite { files[entry.file] }

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
  ) throws(SQLiteFailure) {
    let row = try row(entry)
    line.append(contentsOf: "\(entry.position + 1),\(row.key(ShardColumn.key)?.text ?? "")".utf8)
    let values = values(entry)
    for axis in columns.axes { appendField(values[axis.place].text, to: &line) }
    for index in columns.kept.indices {
      line.append(UInt8(ascii: ","))
      row.append(ShardColumn.kept + Int32(index), to: &line)
    }
    let cost = cost(entry)
    appendField("\(cost.gpus)", to: &line)
    appendField(cost.dollarsPerHour.map { "\($0)" } ?? "", to: &line)
    appendField(row.text(ShardColumn.profile), to: &line)
    line.append(UInt8(ascii: "\n"))
  }

  /// A comma and a text, in quotes where RFC 4180 asks for them.
  private func appendField(_ text: String, to line: inout [UInt8]) {
    line.append(UInt8(ascii: ","))
    guard text.utf8.contains(where: { [0x2c, 0x22, 0x0a, 0x0d].contains($0) }) else {
      return line.append(contentsOf: text.utf8)
    }
    line.append(contentsOf: "\"\(text.replacing("\"", with: "\"\""))\"".utf8)
  }
}
