import CProfiles
import CostModel
import Foundation
import Metrics
import Serving

/// The errors of served latency that were measured, a row for each model, device and engine of a file of measurements.
///
/// The rows that the tool carries are `Sources/CProfiles/profiles/served-errors.tsv`, written by `kvplan validate errors`:
/// a new file of measurements is more rows.
package struct ServedErrorTable: Sendable {
  package struct Row: Equatable, Sendable {
    package var measured: ServedError.Nearest
    /// Whether some layers of the model route tokens over experts.
    package var hasExperts: Bool
    /// Parameters of the model, in billions.
    package var billions: Double

    package init(_ measured: ServedError.Nearest, hasExperts: Bool, billions: Double) {
      self.measured = measured
      self.hasExperts = hasExperts
      self.billions = billions
    }
  }

  package let rows: [Row]

  package init(rows: [Row]) { self.rows = rows }

  /// Rows behind a 90th percentile, at least: of fewer it would be the worst alone.
  package static let rowsMin = 10

  /// What the tool carries.
  package static let shipped: ServedErrorTable = {
    let bytes = kvplan_profile_served_errors()
    let text = String(
      decoding: UnsafeBufferPointer(start: bytes.start, count: bytes.count), as: UTF8.self)
    guard let table = ServedErrorTable(text) else {
      preconditionFailure("ServedErrorTable: the table that the tool carries cannot be read")
    }
    return table
  }()

  /// How far latencies of a scenario were from served ones.
  ///
  /// The nearest row has the same engine; then it is the nearest by, in this order: experts or none, the device, the
  /// model, the ratio of the models' sizes, and the number of rows. Rows of fewer than ``rowsMin`` points are passed over.
  package func error(of scenario: Scenario) -> ServedError {
    let system = scenario.system
    guard let engine = system.measuredAs, scenario.device.software == .present else {
      return .unknown(
        "no served runs of `\(system.name)` on `\(scenario.device.name)` were compared")
    }
    guard scenario.draftTokens == 0 else {
      return .unknown("no served runs with drafted tokens are in the table")
    }
    let model = scenario.model
    let billions = Double(model.parameters()) / 1e9
    func distance(_ row: Row) -> [Double] {
      let measured = row.measured
      return [
        row.hasExperts == model.hasExperts ? 0 : 1,
        measured.device == scenario.device.name ? 0 : 1,
        measured.model == model.name ? 0 : 1,
        abs((row.billions / billions).logarithm), -Double(measured.rows),
      ]
    }
    let comparable = rows.filter {
      $0.measured.engine == engine && $0.measured.rows >= Self.rowsMin
    }
    let nearest = comparable.min { distance($0).lexicographicallyPrecedes(distance($1)) }
    guard var measured = nearest?.measured else {
      return .unknown("no served runs of `\(engine)` were compared")
    }
    measured.isSameModel = measured.model == model.name
    measured.isSameDevice = measured.device == scenario.device.name
    return .nearest(measured)
  }
}

extension Double {
  fileprivate var logarithm: Double { Foundation.log(self) }
}

/// Tab-separated, the names of the columns in the first line.
extension ServedErrorTable {
  package static let header = [
    "engine", "model", "device", "experts", "parameters_b", "rows", "ttft_median", "ttft_p90",
    "tpot_median",
    "tpot_p90", "fitted", "source", "date",
  ]

  /// - Returns: `nil` for text that is no such table.
  package init?(_ text: String) {
    let lines = text.split(separator: "\n").map { $0.split(separator: "\t").map(String.init) }
    guard lines.first == Self.header else { return nil }
    var rows: [Row] = []
    for line in lines.dropFirst() {
      guard let row = Row(line) else { return nil }
      rows.append(row)
    }
    self.rows = rows
  }
}

extension ServedErrorTable.Row {
  fileprivate init?(_ cells: [String]) {
    guard cells.count == ServedErrorTable.header.count, let rows = Int(cells[5]) else { return nil }
    let numbers = ([cells[4]] + cells[6..<10]).compactMap { Double($0) }
    guard numbers.count == 5 else { return nil }
    self.init(
      ServedError.Nearest(
        model: cells[1], device: cells[2], engine: cells[0], rows: rows,
        ttft: .init(median: numbers[1], p90: numbers[2]),
        tpot: .init(median: numbers[3], p90: numbers[4]), isFitted: cells[10] == "yes",
        source: cells[11], date: cells[12]),
      hasExperts: cells[3] == "yes", billions: numbers[0])
  }

  /// The row as the table has it: shares to four places, billions to two.
  package var line: String {
    func text(_ value: Double, _ scale: Double) -> String { "\((value * scale).rounded() / scale)" }
    let (ttft, tpot) = (measured.ttft, measured.tpot)
    return
      ([
        measured.engine, measured.model, measured.device, hasExperts ? "yes" : "no",
        text(billions, 100), "\(measured.rows)",
      ] + [ttft.median, ttft.p90, tpot.median, tpot.p90].map { text($0, 1e4) } + [
        measured.isFitted ? "yes" : "no", measured.source, measured.date,
      ]).joined(separator: "\t")
  }
}
