import Database
import Statistics

/// How far the seeds of a configuration at a rate lie apart: a row for each measured column of `runs`.
///
/// A table and not a view, as SQLite has a square root only where it was built with one.
struct SpreadTable {
  /// What names a point: the configuration and the rate.
  private let point: [String]
  private let metrics: [String]
  let schema: String

  init(_ columns: MergedColumns) {
    point = columns.configuration + ["request_rate"]
    metrics = columns.measured
    schema = """
      CREATE TABLE spread_by_rate (
        \(point.map { "\($0) \(columns.type(of: $0))" }.joined(separator: ", ")),
        metric TEXT NOT NULL, runs INTEGER NOT NULL, mean REAL NOT NULL, sd REAL, ci95_low REAL,
        ci95_high REAL
      ) STRICT;
      """
  }

  /// Fills the table from `runs`. Runs in which a metric was not measured do not count in it.
  func fill(_ database: DatabaseConnection) throws(DatabaseFailure) {
    let names = point.joined(separator: ", ")
    let insert = try database.statement(
      "INSERT INTO spread_by_rate SELECT \(names), ?, ?, ?, ?, ?, ? FROM runs WHERE run = ?")
    let rows = try database.rows(
      """
      SELECT dense_rank() OVER (ORDER BY \(names)) AS place, run\(metrics.map { ", \($0)" }.joined())
      FROM runs ORDER BY place, run
      """)
    var open: (place: Int, run: Int)?
    var values: [[Double]] = []
    while let row = try rows.next() {
      if open?.place != row.integer(0) {
        if let open { try write(values, ofRun: open.run, insert) }
        open = (row.integer(0), row.integer(1))
        values = metrics.map { _ in [] }
      }
      for index in metrics.indices where row.kind(index + 2) != .null {
        values[index].append(row.real(index + 2))
      }
    }
    if let open { try write(values, ofRun: open.run, insert) }
  }

  private func write(
    _ values: [[Double]], ofRun run: Int, _ insert: PreparedStatement
  ) throws(DatabaseFailure) {
    for (metric, values) in zip(metrics, values) where !values.isEmpty {
      let interval = MeanInterval(values)
      insert.bind(metric, at: 1)
      insert.bind(values.count, at: 2)
      insert.bind(interval.mean, at: 3)
      for (index, value) in [
        interval.deviation, interval.half.map { interval.mean - $0 },
        interval.half.map { interval.mean + $0 },
      ].enumerated() {
        if let value { insert.bind(value, at: index + 4) } else { insert.bindNull(at: index + 4) }
      }
      insert.bind(run, at: 7)
      try insert.run()
    }
  }

  /// The table as CSV, in its order.
  func csv(_ database: DatabaseConnection) throws(DatabaseFailure) -> [UInt8] {
    let rows = try database.rows("SELECT * FROM spread_by_rate ORDER BY rowid")
    var bytes = Array((rows.names.joined(separator: ",") + "\n").utf8)
    while let row = try rows.next() {
      for column in rows.names.indices {
        if column > 0 { bytes.append(UInt8(ascii: ",")) }
        if row.kind(column) == .text {
          bytes.append(csvField: row.text(column))
        } else {
          row.append(column, to: &bytes)
        }
      }
      bytes.append(UInt8(ascii: "\n"))
    }
    return bytes
  }
}
