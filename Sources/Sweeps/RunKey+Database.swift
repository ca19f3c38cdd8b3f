import Database

extension PreparedStatement {
  /// Binds a key as its 16 bytes.
  func bind(_ key: RunKey, at index: Int) { bind(key.bytes, at: index) }
}

extension ResultRow {
  /// The key in a column; `nil` where there are not 16 bytes.
  func key(_ column: Int) -> RunKey? { withBytes(column) { RunKey(bytes: $0) } }
}
