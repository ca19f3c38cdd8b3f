import Metrics
import Results

/// The columns of a result, as shards and merged tables store them.
enum ShardColumns {
  /// Those with a table of their own: few texts, shared by many runs.
  private static let shared = ["scenario", "cost_profile"]
  /// Those that say which run it is; merged tables always have them.
  static let naming = ["system", "model", "device", "request_rate", "seed", "version"]

  /// Every column that a row of `runs` holds.
  static let all = SummaryColumn.all.filter { !shared.contains($0.key) }

  /// Those that `metrics` chooses from.
  static let measured = all.filter { !naming.contains($0.key) }

  /// `system TEXT NOT NULL`
  static func declaration(_ column: SummaryColumn) -> String {
    "\(column.key) \(column.storage.rawValue)"
  }
}
