import GRDBSQLite

/// The rows that a statement gives, one after the other.
package final class ResultRows {
  private let statement: PreparedStatement

  init(_ statement: PreparedStatement) { self.statement = statement }

  deinit { statement.reset() }

  /// The names of the columns.
  package var names: [String] { statement.columnNames }

  /// The next row; the one before is then no longer valid.
  package func next() throws(DatabaseFailure) -> ResultRow? {
    try statement.step() ? ResultRow(self) : nil
  }

  fileprivate var handle: OpaquePointer { statement.handle }
}

/// A row, until the next one is asked for. Columns are counted from 0.
package struct ResultRow {
  /// What a column of a row holds.
  package enum Kind: Sendable { case null, integer, real, text, blob }

  private let rows: ResultRows

  fileprivate init(_ rows: ResultRows) { self.rows = rows }

  /// Reads from SQLite's statement. The row goes with its rows, and Swift would let go of them as soon as the
  /// statement is known.
  private func read<Answer>(_ body: (OpaquePointer) -> Answer) -> Answer {
    withExtendedLifetime(rows) { body(rows.handle) }
  }

  package func kind(_ column: Int) -> Kind {
    switch read({ sqlite3_column_type($0, Int32(column)) }) {
    case SQLITE_NULL: .null
    case SQLITE_INTEGER: .integer
    case SQLITE_FLOAT: .real
    case SQLITE_TEXT: .text
    default: .blob
    }
  }

  /// The number in a column; 0 for NULL.
  package func integer(_ column: Int) -> Int {
    read { Int(sqlite3_column_int64($0, Int32(column))) }
  }

  /// The number in a column; 0 for NULL.
  package func real(_ column: Int) -> Double {
    read { sqlite3_column_double($0, Int32(column)) }
  }

  /// The text in a column, or its number as SQLite writes it; empty for NULL.
  package func text(_ column: Int) -> String {
    read { sqlite3_column_text($0, Int32(column)).map { String(cString: $0) } ?? "" }
  }

  /// Gives `body` the bytes of a BLOB without a copy; none for NULL.
  package func withBytes<Answer>(
    _ column: Int, _ body: (UnsafeRawBufferPointer) -> Answer
  ) -> Answer {
    read { handle in
      // The bytes first: asked for afterwards, their number is that of the same representation.
      let bytes = sqlite3_column_blob(handle, Int32(column))
      let count = Int(sqlite3_column_bytes(handle, Int32(column)))
      return body(UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : count))
    }
  }

  /// Gives a parameter of another statement the value of a column; SQLite's code for how it went.
  func bind(_ column: Int, to statement: OpaquePointer, at index: Int) -> Int32 {
    read { sqlite3_bind_value(statement, Int32(index), sqlite3_column_value($0, Int32(column))) }
  }
}
