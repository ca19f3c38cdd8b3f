import CostModel
import Fleet
import Serving
import SimulationKernel
import Testing
import Workload

@testable import Metrics

@Suite struct DistributionTests {
  /// Linear interpolation between order statistics, as numpy's default.
  @Test func interpolatesQuantiles() {
    let distribution = Distribution(of: [4, 1, 3, 2])
    #expect(distribution.count == 4)
    #expect(distribution.mean == 2.5)
    #expect(distribution.median == 2.5)
    #expect(abs(distribution.p90! - 3.7) < 1e-12)
    #expect(abs(distribution.p95! - 3.85) < 1e-12)
    #expect(abs(distribution.p99! - 3.97) < 1e-12)
    #expect(Distribution(of: []) == Distribution())
  }
}

@Suite struct TokenGapTests {
  /// Weighted gaps have the quantiles of the list that they stand for.
  @Test(arguments: 0..<20) func weighsGaps(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "gaps")
    var gaps = TokenGaps()
    var all: [Double] = []
    for _ in 0..<50 {
      let gap = Int64(1 + chance.below(20))
      let count = 1 + chance.below(5)
      gaps.add(SimDuration(nanoseconds: gap * 1_000_000_000), count: count)
      all += Array(repeating: Double(gap), count: count)
    }
    let expected = Distribution(of: all)
    let quantiles = gaps.quantiles([0.5, 0.9, 0.95, 0.99])
    #expect(quantiles == [expected.median!, expected.p90!, expected.p95!, expected.p99!])
    #expect(abs(gaps.mean! - expected.mean!) < 1e-9)
  }

  /// Beyond the exact limit quantiles are within 0.1 %, the mean still exact.
  @Test func foldsLongRuns() {
    var gaps = TokenGaps()
    let count = TokenGaps.exactLimit + 5
    for index in 1...count { gaps.add(SimDuration(nanoseconds: Int64(index) * 1000), count: 1) }
    #expect(gaps.mean == Double(count + 1) / 2 * 1000 / 1e9)
    for (probability, value) in zip([0.5, 0.99], gaps.quantiles([0.5, 0.99])) {
      let exact = Double(count) * probability * 1000 / 1e9
      #expect(abs(value / exact - 1) < 0.001)
    }
  }
}

@Suite struct RunSummaryTests {
  /// Every iteration lasts one second.
  private final class OneSecond: IterationCostModel {
    let profile = CostProfile(name: "fixed", isCalibrated: false, error: "none")
    func duration(of work: IterationWork) -> SimDuration { SimDuration(rounding: 1) }
  }

  private func summary(_ window: MeasuringWindow) throws -> RunSummary {
    let requests = [
      Request(arrival: .zero, promptTokens: 4, outputTokens: 3),
      Request(arrival: SimInstant(nanoseconds: 1_500_000_000), promptTokens: 8, outputTokens: 1),
    ]
    let settings = EngineSettings(
      blockSize: 4, deviceBlocks: 10, maxSequences: 8, maxBatchedTokens: 64, maxModelLength: 64)
    let record = try ServingSystem.vllmSOSP23.serve(
      requests, settings: settings, executor: PricedExecutor(OneSecond()), window: window)
    return record.summary(
      RunLabels(
        system: "s", model: "m", device: "d", requestRate: 1, blocks: 10, blockSize: 4,
        provenance: Provenance(seed: 0, version: "v", scenario: [], costProfile: "none")))
  }

  /// Request 0 runs in seconds 0-1, 1-2, 2-3; request 1 arrives at 1.5 and runs in 2-3.
  ///
  ///     0 |Pdd|      tokens at 1, 2, 3
  ///     1 |  P|      token at 3, waits from 1.5 to 2
  @Test func measuresAHandCheckableRun() throws {
    let summary = try summary(MeasuringWindow())
    #expect(summary.completed == 2)
    #expect(summary.duration == 3)
    #expect(summary.ttft.mean == (1000.0 + 1500) / 2)
    #expect(summary.tpot.count == 1)
    #expect(summary.tpot.mean == 1000)
    #expect(summary.itl.count == 2)
    #expect(summary.e2el.mean == (3000.0 + 1500) / 2)
    #expect(summary.meanNormalizedLatency == (1.0 + 1.5) / 2)
    #expect(summary.outputThroughput == 4.0 / 3)
    #expect(abs(summary.meanBatchedRequests - 4.0 / 3) < 1e-12)
    #expect(summary.iterations == 3)
    // Tokens held: 4, 5, then 6 and 8, of 40 slots.
    #expect(abs(summary.kv.tokenState - (4 + 5 + 14) / 3.0 / 40) < 1e-12)
    // Request 0 ends at 7 tokens: at first 3 of them lie in a block not yet taken, then 2 and 1 to come.
    #expect(abs(summary.kv.reserved - (0 + 2 + 1) / 3.0 / 40) < 1e-12)
    #expect(abs(summary.kv.internalFragmentation - (0 + 1 + 1) / 3.0 / 40) < 1e-12)
  }

  /// A window that ends at 2.5 stops the run there: request 1 is unfinished, request 0 as well.
  @Test func stopsWithTheWindow() throws {
    let window = MeasuringWindow(
      from: SimInstant(nanoseconds: 500_000_000), to: SimInstant(nanoseconds: 2_500_000_000))
    let summary = try summary(window)
    #expect(summary.completed == 0)
    #expect(summary.unfinished == 2)
    #expect(summary.duration == 2)
    #expect(summary.iterations == 2)
    #expect(summary.outputThroughput == 1)
    // One request until 2.0, two until 2.5, over two seconds.
    #expect(abs(summary.meanBatchedRequests - 1.25) < 1e-12)
    #expect(summary.ttft == Distribution())
  }
}
