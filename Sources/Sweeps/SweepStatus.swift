import Foundation
import Messages

/// Which runs of a sweep have a result, from the files of results alone: no engine is asked.
package struct SweepStatus: Sendable {
  /// One shard's part.
  package struct Part: Sendable {
    package var shard: Shard
    package var runs = 0
    package var done = 0
    /// Of those done, the ones that are impossible.
    package var impossible = 0
    package var missing: Int { runs - done }
  }

  package private(set) var parts: [Part]
  /// The first runs that are missing.
  package private(set) var firstMissing: [KeyedRun] = []
  /// Results that belong to no run of this file at this version of the tool.
  package private(set) var foreign: Int
  /// Files that cannot be read, with the reason.
  package private(set) var corrupt: [String] = []

  package var runs: Int { parts.reduce(0) { $0 + $1.runs } }
  package var done: Int { parts.reduce(0) { $0 + $1.done } }
  package var impossible: Int { parts.reduce(0) { $0 + $1.impossible } }
  package var isComplete: Bool { done == runs }

  private static let shownMissing = 5

  /// - Parameter shards: The number of shards to judge by; `nil` for that of the files, where they agree.
  package init(_ plan: SweepPlan, shards: Int?) throws {
    _ = try plan.folder.isThere()
    let there = plan.folder.shardsThere()
    let counts = Set(there.map(\.count))
    let count = shards ?? (counts.count == 1 ? there[0].count : 1)
    parts = (0..<count).map { Part(shard: Shard($0, of: count)) }
    var finished: Set<RunKey> = []
    var failed: Set<RunKey> = []
    for shard in there {
      do {
        let path = plan.folder.path(of: shard)
        try ShardFile.check(path)
        finished.formUnion(try ShardFile.keys(of: path, table: "runs"))
        failed.formUnion(try ShardFile.keys(of: path, table: "failures"))
      } catch let error as UserError {
        corrupt.append(error.message)
      }
    }
    failed.subtract(finished)
    foreign = finished.count + failed.count
    plan.forEachRun { run in
      let index = Shard.index(of: run.key, count: count)
      parts[index].runs += 1
      let isFailed = failed.contains(run.key)
      if isFailed || finished.contains(run.key) {
        parts[index].done += 1
        parts[index].impossible += isFailed ? 1 : 0
        foreign -= 1
      } else if firstMissing.count < Self.shownMissing {
        firstMissing.append(run)
      }
    }
  }

  /// The shards that have runs to make, as `--array=` takes them: `0,3-5`.
  package var array: String {
    SlurmScript.array(parts.filter { $0.missing > 0 }.map(\.shard.index))
  }
}
