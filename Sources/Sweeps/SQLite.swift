import Foundation
import GRDBSQLite
import SimulationKernel

/// What SQLite said when it could not do something.
struct SQLiteFailure: Error {
  var code: Int32
  var message: String
  var path: String

  /// Whether the file is not, or no longer, a database.
  var isCorruption: Bool {
    [SQLITE_CORRUPT, SQLITE_NOTADB].contains(code & 0xff)
  }
}

/// An open database through SQLite's C interface. Used from one thread at a time.
final class SQLite {
  let path: String
  fileprivate let handle: OpaquePointer

  /// Opens a file, or makes it.
  ///
  /// - Parameter path: Empty for a database of this process alone, in the folder for temporary files; it
  ///   has no name, so that nothing is left of it however the process ends.
  init(_ path: String, isReadOnly: Bool = false) throws(SQLiteFailure) {
    self.path = path
    var handle: OpaquePointer?
    let access = isReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
    let code = sqlite3_open_v2(path, &handle, access | SQLITE_OPEN_NOMUTEX, nil)
    guard let handle else { throw SQLiteFailure(code: code, message: "out of memory", path: path) }
    self.handle = handle
    guard code == SQLITE_OK else { throw failure(code) }
  }

  deinit { sqlite3_close_v2(handle) }

  /// Runs statements that give no rows.
  func execute(_ sql: String) throws(SQLiteFailure) {
    let code = sqlite3_exec(handle, sql, nil, nil, nil)
    guard code == SQLITE_OK else { throw failure(code) }
  }

  /// The first column of every row as text.
  func texts(_ sql: String) throws(SQLiteFailure) -> [String] {
    let statement = try Statement(self, sql)
    var texts: [String] = []
    while try statement.step() { texts.append(statement.text(0)) }
    return texts
  }

  /// The one integer that a query gives.
  func integer(_ sql: String) throws(SQLiteFailure) -> Int {
    let statement = try Statement(self, sql)
    return try statement.step() ? statement.integer(0) : 0
  }

  /// Makes another file readable as `name`.
  func attach(_ path: String, as name: String) throws(SQLiteFailure) {
    try execute("ATTACH '\(path.replacing("'", with: "''"))' AS \(name)")
  }

  fileprivate func failure(_ code: Int32) -> SQLiteFailure {
    SQLiteFailure(code: code, message: String(cString: sqlite3_errmsg(handle)), path: path)
  }
}

/// A prepared statement; parameters are counted from 1, columns from 0.
final class Statement {
  private let database: SQLite
  private let handle: OpaquePointer

  init(_ database: SQLite, _ sql: String) throws(SQLiteFailure) {
    var handle: OpaquePointer?
    let code = sqlite3_prepare_v2(database.handle, sql, -1, &handle, nil)
    guard code == SQLITE_OK, let handle else { throw database.failure(code) }
    self.database = database
    self.handle = handle
  }

  deinit { sqlite3_finalize(handle) }

  /// The text is copied: SQLITE_TRANSIENT, a macro that Swift does not import.
  private static let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

  func bind(_ value: Int, at index: Int32) {
    check(sqlite3_bind_int64(handle, index, Int64(value)))
  }

  func bind(_ value: Double, at index: Int32) {
    precondition(value.isFinite, "Statement: \(value) is not a number that can be stored")
    check(sqlite3_bind_double(handle, index, value))
  }

  func bind(_ value: String, at index: Int32) {
    check(sqlite3_bind_text(handle, index, value, Int32(value.utf8.count), Self.transient))
  }

  func bind(_ key: RunKey, at index: Int32) {
    check(sqlite3_bind_blob(handle, index, key.bytes, 16, Self.transient))
  }

  func bindNull(at index: Int32) { check(sqlite3_bind_null(handle, index)) }

  /// Gives a parameter the value of a column of another statement, of whatever type it is.
  func bind(column: Int32, of other: Statement, at index: Int32) {
    check(sqlite3_bind_value(handle, index, sqlite3_column_value(other.handle, column)))
  }

  /// - Returns: Whether there is a row.
  func step() throws(SQLiteFailure) -> Bool {
    let code = sqlite3_step(handle)
    if code == SQLITE_ROW { return true }
    guard code == SQLITE_DONE else { throw database.failure(code) }
    return false
  }

  /// Runs a statement that gives no row, and makes it ready for the next.
  func run() throws(SQLiteFailure) {
    _ = try step()
    reset()
  }

  func reset() { sqlite3_reset(handle) }

  /// The names of the columns.
  var names: [String] {
    (0..<sqlite3_column_count(handle)).map { String(cString: sqlite3_column_name(handle, $0)) }
  }

  func integer(_ column: Int32) -> Int { Int(sqlite3_column_int64(handle, column)) }
  func real(_ column: Int32) -> Double { sqlite3_column_double(handle, column) }
  func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }
  func isReal(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_FLOAT }

  func text(_ column: Int32) -> String {
    sqlite3_column_text(handle, column).map { String(cString: $0) } ?? ""
  }

  /// Appends the column as a CSV field takes it but for quotes: nothing for NULL.
  func append(_ column: Int32, to bytes: inout [UInt8]) {
    switch sqlite3_column_type(handle, column) {
    case SQLITE_NULL: break
    case SQLITE_INTEGER: bytes.append(contentsOf: integer(column).description.utf8)
    case SQLITE_FLOAT: bytes.append(contentsOf: real(column).description.utf8)
    default: bytes.append(contentsOf: text(column).utf8)
    }
  }

  func key(_ column: Int32) -> RunKey? {
    guard sqlite3_column_bytes(handle, column) == 16,
      let bytes = sqlite3_column_blob(handle, column)
    else { return nil }
    func word(_ at: Int) -> UInt64 {
      UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
    }
    return RunKey(high: word(0), low: word(8))
  }

  /// Binding fails only for a wrong index, a mistake of ours, or for want of memory.
  private func check(_ code: Int32) {
    precondition(code == SQLITE_OK, "Statement: binding failed with SQLite code \(code)")
  }
}
