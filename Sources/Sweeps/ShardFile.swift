import Foundation
import Messages
import Results

/// The tables of a shard's file.
enum ShardSchema {
  /// Raised when a file of the version before can no longer be read.
  static let version = 1

  static func tables(_ schema: String) -> String {
    """
    CREATE TABLE \(schema).runs (
      key BLOB PRIMARY KEY, point BLOB NOT NULL, profile TEXT NOT NULL, scenario INTEGER NOT NULL,
      \(ShardColumns.all.map(ShardColumns.declaration).joined(separator: ",\n  "))
    ) STRICT;
    CREATE TABLE \(schema).failures (
      key BLOB PRIMARY KEY, point BLOB NOT NULL, profile TEXT NOT NULL, version TEXT NOT NULL,
      message TEXT NOT NULL
    ) STRICT;
    CREATE TABLE \(schema).scenarios (scenario INTEGER PRIMARY KEY, settings TEXT NOT NULL) STRICT;
    CREATE TABLE \(schema).profiles (profile TEXT PRIMARY KEY, cost_profile TEXT NOT NULL) STRICT;
    PRAGMA \(schema).user_version = \(version);
    """
  }

  static let insertRun =
    "INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?"
    + String(repeating: ", ?", count: ShardColumns.all.count) + ")"

  /// Copies all rows in the order of their keys, so that equal tables become equal files.
  static func copyRows(
    from source: String, to target: String, in database: SQLite
  ) throws(SQLiteFailure) {
    for (table, key) in [
      ("scenarios", "scenario"), ("profiles", "profile"), ("runs", "key"), ("failures", "key"),
    ] {
      try database.execute(
        "INSERT OR IGNORE INTO \(target).\(table) SELECT * FROM \(source).\(table) ORDER BY \(key)")
    }
  }
}

/// A published file of results, read only.
enum ShardFile {
  /// Sees that a file is whole and holds what this version writes.
  ///
  /// - Throws: ``UserError`` that names the file.
  static func check(_ path: String) throws {
    do {
      let database = try SQLite(path, isReadOnly: true)
      let version = try database.integer("PRAGMA user_version")
      let columns = try database.texts("SELECT name FROM pragma_table_info('runs')")
      let known = ["key", "point", "profile", "scenario"] + ShardColumns.all.map(\.key)
      guard version == ShardSchema.version, columns == known else {
        let tool = try? database.texts("SELECT DISTINCT version FROM runs LIMIT 3")
        throw UserError(
          "`\(path)` has other columns than this version of kvplan writes"
            + (tool.map { ": it is of \($0.joined(separator: ", "))" } ?? ""),
          hint: "give the sweep another `output`, or remove the file: its runs are then made again")
      }
      let faults = try database.texts("PRAGMA quick_check(1)")
      guard faults == ["ok"] else { throw corrupt(path, faults.first ?? "") }
    } catch let failure as SQLiteFailure {
      throw error(failure, file: path)
    }
  }

  /// The keys of a table, by default of both: all runs that have an outcome.
  static func keys(
    _ database: SQLite, table: String? = nil
  ) throws(SQLiteFailure) -> Set<RunKey> {
    var keys: Set<RunKey> = []
    for table in table.map({ [$0] }) ?? ["runs", "failures"] {
      let statement = try Statement(database, "SELECT key FROM \(table)")
      while try statement.step() { if let key = statement.key(0) { keys.insert(key) } }
    }
    return keys
  }

  /// The same of the file at `path`.
  static func keys(of path: String, table: String? = nil) throws -> Set<RunKey> {
    do throws(SQLiteFailure) {
      return try keys(SQLite(path, isReadOnly: true), table: table)
    } catch {
      throw Self.error(error, file: path)
    }
  }

  static func error(_ failure: SQLiteFailure, file: String) -> any Error {
    failure.isCorruption
      ? corrupt(file, failure.message)
      : TryAgain(
        reason: UserError(
          "cannot use `\(file)`: \(failure.message)",
          hint: "what was done is kept; run the same command again"))
  }

  static func corrupt(_ path: String, _ reason: String) -> UserError {
    UserError(
      "`\(path)` is corrupt: \(reason)", hint: "remove the file: its runs are then made again")
  }
}
