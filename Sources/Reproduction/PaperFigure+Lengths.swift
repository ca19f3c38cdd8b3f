import Planning
import Results
import Workload

/// Figure 11: how long prompts and outputs are.
extension PaperFigure {
  static func lengthsReport(_ setting: PaperSetting) -> FigureReport {
    let sets: [(name: String, rows: [Request], prompt: Double, output: Double)] = [
      ("ShareGPT", setting.traces.sharegpt.requests, 161.31, 337.99),
      ("Alpaca", setting.traces.alpaca.requests, 19.31, 58.45),
    ]
    var claims: [Claim] = []
    var data = DataTable(["set", "side", "tokens", "share_at_most"])
    var charts: [Chart] = []
    for set in sets {
      let rows = set.rows.filter {
        $0.promptTokens + $0.outputTokens <= 2048 && $0.outputTokens > 0
      }
      var curves: [LineChart.Series] = []
      for (side, paper, lengths) in [
        ("prompt", set.prompt, rows.map(\.promptTokens)),
        ("output", set.output, rows.map(\.outputTokens)),
      ] {
        let mean = lengths.reduce(0.0) { $0 + Double($1) } / Double(max(1, lengths.count))
        claims.append(
          Claim(
            "11", "\(set.name), \(side), mean tokens", Claim.relative(paper, 0.01), ours: mean,
            note: "a property of the list at hand, `\(set.name)`"))
        let sorted = lengths.sorted()
        let points = stride(from: 0.02, through: 1, by: 0.02).compactMap { share in
          sorted.isEmpty
            ? nil
            : LineChart.Point(
              Double(sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]), share)
        }
        curves.append(.init(side, points))
        data.rows += points.map { [set.name, side, Claim.text($0.x), Claim.text($0.y)] }
      }
      var chart = LineChart(
        title: set.name, xTitle: "tokens", yTitle: "share of requests at most", series: curves)
      chart.xScale = .logarithmic
      chart.yMax = 1
      charts.append(.lines(chart))
    }
    return FigureReport(
      name: lengths.rawValue, title: "Figure 11: lengths of prompts and outputs", claims: claims,
      data: data,
      figure: Figure(title: "Lengths of prompts and outputs", charts: charts, columns: 2),
      remarks: ["Pairs of at most 2,048 tokens together."])
  }
}
