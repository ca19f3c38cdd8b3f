import CostModel
import Fleet
import Metrics
import Planning
import Results
import Serving
import SimulationKernel
import Workload

/// The same traffic on the same four GPUs, with prefill and decode on all of them or apart, over a range of rates.
enum ShapesByRate {
  private static let requests = 4000
  private static let gpus = 4
  private static let rates: [Double] = [5, 10, 20, 30, 40, 50, 60, 70, 80]
  /// 400 Gbit/s a GPU.
  private static let link = KVLink(latency: SimDuration(rounding: 0.4e-3), bandwidth: 50e9)

  private struct Cell: Sendable {
    var shape: Int
    var rate: Double
  }

  static func report(seed: UInt64) throws -> FigureReport {
    let scenario = Scenario(
      system: .vllmV1, model: try ModelCatalogue.find("llama-3.1-8b"),
      device: try DeviceCatalogue.find("h100-sxm"))
    let shapes =
      [("\(gpus) of both", Deployment(scenario, replicas: gpus, router: .leastOutstanding))]
      + (1..<gpus).map { prefill in
        let decode = gpus - prefill
        return (
          "\(prefill) prefill, \(decode) decode",
          Deployment.apart(scenario, scenario, prefill: prefill, decode: decode, link: link)
        )
      }
    let trace = try TraceGenerator.generate(
      TraceRecipe(lengths: .preset(.azureConversation), count: requests, seed: seed))
    let cells = shapes.indices.flatMap { shape in rates.map { Cell(shape: shape, rate: $0) } }
    let prepared = try shapes.map { try PreparedDeployment($0.1) }
    let found = try Parallel.map(cells) { cell in
      try prepared[cell.shape].serve(
        trace.retimed(poissonRate: cell.rate, seed: seed), seed: seed
      ).summary
    }
    func value(_ milliseconds: Double?) -> String {
      Digits.fixed(milliseconds ?? .nan, decimals: 2)
    }
    let data = DataTable(
      [
        "shape", "req/s", "mean TTFT ms", "p99 TTFT ms", "p99 TPOT ms", "p99 ITL ms",
        "mean E2E ms",
      ],
      rows: zip(cells, found).map { cell, summary in
        [shapes[cell.shape].0, Claim.text(cell.rate)]
          + [
            summary.ttft.mean, summary.ttft.p99, summary.tpot.p99, summary.itl.p99,
            summary.e2el.mean,
          ].map(value)
      })
    func chart(
      _ title: String, _ unit: String, _ value: (RunSummary) -> Double?
    ) -> Chart {
      var chart = LineChart(
        title: title, xTitle: "request rate, req/s", yTitle: unit,
        series: shapes.indices.map { shape in
          LineChart.Series(
            shapes[shape].0,
            zip(cells, found).filter { $0.0.shape == shape }.map { cell, summary in
              .init(cell.rate, value(summary) ?? .nan)
            })
        })
      chart.yScale = .logarithmic
      return .lines(chart)
    }
    return FigureReport(
      name: "shapes", title: "Aggregated and apart on the same GPUs", claims: [], data: data,
      figure: Figure(
        title: "Prefill and decode on all of four H100, or apart",
        charts: [
          chart("99th percentile of TTFT", "ms") { $0.ttft.p99 },
          chart("99th percentile of gaps between tokens", "ms") { $0.itl.p99 },
          chart("mean end-to-end latency", "ms") { $0.e2el.mean },
        ]),
      remarks: [
        "Llama-3.1-8B on four H100, \(requests) requests of Azure's conversation lengths with Poisson arrivals, 50 GB/s into and "
          + "out of each GPU and 0.4 ms. What it shows: `docs/FLEET.md`."
      ])
  }
}
