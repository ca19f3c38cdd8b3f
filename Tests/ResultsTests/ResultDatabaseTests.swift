import Database
import Foundation
import Messages
import Testing

@testable import Metrics
@testable import Results

@Suite struct ResultDatabaseTests {
  /// Writes `runs` into a new database and reads it.
  private func reading<Answer>(
    _ runs: [RunResult], _ read: (DatabaseConnection) throws -> Answer
  ) throws -> Answer {
    let scratch = try ScratchFolder()
    try ResultDatabase.write(runs, to: scratch.at("kvplan.sqlite"))
    #expect(try scratch.names() == ["kvplan.sqlite"])
    return try DatabaseFile(scratch.at("kvplan.sqlite"), .reading).use(read)
  }

  /// The rows of a query as text, a cell separated from the next by a bar.
  private func rows(_ runs: [RunResult], _ sql: String) throws -> [String] {
    try reading(runs) { database in
      let rows = try database.rows(sql)
      var texts: [String] = []
      while let row = try rows.next() {
        texts.append(
          rows.names.indices.map { column in
            switch row.kind(column) {
            case .null: "NULL"
            case .real: "\(row.real(column))"
            case .integer, .text, .blob: row.text(column)
            }
          }.joined(separator: "|"))
      }
      return texts
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
    let columns = SummaryColumn.all.filter { $0.key != "scenario" }
    let stored = try reading(runs) { database in
      let rows = try database.rows("SELECT * FROM runs ORDER BY run")
      #expect(rows.names == ["run"] + columns.map(\.key))
      var stored: [[JSONValue]] = []
      while let row = try rows.next() {
        stored.append(
          columns.indices.map { index -> JSONValue in
            switch row.kind(index + 1) {
            case .null, .blob: .null
            case .integer: .integer(row.integer(index + 1))
            case .real: .real(row.real(index + 1))
            case .text:
              columns[index].key == "seed"
                ? .unsigned(UInt64(row.text(index + 1))!) : .text(row.text(index + 1))
            }
          })
      }
      return stored
    }
    #expect(stored.count == runs.count)
    for (row, run) in zip(stored, runs) {
      for (column, value) in zip(columns, row) {
        #expect(value == column.value(run.summary), "\(column.key)")
      }
    }
  }

  @Test func replicasOfFleetsHaveATable() throws {
    let runs = [Samples.run, Samples.fleetRun]
    #expect(
      try rows(runs, "SELECT run, replica, requests, mean_ttft_ms, token_state FROM replicas") == [
        "2|0|0|NULL|0.0", "2|1|1|10.0|0.01",
      ])
    #expect(try rows(runs, "PRAGMA foreign_key_check") == [])
  }

  /// A run of a kept history, one without, and a fleet: replicas in order, preemptions added up.
  @Test func handOffsHaveATable() throws {
    let runs = [Samples.run, Samples.handedOffRun]
    #expect(
      try rows(runs, "SELECT * FROM hand_offs")
        == ["2|0|0|1|8192|2000000|3000000|4000000|5000000"])
    #expect(try rows(runs, "PRAGMA foreign_key_check") == [])
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'hand_offs'"
    #expect(try rows([Samples.run], tables) == ["0"])
  }

  /// A row for each preemption; a file in whose runs there was none has no table.
  @Test func preemptionsHaveATable() throws {
    let runs = [Samples.otherRun, Samples.run]
    #expect(
      try rows(runs, "SELECT * FROM preemptions")
        == ["2|0|1|50000000", "2|0|2|60000001", "2|1|1|1750000000"])
    #expect(try rows(runs, "PRAGMA foreign_key_check") == [])
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'preemptions'"
    #expect(try rows([Samples.otherRun], tables) == ["0"])
  }

  @Test func timelinesAreOfReplicas() throws {
    let runs = [Samples.run, Samples.otherRun, Samples.fleetRun]
    #expect(
      try rows(
        runs,
        "SELECT run, replica, start_s, duration_s, held_blocks, cached, preemptions FROM timeline")
        == [
          "1|0|0.5|1.0|56.0|0.125|2", "1|0|1.5|0.25|56.0|0.125|5",
          "3|0|0.5|1.0|56.0|0.125|2", "3|0|1.5|0.25|56.0|0.125|5",
          "3|1|0.5|1.0|14.0|0.125|1",
        ])
    #expect(
      try rows(
        runs,
        "SELECT run, start_s, running, waiting, held_blocks, preemptions FROM load_over_time")
        == [
          "1|0.5|3.0|1.0|56.0|2", "1|1.5|3.0|1.0|56.0|5", "3|0.5|6.0|2.0|70.0|3",
          "3|1.5|3.0|1.0|56.0|5",
        ])
    #expect(try rows(runs, "PRAGMA foreign_key_check") == [])
  }

  @Test func aFileWithoutFleetsHasNoTableOfReplicas() throws {
    let named = "SELECT count(*) FROM sqlite_schema WHERE name = 'replicas'"
    #expect(try rows([Samples.run, Samples.otherRun], named) == ["0"])
    #expect(try rows([Samples.fleetRun], named) == ["1"])
  }

  @Test func scenariosKeepTheirOrder() throws {
    #expect(
      try rows([Samples.run], "SELECT run, name, value FROM scenario ORDER BY position")
        == ["1|model|opt-13b", "1|trace|a,\"b\".csv", "1|block-size|16"])
  }

  @Test func requestsAreStoredInNanoseconds() throws {
    #expect(
      try rows([Samples.otherRun, Samples.run], "SELECT * FROM requests") == [
        "2|0|completed|0|64|5|1|1000000|41500000|141500001|0|2|chat|48|0|0",
        "2|1|completed|1500000000|7|1|4|1500000000|2000000000|2000000000|1|0|NULL|NULL|NULL|1",
        "2|2|rejected|3000000001|9000|10|1|NULL|NULL|NULL|0|0|NULL|NULL|0|0",
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
    let failure = #expect(throws: DatabaseFailure.self) {
      try DatabaseFile(scratch.at("kvplan.sqlite"), .making).use {
        try $0.execute("INSERT INTO scenario VALUES (7, 1, 'model', 'opt-13b')")
      }
    }
    #expect(failure?.message == "FOREIGN KEY constraint failed")
    #expect(failure?.meaning == .mistake)
  }

  @Test func failuresBecomeMessages() {
    #expect(
      ResultDatabase.userError(
        DatabaseFailure(.diskFull, "database or disk is full", path: "out/kvplan.sqlite"))
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
