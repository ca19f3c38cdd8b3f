import Database
import Foundation
import Planning
import Results
import SimulationKernel
import Statistics

/// `report.html` of a merged sweep: what was run, how the systems compare, and who meets the SLOs.
struct SweepReport {
  private let plan: SweepPlan
  private let columns: MergedColumns
  private let outcome: SweepMerge.Outcome

  /// Rows that a table of the page shows.
  private static let rowsMax = 60
  /// Metrics that are drawn where none of the usual ones was kept.
  private static let figuresMax = 6

  init(_ plan: SweepPlan, _ columns: MergedColumns, _ outcome: SweepMerge.Outcome) {
    self.plan = plan
    self.columns = columns
    self.outcome = outcome
  }

  /// - Parameter figures: The drawings, made of ``runs(_:for:)``.
  func html(
    _ database: DatabaseConnection, figures: [Figure]
  ) throws(DatabaseFailure) -> String {
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
    page.figures = figures
    return page.html()
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

  /// What is drawn by itself: the usual metrics that were kept, else the first.
  var usualFigures: [FigureRequest] {
    guard !columns.varied.isEmpty else { return [] }
    let usual = FigureRequest.usual(.curve).filter {
      $0.columns.allSatisfy(columns.measured.contains)
    }
    return usual.isEmpty
      ? columns.measured.prefix(Self.figuresMax).map { FigureRequest(.curve, [$0]) } : usual
  }

  /// Means over seeds with their intervals, as far as figures need them.
  func runs(
    _ database: DatabaseConnection, for requests: [FigureRequest]
  ) throws(DatabaseFailure) -> RunFigures {
    let settings = columns.varied
    let wanted = Set(requests.flatMap(\.columns)).intersection(columns.measured).sorted()
    let names = settings.map { "\($0), " }.joined()
    let metrics = wanted.map { "'\($0)'" }.joined(separator: ", ")
    let rows = try database.rows(
      "SELECT \(names)metric, mean, ci95_high FROM spread_by_rate WHERE metric IN (\(metrics)) ORDER BY rowid"
    )
    var runs: [RunFigures.Run] = []
    while let row = try rows.next() {
      let values = settings.indices.map { row.text($0) }
      if runs.last?.values != values { runs.append(RunFigures.Run(values: values, means: [:])) }
      let mean = row.real(settings.count + 1)
      let high = settings.count + 2
      runs[runs.count - 1].means[row.text(settings.count)] = MeanInterval(
        mean: mean, half: row.kind(high) == .null ? nil : row.real(high) - mean)
    }
    var figures = RunFigures(settings: settings, runs: runs)
    let profiles = try database.texts("SELECT cost_profile FROM profiles ORDER BY profile")
    figures.origin =
      "kvplan \(toolVersion): sweep \(plan.file.name), \(outcome.runs) runs. "
      + "Prices: \(profiles.joined(separator: "; "))."
    return figures
  }
}
