import Foundation
import Testing

@testable import Database

private struct Interrupted: Error {}

@Suite struct DatabaseTests {
  /// A folder for one test.
  private final class Scratch {
    let path = NSTemporaryDirectory() + "/kvplan-database-" + UUID().uuidString

    init() throws {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func at(_ name: String) -> String { "\(path)/\(name)" }

    func names() throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    }

    /// A file with the numbers 1 to `count` and their names.
    @discardableResult
    func numbers(_ name: String, count: Int = 3) throws -> DatabaseFile {
      let file = try DatabaseFile(at(name), .making)
      try file.use { database in
        try database.transaction {
          try database.execute("CREATE TABLE numbers (number INTEGER PRIMARY KEY, name TEXT)")
          let insert = try database.statement("INSERT INTO numbers VALUES (?, ?)")
          for number in 1...count {
            insert.bind(number, at: 1)
            insert.bind("n-\(number)", at: 2)
            try insert.run()
          }
        }
      }
      return file
    }
  }

  private func failure(_ body: () throws -> Void) -> DatabaseFailure? {
    #expect(throws: DatabaseFailure.self) { try body() }
  }

  @Test func everyKindOfValueComesBack() throws {
    let scratch = try Scratch()
    let file = try DatabaseFile(scratch.at("a"), .making)
    try file.use { database in
      try database.execute("CREATE TABLE t (a, b, c, d, e, f)")
      let insert = try database.statement("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)")
      insert.bind(Int64.min, at: 1)
      insert.bind(-0.1, at: 2)
      insert.bind("naïve \u{1F600}", at: 3)
      insert.bind([0, 255, 7] as [UInt8], at: 4)
      insert.bindNull(at: 5)
      insert.bind(constant: "for ever", at: 6)
      try insert.run()
      let copy = try database.statement("INSERT INTO t SELECT ?, ?, ?, ?, ?, ?")
      let first = try database.rows("SELECT * FROM t")
      let row = try #require(try first.next())
      for column in 0..<6 { copy.bind(column, of: row, at: column + 1) }
      try copy.run()
    }
    try file.use { database in
      let rows = try database.rows("SELECT * FROM t")
      #expect(rows.names == ["a", "b", "c", "d", "e", "f"])
      var count = 0
      while let row = try rows.next() {
        count += 1
        #expect((0..<6).map(row.kind) == [.integer, .real, .text, .blob, .null, .text])
        #expect(row.integer(0) == Int.min && row.real(1) == -0.1)
        #expect(row.text(2) == "naïve \u{1F600}" && row.text(5) == "for ever")
        #expect(row.withBytes(3) { Array($0) } == [0, 255, 7])
        #expect(row.integer(4) == 0 && row.text(4) == "" && row.withBytes(4) { $0.isEmpty })
      }
      #expect(count == 2)
    }
  }

  /// Values stay bound, a statement is used again, and outlives the call that made it.
  @Test func statementsAreUsedAgain() throws {
    let scratch = try Scratch()
    let file = try scratch.numbers("a")
    let name = try file.use { try $0.statement("SELECT name FROM numbers WHERE number = ?") }
    for number in [3, 1, 7] {
      name.bind(number, at: 1)
      let found = try file.use { _ in try name.rows().next()?.text(0) }
      #expect(found == (number == 7 ? nil : "n-\(number)"))
    }
    #expect(try file.use { _ in try name.rows().next() == nil })
  }

  /// Without a journal nothing can be taken back on a disk, but a database in memory can.
  @Test func whatIsThrownTakesATransactionBack() throws {
    let file = try DatabaseFile(":memory:", .making)
    try file.use { try $0.execute("PRAGMA journal_mode = MEMORY; CREATE TABLE t (a)") }
    func insert(isInterrupted: Bool) throws {
      try file.use { database in
        try database.transaction {
          try database.execute("INSERT INTO t VALUES (1)")
          if isInterrupted { throw Interrupted() }
        }
      }
    }
    #expect(throws: Interrupted.self) { try insert(isInterrupted: true) }
    #expect(try file.use { try $0.integer("SELECT count(*) FROM t") } == 0)
    try insert(isInterrupted: false)
    #expect(try file.use { try $0.integer("SELECT count(*) FROM t") } == 1)
  }

