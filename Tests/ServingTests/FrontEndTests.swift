import CostModel
import Fleet
import SimulationKernel
import Testing
import Workload

@testable import Serving

@Suite struct FrontEndTests {
  func run(_ frontEnd: FrontEnd, clients: Int, _ requests: [Request]) throws -> RunRecord {
    try ServingSystem.vllmV1.serve(
      requests, settings: v1Settings(blocks: 100, budget: 100),
      executor: PricedExecutor(FixedPrices(nanoseconds: 1_000_000)), maxConcurrency: clients,
      frontEnd: frontEnd)
  }

  let requests = (0..<2).map { _ in Request(promptTokens: 10, outputTokens: 2) }

  func milliseconds(_ instant: SimInstant?) -> Double { instant.map { $0.seconds * 1e3 } ?? -1 }

  /// Two clients send at 0; the process hands over the first at 3 ms and the second at 6 ms, and each
  /// runs two iterations of 1 ms.
  @Test func requestsPassOneByOne() throws {
    let record = try run(FrontEnd(requestTime: .init(nanoseconds: 3_000_000)), clients: 2, requests)
    #expect(record.requests.map { milliseconds($0.arrival) } == [0, 0])
    #expect(record.milestones.map { milliseconds($0.firstToken) } == [4, 7])
    #expect(record.milestones.map { milliseconds($0.finish) } == [5, 8])
  }

  /// A token takes 2 ms to reach its client, an iteration 1 ms: the second waits for the first.
  ///
  ///     engine   0──1──2            5──6──7
  ///     client         3 (first) 5 (last, next request)   8   10
  @Test func tokensPassOneByOne() throws {
    let record = try run(FrontEnd(tokenTime: .init(nanoseconds: 2_000_000)), clients: 1, requests)
    #expect(record.milestones.map { milliseconds($0.firstToken) } == [3, 8])
    #expect(record.milestones.map { milliseconds($0.finish) } == [5, 10])
    #expect(record.requests.map { milliseconds($0.arrival) } == [0, 5])
  }
}
