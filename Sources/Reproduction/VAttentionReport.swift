import CostModel
import Metrics
import Planning
import Results
import Serving
import SimulationKernel
import Workload

/// The vAttention paper (Prabhu et al., ASPLOS 2025): how page-groups limit the batch, and what mapping
/// them costs.
package enum VAttentionReport {
  /// A model as the paper deploys it, with the largest batches that its Figure 15 shows.
  private struct Deployment: Sendable {
    var name: String
    var model: String
    var gpus: Int
    var batch64KB: Double
    var batch2MB: Double
  }

  private static let deployments = [
    Deployment(name: "Yi-6B", model: "yi-6b-200k", gpus: 1, batch64KB: 240, batch2MB: 187),
    Deployment(name: "Llama-3-8B", model: "llama-3-8b", gpus: 2, batch64KB: 258, batch2MB: 203),
    Deployment(name: "Yi-34B", model: "yi-34b-200k", gpus: 2, batch64KB: 68, batch2MB: 56),
  ]

  /// What one deployment gives with one page-group size.
  private struct Outcome: Sendable {
    var batch: Double
    /// Slots that are held and hold no token, as a share of the pool.
    var waste: Double
    var groupTokens: Int
  }

  /// Runs the experiments and compares.
  ///
  /// - Throws: ``UserError`` if a model does not fit.
  package static func report(seed: UInt64) throws -> FigureReport {
    let sizes = VirtualMemoryOptions.PageGroupSize.allCases
    let jobs = deployments.flatMap { deployment in sizes.map { (deployment, $0) } }
    let outcomes = try Parallel.map(jobs) { deployment, size in
      try run(deployment, size, seed: seed)
    }
    var data = DataTable(["model", "page_group_kib", "tokens_per_group", "batch", "waste_percent"])
    var claims = try mappingClaims()
    var series: [LineChart.Series] = []
    for (index, deployment) in deployments.enumerated() {
      let mine = Array(outcomes[index * sizes.count..<(index + 1) * sizes.count])
      for (size, outcome) in zip(sizes, mine) {
        data.rows.append([
          deployment.name, "\(size.rawValue)", "\(outcome.groupTokens)", Claim.text(outcome.batch),
          Claim.text(outcome.waste * 100),
        ])
      }
      claims += [
        Claim(
          figure, "\(deployment.name), batch, 64 KB", Claim.relative(deployment.batch64KB, 0.05),
          ours: mine[0].batch, note: "the lengths of the requests are inferred from it"),
        Claim(
          figure, "\(deployment.name), batch, 2 MB", Claim.relative(deployment.batch2MB, 0.05),
          ours: mine[sizes.count - 1].batch),
      ]
      series.append(
        .init(
          deployment.name,
          zip(mine, sizes).map { .init(Double($1.rawValue), $0.waste * 100) }))
    }
    var chart = LineChart(
      title: "held and empty", xTitle: "page-group, KiB", yTitle: "KV pool, %", series: series)
    chart.xScale = .logarithmic
    return FigureReport(
      name: figure, title: "vAttention: page-groups and batches", claims: claims, data: data,
      figure: Figure(
        title: "Memory lost at the ends of virtual tensors", charts: [.lines(chart)], columns: 1,
        chartWidth: 420),
      remarks: [
        "The workload of the paper's Figure 15 is not known to us. Requests here have contexts whose mean is "
          + "what the paper's batch at 64 KB leaves for each: pool slots by batch, less half a group. So "
          + "the batches at 64 KB are no checks; those at 2 MB are.",
        "Batches are means over ten minutes in which more requests wait than fit.",
      ])
  }

  static let figure = "vattention"

  /// Table 8 and §6.1 of the paper: tokens of a group, and the time to let a request grow.
  private static func mappingClaims() throws -> [Claim] {
    let yi = try ModelCatalogue.find("yi-34b-200k")
    let calls = Double(2 * yi.layers.count)
    let growth = calls * VirtualMemoryOptions.PageGroupSize.mib2.mappingSeconds * 1000
    var claims = [
      Claim(
        figure, "Yi-34B, growth of one request by 2 MB groups, unhidden, ms",
        Claim.relative(5, 0.05), ours: growth, note: "120 calls of 40 µs; the paper rounds")
    ]
    let printed: [(name: String, gpus: Int, small: Double, large: Double)] = [
      ("yi-6b-200k", 1, 64, 2048), ("llama-3-8b", 2, 64, 2048), ("yi-34b-200k", 1, 32, 1024),
    ]
    for row in printed {
      let model = try ModelCatalogue.find(row.name)
      for (size, tokens) in [
        (VirtualMemoryOptions.PageGroupSize.kib64, row.small), (.mib2, row.large),
      ] {
        let ours = model.tokensPerPageGroup(bytes: size.bytes, tensorParallel: row.gpus)
        claims.append(
          Claim(
            figure, "\(row.name) on \(row.gpus), tokens of a \(size.rawValue) KiB group",
            .value(tokens, within: 0), ours: Double(ours)))
      }
    }
    return claims
  }

  private static func run(
    _ deployment: Deployment, _ size: VirtualMemoryOptions.PageGroupSize, seed: UInt64
  ) throws -> Outcome {
    var scenario = Scenario(
      system: .vattention, model: try ModelCatalogue.find(deployment.model),
      device: try DeviceCatalogue.find("a100-80gb"))
    scenario.tensorParallel = deployment.gpus
    scenario.gpuMemoryUtilization = 0.9
    scenario.maxModelLength = 8192
    scenario.maxBatchedTokens = 8192
    scenario.maxSequences = 1024
    scenario.virtualMemory.pageGroup = size
    scenario.windowFrom = 300
    scenario.windowTo = 900
    scenario.requestRate = 20
    scenario.promptCount = 20_000
    scenario.firstRows = true
    scenario.seed = seed
    let settings = try scenario.resolved().settings
    var small = scenario
    small.virtualMemory.pageGroup = .kib64
    let finest = try small.resolved().kvCapacity
    let context =
      Double(finest.tokens) / deployment.batch64KB - Double(finest.blockTokens) / 2
    let trace = requests(context: context, count: 20_000, seed: seed)
    let summary = try Simulation.run(scenario, trace: trace, keepingRequests: false).result.summary
    return Outcome(
      batch: summary.meanBatchedRequests,
      waste: summary.kv.reserved + summary.kv.internalFragmentation,
      groupTokens: settings.blockSize)
  }

  /// Requests whose resident context is `context` tokens in the mean.
  ///
  /// Outputs are even between 50 and 750 tokens, so that requests do not end in step; one that is resident
  /// has E[o²] ⁄ 2 E[o] = 251 of them in the mean. Prompts are even between 20 % and 180 % of the rest.
  private static func requests(context: Double, count: Int, seed: UInt64) -> Trace {
    let prompt = context - 251
    var draws = RandomStream(seed: seed, label: "vattention-prompts")
    let rows = (0..<count).map { _ in
      Request(
        promptTokens: Int32((prompt * (0.2 + 1.6 * draws.uniform())).rounded()),
        outputTokens: Int32(50 + draws.below(701)))
    }
    return Trace(name: "uniform contexts", requests: rows, hasArrivals: false)
  }
}
