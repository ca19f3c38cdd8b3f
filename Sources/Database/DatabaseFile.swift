import GRDB

/// An SQLite database file, opened through GRDB. References between tables are checked.
///
/// Used by one thread at a time. It is closed when the last reference goes, those of its statements included.
package final class DatabaseFile {
  /// What the file is opened for.
  package enum Access: Sendable {
    /// Nothing is changed. The lock on the file that the first read takes is kept until it is closed: a lock for
    /// each row read would cost more than the row.
    case reading
    /// A file that is thrown away if it is cut short, so that nothing of it has to survive a crash: without a
    /// journal, and without waiting for the disk. It is made where there is none.
    case making
  }

  package let path: String
  private let queue: DatabaseQueue

  /// Opens a file.
  ///
  /// - Parameter path: Empty for a database of this process alone, in the folder for temporary files; it has no
  ///   name, so that nothing is left of it however the process ends.
  /// - Throws: ``DatabaseFailure`` if the file cannot be opened, or is not a database.
  package init(_ path: String, _ access: Access) throws(DatabaseFailure) {
    self.path = path
    var configuration = Configuration()
    configuration.readonly = access == .reading
    configuration.prepareDatabase { database in
      switch access {
      case .reading: try database.execute(sql: "PRAGMA locking_mode = EXCLUSIVE")
      case .making: try database.execute(sql: "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
      }
    }
    queue = try DatabaseFailure.converting(path: path) {
      try DatabaseQueue(path: path, configuration: configuration)
    }
  }

  /// Gives `body` the connection, which is not used afterwards. Two calls for the same file are not nested.
  ///
  /// Statements and rows may be used outside too, by the thread that uses the file: SQLite asks for no more, and
  /// a turn in GRDB's queue for each row would make merging a sweep a fifth slower.
  package func use<Answer, Failure: Error>(
    _ body: (DatabaseConnection) throws(Failure) -> Answer
  ) throws(Failure) -> Answer {
    let result = queue.writeWithoutTransaction { database -> Result<Answer, Failure> in
      do throws(Failure) {
        return .success(try body(DatabaseConnection(database, of: self)))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// Closes the file, so that what the system says then is heard.
  package func close() throws(DatabaseFailure) {
    try DatabaseFailure.converting(path: path) { try queue.close() }
  }
}