  /// No journal is left, and none is made while the rows are written.
  @Test func aFileInTheMakingHasNoJournal() throws {
    let scratch = try Scratch()
    let file = try DatabaseFile(scratch.at("a"), .making)
    try file.use { database in
      #expect(try database.texts("PRAGMA journal_mode") == ["off"])
      #expect(try database.integer("PRAGMA synchronous") == 0)
      try database.transaction {
        try database.execute("CREATE TABLE t (a); INSERT INTO t VALUES (randomblob(10000000))")
        #expect(try scratch.names() == ["a"])
      }
    }
    try file.close()
    #expect(try scratch.names() == ["a"])
  }

  @Test func aDatabaseWithoutANameLeavesNothing() throws {
    let scratch = try Scratch()
    try scratch.numbers("it's a")
    let file = try DatabaseFile("", .making)
    try file.use { database in
      try database.attach(scratch.at("it's a"), as: "published")
      try database.execute("CREATE TABLE copy AS SELECT * FROM published.numbers; DETACH published")
      #expect(try database.texts("SELECT name FROM copy ORDER BY 1") == ["n-1", "n-2", "n-3"])
    }
    #expect(try scratch.names() == ["it's a"])
  }

  @Test func readingChangesNothing() throws {
    let scratch = try Scratch()
    try scratch.numbers("a")
    let file = try DatabaseFile(scratch.at("a"), .reading)
    let other = try DatabaseFile(scratch.at("a"), .reading)
    #expect(try other.use { try $0.integer("SELECT count(*) FROM numbers") } == 3)
    let failure = failure { try file.use { try $0.execute("DELETE FROM numbers") } }
    #expect(failure?.meaning == .unusable)
    #expect(failure?.message == "attempt to write a readonly database")
    #expect(
      self.failure { _ = try DatabaseFile(scratch.at("none"), .reading) }?.meaning == .unusable)
    #expect(try scratch.names() == ["a"])
  }

  @Test func whatIsNoDatabaseIsCorrupt() throws {
    let scratch = try Scratch()
    try Data("kvplan, kvplan, kvplan\n".utf8).write(to: URL(filePath: scratch.at("text")))
    #expect(
      failure { _ = try DatabaseFile(scratch.at("text"), .reading) }
        == DatabaseFailure(.corrupt, "file is not a database", path: scratch.at("text")))
    try scratch.numbers("cut", count: 1000)
    let whole = try Data(contentsOf: URL(filePath: scratch.at("cut")))
    try whole.prefix(whole.count / 2).write(to: URL(filePath: scratch.at("cut")))
    #expect(
      failure {
        _ = try DatabaseFile(scratch.at("cut"), .reading).use {
          try $0.texts("SELECT name FROM numbers")
        }
      } == DatabaseFailure(.corrupt, "database disk image is malformed", path: scratch.at("cut")))
  }

  @Test func aFullDiskIsOne() throws {
    let scratch = try Scratch()
    let file = try scratch.numbers("a")
    let insert = try file.use { database in
      try database.execute("PRAGMA max_page_count = 4")
      return try database.statement("INSERT INTO numbers VALUES (?, ?)")
    }
    let failure = failure {
      try file.use { database in
        try database.transaction {
          for number in 4..<1000 {
            insert.bind(number, at: 1)
            insert.bind(String(repeating: "n", count: 100), at: 2)
            try insert.run()
          }
        }
      }
    }
    #expect(
      failure == DatabaseFailure(.diskFull, "database or disk is full", path: scratch.at("a")))
  }

  @Test func mistakesAreOurs() throws {
    let scratch = try Scratch()
    let file = try scratch.numbers("a")
    #expect(
      failure { _ = try file.use { try $0.statement("SELECT * FROM none") } }?.meaning == .mistake)
    let insert = try file.use { try $0.statement("INSERT INTO numbers VALUES (1, 'again')") }
    let twice = failure { try file.use { _ in try insert.run() } }
    #expect(twice?.meaning == .mistake)
    #expect(twice?.message == "UNIQUE constraint failed: numbers.number")
  }
}
