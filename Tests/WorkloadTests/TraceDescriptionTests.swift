import SimulationKernel
import Testing

@testable import Workload

@Suite struct TraceDescriptionTests {
  @Test func describesASmallTraceByHand() throws {
    let requests = [(0, 10, 4), (1, 20, 3), (2, 30, 2), (6, 40, 1)].map { second, prompt, output in
      Request(
        arrival: SimInstant(nanoseconds: second * 1_000_000_000), promptTokens: prompt,
        outputTokens: output, session: prompt < 30 ? 5 : nil)
    }
    var trace = Trace(name: "t", requests: requests, hasArrivals: true)
    trace.requests[2].samples = 2
    trace.requests[3].beamWidth = 4
    let description = TraceDescription(trace)
    #expect(description.rows == 4)
    #expect(description.spanSeconds == 6)
    #expect(description.requestRate == 4.0 / 6)
    // Gaps 1, 1, 4: mean 2, variance (1 + 1 + 4) / 3 = 2.
    #expect(description.interarrivalCV == 2.0.squareRoot() / 2)
    #expect(description.prompt.mean == 25)
    #expect(description.prompt.p50 == 25)
    #expect(abs(description.prompt.p95 - 38.5) < 1e-12)
    #expect(abs(description.prompt.p99 - 39.7) < 1e-12)
    #expect(description.prompt.max == 40)
    #expect(description.rankCorrelation == -1)
    #expect(description.sessionCount == 1)
    #expect(description.sampledRequestCount == 1)
    #expect(description.beamRequestCount == 1)
  }

  @Test func whatATraceDoesNotSayIsNil() {
    let one = TraceDescription(
      Trace(
        name: "t", requests: [Request(promptTokens: 3, outputTokens: 4)], hasArrivals: true))
    #expect(one.spanSeconds == 0)
    #expect(one.requestRate == nil)
    #expect(one.interarrivalCV == nil)
    #expect(one.rankCorrelation == nil)
    #expect(one.output.p99 == 4)
    let unknown = TraceDescription(
      Trace(
        name: "t", requests: [Request(promptTokens: 3, outputTokens: 4)], hasArrivals: false))
    #expect(unknown.spanSeconds == nil)
  }

  @Test func tiesShareTheirAverageRank() {
    #expect(averageRanks([30, 10, 20, 20, 10]) == [5, 1.5, 3.5, 3.5, 1.5])
    #expect(spearmanCorrelation([1, 2, 2, 3], [5, 6, 6, 9]) == 1)
    #expect(spearmanCorrelation([1, 2, 3], [7, 7, 7]) == nil)
    // Ranks 1 2 3 against 1.5 1.5 3: covariance 1.5, variances 2 and 1.5.
    #expect(spearmanCorrelation([1, 2, 3], [4, 4, 8]) == 1.5 / 3.0.squareRoot())
  }
}
