import Database
import Foundation
import Planning
import Results
import SimulationKernel

/// `report.html` of a merged sweep: what was run, how the systems compare, and who meets the SLOs.
struct SweepReport {
  private let plan: SweepPlan
  private let columns: MergedColumns
  private let outcome: SweepMerge.Outcome

  /// Rows that a table of the page shows.
  private static let rowsMax = 60
  /// Drawn where they were kept, else the first metrics that were.
  private static let usual = [
    "mean_normalized_latency_s_per_token", "mean_ttft_ms", "mean_tpot_ms", "output_throughput",
  ]
  private static let figuresMax = 6

  init(_ plan: SweepPlan, _ columns: MergedColumns, _ outcome: SweepMerge.Outcome) {
    self.plan = plan
    self.columns = columns
    self.outcome = outcome
  }

  func html(_ database: DatabaseConnection) throws(DatabaseFailure) -> String {
    var page = VariedReport(title: "Sweep \(plan.file.name)")
    let profiles = try database.texts("SELECT cost_profile FROM profiles ORDER BY profile")
    page.facts = [
      "\(outcome.runs) runs"
        + (outcome.failures > 0 ? ", \(outcome.failures) that are impossible" : "")
        + (outcome.missing > 0 ? ", \(outcome.missing) still missing" : "")
        + ". kvplan \(toolVersion). Prices: \(profiles.joined(separator: "; ")).",
      "Seeds are averaged over; the table `runs` of `\(SweepMerge.database)` has each run.",
    ]
    page.tables.append(("Axes", axes))
    if !columns.objectives.isEmpty {
      page.tables.append(
        ("Capacity by SLO, req/s", try table("SELECT * FROM capacity_by_slo", database)))
      page.tables.append(
        ("Best by cost, at capacity", try table("SELECT * FROM best_by_cost", database)))
    }
    if outcome.failures > 0 {
      page.tables.append(
        ("Impossible runs", try table("SELECT run, settings, message FROM failures", database)))
    }
    page.figures = try figures(database)
    return page.html
  }

  private var axes: TextTable {
    var table = TextTable([.init("setting", .left), .init("values", .left)])
    for axis in plan.file.axes {
      for (place, name) in axis.names.enumerated() {
        let values = axis.steps.map { $0[place].text }
        let shown = values.prefix(12).joined(separator: ", ")
        table.rows.append([name, values.count > 12 ? "\(shown), … (\(values.count))" : shown])
      }
    }
    return table
  }

  private func table(
    _ query: String, _ database: DatabaseConnection
  ) throws(DatabaseFailure) -> TextTable {
    let rows = try database.rows(query)
    let names = rows.names
    var table = TextTable(names.map { .init($0.replacing("_", with: " "), .left) })
    while let row = try rows.next() {
      guard table.rows.count < Self.rowsMax else {
        table.rows.append(["…"] + Array(repeating: "", count: names.count - 1))
        break
      }
      table.rows.append(
        names.indices.map { column in
          switch row.kind(column) {
          case .null: "–"
          case .real: Digits.significant(row.real(column))
          case .integer, .text, .blob: row.text(column)
          }
        })
    }
    return table
  }

  private func figures(_ database: DatabaseConnection) throws(DatabaseFailure) -> [Figure] {
    let measured = columns.kept.filter { column in
      !ShardColumns.naming.contains(column.key) && !columns.varied.contains(column.key)
        && column.storage.rawValue.hasPrefix("REAL")
    }
    let usual = measured.filter { Self.usual.contains($0.key) }
    let drawn = (usual.isEmpty ? measured : usual).prefix(Self.figuresMax)
    let settings = columns.varied.filter { $0 != "seed" }
    guard !drawn.isEmpty, !settings.isEmpty else { return [] }
    let rows = try database.rows(
      "SELECT \((settings + drawn.map(\.key)).joined(separator: ", ")) FROM latency_by_rate")
    var runs = VariedRuns(
      settings: settings, metrics: drawn.map { .init(title: $0.key, unit: $0.unit) }, rows: [])
    while let row = try rows.next() {
      runs.rows.append(
        .init(
          values: settings.indices.map { row.text($0) },
          measured: drawn.indices.map { index in
            let column = settings.count + index - drawn.startIndex
            return row.kind(column) == .null ? nil : row.real(column)
          }))
    }
    return runs.figures
  }
}
