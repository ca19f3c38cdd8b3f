import SimulationKernel
import Statistics
import Testing

@testable import Metrics
@testable import Results
@testable import Serving

/// Figures of runs: what becomes an axis, a curve and a chart, and which numbers are drawn.
@Suite struct RunFiguresTests {
  private static func run(_ values: [String], ttft: Double = 100) -> RunFigures.Run {
    var summary = Samples.summary
    summary.ttft.mean = ttft
    return RunFigures.Run(
      values: values,
      result: RunResult(
        summary: summary, requests: Samples.requests, history: Samples.history))
  }

  private static func lines(_ figure: Figure?) -> [LineChart] {
    (figure?.charts ?? []).compactMap { if case .lines(let chart) = $0 { chart } else { nil } }
  }

  private static func bars(_ figure: Figure?) -> [BarChart] {
    (figure?.charts ?? []).compactMap { if case .bars(let chart) = $0 { chart } else { nil } }
  }

  private static func request(_ text: String) throws -> FigureRequest {
    try #require(try FigureRequest.read(text).first)
  }

  /// 10, 12 and 14: a mean of 12 ± 4.303 · 2 ⁄ √3, by Student's t of two degrees of freedom.
  @Test func curvesAreMeansOverSeeds() throws {
    let runs = RunFigures(
      settings: ["system", "request-rate", "seed"],
      runs: [("0", 10.0), ("1", 12), ("2", 14)].flatMap { seed, ttft in
        ["1", "2"].map { Self.run(["vllm-v1", $0, seed], ttft: ttft * (Double($0) ?? 0)) }
      })
    let figure = try #require(runs.figure(Self.request("curve:metric=ttft")))
    let chart = try #require(Self.lines(figure).first)
    let points = try #require(chart.series.first).points
    #expect(points.map(\.x) == [1, 2] && points.map(\.y) == [12, 24])
    #expect(abs((points[0].half ?? 0) - 4.303 * 2 / 3.0.squareRoot()) < 1e-12)
    #expect(chart.title == "Time to first token, mean" && chart.yTitle == "TTFT, ms")
    #expect(figure.caption == "Whiskers: 95 % intervals of means over seeds.")
    #expect(figure.name == "curve-ttft" && figure.inches == 3.33)
  }

  @Test func longTimesAreSecondsAndFarOnesLogarithmic() throws {
    let runs = RunFigures(
      settings: ["request-rate"],
      runs: [Self.run(["1"], ttft: 50), Self.run(["64"], ttft: 2000)])
    let chart = try #require(Self.lines(runs.figure(Self.request("curve:metric=ttft"))).first)
    #expect(chart.series[0].points.map(\.y) == [0.05, 2])
    #expect(chart.yTitle == "TTFT, s" && chart.yScale == .logarithmic)
    #expect(chart.xScale == .logarithmic)
    let linear = Self.lines(runs.figure(try Self.request("curve:metric=ttft,scale=linear")))
    #expect(linear.first?.yScale == .linear)
  }

