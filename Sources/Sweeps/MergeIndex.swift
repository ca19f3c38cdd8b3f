import Database
import SimulationKernel

/// Where the rows of a merged table are: found by reading only the keys of all shards.
struct MergeIndex {
  /// A row of a shard and its place in the merged table.
  struct Entry {
    var position: Int
    var file: Int
    var row: Int
    var isFailure: Bool
    /// Made by another version of the tool, or priced by another profile.
    var isOther: Bool

    /// The order of the merged table; of the same run, what this version made comes first.
    static func < (a: Entry, b: Entry) -> Bool {
      func rank(_ entry: Entry) -> Int { (entry.isOther ? 2 : 0) + (entry.isFailure ? 1 : 0) }
      return (a.position, rank(a), a.file, a.row) < (b.position, rank(b), b.file, b.row)
    }
  }

  /// Rows to take, by rising position, each run once.
  private(set) var entries: [Entry] = []
  /// Further rows of a run that is there.
  private(set) var duplicates = 0
  /// Rows of runs that are not in the sweep.
  private(set) var foreign = 0
  /// Rows of this sweep's points made by others, by version and profile.
  private(set) var others: [String: Int] = [:]

  /// - Parameter runs: The grid's runs in order.
  init(
    _ files: [DatabaseFile], runs: [KeyedRun], takesOthers: Bool
  ) throws(DatabaseFailure) {
    var places = [RunKey: Int](minimumCapacity: runs.count)
    for run in runs { places[run.key] = run.index }
    entries.reserveCapacity(runs.count)
    var unknown: [(key: RunKey, file: Int, row: Int, isFailure: Bool)] = []
    for (file, database) in files.enumerated() {
      for (table, isFailure) in [("runs", false), ("failures", true)] {
        try database.use { database throws(DatabaseFailure) in
          let rows = try database.rows("SELECT key, rowid FROM \(table)")
          while let row = try rows.next() {
            guard let key = row.key(0) else { continue }
            let number = row.integer(1)
            if let position = places[key] {
              entries.append(
                Entry(
                  position: position, file: file, row: number, isFailure: isFailure,
                  isOther: false))
            } else {
              unknown.append((key, file, number, isFailure))
            }
          }
        }
      }
    }
    if !unknown.isEmpty { try sort(unknown, files, runs, takesOthers: takesOthers) }
    entries.sort(by: <)
    let before = entries.count
    var last = -1
    entries.removeAll { entry in
      defer { last = entry.position }
      return entry.position == last
    }
    duplicates = before - entries.count
  }

  /// Tells rows of this sweep's points from those of others.
  private mutating func sort(
    _ unknown: [(key: RunKey, file: Int, row: Int, isFailure: Bool)],
    _ files: [DatabaseFile], _ runs: [KeyedRun], takesOthers: Bool
  ) throws(DatabaseFailure) {
    var places: [RunKey: Int] = [:]
    for run in runs { places[run.point] = run.index }
    for (_, file, row, isFailure) in unknown {
      let found = try files[file].use { database throws(DatabaseFailure) -> (Int, String)? in
        let rows = try database.rows(
          "SELECT point, version, profile FROM \(isFailure ? "failures" : "runs") WHERE rowid = \(row)"
        )
        guard let row = try rows.next(), let point = row.key(0), let position = places[point] else {
          return nil
        }
        return (position, "version \(row.text(1)), profile \(row.text(2))")
      }
      guard let (position, maker) = found else {
        foreign += 1
        continue
      }
      others[maker, default: 0] += 1
      if takesOthers {
        entries.append(
          Entry(position: position, file: file, row: row, isFailure: isFailure, isOther: true))
      }
    }
  }
}
