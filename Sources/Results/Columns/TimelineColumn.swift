import Metrics

/// What held in one replica over one piece of the window; a row of `timeline.csv`.
struct TimelineRow {
  /// From 0, in the order of the deployment.
  var replica: Int
  var point: HistoryPoint
  /// Preemptions from the start of the window to the end of the piece.
  var preemptions: Int
}

extension RunResult {
  /// Replicas in order, each in order of time; none where no history was kept.
  var timelineRows: [TimelineRow] {
    timelines.enumerated().flatMap { replica, points in
      var preemptions = 0
      return points.map { point in
        preemptions += point.preemptions
        return TimelineRow(replica: replica, point: point, preemptions: preemptions)
      }
    }
  }
}

/// One column of how a run went over time. The list ``all`` is the only place where a column is named: `timeline.csv`,
/// the database table and `docs/SCHEMA.md` follow it.
struct TimelineColumn: Sendable {
  var key: String
  /// Unit of the value, empty where it is the number of a row.
  var unit: String
  /// What the value is, in one line.
  var meaning: String
  var storage: SummaryColumn.Storage
  var value: @Sendable (TimelineRow) -> JSONValue

  /// Every column, in the order in which all formats write them; those of the waste ledger under the names of `summary.csv`.
  static let all: [TimelineColumn] =
    [
      .count("replica", "", "its number in the deployment, from 0") { $0.replica },
      .real("start_s", "s", "start of the piece, from the start of the run") { $0.point.second },
      .real("duration_s", "s", "length of the piece") { $0.point.duration },
      .real("running", "requests", "mean of requests running") { $0.point.running },
      .real("waiting", "requests", "mean of requests waiting, swapped ones too") {
        $0.point.waiting
      },
      .real("held_blocks", "blocks", "mean of blocks that requests hold, a shared one once") {
        $0.point.heldBlocks
      },
    ] + shares + [
      .count("preemptions", "preemptions", "preemptions so far, at the end of the piece") {
        $0.preemptions
      }
    ]

  private static let shares: [TimelineColumn] = [
    ("token_state", "slots that hold a computed token"),
    ("reserved", "slots that their request will use later"),
    ("internal_fragmentation", "slots held that will never be used"),
    ("external_fragmentation", "slots lost to rounding, or free but unusable"),
    ("cached", "slots kept for prefix reuse by no running request"),
    ("free", "slots that hold nothing"),
  ].enumerated().map { index, share in
    .real(share.0, "share of its pool", share.1) { $0.point.shares[index] }
  }

  private static func count(
    _ key: String, _ unit: String, _ meaning: String,
    value: @escaping @Sendable (TimelineRow) -> Int
  ) -> TimelineColumn {
    TimelineColumn(key: key, unit: unit, meaning: meaning, storage: .integer) {
      .integer(value($0))
    }
  }

  private static func real(
    _ key: String, _ unit: String, _ meaning: String,
    value: @escaping @Sendable (TimelineRow) -> Double
  ) -> TimelineColumn {
    TimelineColumn(key: key, unit: unit, meaning: meaning, storage: .real) { .real(value($0)) }
  }
}