  /// The rate is the axis, systems the curves, and what is left makes a chart each.
  @Test func settingsAreAxesCurvesAndCharts() throws {
    let values = ["8", "16"].flatMap { block in
      ["vllm-v1", "vllm-0.2"].flatMap { system in ["1", "2", "3"].map { [block, system, $0] } }
    }
    let runs = RunFigures(
      settings: ["block-size", "system", "request-rate"], runs: values.map { Self.run($0) })
    let charts = Self.lines(runs.figure(try Self.request("curve:metric=ttft")))
    #expect(
      charts.map(\.title)
        == ["8", "16"].map {
          "Time to first token, mean at\u{a0}block-size\u{a0}\($0)"
        })
    #expect(charts[0].series.map(\.name) == ["vllm-v1", "vllm-0.2"])
    #expect(charts[0].xTitle == "request rate, req/s")
    let cdf = Self.lines(runs.figure(try Self.request("cdf:metric=ttft")))
    #expect(
      cdf.map(\.title)
        == ["8", "16"].map {
          "Time to first token at\u{a0}3\u{a0}req/s, block-size\u{a0}\($0)"
        })
  }

  /// Samples: first tokens after 41.5 ms and 500 ms, and one request that was rejected.
  @Test func aDistributionRisesAtEachValue() throws {
    let runs = RunFigures([Samples.run])
    let chart = try #require(Self.lines(runs.figure(Self.request("cdf:metric=ttft"))).first)
    let points = chart.series[0].points
    #expect(points == [.init(41.5, 0), .init(41.5, 50), .init(500, 100)])
    #expect(chart.xTitle == "TTFT, ms" && chart.series[0].isStep)
  }

  /// As the summary's percentiles, it is of requests that finished inside the window.
  @Test func aDistributionIsOfTheWindow() throws {
    var run = Samples.run
    run.window = MeasuringWindow(from: SimInstant(nanoseconds: 1_000_000_000))
    let chart = try #require(
      Self.lines(RunFigures([run]).figure(Self.request("cdf:metric=ttft"))).first)
    #expect(chart.series[0].points.map(\.x) == [500, 500])
  }

  /// Against counting, for samples below and above the number of points that are drawn.
  @Test(arguments: [1, 2, 3, 400, 401, 1000, 12_345]) func stepsCountValues(count: Int) {
    var random = RandomStream(seed: UInt64(count), label: "steps")
    let sorted = (0..<count).map { _ in Double(random.next() % 1000) }.sorted()
    let points = RunFigures.steps(sorted)
    #expect(points.count == min(count, RunFigures.distributionPoints) + 1)
    #expect(points[0] == .init(sorted[0], 0))
    #expect(points.last == .init(sorted[count - 1], 100))
    for (before, point) in zip(points, points.dropFirst()) {
      #expect(before.x <= point.x && before.y < point.y)
      // What is drawn at a value lies between the shares below it and up to it.
      let below = sorted.count { $0 < point.x }
      let upTo = sorted.count { $0 <= point.x }
      let rank = point.y / 100 * Double(count)
      #expect(Double(below) < rank + 1e-9 && rank < Double(upTo) + 1e-9)
    }
  }

  /// Means stand in the middle of their piece; preemptions add up to its end.
  @Test func timeGoesOn() throws {
    let runs = RunFigures([Samples.run])
    func points(_ metric: String) throws -> [LineChart.Point] {
      try #require(
        Self.lines(runs.figure(Self.request("timeline:metric=\(metric)"))).first?.series.first
      ).points
    }
    #expect(try points("running") == [.init(1, 3), .init(1.625, 3)])
    #expect(try points("preemptions") == [.init(1.5, 2), .init(1.75, 5)])
    #expect(try points("memory") == [.init(1, 75), .init(1.625, 75)])
  }

  @Test func aLogarithmicAxisSaysWhatItLeavesOut() throws {
    var run = Samples.run
    run.history[0].waiting = 0
    let figure = RunFigures([run]).figure(try Self.request("timeline:metric=waiting,scale=log"))
    #expect(figure?.caption == "A logarithmic axis has no place for 0.")
  }

  @Test func ledgersAddUp() throws {
    let runs = RunFigures([Samples.run, Samples.otherRun])
    let mean = try #require(Self.bars(runs.figure(Self.request("ledger:metric=mean"))).first)
    #expect(mean.bars.map(\.hint) == ["vllm-sosp23", "vllm-v1"])
    #expect(mean.bars.map { $0.values.reduce(0, +) } == [100, 100])
    // The second kept no history.
    let time = Self.bars(runs.figure(try Self.request("ledger:metric=time")))
    #expect(time.map(\.title) == ["KV memory of vllm-sosp23"])
  }

  @Test func nothingMeasuredIsNoFigure() throws {
    let runs = RunFigures([Samples.otherRun])
    #expect(runs.figure(try Self.request("cdf:metric=ttft")) == nil)
    #expect(runs.usual().map(\.name) == ["ledger-mean"])
  }

  /// A paper's columns: 3.33 inches, or a row of charts over 7.
  @Test func figuresFitColumns() throws {
    let runs = RunFigures([Samples.run])
    let one = try #require(runs.figure(Self.request("cdf:metric=ttft"))).svg()
    #expect(one.contains("viewBox=\"0 0 320 242\" width=\"3.33in\" height=\"2.518in\""))
    let row = try #require(runs.figure(Self.request("cdf:column=two")))
    #expect(row.charts.count == 3 && row.columns == 3 && row.chartWidth == 224)
    #expect(row.svg().contains("width=\"7in\""))
  }

  /// A file tells what the runs were, without drawing it.
  @Test func aFileKnowsItsRuns() throws {
    let svg = try #require(RunFigures([Samples.run]).figure(Self.request("cdf:metric=ttft"))).svg()
    #expect(
      svg.contains(
        "<desc>kvplan 0.1.0: opt-13b on a100-40gb, a,&quot;b&quot;.csv, seed 18446744073709551615. "
          + "Prices: roofline-a100 (error 8 %).</desc>"))
  }
}
