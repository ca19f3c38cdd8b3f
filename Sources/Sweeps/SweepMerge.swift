import Database
import Dispatch
import Messages
import Planning
import Results
import SimulationKernel
import Synchronization

/// Makes one table of the shards' results: a database, a CSV file and a page.
///
/// Rows stand in the order of the grid, each run once. The same results are the same bytes, however many
/// shards they lie in and in what order they were made.
package struct SweepMerge: Sendable {
  /// What came together.
  package struct Outcome: Sendable {
    package var runs = 0
    package var failures = 0
    package var missing = 0
    package var duplicates = 0
    package var foreign = 0
    package var others = 0
    package var corrupt: [String] = []
    package var figures = FigureFiles.Outcome()
  }

  package static let database = "sweep.sqlite"
  package static let table = "runs.csv"
  package static let spread = "spread.csv"
  package static let report = "report.html"
  /// Raised when a query written for the version before may fail or answer something else.
  package static let schemaVersion = 1

  private let plan: SweepPlan
  private let columns: MergedColumns
  /// The shards' files, as the index counts them.
  private let files: [String]
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
    var files: [String] = []
    for shard in plan.folder.shardsThere() {
      let path = plan.folder.path(of: shard)
      do {
        try ShardFile.check(path)
        files.append(path)
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
    let runs = try plan.runs().runs
    do throws(DatabaseFailure) {
      var opened: [DatabaseFile] = []
      for file in files { opened.append(try DatabaseFile(file, .reading)) }
      index = try MergeIndex(opened, runs: runs, takesOthers: takesOthers)
    } catch {
      throw ShardFile.error(error, file: error.path)
    }
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

  /// Writes the files into the sweep's folder, database and CSV at the same time.
  ///
  /// - Parameter asked: Figures in place of the usual ones; curves only, as single requests are not kept.
  /// - Throws: ``UserError`` if they cannot be written; those of before then stay.
  /// - Complexity: O(rows · columns).
  package func write(figures asked: [FigureRequest] = []) throws -> Outcome {
    let folder = try OutputFolder(plan.folder.path)
    let path = folder.staged(Self.database)
    let table = folder.staged(Self.table)
    let failure = Mutex<(any Error)?>(nil)
    DispatchQueue.concurrentPerform(iterations: 2) { part in
      do {
        if part == 0 { try writeDatabase(path) } else { try writeLines(table) }
      } catch {
        failure.withLock { $0 = $0 ?? error }
      }
    }
    do {
      if let failure = failure.withLock({ $0 }) { throw failure }
      let report = SweepReport(plan, columns, outcome)
      let usual = report.usualFigures
      let (runs, figures, page, spread) = try DatabaseFile(path, .reading).use {
        let runs = try report.runs($0, for: usual + asked)
        let figures = usual.compactMap(runs.figure)
        return (
          runs, figures, try report.html($0, figures: figures), try SpreadTable(columns).csv($0)
        )
      }
      try OutputFile.write(to: folder.staged(Self.spread)) { append throws(UserError) in
        try append(spread)
      }
      try OutputFile.write(to: folder.staged(Self.report)) { append throws(UserError) in
        try append(Array(page.utf8))
      }
      var outcome = outcome
      outcome.figures = try FigureFiles.write(asked, of: runs, usual: figures, to: folder)
      try folder.commit()
      return outcome
    } catch let failure as DatabaseFailure {
      throw SweepFolder.cannotWrite(path, because: failure.message).reason
    }
  }

  private func writeDatabase(_ path: String) throws {
    let rows = try MergedRows(files, columns, plan.grid)
    try DatabaseFile(path, .making).use { database in
      try database.transaction {
        try database.execute(columns.schema)
        try writeMeta(database)
        let writer = try MergedTableWriter(database, rows)
        for entry in index.entries { try writer.write(entry) }
        try SpreadTable(columns).fill(database)
        try database.execute("PRAGMA user_version = \(Self.schemaVersion)")
      }
    }
  }

  private func writeMeta(_ database: DatabaseConnection) throws(DatabaseFailure) {
    let statement = try database.statement("INSERT INTO meta VALUES (?, ?)")
    for (key, value) in [
      ("sweep", plan.file.name), ("schema_version", "\(Self.schemaVersion)"),
      ("version", toolVersion), ("missing", "\(outcome.missing)"),
    ] {
      statement.bind(key, at: 1)
      statement.bind(value, at: 2)
      try statement.run()
    }
  }

  private func writeLines(_ path: String) throws {
    let rows = try MergedRows(files, columns, plan.grid)
    var line = Array(((["run", "key"] + columns.names).joined(separator: ",") + "\n").utf8)
    try OutputFile.write(to: path) { append throws(UserError) in
      try append(line)
      for entry in index.entries where !entry.isFailure {
        line.removeAll(keepingCapacity: true)
        do throws(DatabaseFailure) {
          try rows.appendLine(of: entry, to: &line)
        } catch {
          throw SweepFolder.cannotWrite(path, because: error.message).reason
        }
        try append(line)
      }
    }
  }
}
