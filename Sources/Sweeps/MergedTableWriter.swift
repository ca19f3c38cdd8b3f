import Database

/// Copies rows of shards into the merged database.
///
/// Used inside `use` of that database.
final class MergedTableWriter {
  private let rows: MergedRows
  private let insert: PreparedStatement
  private let insertFailure: PreparedStatement
  private let insertScenario: PreparedStatement
  private let insertProfile: PreparedStatement
  private var scenarios: Set<Int> = []
  private var profiles: Set<String> = []

  init(_ database: DatabaseConnection, _ rows: MergedRows) throws(DatabaseFailure) {
    self.rows = rows
    let marks = Array(repeating: "?", count: rows.columns.names.count + 3).joined(separator: ", ")
    insert = try database.statement("INSERT INTO runs VALUES (\(marks))")
    insertFailure = try database.statement("INSERT INTO failures VALUES (?, ?, ?, ?, ?)")
    insertScenario = try database.statement("INSERT INTO scenarios VALUES (?, ?)")
    insertProfile = try database.statement("INSERT INTO profiles VALUES (?, ?)")
  }

  func write(_ entry: MergeIndex.Entry) throws(DatabaseFailure) {
    if entry.isFailure {
      try writeFailure(entry)
    } else {
      try rows.withRow(entry) { row throws(DatabaseFailure) in
        try share(row, of: rows.file(of: entry))
        try write(entry, row)
      }
    }
  }

  private func write(_ entry: MergeIndex.Entry, _ row: ResultRow) throws(DatabaseFailure) {
    typealias Column = MergedRows.ShardColumn
    insert.bind(entry.position + 1, at: 1)
    insert.bind(row.key(Column.key)?.text ?? "", at: 2)
    var next = 3
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
      insert.bind(Column.kept + index, of: row, at: next)
      next += 1
    }
    let cost = rows.cost(entry)
    insert.bind(cost.gpus, at: next)
    if let dollars = cost.dollarsPerHour {
      insert.bind(dollars, at: next + 1)
    } else {
      insert.bindNull(at: next + 1)
    }
    insert.bind(Column.profile, of: row, at: next + 2)
    insert.bind(Column.scenario, of: row, at: next + 3)
    try insert.run()
  }

  /// Takes the texts over that a row refers to, where they are not there yet.
  private func share(_ row: ResultRow, of shard: DatabaseFile) throws(DatabaseFailure) {
    let scenario = row.integer(MergedRows.ShardColumn.scenario)
    let profile = row.text(MergedRows.ShardColumn.profile)
    if scenarios.insert(scenario).inserted {
      let text = try shard.use { database throws(DatabaseFailure) in
        try database.texts("SELECT settings FROM scenarios WHERE scenario = \(scenario)")
      }
      insertScenario.bind(scenario, at: 1)
      insertScenario.bind(text.first ?? "", at: 2)
      try insertScenario.run()
    }
    if profiles.insert(profile).inserted {
      let text = try shard.use { database throws(DatabaseFailure) in
        try database.texts("SELECT cost_profile FROM profiles WHERE profile = '\(profile)'")
      }
      insertProfile.bind(profile, at: 1)
      insertProfile.bind(text.first ?? "", at: 2)
      try insertProfile.run()
    }
  }

  private func writeFailure(_ entry: MergeIndex.Entry) throws(DatabaseFailure) {
    try rows.withFailure(entry) { row throws(DatabaseFailure) in
      insertFailure.bind(entry.position + 1, at: 1)
      insertFailure.bind(row.key(0)?.text ?? "", at: 2)
      insertFailure.bind(SweepPoint.label(rows.values(entry)), at: 3)
      insertFailure.bind(1, of: row, at: 4)
      insertFailure.bind(2, of: row, at: 5)
      try insertFailure.run()
    }
  }
}
