import CostModel
import Metrics
import Planning
import Results
import Serving

/// Table 1 and Figures 2 and 13: who holds how much memory, and how many requests that is.
extension PaperFigure {
  static func table1Report() throws -> FigureReport {
    var data = DataTable(["model", "gpus", "blocks", "slots", "pool_gib"])
    var claims: [Claim] = []
    for (hardware, slots, gigabytes) in [
      (PaperHardware.opt13B, 15.7, 12.0), (.opt66B, 9.7, 21), (.opt175B, 60.1, 264),
    ] {
      let budget = try KVBudget(
        model: try ModelCatalogue.find(hardware.model),
        device: try DeviceCatalogue.find(hardware.device), tensorParallel: hardware.gpus,
        utilization: 0.95, tokenBudget: 2560, blockSize: 16)
      let pool = Double(budget.capacity.bytes * hardware.gpus) / Double(1 << 30)
      data.rows.append([
        hardware.rawValue, "\(hardware.gpus)", "\(budget.blocks)", "\(budget.capacity.tokens)",
        Claim.text(pool),
      ])
      claims.append(
        Claim(
          "table1", "\(hardware.rawValue), KV slots, thousands", .value(slots, within: 0.05),
          ours: Double(budget.capacity.tokens) / 1000,
          note: hardware == .opt66B
            ? "the paper's own 21 GB are 9.6 thousand slots; 9.7 thousand need 21.3 GiB" : ""))
      claims.append(
        Claim(
          "table1", "\(hardware.rawValue), KV pool, GiB", .value(gigabytes, within: 0.5),
          ours: pool))
    }
    return FigureReport(
      name: table1.rawValue, title: "Table 1: KV slots of the paper's servers", claims: claims,
      data: data, figure: nil,
      remarks: ["95 % of the memory that the driver reports, less weights, activations and 1 GiB."])
  }

  /// Figure 2 as printed: token states, reserved, internal, the rest, in percent of the pool.
  private static let memoryPrinted: [(system: ServingSystem, shares: [Double?])] = [
    (.orcaMax, [20.4, 13.3, 57.3, 8.9]), (.orcaPow2, [26.8, 17.9, 13.6, 41.6]),
    (.orcaOracle, [38.2, 25.2, nil, 36.6]), (.vllmSOSP23, [96.3, nil, nil, nil]),
  ]

  private static let memoryClasses = ["token states", "reserved", "internal", "external and other"]

  static func memoryReport(_ setting: PaperSetting) throws -> FigureReport {
    let runs = memoryPrinted.map {
      setting.run($0.system, .opt13B, .sharegpt, rate: 4, seconds: 900, window: 300...900)
    }
    let summaries = try setting.summaries(runs)
    var claims: [Claim] = []
    var data = DataTable(["system", "source"] + memoryClasses)
    var bars: [BarChart.Bar] = []
    for ((system, printed), summary) in zip(memoryPrinted, summaries) {
      let steps = summary.steps
      // The artifact has no counter for the ends of vLLM's blocks: they are part of the rest.
      let isPaged = system.capabilities.isPaged
      let shares = [
        steps.tokenState, isPaged ? 0 : steps.reserved, isPaged ? 0 : steps.internalFragmentation,
        isPaged ? 1 - steps.tokenState : steps.rest,
      ].map { $0 * 100 }
      for (index, share) in shares.enumerated() {
        guard let paper = printed[index] else { continue }
        claims.append(
          Claim(
            "2", "\(system.paperName), \(memoryClasses[index]), % of the pool",
            .value(paper, within: 1.5), ours: share))
      }
      data.rows.append([system.name, "ours"] + shares.map(Claim.text))
      data.rows.append([system.name, "paper"] + printed.map { $0.map(Claim.text) ?? "" })
      let label = system.paperName.replacing(" ", with: "\n")
      bars.append(.init(label + "\nours", shares))
      let rest = isPaged ? 3.7 : printed[3] ?? 0
      bars.append(.init(label + "\npaper", printed.prefix(3).map { $0 ?? 0 } + [rest]))
    }
    var chart = BarChart(
      title: "OPT-13B, ShareGPT, 4 req/s", yTitle: "KV pool, %", parts: memoryClasses, bars: bars)
    chart.yMax = 100
    return FigureReport(
      name: memory.rawValue, title: "Figure 2: where the KV memory is", claims: claims, data: data,
      figure: Figure(
        title: "Where the KV memory is", caption: "Paper: \(source), Figure 2.",
        charts: [.bars(chart)], columns: 1, chartWidth: 640),
      remarks: [
        "Means over iterations from 300 s to 900 s, as in the artifact. Its own classes give token states "
          + "of 21.06, 27.44, 38.28 and 96.33 %."
      ])
  }

  static func batchesReport(_ setting: PaperSetting) throws -> FigureReport {
    let systems: [ServingSystem] = [.orcaMax, .orcaPow2, .orcaOracle, .vllmSOSP23]
    let panels: [(workload: PaperWorkload, name: String, rate: Double, paper: [Double])] = [
      (.sharegpt, "ShareGPT, 2 req/s", 2, [7, 9.81, 13.62, 30.42]),
      (.alpaca, "Alpaca, 30 req/s", 30, [7, 43.24, 72.75, 132.44]),
    ]
    let runs = panels.flatMap { panel in
      systems.map {
        setting.run(
          $0, .opt13B, panel.workload, rate: panel.rate, seconds: 3600, window: 600...3600)
      }
    }
    let summaries = try setting.summaries(runs)
    var claims: [Claim] = []
    var data = DataTable(["workload", "system", "ours", "ours_time_weighted", "paper"])
    var charts: [Chart] = []
    for (index, panel) in panels.enumerated() {
      var bars: [BarChart.Bar] = []
      for (position, system) in systems.enumerated() {
        let summary = summaries[index * systems.count + position]
        let ours = summary.steps.batchedRequests
        let paper = panel.paper[position]
        let tolerance = panel.workload == .sharegpt ? 0.05 : 0.10
        claims.append(
          Claim(
            "13", "\(panel.name), \(system.paperName), batched requests",
            Claim.relative(paper, tolerance), ours: ours,
            note: system == .vllmSOSP23 ? "the host time of the device profile rests on it" : ""))
        data.rows.append(
          [panel.name, system.name]
            + [ours, summary.meanBatchedRequests, paper].map(Claim.text))
        bars.append(.init(system.paperName.replacing(" ", with: "\n"), [ours, paper]))
      }
      var chart = BarChart(
        title: panel.name, yTitle: "batched requests", parts: ["ours", "paper"], bars: bars)
      chart.isGrouped = true
      charts.append(.bars(chart))
    }
    return FigureReport(
      name: batches.rawValue, title: "Figure 13: requests in a batch", claims: claims, data: data,
      figure: Figure(
        title: "Requests in a batch, OPT-13B", caption: "Paper: \(source), Figure 13.",
        charts: charts, columns: 2, chartWidth: 380),
      remarks: [
        "One hour of arrivals, means over the iterations from 600 s on. The artifact's script runs "
          + "1.5 req/s and 900 s; the rates here are those of the paper's caption."
      ])
  }
}
