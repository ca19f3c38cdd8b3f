import Database
import Messages
import Metrics
import Serving
import SimulationKernel

/// `kvplan.sqlite`: every run, its scenario and its requests, with views for the common questions.
///
/// The schema is in `ResultDatabase+Schema.swift`; `docs/SCHEMA.md` describes it.
package enum ResultDatabase {
  /// Version of tables and views, also in `PRAGMA user_version`: raised when a query written for the
  /// version before may fail or answer something else.
  package static let schemaVersion = 1

  /// Writes a new database file. The same runs give the same bytes.
  ///
  /// Without a journal and without waiting for the disk: the file is new, and an export that was
  /// cut short is thrown away with its staging folder.
  ///
  /// - Parameter path: Where there is no file yet.
  /// - Throws: `UserError` if the file cannot be written.
  /// - Complexity: O(*n*) in the number of requests; about 3 µs each.
  package static func write(_ runs: [RunResult], to path: String) throws(UserError) {
    do {
      let file = try DatabaseFile(path, .making)
      try file.use { database in
        try database.transaction {
          try database.execute(schema)
          try database.execute("PRAGMA user_version = \(schemaVersion)")
          try insertMeta(runs, into: database)
          try insertRuns(runs, into: database)
          try insertScenarios(runs, into: database)
          if runs.contains(where: { !$0.summary.replicas.isEmpty }) {
            try database.execute(replicasTable)
            try insertReplicas(runs, into: database)
          }
          try insertRequests(runs, into: database)
          if runs.contains(where: { $0.summary.handOffs != nil }) {
            try database.execute(handOffsTable)
            try insertHandOffs(runs, into: database)
          }
          if runs.contains(where: { !$0.summary.tiers.isEmpty }) {
            try database.execute(tierTables)
            try insertTiers(runs, into: database)
          }
          if runs.contains(where: { $0.requests.contains { !$0.preemptions.isEmpty } }) {
            try database.execute(preemptionsTable)
            try insertPreemptions(runs, into: database)
          }
          try insertTimelines(runs, into: database)
        }
      }
      try file.close()
    } catch let failure as DatabaseFailure {
      throw userError(failure)
    } catch {
      fatalError("ResultDatabase: \(error)")
    }
  }

  /// What a failure means to the user.
  ///
  /// A broken constraint is a mistake of ours and traps: the tables and the rows are both made here.
  static func userError(_ failure: DatabaseFailure) -> UserError {
    switch failure.meaning {
    case .diskFull: .diskFull(failure.path)
    case .mistake: fatalError("ResultDatabase: \(failure)")
    case .corrupt, .unusable: .cannotWrite(file: failure.path, because: failure.message)
    }
  }

  /// Facts about the file as a whole. Runs of one file share a seed unless the user varied it.
  private static func insertMeta(_ runs: [RunResult], into database: DatabaseConnection) throws {
    func distinct(_ values: [String]) -> String {
      var seen: [String] = []
      for value in values where !seen.contains(value) { seen.append(value) }
      return seen.joined(separator: ", ")
    }
    let statement = try database.statement("INSERT INTO meta (key, value) VALUES (?, ?)")
    let rows = [
      ("schema_version", String(schemaVersion)),
      ("version", distinct(runs.map(\.summary.provenance.version))),
      ("seed", distinct(runs.map { String($0.summary.provenance.seed) })),
    ]
    for (key, value) in rows {
      statement.bind(key, at: 1)
      statement.bind(value, at: 2)
      try statement.run()
    }
  }

  private static func insertRuns(_ runs: [RunResult], into database: DatabaseConnection) throws {
    let names = ["run"] + runColumns.map(\.key)
    let statement = try database.statement(
      """
      INSERT INTO runs (\(names.joined(separator: ", ")))
      VALUES (\(names.map { _ in "?" }.joined(separator: ", ")))
      """)
    for (position, run) in runs.enumerated() {
      statement.bind(position + 1, at: 1)
      for (index, column) in runColumns.enumerated() {
        statement.bind(column.value(run.summary), at: index + 2)
      }
      try statement.run()
    }
  }

  private static func insertScenarios(_ runs: [RunResult], into database: DatabaseConnection) throws
  {
    let statement = try database.statement(
      "INSERT INTO scenario (run, position, name, value) VALUES (?, ?, ?, ?)")
    for (position, run) in runs.enumerated() {
      for (index, field) in run.summary.provenance.scenario.enumerated() {
        statement.bind(position + 1, at: 1)
        statement.bind(index + 1, at: 2)
        statement.bind(field.name, at: 3)
        statement.bind(field.value, at: 4)
        try statement.run()
      }
    }
  }

  private static func insertReplicas(_ runs: [RunResult], into database: DatabaseConnection) throws
  {
    let names = ["run"] + ReplicaColumn.all.map(\.key)
    let statement = try database.statement(
      "INSERT INTO replicas VALUES (\(names.map { _ in "?" }.joined(separator: ", ")))")
    for (position, run) in runs.enumerated() {
      for replica in run.summary.replicas {
        statement.bind(position + 1, at: 1)
        for (index, column) in ReplicaColumn.all.enumerated() {
          statement.bind(column.value(replica), at: index + 2)
        }
        try statement.run()
      }
    }
  }

  private static func insertRequests(_ runs: [RunResult], into database: DatabaseConnection) throws
  {
    let statement = try database.statement(
      "INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
    for (position, run) in runs.enumerated() {
      for request in run.requests {
        statement.bind(position + 1, at: 1)
        statement.bind(request.index, at: 2)
        statement.bind(constant: request.status.constant, at: 3)
        statement.bind(request.arrival, at: 4)
        statement.bind(request.promptTokens, at: 5)
        statement.bind(request.outputTokens, at: 6)
        statement.bind(request.sequences, at: 7)
        statement.bind(request.firstScheduled, at: 8)
        statement.bind(request.firstToken, at: 9)
        statement.bind(request.finish, at: 10)
        statement.bind(request.preemptionsRecompute, at: 11)
        statement.bind(request.preemptionsSwap, at: 12)
        statement.bind(request.className.map { .text($0) } ?? .null, at: 13)
        statement.bind(request.cachedTokens.map { .integer($0) } ?? .null, at: 14)
        statement.bind(request.recomputedTokens.map { .integer($0) } ?? .null, at: 15)
        statement.bind(request.replica.map { .integer($0) } ?? .null, at: 16)
        try statement.run()
      }
    }
  }

  private static func insertHandOffs(_ runs: [RunResult], into database: DatabaseConnection) throws
  {
    let statement = try database.statement(
      "INSERT INTO hand_offs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
    for (position, run) in runs.enumerated() {
      for request in run.requests {
        guard let handOff = request.handOff else { continue }
        statement.bind(position + 1, at: 1)
        statement.bind(request.index, at: 2)
        statement.bind(request.replica.map { .integer($0) } ?? .null, at: 3)
        statement.bind(Int(handOff.replica), at: 4)
        statement.bind(handOff.bytes, at: 5)
        statement.bind(handOff.prefilled, at: 6)
        statement.bind(handOff.asked, at: 7)
        statement.bind(handOff.arrived, at: 8)
        statement.bind(handOff.scheduled, at: 9)
        try statement.run()
      }
    }
  }

  private static func insertPreemptions(
    _ runs: [RunResult], into database: DatabaseConnection
  ) throws {
    let statement = try database.statement("INSERT INTO preemptions VALUES (?, ?, ?, ?)")
    for (position, run) in runs.enumerated() {
      for request in run.requests {
        for (number, instant) in request.preemptions.enumerated() {
          statement.bind(position + 1, at: 1)
          statement.bind(request.index, at: 2)
          statement.bind(number + 1, at: 3)
          statement.bind(instant, at: 4)
          try statement.run()
        }
      }
    }
  }

  /// What the tiers gave, to each run and to each request to which they gave something.
  private static func insertTiers(_ runs: [RunResult], into database: DatabaseConnection) throws {
    let marks = Array(repeating: "?", count: TierColumn.all.count + 1).joined(separator: ", ")
    let tiers = try database.statement("INSERT INTO tiers VALUES (\(marks))")
    let requests = try database.statement("INSERT INTO request_tiers VALUES (?, ?, ?, ?)")
    for (position, run) in runs.enumerated() {
      for tier in run.summary.tiers {
        tiers.bind(position + 1, at: 1)
        for (index, column) in TierColumn.all.enumerated() {
          tiers.bind(column.value(tier), at: index + 2)
        }
        try tiers.run()
      }
      for request in run.requests {
        for (tier, tokens) in [("host", request.hostTokens), ("disk", request.diskTokens)] {
          guard let tokens, tokens > 0 else { continue }
          requests.bind(position + 1, at: 1)
          requests.bind(request.index, at: 2)
          requests.bind(tier, at: 3)
          requests.bind(tokens, at: 4)
          try requests.run()
        }
      }
    }
  }

  private static func insertTimelines(_ runs: [RunResult], into database: DatabaseConnection) throws
  {
    let columns = TimelineColumn.all
    let marks = Array(repeating: "?", count: columns.count + 1).joined(separator: ", ")
    let statement = try database.statement("INSERT INTO timeline VALUES (\(marks))")
    for (position, run) in runs.enumerated() {
      for row in run.timelineRows {
        statement.bind(position + 1, at: 1)
        for (index, column) in columns.enumerated() {
          statement.bind(column.value(row), at: index + 2)
        }
        try statement.run()
      }
    }
  }
}

extension RequestRecord.Status {
  /// The raw value as text that outlives every statement, so that SQLite need not copy it.
  fileprivate var constant: StaticString {
    switch self {
    case .completed: "completed"
    case .rejected: "rejected"
    case .unfinished: "unfinished"
    }
  }
}
