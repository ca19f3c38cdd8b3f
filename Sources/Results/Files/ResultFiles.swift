import Messages
import Metrics

/// What of its results a command may write (`--files`).
package enum ResultPart: String, CaseIterable, Sendable {
  case summary, requests, timeline, sqlite, report, figures

  /// Whether the file has a row for each request, or something made of them.
  package var needsRequests: Bool { self != .summary && self != .timeline }
}

/// The files that `--output DIR` leaves behind; `docs/SCHEMA.md` describes them.
package enum ResultFiles {
  package static let summary = "summary.csv"
  package static let replicas = "replicas.csv"
  package static let failures = "failures.csv"
  package static let tiers = "tiers.csv"
  package static let requests = "requests.csv"
  package static let handOffs = "handoffs.csv"
  package static let timeline = "timeline.csv"
  package static let database = "kvplan.sqlite"
  package static let report = "report.html"

  /// Writes the files of `runs` into the staging folder; `folder.commit()` makes them visible.
  ///
  /// `requests.csv` is written only if a run kept its requests, `handoffs.csv` beside it only if some were handed from one
  /// replica to another, `timeline.csv` only if one kept its history, `replicas.csv` only if one had several,
  /// `failures.csv` only if they could fail, `tiers.csv` only if one had a tier behind its prefix cache. What is not written and an earlier command has left is removed on commit, as
  /// it would not belong to the new results.
  ///
  /// - Parameters:
  ///   - parts: What is written.
  ///   - varied: The report of runs that differ in named settings, in place of the usual one.
  /// - Throws: `UserError` if a file cannot be written.
  package static func write(
    runs: [RunResult], to folder: OutputFolder, parts: Set<ResultPart> = Set(ResultPart.allCases),
    varied: (page: VariedReport, runs: RunFigures)? = nil
  ) throws(UserError) {
    if parts.contains(.summary) {
      try write(SummaryText.csv(runs.map(\.summary)), to: folder.staged(summary))
    } else {
      folder.removeOnCommit(summary)
    }
    if parts.contains(.summary), runs.contains(where: { !$0.summary.replicas.isEmpty }) {
      try write(SummaryText.replicasCSV(runs.map(\.summary)), to: folder.staged(replicas))
    } else {
      folder.removeOnCommit(replicas)
    }
    if parts.contains(.summary), runs.contains(where: { !$0.summary.failures.isEmpty }) {
      try write(SummaryText.failuresCSV(runs.map(\.summary)), to: folder.staged(failures))
    } else {
      folder.removeOnCommit(failures)
    }
    if parts.contains(.summary), runs.contains(where: { !$0.summary.tiers.isEmpty }) {
      try write(SummaryText.tiersCSV(runs.map(\.summary)), to: folder.staged(tiers))
    } else {
      folder.removeOnCommit(tiers)
    }
    if parts.contains(.requests), runs.contains(where: { !$0.requests.isEmpty }) {
      try writeRequests(runs, to: folder.staged(requests))
    } else {
      folder.removeOnCommit(requests)
    }
    if parts.contains(.requests), runs.contains(where: { $0.summary.handOffs != nil }) {
      try writeHandOffs(runs, to: folder.staged(handOffs))
    } else {
      folder.removeOnCommit(handOffs)
    }
    if parts.contains(.timeline), runs.contains(where: { $0.timelines != [[]] }) {
      try writeTimeline(runs, to: folder.staged(timeline))
    } else {
      folder.removeOnCommit(timeline)
    }
    if parts.contains(.sqlite) {
      try ResultDatabase.write(runs, to: folder.staged(database))
    } else {
      folder.removeOnCommit(database)
    }
    if parts.contains(.report) {
      let page = varied.map { $0.page.html($0.runs) } ?? ReportPage(runs).html
      try write(page, to: folder.staged(report))
    } else {
      folder.removeOnCommit(report)
    }
  }

  private static func write(_ text: String, to path: String) throws(UserError) {
    var sink = try FileSink(path: path)
    sink.buffer.append(text)
    try sink.finish()
  }

  /// Writes the requests of all runs into one CSV file.
  ///
  /// - Throws: `UserError` if the file cannot be written.
  /// - Complexity: O(*n*) in the number of requests, about 1 µs each; memory is constant.
  package static func writeRequests(_ runs: [RunResult], to path: String) throws(UserError) {
    // Only the functions: looping over the columns would retain their names once a field.
    let columns = RequestColumn.columns(of: runs)
    let appendFields = columns.map(\.append)
    var sink = try FileSink(path: path)
    sink.buffer.append(columns.map(\.key).joined(separator: ",") + "\n")
    for (position, run) in runs.enumerated() {
      for request in run.requests {
        for (index, appendField) in appendFields.enumerated() {
          if index > 0 { sink.buffer.append(byte: UInt8(ascii: ",")) }
          appendField(position + 1, request, &sink.buffer)
        }
        sink.buffer.append(byte: UInt8(ascii: "\n"))
        try sink.flushIfFull()
      }
    }
    try sink.finish()
  }

  /// Writes how requests went from the replicas that computed their prompts to those that decoded them.
  ///
  /// - Throws: `UserError` if the file cannot be written.
  private static func writeHandOffs(_ runs: [RunResult], to path: String) throws(UserError) {
    var sink = try FileSink(path: path)
    sink.buffer.append((["run"] + HandOffColumn.all.map(\.key)).joined(separator: ",") + "\n")
    for (position, run) in runs.enumerated() {
      for request in run.requests {
        guard let handOff = request.handOff else { continue }
        sink.buffer.append(position + 1)
        for column in HandOffColumn.all {
          sink.buffer.append(byte: UInt8(ascii: ","))
          column.append(request, handOff, &sink.buffer)
        }
        sink.buffer.append(byte: UInt8(ascii: "\n"))
        try sink.flushIfFull()
      }
    }
    try sink.finish()
  }

  /// Writes how all runs went over time into one CSV file.
  ///
  /// - Throws: `UserError` if the file cannot be written.
  package static func writeTimeline(_ runs: [RunResult], to path: String) throws(UserError) {
    let columns = TimelineColumn.all
    var sink = try FileSink(path: path)
    sink.buffer.append((["run"] + columns.map(\.key)).joined(separator: ",") + "\n")
    for (position, run) in runs.enumerated() {
      for row in run.timelineRows {
        sink.buffer.append(position + 1)
        for column in columns {
          sink.buffer.append(byte: UInt8(ascii: ","))
          sink.buffer.append(csvField: column.value(row))
        }
        sink.buffer.append(byte: UInt8(ascii: "\n"))
        try sink.flushIfFull()
      }
    }
    try sink.finish()
  }
}
