import CostModel
import Foundation
import Planning
import Results
import SimulationKernel

/// Makes one table of the shards' results: a database, a CSV file and a page.
///
/// Rows stand in the order of the grid, each run once. The same results are the same bytes, however many
/// shards they lie in and in what order they were made.
package struct SweepMerge {
  /// What came together.
  package struct Outcome: Sendable {
    package var runs = 0
    package var failures = 0
    package var missing = 0
    package var duplicates = 0
    package var foreign = 0
    package var others = 0
    package var corrupt: [String] = []
  }

  package static let database = "sweep.sqlite"
  package static let table = "runs.csv"
  package static let report = "report.html"
  /// Raised when a query written for the version before may fail or answer something else.
  package static let schemaVersion = 1

  private let plan: SweepPlan
  private let columns: MergedColumns
  private let runs: [KeyedRun]
  private let files: [SQLite]
  private let index: MergeIndex
  private var outcome = Outcome()

  /// Finds the rows.
  ///
  /// - Parameters:
  ///   - takesOthers: Take results of other versions of the tool and other profiles too.
  ///   - skipsCorrupt: Leave files out that cannot be read.
  /// - Throws: ``UserError`` where there are such and they were not asked for, or nothing is there.
  package init(_ plan: SweepPlan, takesOthers: Bool, skipsCorrupt: Bool) throws {
    self.plan = plan
    columns = MergedColumns(plan.file)
    guard try plan.folder.isThere(), !plan.folder.shardsThere().isEmpty else {
      throw UserError(
        "`\(plan.folder.path)` has no results yet",
        hint: "run the sweep: `kvplan sweep run \(plan.file.path)`")
    }
    var files: [SQLite] = []
    for shard in plan.folder.shardsThere() {
      let path = plan.folder.path(of: shard)
      do {
        try ShardFile.check(path)
        let file = try SQLite(path, isReadOnly: true)
        // One transaction for all its rows: a lock for each would cost more than the row.
        try file.execute("PRAGMA mmap_size = 1073741824; BEGIN")
        files.append(file)
      } catch let error as UserError {
        outcome.corrupt.append(error.message)
      }
    }
    if let first = outcome.corrupt.first, !skipsCorrupt {
      throw UserError(
        outcome.corrupt.count == 1
          ? first : "\(first); and \(outcome.corrupt.count - 1) more files",
        hint: "remove it and run its shard again, or merge the others: `--skip-corrupt`")
    }
    self.files = files
    runs = try plan.runs().runs
    index = try MergeIndex(files, runs: runs, takesOthers: takesOthers)
    outcome.others = index.others.values.reduce(0, +)
    guard outcome.others == 0 || takesOthers else {
      let list = index.others.sorted { $0.key < $1.key }.map { "\($0.value) of \($0.key)" }
      throw UserError(
        "the results are mixed: \(index.entries.count) are of version \(toolVersion) as it prices "
          + "now, \(list.joined(separator: ", "))",
        hint: "run the sweep again to make those anew, or take them as they are: `--allow-mixed`")
    }
    outcome.duplicates = index.duplicates
    outcome.foreign = index.foreign
    outcome.missing = runs.count - index.entries.count
    outcome.failures = index.entries.count { $0.isFailure }
    outcome.runs = index.entries.count - outcome.failures
  }

  /// Writes the files into the sweep's folder.
  ///
  /// - Throws: ``UserError`` if they cannot be written; those of before then stay.
  package func write() throws -> Outcome {
    let folder = try OutputFolder(plan.folder.path)
    let path = folder.staged(Self.database)
    do {
      let database = try SQLite(path)
      try database.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN")
      try database.execute(columns.schema)
      try writeMeta(database)
      try OutputFile.write(to: folder.staged(Self.table)) { append throws(UserError) in
        do { try writeRows(database, append) } catch let error as UserError {
          throw error
        } catch {
          throw UserError("cannot write `\(path)`: \(error)")
        }
      }
      try database.execute("PRAGMA user_version = \(Self.schemaVersion); COMMIT")
      let page = try SweepReport(plan, columns, outcome).html(database)
      try OutputFile.write(to: folder.staged(Self.report)) { append throws(UserError) in
        try append(Array(page.utf8))
      }
    } catch let failure as SQLiteFailure {
      throw SweepFolder.cannotWrite(path, because: failure.message).reason
    }
    try folder.commit()
    return outcome
  }

  private func writeMeta(_ database: SQLite) throws(SQLiteFailure) {
    let statement = try Statement(database, "INSERT INTO meta VALUES (?, ?)")
    for (key, value) in [
      ("sweep", plan.file.name), ("schema_version", "\(Self.schemaVersion)"),
      ("version", toolVersion), ("missing", "\(outcome.missing)"),
    ] {
      statement.bind(key, at: 1)
      statement.bind(value, at: 2)
      try statement.run()
    }
  }

  private func writeRows(
    _ database: SQLite, _ append: ([UInt8]) throws(UserError) -> Void
  ) throws {
    let writer = try RowWriter(database, files, columns)
    try append(writer.header)
    for entry in index.entries {
      guard let point = plan.grid.point(entry.position) else { continue }
      let name = Int64(entry.position) + 1
      if entry.isFailure {
        try writer.writeFailure(entry, run: Int(name), point)
      } else {
        try append(try writer.write(entry, run: Int(name), point))
      }
    }
  }
}

