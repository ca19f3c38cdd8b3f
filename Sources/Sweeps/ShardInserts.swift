import Database
import Results

/// The statements that add results to the tables of a shard.
struct ShardInserts {
  private let run: PreparedStatement
  private let failure: PreparedStatement
  private let scenario: PreparedStatement
  private let profile: PreparedStatement

  init(_ database: DatabaseConnection) throws(DatabaseFailure) {
    run = try database.statement(ShardSchema.insertRun)
    failure = try database.statement("INSERT OR IGNORE INTO failures VALUES (?, ?, ?, ?, ?)")
    scenario = try database.statement("INSERT OR IGNORE INTO scenarios VALUES (?, ?)")
    profile = try database.statement("INSERT OR IGNORE INTO profiles VALUES (?, ?)")
  }

  /// Adds the result of a run, unless it has one.
  func add(_ keyed: KeyedRun, _ outcome: RunOutcome) throws(DatabaseFailure) {
    switch outcome {
    case .measured(let values, let settings, let costProfile):
      let scenarioName = Int(
        truncatingIfNeeded: RunKey(SHA256.digest(Array(settings.utf8))).high >> 1)
      scenario.bind(scenarioName, at: 1)
      scenario.bind(settings, at: 2)
      try scenario.run()
      profile.bind(keyed.profile, at: 1)
      profile.bind(costProfile, at: 2)
      try profile.run()
      run.bind(keyed.key, at: 1)
      run.bind(keyed.point, at: 2)
      run.bind(keyed.profile, at: 3)
      run.bind(scenarioName, at: 4)
      for (index, value) in values.enumerated() { run.bind(value, at: index + 5) }
      try run.run()
    case .impossible(let message, let version):
      failure.bind(keyed.key, at: 1)
      failure.bind(keyed.point, at: 2)
      failure.bind(keyed.profile, at: 3)
      failure.bind(version, at: 4)
      failure.bind(message, at: 5)
      try failure.run()
    }
  }
}
