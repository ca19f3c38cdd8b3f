import CostModel
import Fleet
import Messages
import Planning
import Results
import Serving
import SimulationKernel
import Workload

/// S-LoRA (Sheng et al., MLSys 2024): throughput from 5 to 2,000 adapters in one pool with the tokens, against adapters
/// apart and against a model of its own for each.
package enum SLoRAReport {
  static let figure = "slora"
  package static let publishedSeed = SLoRAWorkload.publishedSeed
  /// What the engine's host adds to an iteration: the time with which requests of the first row take as long as theirs.
  package static let hostMilliseconds = 20.0
  static let counts = [5, 100, 1000, 2000]
  private static let model = "llama-2-7b"
  private static let device = "a100-80gb"

  /// The table's two settings on this GPU, with the requests per second that it prints.
  struct Setting: Sendable {
    var name: String
    var ranks: [Int]
    var published: [Double]
    /// Mean seconds of a request, from the public results of the same runs.
    var latencies: [Double]
  }

  static let settings = [
    Setting(
      name: "rank 8", ranks: [8], published: [8.05, 7.99, 7.64, 7.61],
      latencies: [20.84, 21.61, 25.93, 26.22]),
    Setting(
      name: "ranks 64 to 8", ranks: [64, 32, 16, 8], published: [7.48, 7.29, 6.69, 6.73],
      latencies: [29.12, 30.74, 38.10, 37.85]),
  ]

  private enum Variant: String, CaseIterable, Sendable {
    case unified, prefetching, clustering, apart

    func setting(_ ranks: [Int]) -> SLoRASetting {
      var setting = SLoRASetting(ranks: ranks)
      switch self {
      case .unified: break
      case .prefetching: setting.isPrefetching = true
      case .clustering: setting.clusterAdapters = 32
      case .apart: setting.memory = .apart
      }
      return setting
    }
  }

  private struct Row: Sendable {
    var setting: Setting
    var count: Int
    var variant: Variant
    /// `nil` where adapters apart leave no room.
    var outcome: SLoRAReplay.Outcome?

    var requestsPerSecond: Double {
      outcome.map { SLoRAWorkload.rate * SLoRAWorkload.seconds / $0.seconds } ?? 0
    }
  }

  package static func report(seed: UInt32, hostMilliseconds: Double) throws -> FigureReport {
    let prices = try prices(hostMilliseconds)
    let jobs = settings.flatMap { setting in
      counts.flatMap { count in Variant.allCases.map { (setting, count, $0) } }
    }
    let rows = try Parallel.map(jobs) { setting, count, variant in
      let workload = SLoRAWorkload(adapterCount: count, seed: seed)
      let ranks = SLoRASetting.ranks(setting.ranks, count: count)
      var replay = SLoRAReplay(workload, variant.setting(ranks), prices: prices)
      return Row(setting: setting, count: count, variant: variant, outcome: replay?.run())
    }
    let copies = try MergedCopies.most(try scenario())
    let merged = try MergedCopies.run(try scenario(), count: counts[0], seed: seed)
    return FigureReport(
      name: figure, title: "S-LoRA: adapters and tokens in one pool",
      claims: tableClaims(rows, hostMilliseconds) + claims(rows, merged: merged, copies: copies),
      data: data(rows, slotGB: Double(prices.slotBytes) / 1e9), figure: drawing(rows),
      remarks: remarks)
  }

  /// vLLM 0.2, an engine of the same year that runs prompts and decodes apart too.
  private static func scenario() throws -> Scenario {
    var scenario = Scenario(
      system: .vllm02, model: try ModelCatalogue.find(model),
      device: try DeviceCatalogue.find(device))
    scenario.maxModelLength = 2048
    return scenario
  }

  private static func prices(_ hostMilliseconds: Double) throws -> AdapterPrices {
    let resolved = try scenario().resolved()
    let model = resolved.scenario.model
    return AdapterPrices(
      costModel: resolved.costModel, device: resolved.scenario.device,
      slotBytes: 2 * model.layers.count * model.hidden * 2,
      host: SimDuration(rounding: hostMilliseconds / 1000))
  }

  // MARK: What is compared

  private static func find(
    _ rows: [Row], _ setting: Setting, _ count: Int, _ variant: Variant = .unified
  ) -> Row? {
    rows.first {
      $0.setting.name == setting.name && $0.count == count && $0.variant == variant
    }
  }

  /// The table, and how long requests took in the same runs.
  private static func tableClaims(_ rows: [Row], _ hostMilliseconds: Double) -> [Claim] {
    settings.flatMap { setting in
      counts.indices.flatMap { index -> [Claim] in
        let name = "\(setting.name), \(counts[index]) adapters"
        guard let row = find(rows, setting, counts[index]), let outcome = row.outcome else {
          return []
        }
        let isChosen =
          setting.name == settings[0].name && index == 0
          && hostMilliseconds == Self.hostMilliseconds
        let note =
          isChosen ? "the host's \(Claim.text(hostMilliseconds)) ms are chosen by it: no check" : ""
        return [
          Claim(
            figure, "\(name), requests/s", Claim.relative(setting.published[index], 0.15),
            ours: row.requestsPerSecond),
          Claim(
            figure, "\(name), mean latency, s", Claim.relative(setting.latencies[index], 0.15),
            ours: outcome.latencySeconds, note: note),
        ]
      }
    }
  }

  private static func claims(_ rows: [Row], merged: Double, copies: Int) -> [Claim] {
    func requests(_ setting: Setting, _ count: Int, _ variant: Variant = .unified) -> Double {
      find(rows, setting, count, variant)?.requestsPerSecond ?? 0
    }
    let first = settings[0]
    let flat = requests(first, 2000) / requests(first, 5) - 1
    return [
      Claim(
        figure, "\(first.name), throughput from 5 to 2,000 adapters, %", .span(-6...6),
        ours: flat * 100, note: "the paper: -5.5"),
      Claim(
        figure, "a merged model for each of 5 adapters (vLLM-packed), requests/s",
        Claim.relative(2.04, 0.15), ours: merged),
      Claim(
        figure, "5 adapters, throughput of S-LoRA by merged models, x", .span(2...10),
        ours: requests(first, 5) / merged, note: "a direction; the paper has 3.9"),
      Claim(
        figure, "most merged models that fit", .span(5...99), ours: Double(copies),
        note: "the paper: 5 fit, 100 do not"),
      Claim(
        figure, "\(first.name), 2,000 adapters in one pool by all of them apart, x", .nothing,
        ours: requests(first, 2000) / requests(first, 2000, .apart),
        note: "ours: no such row in the paper"),
      Claim(
        figure, "\(settings[1].name), 1,000 adapters in one pool by all of them apart, x", .nothing,
        ours: requests(settings[1], 1000) / requests(settings[1], 1000, .apart),
        note: "ours: no such row in the paper; 2,000 leave no room apart"),
    ]
  }

  private static func data(_ rows: [Row], slotGB: Double) -> DataTable {
    var data = DataTable([
      "setting", "adapters", "memory", "requests_per_s", "mean_latency_s", "mean_first_token_s",
      "mean_batch", "adapters_percent_of_pool", "moved_gb", "waited_s",
    ])
    for row in rows {
      let key = [row.setting.name, "\(row.count)", row.variant.rawValue]
      guard let outcome = row.outcome else {
        data.rows.append(key + ["does not fit"] + Array(repeating: "", count: 6))
        continue
      }
      data.rows.append(
        key
          + [
            row.requestsPerSecond, outcome.latencySeconds, outcome.firstTokenSeconds,
            outcome.meanBatch, outcome.adapterShare * 100,
            Double(outcome.movedSlots) * slotGB, outcome.waitSeconds,
          ].map(Claim.text))
    }
    return data
  }

  private static func drawing(_ rows: [Row]) -> Figure {
    let charts = settings.map { setting in
      var chart = LineChart(
        title: setting.name, xTitle: "adapters", yTitle: "requests/s",
        series: [Variant.unified, .apart].map { variant in
          .init(
            variant == .unified ? "one pool" : "adapters apart",
            rows.filter { $0.setting.name == setting.name && $0.variant == variant }
              .map { .init(Double($0.count), $0.requestsPerSecond) })
        })
      chart.xScale = .logarithmic
      return Chart.lines(chart)
    }
    return Figure(
      title: "Serving more adapters", charts: charts, columns: 2, chartWidth: 380)
  }

  private static let remarks = [
    "Llama-7B on an A100 of 80 GB; 1,200 requests in two minutes as the public code draws them (its power law of exponent 1 "
      + "draws all adapters alike), the pool of 125,000 slots and the rules of its router. Requests per second are those 1,200 "
      + "by the time to the last token: with arrivals at 10 a second over 125 s, 9.6 is the most.",
    "Prices are our own for the model. On top come the adapters' products, reading each adapter of the batch once or computing, "
      + "which is ours, and a time of the engine's host in each iteration, which is chosen so that the requests of the first row "
      + "take as long as they took: it runs without graphs, a kernel after the other. Loading is the adapter's bytes over PCIe. "
      + "The published table is without fetching ahead and without clusters, as the rows named unified.",
    "Merged: as many processes of vLLM 0.2 as adapters share the GPU and 92 % of its memory, each with the whole model; "
      + "each gets its share of the time as if all always had work, which is ours, and counts what PyTorch allocates against its "
      + "share of the memory, which is from memory. The host's time is not in it, which runs beside the others' iterations.",
    "Apart: all adapters stay on the GPU and tokens get the rest of the pool. PEFT and the paper's other GPUs are not here.",
  ]
}
