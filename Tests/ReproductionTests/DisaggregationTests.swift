import Planning
import Serving
import SimulationKernel
import Testing
import Workload

@testable import Reproduction

@Suite struct DisaggregationTests {
  /// Ten DGX-A100 buy four DGX-H100 at 2.16 each; nothing costs more, and both whole clusters are there.
  @Test func clustersKeepToTheBudget() {
    let clusters = SplitClusters.clusters()
    #expect(clusters.filter { !$0.isSplit }.map(\.text) == ["10 DGX-A100", "4 DGX-H100"])
    #expect(clusters.allSatisfy { $0.cost <= 10 })
    #expect(clusters.contains { $0.text == "2 DGX-H100 + 5 DGX-A100" })
    #expect(clusters.contains { $0.text == "3 DGX-A100 + 5 DGX-A100" && $0.cost == 8 })
  }

  /// 2 H100 and 5 A100 draw 52.9 kW: more than 50.
  @Test func theBestKeepsToCostAndPower() {
    func cluster(_ a100: Int, _ h100: Int) -> SplitClusters.Cluster {
      .init(prefill: (.h100, h100), decode: (.a100, a100))
    }
    let clusters = SplitClusters(found: [
      (cluster(5, 2), 30), (cluster(5, 1), 20), (cluster(7, 1), 25),
      (.init(prefill: (.a100, 10), decode: nil), 40),
    ])
    #expect(clusters.best(isSplit: true, cost: 10)?.rate == 30)
    #expect(clusters.best(isSplit: true, cost: 8)?.rate == 20)
    #expect(clusters.best(isSplit: true, cost: 10, watts: 50_000)?.rate == 20)
    #expect(clusters.best(isSplit: false, cost: 9) == nil)
  }

  /// Two conversations in turn over 16 nodes: a prompt that comes again 16 requests later finds itself in its node, one that
  /// comes 1 later only where all share.
  @Test func whatIsFoundDependsOnWhoShares() throws {
    func trace(repeatedAfter gap: Int) throws -> PrefillTimes {
      var contents = PromptContents()
      let streams = (0..<32).map { Int64($0 / (2 * gap) * gap + $0 % gap) }
      for stream in streams {
        contents.append([TokenPiece(stream: stream, start: 0, count: 2048)])
      }
      return try #require(
        try PrefillTimes.measure(
          Trace(
            name: "two",
            requests: streams.map { _ in Request(promptTokens: 2048, outputTokens: 1) },
            hasArrivals: false, contents: contents)))
    }
    let far = try trace(repeatedAfter: 16)
    #expect(far.nodeFound == 16 * 2048 && far.sharedFound == far.nodeFound)
    #expect(far.sharedCached == far.nodeCached && far.sharedCached < far.nothingCached)
    let near = try trace(repeatedAfter: 1)
    #expect(near.nodeFound == 0 && near.sharedFound == 16 * 2048)
    #expect(near.nodeCached == near.nothingCached && near.sharedCached < near.nothingCached)
    #expect(near.chunked > near.nothingCached)
  }

  /// 512 clients are 10.7 a rank of 48, 10.9 of 47, 12.8 of 40 and 16 of 32.
  @Test func theFullestRankIsRoundedUp() {
    #expect([48, 47, 40, 32].map(LostRanks.fullest) == [11, 11, 13, 16])
  }
}
