import CostModel
import Fleet
import Metrics
import Planning
import Results

extension FleetReport {
  /// Fleets, one a line; where their power is compared, with what they are compared by.
  func table(_ points: [FleetPoint]) -> TextTable {
    let shown = ShownLatencies(request.serviceLevel)
    let first = shown.columns(of: .ttft, hasMean: false) + shown.columns(of: .tpot, hasMean: false)
    let others = shown.columns(of: nil)
    var table = TextTable(
      [.init("deployment", .left), .init("GPUs"), .init("$/h"), .init("$ a\nmonth")]
        + (comparesEnergy ? [.init("kW")] : []) + first.map(\.column)
        + [.init("E2E\nmean s")] + others.map(\.column)
        + [.init("meet\nall %"), .init("KV\nheld %")])
    table.rows = points.compactMap { fleet in
      guard let point = fleet.point else { return nil }
      let (summary, assessment) = (point.summary, point.assessment)
      return [
        request.text(fleet), "\(fleet.deployment.gpus)",
        PlanCells.dollars(fleet.deployment.dollarsPerHour),
        PlanMoney.month(fleet.deployment.dollarsPerHour),
      ] + (comparesEnergy ? [Digits.fixed(fleet.cost / 1000, decimals: 2)] : [])
        + first.map { $0.cell(assessment) } + [PlanCells.seconds(mean: summary.e2el)]
        + others.map { $0.cell(assessment) }
        + [PlanCells.percent(assessment.attainment), PlanCells.percent(summary.kv.held)]
    }
    return table
  }

  private var comparesEnergy: Bool { request.objective == .energy }

  /// What fleets are compared by where that is their power, and which of them by more than they draw; nothing for other
  /// objectives.
  var comparedEnergy: [String] {
    guard comparesEnergy else { return [] }
    let unknown = devices.filter { $0.idlePower == nil }.map { "`\($0.name)`" }
    let byPeak =
      (unknown.isEmpty ? [] : ["no idle power of \(unknown.joined(separator: ", ")) is known"])
      + (request.splits.contains { $0 != nil } ? ["prefill and decode are apart"] : [])
      + (request.losses > 0 ? ["replicas fail"] : [])
    let fleets = "Fleets are compared by what their GPUs draw in the mean"
    guard !byPeak.isEmpty else { return ["\(fleets)."] }
    let file = unknown.isEmpty ? "" : " A device file has `idle_watts`."
    return [
      "\(fleets); by their TDP, which is more, where \(byPeak.joined(separator: " or ")).\(file)"
    ]
  }
}
