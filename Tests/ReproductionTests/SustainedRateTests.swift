import Metrics
import Serving
import Testing

@testable import Planning
@testable import Reproduction

@Suite struct SustainedRateTests {
  static let traces = PaperTraces(
    sharegpt: PaperWorkloadTests.pairs(200), alpaca: PaperWorkloadTests.pairs(200))

  /// The crossing lies between neighbours of the answer, and does not depend on where the search begins.
  @Test(arguments: [[1, 2], [40.0], [100, 200, 400]]) func findsTheCrossing(rates: [Double]) throws
  {
    let run = PaperRun(.orcaMax, .opt13B, .sharegpt, rate: 1, seconds: 60)
    let found = try SustainedRate.search(
      rates: rates, threshold: 0.5, run: run, traces: Self.traces)
    let below = found.points.filter { $0.requestRate < found.rate }.last
    let above = found.points.first { $0.requestRate > found.rate }
    #expect(try #require(below?.meanNormalizedLatency) <= 0.5)
    #expect(try #require(above?.meanNormalizedLatency) > 0.5)
    #expect(found.points.map(\.requestRate) == found.points.map(\.requestRate).sorted())
    #expect((10.0...25).contains(found.rate), "\(found.rate)")
  }

  /// Blocks of the prefix are gone for everybody else, and a prefix that is stored once saves memory.
  @Test func aSharedPrefixIsStoredOnce() throws {
    let run = PaperRun(.vllmSOSP23, .llama13B, .translation(.fiveShot), rate: 5, seconds: 20)
    let shared = try run.summary(traces: Self.traces)
    #expect(shared.kv.blocks == 984 - 21)
    var orca = run
    orca.system = .orcaOracle
    let whole = try orca.summary(traces: Self.traces)
    #expect(whole.kv.blocks == 984)
    #expect(whole.kv.tokenState > 3 * shared.kv.tokenState)
  }
}