/// Copies rows of shards into the merged table and into CSV.
private final class RowWriter {
  private let files: [SQLite]
  private let columns: MergedColumns
  private let insert: Statement
  private let insertFailure: Statement
  private let insertScenario: Statement
  private let insertProfile: Statement
  private var readers: [Int: Statement] = [:]
  private var scenarios: Set<Int> = []
  private var profiles: Set<String> = []
  private var line: [UInt8] = []

  init(_ database: SQLite, _ files: [SQLite], _ columns: MergedColumns) throws(SQLiteFailure) {
    self.files = files
    self.columns = columns
    let marks = Array(repeating: "?", count: columns.names.count + 3).joined(separator: ", ")
    insert = try Statement(database, "INSERT INTO runs VALUES (\(marks))")
    insertFailure = try Statement(database, "INSERT INTO failures VALUES (?, ?, ?, ?, ?)")
    insertScenario = try Statement(database, "INSERT INTO scenarios VALUES (?, ?)")
    insertProfile = try Statement(database, "INSERT INTO profiles VALUES (?, ?)")
  }

  var header: [UInt8] {
    Array(((["run", "key"] + columns.names).joined(separator: ",") + "\n").utf8)
  }

  /// The reading statement of a file: what a row of the merged table takes from it, in its order.
  private func reader(_ file: Int) throws(SQLiteFailure) -> Statement {
    if let reader = readers[file] { return reader }
    let names = ["key", "scenario", "profile"] + columns.kept.map(\.key)
    let reader = try Statement(
      files[file], "SELECT \(names.joined(separator: ", ")) FROM runs WHERE rowid = ?")
    readers[file] = reader
    return reader
  }

  /// - Returns: The row as a line of CSV.
  func write(
    _ entry: MergeIndex.Entry, run: Int, _ point: SweepPoint
  ) throws(SQLiteFailure) -> [UInt8] {
    let row = try reader(entry.file)
    row.reset()
    row.bind(entry.row, at: 1)
    guard try row.step(), let key = row.key(0) else { return [] }
    try share(row, of: files[entry.file])
    line.removeAll(keepingCapacity: true)
    line.append(contentsOf: "\(run),\(key.text)".utf8)
    insert.bind(run, at: 1)
    insert.bind(key.text, at: 2)
    var next: Int32 = 3
    for axis in columns.axes {
      let text = point.values[axis.place].text
      switch axis.type {
      case "INTEGER": insert.bind(Int(text) ?? 0, at: next)
      case "REAL": insert.bind(Double(text) ?? 0, at: next)
      default: insert.bind(text, at: next)
      }
      field(text)
      next += 1
    }
    for index in columns.kept.indices {
      insert.bind(column: Int32(index + 3), of: row, at: next)
      line.append(UInt8(ascii: ","))
      row.append(Int32(index + 3), to: &line)
      next += 1
    }
    cost(of: point.scenario, at: &next)
    insert.bind(column: 2, of: row, at: next)
    insert.bind(column: 1, of: row, at: next + 1)
    field(row.text(2))
    line.append(UInt8(ascii: "\n"))
    try insert.run()
    return line
  }

  private func cost(of scenario: Scenario, at next: inout Int32) {
    let gpus = scenario.gpus
    insert.bind(gpus, at: next)
    field("\(gpus)")
    if let price = scenario.device.price {
      let dollars = Double(gpus) * price.dollarsPerHour
      insert.bind(dollars, at: next + 1)
      field("\(dollars)")
    } else {
      insert.bindNull(at: next + 1)
      field("")
    }
    next += 2
  }

  /// Takes the texts over that a row refers to, where they are not there yet.
  private func share(_ row: Statement, of file: SQLite) throws(SQLiteFailure) {
    let (scenario, profile) = (row.integer(1), row.text(2))
    if scenarios.insert(scenario).inserted {
      let text = try file.texts("SELECT settings FROM scenarios WHERE scenario = \(scenario)")
      insertScenario.bind(scenario, at: 1)
      insertScenario.bind(text.first ?? "", at: 2)
      try insertScenario.run()
    }
    if profiles.insert(profile).inserted {
      let text = try file.texts("SELECT cost_profile FROM profiles WHERE profile = '\(profile)'")
      insertProfile.bind(profile, at: 1)
      insertProfile.bind(text.first ?? "", at: 2)
      try insertProfile.run()
    }
  }

  func writeFailure(
    _ entry: MergeIndex.Entry, run: Int, _ point: SweepPoint
  ) throws(SQLiteFailure) {
    let row = try Statement(
      files[entry.file],
      "SELECT key, version, message FROM failures WHERE rowid = \(entry.row)")
    guard try row.step(), let key = row.key(0) else { return }
    insertFailure.bind(run, at: 1)
    insertFailure.bind(key.text, at: 2)
    insertFailure.bind(point.label, at: 3)
    insertFailure.bind(column: 1, of: row, at: 4)
    insertFailure.bind(column: 2, of: row, at: 5)
    try insertFailure.run()
  }

  /// A comma and a text, in quotes where RFC 4180 asks for them.
  private func field(_ text: String) {
    line.append(UInt8(ascii: ","))
    guard text.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else {
      return line.append(contentsOf: text.utf8)
    }
    line.append(contentsOf: "\"\(text.replacing("\"", with: "\"\""))\"".utf8)
  }
}
