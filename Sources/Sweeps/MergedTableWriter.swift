/// Copies rows of shards into the merged database.
final class MergedTableWriter {
  private let rows: MergedRows
  private let insert: Statement
  private let insertFailure: Statement
  private let insertScenario: Statement
  private let insertProfile: Statement
  private var scenarios: Set<Int> = []
  private var profiles: Set<String> = []

  init(_ database: SQLite, _ rows: MergedRows) throws(SQLiteFailure) {
    self.rows = rows
    let marks = Array(repeating: "?", count: rows.columns.names.count + 3).joined(separator: ", ")
    insert = try Statement(database, "INSERT INTO runs VALUES (\(marks))")
    insertFailure = try Statement(database, "INSERT INTO failures VALUES (?, ?, ?, ?, ?)")
    insertScenario = try Statement(database, "INSERT INTO scenarios VALUES (?, ?)")
    insertProfile = try Statement(database, "INSERT INTO profiles VALUES (?, ?)")
  }

  func write(_ entry: MergeIndex.Entry) throws(SQLiteFailure) {
    if entry.isFailure { try writeFailure(entry) } else { try writeRun(entry) }
  }

  private func writeRun(_ entry: MergeIndex.Entry) throws(SQLiteFailure) {
    typealias Column = MergedRows.ShardColumn
    let row = try rows.row(entry)
    try share(row, of: rows.file(of: entry))
    insert.bind(entry.position + 1, at: 1)
    insert.bind(row.key(Column.key)?.text ?? "", at: 2)
    var next: Int32 = 3
    let values = rows.values(entry)
    for axis in rows.columns.axes {
      let text = values[axis.place].text
      switch axis.type {
      case "INTEGER": insert.bind(Int(text) ?? 0, at: next)
      case "REAL": insert.bind(Double(text) ?? 0, at: next)
      default: insert.bind(text, at: next)
      }
      next += 1
    }
    for index in rows.columns.kept.indices {
      insert.bind(column: Column.kept + Int32(index), of: row, at: next)
      next += 1
    }
    let cost = rows.cost(entry)
    insert.bind(cost.gpus, at: next)
    if let dollars = cost.dollarsPerHour {
      insert.bind(dollars, at: next + 1)
    } else {
      insert.bindNull(at: next + 1)
    }
    insert.bind(column: Column.profile, of: row, at: next + 2)
    insert.bind(column: Column.scenario, of: row, at: next + 3)
    try insert.run()
  }

  /// Takes the texts over that a row refers to, where they are not there yet.
  private func share(_ row: Statement, of file: SQLite) throws(SQLiteFailure) {
    let scenario = row.integer(MergedRows.ShardColumn.scenario)
    let profile = row.text(MergedRows.ShardColumn.profile)
    if scenarios.insert(scenario).inserted {
      let text = try file.texts("SELECT settings FROM scenarios WHERE scenario = \(scenario)")
      insertScenario.bind(scenario, at: 1)
      insertScenario.bind(text.first ?? "", at: 2)
      try insertScenario.run()
    }
    if profiles.insert(profile).inserted {
      let text = try file.texts("SELECT cost_profile FROM profiles WHERE profile = '\(profile)'")
      insertProfile.bind(profile, at: 1)
      insertProfile.bind(text.first ?? "", at: 2)
      try insertProfile.run()
    }
  }

  private func writeFailure(_ entry: MergeIndex.Entry) throws(SQLiteFailure) {
    let row = try rows.failure(entry)
    insertFailure.bind(entry.position + 1, at: 1)
    insertFailure.bind(row.key(0)?.text ?? "", at: 2)
    insertFailure.bind(SweepPoint.label(rows.values(entry)), at: 3)
    insertFailure.bind(column: 1, of: row, at: 4)
    insertFailure.bind(column: 2, of: row, at: 5)
    try insertFailure.run()
  }
}
