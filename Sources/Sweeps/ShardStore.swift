import Foundation
import Messages
import Metrics
import Results
import SimulationKernel

/// What became of a run.
package enum RunOutcome: Sendable {
  /// A value for each of ``ShardColumns/all``, the scenario and the cost profile.
  case measured(values: [JSONValue], scenario: String, costProfile: String)
  /// The run cannot be made, and why.
  case impossible(String, version: String)

  package init(_ summary: RunSummary) {
    let scenario = JSONValue.object(
      summary.provenance.scenario.map { .init($0.name, .text($0.value)) })
    self = .measured(
      values: ShardColumns.all.map { $0.value(summary) }, scenario: scenario.compact,
      costProfile: summary.provenance.costProfile)
  }
}

/// The results of a shard while it runs: a database without a name on a disk of this machine, published
/// as a whole file from time to time.
///
/// Nobody ever sees a file that is being written. One process should write a shard; what another one has published
/// meanwhile is taken in before it is replaced.
final class ShardStore {
  private let folder: SweepFolder
  private let shard: Shard
  private let database: SQLite
  private let insertRun: Statement
  private let insertFailure: Statement
  private let insertScenario: Statement
  private let insertProfile: Statement
  private var hasNews = false
  /// The published file whose rows are in `database`.
  private var known: FileIdentity?

  /// Begins with what an earlier process has published.
  ///
  /// - Throws: ``UserError`` if that file is corrupt or of another version, ``TryAgain`` if it cannot be
  ///   read or there is no room for a copy.
  init(_ folder: SweepFolder, _ shard: Shard) throws {
    self.folder = folder
    self.shard = shard
    let published = folder.path(of: shard)
    do {
      database = try SQLite("")
      // Nothing of it outlives the process, so nothing has to survive a crash.
      try database.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
      try database.execute(ShardSchema.tables("main"))
      known = try Self.takeIn(published, into: database)
      insertRun = try Statement(database, ShardSchema.insertRun)
      insertFailure = try Statement(
        database, "INSERT OR IGNORE INTO failures VALUES (?, ?, ?, ?, ?)")
      insertScenario = try Statement(database, "INSERT OR IGNORE INTO scenarios VALUES (?, ?)")
      insertProfile = try Statement(database, "INSERT OR IGNORE INTO profiles VALUES (?, ?)")
    } catch let failure as SQLiteFailure {
      throw ShardFile.error(failure, file: published)
    }
  }

  /// Copies what is published, if anything is.
  private static func takeIn(_ path: String, into database: SQLite) throws -> FileIdentity? {
    guard let identity = FileIdentity(path) else { return nil }
    try ShardFile.check(path)
    try database.attach(path, as: "published")
    try ShardSchema.copyRows(from: "published", to: "main", in: database)
    try database.execute("DETACH published")
    return identity
  }

  /// The runs that have a result.
  func finished() throws -> Set<RunKey> {
    do { return try ShardFile.keys(database) } catch {
      throw ShardFile.error(error, file: folder.path(of: shard))
    }
  }

  /// Adds results in one transaction.
  func add(_ results: [(run: KeyedRun, outcome: RunOutcome)]) throws {
    guard !results.isEmpty else { return }
    do {
      try database.execute("BEGIN")
      for (run, outcome) in results { try add(run, outcome) }
      try database.execute("COMMIT")
    } catch let failure as SQLiteFailure {
      throw SweepFolder.cannotWrite(
        "the scratch database in \(NSTemporaryDirectory())", because: failure.message)
    }
    hasNews = true
  }

  private func add(_ run: KeyedRun, _ outcome: RunOutcome) throws {
    switch outcome {
    case .measured(let values, let scenario, let costProfile):
      let scenarioName = Int(
        truncatingIfNeeded: RunKey(SHA256.digest(Array(scenario.utf8))).high >> 1)
      insertScenario.bind(scenarioName, at: 1)
      insertScenario.bind(scenario, at: 2)
      try insertScenario.run()
      insertProfile.bind(run.profile, at: 1)
      insertProfile.bind(costProfile, at: 2)
      try insertProfile.run()
      insertRun.bind(run.key, at: 1)
      insertRun.bind(run.point, at: 2)
      insertRun.bind(run.profile, at: 3)
      insertRun.bind(scenarioName, at: 4)
      for (index, value) in values.enumerated() { insertRun.bind(value, at: Int32(index + 5)) }
      try insertRun.run()
    case .impossible(let message, let version):
      insertFailure.bind(run.key, at: 1)
      insertFailure.bind(run.point, at: 2)
      insertFailure.bind(run.profile, at: 3)
      insertFailure.bind(version, at: 4)
      insertFailure.bind(message, at: 5)
      try insertFailure.run()
    }
  }

  /// Puts all results, by rising key, into the shard's file. The same results are the same bytes.
  ///
  /// - Throws: ``TryAgain`` if there is no room; the file of before is then still there.
  func publish() throws {
    guard hasNews else { return }
    let path = folder.path(of: shard)
    // Held while the file is read and replaced; a file system without locks leaves a moment between the two.
    let lock = open(SweepFile.folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { if lock >= 0 { close(lock) } }
    if lock >= 0 { flock(lock, LOCK_EX) }
    if let now = FileIdentity(path), now != known {
      do { _ = try Self.takeIn(path, into: database) } catch let failure as SQLiteFailure {
        throw ShardFile.error(failure, file: path)
      }
    }
    let scratch =
      "\(NSTemporaryDirectory())/kvplan-\(getpid())-\(UUID().uuidString)-\(shard.fileName)"
    defer { unlink(scratch) }
    unlink(scratch)
    do {
      try database.attach(scratch, as: "fresh")
      defer { try? database.execute("DETACH fresh") }
      try database.execute(
        "PRAGMA fresh.journal_mode = OFF; PRAGMA fresh.synchronous = OFF; BEGIN")
      do {
        try database.execute(ShardSchema.tables("fresh"))
        try ShardSchema.copyRows(from: "main", to: "fresh", in: database)
        try database.execute("COMMIT; PRAGMA fresh.journal_mode = DELETE")
      } catch {
        try? database.execute("ROLLBACK")
        throw error
      }
    } catch let failure as SQLiteFailure {
      throw SweepFolder.cannotWrite(scratch, because: failure.message)
    }
    try SweepFolder.replace(path, withCopyOf: scratch)
    known = FileIdentity(path)
    hasNews = false
  }
}

/// Tells a file from the one that takes its place.
private struct FileIdentity: Equatable {
  private let device: UInt64
  private let number: UInt64
  private let changed: [Int]

  /// `nil` where there is no file.
  init?(_ path: String) {
    var facts = stat()
    guard stat(path, &facts) == 0 else { return nil }
    device = UInt64(facts.st_dev)
    number = UInt64(facts.st_ino)
    changed = [Int(facts.st_size), facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec]
  }
}

extension Statement {
  func bind(_ value: JSONValue, at index: Int32) {
    switch value {
    case .null: bindNull(at: index)
    case .boolean(let value): bind(value ? 1 : 0, at: index)
    case .integer(let value): bind(value, at: index)
    // As text: SQLite's integers have a sign and would fold the upper half of the seeds.
    case .unsigned(let value): bind(String(value), at: index)
    case .real(let value): bind(value, at: index)
    case .text(let value): bind(value, at: index)
    case .array, .object: bind(value.compact, at: index)
    }
  }
}
