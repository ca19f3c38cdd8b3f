import GRDB

/// An open database, for as long as ``DatabaseFile/use(_:)`` gives it.
package struct DatabaseConnection {
  private let database: Database
  private let file: DatabaseFile

  init(_ database: Database, of file: DatabaseFile) {
    self.database = database
    self.file = file
  }

  package var path: String { file.path }

  /// Runs statements, separated by semicolons.
  package func execute(_ sql: String) throws(DatabaseFailure) {
    try DatabaseFailure.converting(path: path) { try database.execute(sql: sql) }
  }

  /// Does `work` in one transaction, which is taken back if it throws.
  ///
  /// - Throws: What `work` throws, or ``DatabaseFailure``.
  package func transaction(_ work: () throws -> Void) throws {
    do {
      try database.inTransaction(.deferred) {
        try work()
        return .commit
      }
    } catch let error as DatabaseError {
      throw DatabaseFailure(error, path: path)
    }
  }

  package func statement(_ sql: String) throws(DatabaseFailure) -> PreparedStatement {
    try DatabaseFailure.converting(path: path) {
      PreparedStatement(try database.makeStatement(sql: sql), of: file)
    }
  }

  /// The rows that a query gives.
  package func rows(_ sql: String) throws(DatabaseFailure) -> ResultRows {
    try statement(sql).rows()
  }

  /// The first column of every row as text.
  package func texts(_ sql: String) throws(DatabaseFailure) -> [String] {
    let rows = try rows(sql)
    var texts: [String] = []
    while let row = try rows.next() { texts.append(row.text(0)) }
    return texts
  }

  /// The one integer that a query gives.
  package func integer(_ sql: String) throws(DatabaseFailure) -> Int {
    try rows(sql).next()?.integer(0) ?? 0
  }

  /// Makes another file readable as `name`.
  package func attach(_ path: String, as name: String) throws(DatabaseFailure) {
    try execute("ATTACH '\(path.replacing("'", with: "''"))' AS \(name)")
  }
}
