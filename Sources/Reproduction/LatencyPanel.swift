import Metrics
import Planning
import Results
import Serving

/// One panel of a latency figure: the systems on one workload, each at its own rates, and the rate that
/// each sustains.
struct LatencyPanel: Sendable {
  /// What one system does there.
  struct Curve: Sendable {
    var system: ServingSystem
    /// The artifact's rates, requests per second, rising.
    var rates: [Double]
  }

  var name: String
  var hardware: PaperHardware
  var workload: PaperWorkload
  /// How long requests arrive.
  var seconds: Double
  var curves: [Curve]
  /// Most sequences of an iteration, where the experiment sets it.
  var maxSequences: Int?

  init(
    _ name: String, _ hardware: PaperHardware, _ workload: PaperWorkload, seconds: Double,
    _ rates: [(ServingSystem, [Double])], maxSequences: Int? = nil
  ) {
    self.name = name
    self.hardware = hardware
    self.workload = workload
    self.seconds = seconds
    self.maxSequences = maxSequences
    curves = rates.map { Curve(system: $0.0, rates: $0.1) }
  }
}

/// The panels of a figure after their runs.
struct LatencyFigure: Sendable {
  let panels: [LatencyPanel]
  /// By panel and curve.
  let found: [[SustainedRate]]

  /// Searches the sustained rate of every curve of every panel.
  ///
  /// - Throws: What a run throws.
  init(_ panels: [LatencyPanel], _ setting: PaperSetting) throws {
    let jobs = panels.indices.flatMap { panel in
      panels[panel].curves.indices.map { (panel: panel, curve: $0) }
    }
    let results = try Parallel.map(jobs) { job in
      let panel = panels[job.panel]
      let curve = panel.curves[job.curve]
      var run = setting.run(
        curve.system, panel.hardware, panel.workload, rate: curve.rates[0], seconds: panel.seconds)
      if !curve.system.capabilities.hasStaticBatches { run.maxSequences = panel.maxSequences }
      return try SustainedRate.search(
        rates: curve.rates, threshold: PaperSetting.latencyThreshold, run: run,
        traces: setting.traces)
    }
    self.panels = panels
    found = panels.indices.map { panel in
      zip(jobs, results).filter { $0.0.panel == panel }.map(\.1)
    }
  }

  /// The rate that a system sustains in a panel; `nil` where it does not take part.
  func rate(_ system: ServingSystem, panel: Int) -> Double? {
    panels[panel].curves.firstIndex { $0.system == system }.map { found[panel][$0].rate }
  }

  /// How many times the rate of `other` the paper's vLLM sustains in a panel.
  func gain(over other: ServingSystem, panel: Int) -> Double? {
    guard let vllm = rate(.vllmSOSP23, panel: panel), let base = rate(other, panel: panel) else {
      return nil
    }
    return vllm / base
  }

  /// A claim for each system of each panel that says how much it sustains; nothing is printed to hold it
  /// against.
  func rateClaims(_ figure: String) -> [Claim] {
    panels.indices.flatMap { panel in
      zip(panels[panel].curves, found[panel]).map { curve, found in
        Claim(
          figure, "\(panels[panel].name), \(curve.system.paperName), sustained req/s", .nothing,
          ours: found.rate, note: "the paper's curves are not given as numbers")
      }
    }
  }

  var data: DataTable {
    var data = DataTable([
      "panel", "system", "rate_req_per_s", "mean_normalized_latency_s_per_token",
      "batched_requests", "sustained_req_per_s",
    ])
    for (panel, found) in zip(panels, found) {
      for (curve, found) in zip(panel.curves, found) {
        for point in found.points {
          data.rows.append([
            panel.name, curve.system.name, Digits.fixed(point.requestRate, decimals: 4),
            point.meanNormalizedLatency.map { Digits.fixed($0, decimals: 5) } ?? "",
            Digits.fixed(point.steps.batchedRequests, decimals: 2),
            Digits.fixed(found.rate, decimals: 4),
          ])
        }
      }
    }
    return data
  }

  /// Latency against rate, one chart a panel, with the threshold drawn across.
  func figure(_ title: String, number: String) -> Figure {
    let charts = zip(panels, found).map { panel, found -> Chart in
      let series = zip(panel.curves, found).map { curve, found in
        LineChart.Series(
          curve.system.paperName,
          found.points.map { .init($0.requestRate, $0.meanNormalizedLatency ?? .infinity) })
      }
      var chart = LineChart(
        title: panel.name, xTitle: "request rate, req/s", yTitle: "normalized latency, s/token",
        series: series.map(Self.upToFirstOutside))
      chart.yMax = 1
      chart.level = PaperSetting.latencyThreshold
      return .lines(chart)
    }
    return Figure(
      title: title,
      caption: "Axes of \(PaperFigure.source), Figure \(number), whose points are not published. "
        + "Dotted: the threshold of the comparison.",
      charts: charts)
  }

  /// Drops what follows the first point above the axis, so that the x axis ends where curves do.
  private static func upToFirstOutside(_ series: LineChart.Series) -> LineChart.Series {
    guard let end = series.points.firstIndex(where: { $0.y > 1 }) else { return series }
    return .init(series.name, Array(series.points[...end]))
  }
}
