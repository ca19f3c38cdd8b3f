import GRDB
import GRDBSQLite
import SimulationKernel

/// A prepared statement that is bound by position through SQLite's own C interface, which inserts
/// twice as many rows a second as GRDB's arguments.
///
/// Valid only inside the `write` that gave the database. Parameters are counted from 1.
struct RawStatement: ~Copyable {
  private let connection: OpaquePointer
  private let handle: OpaquePointer

  /// - Throws: `DatabaseError` if the statement cannot be prepared.
  init(_ database: Database, _ sql: String) throws {
    guard let connection = database.sqliteConnection else {
      preconditionFailure("RawStatement: the database is closed")
    }
    var handle: OpaquePointer?
    let code = sqlite3_prepare_v2(connection, sql, -1, &handle, nil)
    guard code == SQLITE_OK, let handle else { throw Self.failure(code, connection) }
    self.connection = connection
    self.handle = handle
  }

  deinit { sqlite3_finalize(handle) }

  func bind(_ value: Int, at index: Int32) {
    check(sqlite3_bind_int64(handle, index, Int64(value)))
  }

  /// Binds the instant in nanoseconds, or NULL.
  func bind(_ instant: SimInstant?, at index: Int32) {
    if let instant {
      check(sqlite3_bind_int64(handle, index, instant.nanoseconds))
    } else {
      check(sqlite3_bind_null(handle, index))
    }
  }

  /// Binds a copy of `text`.
  func bind(_ text: String, at index: Int32) {
    // SQLITE_TRANSIENT, a macro that Swift does not import: the text is copied.
    let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    check(sqlite3_bind_text(handle, index, text, Int32(text.utf8.count), transient))
  }

  /// Binds text that is never freed, without a copy.
  func bind(constant text: StaticString, at index: Int32) {
    text.withUTF8Buffer { bytes in
      bytes.withMemoryRebound(to: CChar.self) { characters in
        check(sqlite3_bind_text(handle, index, characters.baseAddress, Int32(bytes.count), nil))
      }
    }
  }

  /// Binds one cell; a 64-bit seed becomes text.
  ///
  /// - Precondition: A real value is finite (SQLite would turn NaN into NULL in silence).
  func bind(_ value: JSONValue, at index: Int32) {
    switch value {
    case .null: check(sqlite3_bind_null(handle, index))
    case .boolean(let value): bind(value ? 1 : 0, at: index)
    case .integer(let value): bind(value, at: index)
    case .unsigned(let value): bind(String(value), at: index)
    case .real(let value):
      precondition(value.isFinite, "RawStatement: \(value) is not a number that can be stored")
      check(sqlite3_bind_double(handle, index, value))
    case .text(let value): bind(value, at: index)
    case .array, .object: bind(value.compact, at: index)
    }
  }

  /// Runs the statement with the values bound, and makes it ready for the next row.
  ///
  /// - Throws: `DatabaseError`, for a full disk among others.
  func run() throws {
    let code = sqlite3_step(handle)
    guard code == SQLITE_DONE else { throw Self.failure(code, connection) }
    sqlite3_reset(handle)
  }

  /// Binding fails only for a wrong index, a mistake of ours, or for want of memory.
  private func check(_ code: Int32) {
    precondition(code == SQLITE_OK, "RawStatement: binding failed with SQLite code \(code)")
  }

  private static func failure(_ code: Int32, _ connection: OpaquePointer) -> DatabaseError {
    DatabaseError(
      resultCode: ResultCode(rawValue: code), message: String(cString: sqlite3_errmsg(connection)))
  }
}
