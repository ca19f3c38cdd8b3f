import GRDB

/// What SQLite could not do with a database file, and what that means.
package struct DatabaseFailure: Error, Equatable {
  /// What is to be done about it.
  package enum Meaning: Sendable {
    /// The file is not, or no longer, a database.
    case corrupt
    /// The disk has no room for the file.
    case diskFull
    /// The statement does not fit the tables: a mistake of ours, unless somebody else made the tables.
    case mistake
    /// Anything else: the file cannot be opened, is locked, or its disk does not answer.
    case unusable
  }

  package var meaning: Meaning
  /// SQLite's own words.
  package var message: String
  package var path: String

  package init(_ meaning: Meaning, _ message: String, path: String) {
    self.meaning = meaning
    self.message = message
    self.path = path
  }

  init(_ error: any Error, path: String) {
    switch error {
    case let failure as DatabaseFailure: self = failure
    case let error as DatabaseError:
      let code = error.resultCode
      self.init(Self.meaning(code), error.message ?? "SQLite \(code)", path: path)
    default: self.init(.unusable, "\(error)", path: path)
    }
  }

  private static func meaning(_ code: ResultCode) -> Meaning {
    switch code {
    case .SQLITE_CORRUPT, .SQLITE_NOTADB: .corrupt
    case .SQLITE_FULL: .diskFull
    case .SQLITE_CONSTRAINT, .SQLITE_ERROR, .SQLITE_MISUSE, .SQLITE_RANGE, .SQLITE_MISMATCH:
      .mistake
    default: .unusable
    }
  }

  /// Does `work`, whose failures are those of GRDB, with the file at `path`.
  static func converting<Answer>(
    path: String, _ work: () throws -> Answer
  ) throws(DatabaseFailure) -> Answer {
    do { return try work() } catch { throw DatabaseFailure(error, path: path) }
  }
}
