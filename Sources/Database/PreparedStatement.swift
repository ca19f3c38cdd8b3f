import GRDB
import GRDBSQLite

/// A statement that GRDB prepares, and whose values and steps go through SQLite's C interface.
///
/// Parameters are counted from 1.
///
/// By hand because bulk inserts need it, in CPU time: a million rows of `requests` take 3.3 µs each, 4.7 µs with
/// GRDB's `setUncheckedArguments` of an array literal, 6.5 µs with one of `DatabaseValue`; merging a sweep of
/// 48,000 runs takes 1.1 s, and 1.8 s with GRDB's `execute` and row cursors.
package final class PreparedStatement {
  private let statement: Statement
  /// Held: a statement does not outlive its connection.
  private let file: DatabaseFile
  let handle: OpaquePointer

  init(_ statement: Statement, of file: DatabaseFile) {
    self.statement = statement
    self.file = file
    handle = statement.sqliteStatement
  }

  /// SQLITE_TRANSIENT, a macro that Swift does not import: SQLite copies what is bound.
  private static let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

  package func bind(_ value: Int64, at index: Int) {
    check(sqlite3_bind_int64(handle, Int32(index), value))
  }

  package func bind(_ value: Int, at index: Int) { bind(Int64(value), at: index) }

  /// - Precondition: `value` is finite (SQLite would turn NaN into NULL in silence).
  package func bind(_ value: Double, at index: Int) {
    precondition(value.isFinite, "PreparedStatement: \(value) is not a number that can be stored")
    check(sqlite3_bind_double(handle, Int32(index), value))
  }

  package func bind(_ text: String, at index: Int) {
    check(
      sqlite3_bind_text(handle, Int32(index), text, Int32(text.utf8.count), Self.transient))
  }

  /// Binds text that is never freed, without a copy.
  package func bind(constant text: StaticString, at index: Int) {
    text.withUTF8Buffer { bytes in
      bytes.withMemoryRebound(to: CChar.self) { characters in
        check(
          sqlite3_bind_text(
            handle, Int32(index), characters.baseAddress, Int32(bytes.count), nil))
      }
    }
  }

  /// Binds a BLOB.
  package func bind(_ bytes: [UInt8], at index: Int) {
    check(sqlite3_bind_blob(handle, Int32(index), bytes, Int32(bytes.count), Self.transient))
  }

  package func bindNull(at index: Int) { check(sqlite3_bind_null(handle, Int32(index))) }

  /// Gives a parameter the value of a row's column, of whatever type it is.
  package func bind(_ column: Int, of row: ResultRow, at index: Int) {
    check(row.bind(column, to: handle, at: index))
  }

  /// Runs the statement with the values bound, and makes it ready for the next. Values stay bound.
  package func run() throws(DatabaseFailure) {
    while try step() {}
    reset()
  }

  /// The rows that the statement gives for the values bound.
  ///
  /// - Precondition: The rows that it gave before are no longer in use.
  package func rows() -> ResultRows {
    precondition(sqlite3_stmt_busy(handle) == 0, "PreparedStatement: rows of it are still read")
    return ResultRows(self)
  }

  var columnNames: [String] { statement.columnNames }

  /// - Returns: Whether there is a row.
  func step() throws(DatabaseFailure) -> Bool {
    switch withExtendedLifetime(self, { sqlite3_step(handle) }) {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    case let code:
      let message = String(cString: sqlite3_errmsg(sqlite3_db_handle(handle)))
      // Else the failed statement would be in the way of the next.
      reset()
      throw DatabaseFailure(
        DatabaseError(resultCode: ResultCode(rawValue: code), message: message), path: file.path)
    }
  }

  func reset() { withExtendedLifetime(self) { _ = sqlite3_reset(handle) } }

  /// Binding fails only for a wrong index, a mistake of ours, or for want of memory.
  private func check(_ code: Int32) {
    precondition(code == SQLITE_OK, "PreparedStatement: binding failed with SQLite code \(code)")
  }
}
