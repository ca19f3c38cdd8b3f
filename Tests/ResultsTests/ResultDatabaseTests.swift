import Foundation
import GRDB
import Messages
import Testing

@testable import Metrics
@testable import Results

@Suite struct ResultDatabaseTests {
  /// Writes `runs` into a new database and reads it.
  private func reading<Answer>(
    _ runs: [RunResult], _ read: (Database) throws -> Answer
  ) throws -> Answer {
    let scratch = try ScratchFolder()
    try ResultDatabase.write(runs, to: scratch.at("kvplan.sqlite"))
    #expect(try scratch.names() == ["kvplan.sqlite"])
    let queue = try DatabaseQueue(path: scratch.at("kvplan.sqlite"))
    defer { try? queue.close() }
    return try queue.read(read)
  }

  /// The rows of a query as text, a cell separated from the next by a bar.
  private func rows(_ runs: [RunResult], _ sql: String) throws -> [String] {
    try reading(runs) { database in
      try Row.fetchAll(database, sql: sql).map { row in
        row.databaseValues.map { $0.isNull ? "NULL" : "\($0.storage.value!)" }
          .joined(separator: "|")
      }
    }
  }

  @Test func theFileIsSoundAndItsReferencesHold() throws {
    let runs = [Samples.run, Samples.otherRun]
    #expect(try rows(runs, "PRAGMA integrity_check") == ["ok"])
    #expect(try rows(runs, "PRAGMA foreign_key_check") == [])
    #expect(try rows(runs, "PRAGMA user_version") == ["1"])
    #expect(
      try rows(runs, "SELECT * FROM meta")
        == ["schema_version|1", "seed|18446744073709551615", "version|0.1.0"])
  }

  @Test func everySummaryColumnComesBack() throws {
    let runs = [Samples.otherRun, Samples.run]
    let rows = try reading(runs) { try Row.fetchAll($0, sql: "SELECT * FROM runs ORDER BY run") }
    let columns = SummaryColumn.all.filter { $0.key != "scenario" }
    for (row, run) in zip(rows, runs) {
      #expect(Array(row.columnNames) == ["run"] + columns.map(\.key))
      for column in columns {
        let stored: JSONValue =
          switch (row[column.key] as DatabaseValue).storage {
          case .null: .null
          case .int64(let value): .integer(Int(value))
          case .double(let value): .real(value)
          case .string(let text): column.key == "seed" ? .unsigned(UInt64(text)!) : .text(text)
          case .blob: .null
          }
        #expect(stored == column.value(run.summary), "\(column.key)")
      }
    }
  }

  @Test func scenariosKeepTheirOrder() throws {
    #expect(
      try rows([Samples.run], "SELECT run, name, value FROM scenario ORDER BY position")
        == ["1|model|opt-13b", "1|trace|a,\"b\".csv", "1|block-size|16"])
  }

  @Test func requestsAreStoredInNanoseconds() throws {
    #expect(
      try rows([Samples.otherRun, Samples.run], "SELECT * FROM requests") == [
        "2|0|completed|0|64|5|1|1000000|41500000|141500001|0|2|chat",
        "2|1|completed|1500000000|7|1|4|1500000000|2000000000|2000000000|1|0|NULL",
        "2|2|rejected|3000000001|9000|10|1|NULL|NULL|NULL|0|0|NULL",
      ])
  }

  @Test func theViewsAnswer() throws {
    let runs = [Samples.run, Samples.otherRun]
    #expect(
      try rows(runs, "SELECT * FROM request_latency") == [
        "1|0|vllm-sosp23|1.5|completed|41.5|25.00000025|141.500001|0.028300000199999998",
        "1|1|vllm-sosp23|1.5|completed|500.0|NULL|500.0|0.5",
        "1|2|vllm-sosp23|1.5|rejected|NULL|NULL|NULL|NULL",
      ])
    #expect(
      try rows(runs, "SELECT * FROM latency_by_rate") == [
        "vllm-sosp23|1.5|1|0.0321|120.5|1000.125|0.005|0.9",
        "vllm-v1|1.5|2|NULL|NULL|NULL|0.005|0.9",
      ])
    #expect(
      try rows(runs, "SELECT * FROM waste") == [
        "1|vllm-sosp23|1.5|0.5|0.125|0.0625|0.0|0.0|0.3125|0.1",
        "2|vllm-v1|1.5|0.5|0.125|0.0625|0.0|0.25|0.0625|0.1",
      ])
  }

  @Test func theSameRunsAreTheSameBytes() throws {
    let scratch = try ScratchFolder()
    for name in ["a", "b"] {
      try ResultDatabase.write([Samples.run, Samples.otherRun], to: scratch.at(name))
    }
    let bytes = try Data(contentsOf: URL(fileURLWithPath: scratch.at("a")))
    #expect(bytes == (try Data(contentsOf: URL(fileURLWithPath: scratch.at("b")))))
    #expect(bytes.count > 4096)
  }

  @Test func aRowOfNoRunIsRefused() throws {
    let scratch = try ScratchFolder()
    try ResultDatabase.write([Samples.run], to: scratch.at("kvplan.sqlite"))
    let queue = try DatabaseQueue(path: scratch.at("kvplan.sqlite"))
    let error = #expect(throws: DatabaseError.self) {
      try queue.write {
        try $0.execute(sql: "INSERT INTO scenario VALUES (7, 1, 'model', 'opt-13b')")
      }
    }
    #expect(error?.extendedResultCode == .SQLITE_CONSTRAINT_FOREIGNKEY)
    try queue.close()
  }

  @Test func failuresBecomeMessages() {
    #expect(
      ResultDatabase.userError(DatabaseError(resultCode: .SQLITE_FULL), path: "out/kvplan.sqlite")
        == UserError(
          "cannot write `out/kvplan.sqlite`: no space left on device",
          hint: "free some space, or choose another folder with `--output`"))
    #expect(
      throws: UserError(
        "cannot write `/proc/kvplan.sqlite`: unable to open database file",
        hint: "choose another folder with `--output`")
    ) { try ResultDatabase.write([Samples.run], to: "/proc/kvplan.sqlite") }
  }
}
