import CostModel
import Fleet
import SimulationKernel
import Testing

@testable import Metrics
@testable import Planning

/// What the GPUs of a deployment draw.
@Suite struct PowerTests {
  private func instant(_ seconds: Double) -> SimInstant { .zero + SimDuration(rounding: seconds) }

  private func request(_ index: Int, replica: Int, _ start: Double, _ end: Double) -> RequestRecord
  {
    var record = RequestRecord(
      index: index, status: .completed, arrival: .zero, promptTokens: 1, outputTokens: 1,
      sequences: 1, firstScheduled: instant(start), firstToken: instant(end),
      finish: instant(end), preemptionsRecompute: 0, preemptionsSwap: 0)
    record.replica = replica
    return record
  }

  private func scenario(idle: Double?) throws -> Scenario {
    try CapacityTests.scenario {
      $0.device.tdpWatts = 500
      $0.device.idlePower = idle.map { .init(watts: $0, source: "test") }
      $0.tensorParallel = 2
    }
  }

  /// Of 10 s the first replica computes from 1 to 4 s and from 6 to 8 s, half of the time, and the second not at all:
  ///
  ///     0 |·▇▇▇··▇▇··|   two GPUs of 100 W and 500 W: 2 · 300 W
  ///     1 |··········|                                2 · 100 W
  @Test func gpusDrawTheirIdlePowerWhileNothingRuns() throws {
    var result = RunResult(
      summary: .empty,
      requests: [
        request(0, replica: 0, 1, 3), request(1, replica: 0, 2, 4), request(2, replica: 0, 2.5, 3),
        request(3, replica: 0, 6, 8),
      ])
    result.summary.duration = 10
    let deployment = Deployment(try scenario(idle: 100), replicas: 2)
    #expect(deployment.meanWatts(of: result) == 800)
    result.summary.duration = 0
    #expect(deployment.meanWatts(of: result) == nil)
  }

  @Test func whatIsNotMeasuredIsNotSaid() throws {
    var result = RunResult(summary: .empty, requests: [request(0, replica: 0, 1, 3)])
    result.summary.duration = 10
    #expect(Deployment(try scenario(idle: nil)).meanWatts(of: result) == nil)
    var mixed = Deployment(try scenario(idle: 100))
    mixed.groups.append(.init(try scenario(idle: nil)))
    #expect(mixed.meanWatts(of: result) == nil)
  }

  /// Idle powers of the catalogue stay below the TDP, and name their source.
  @Test func idlePowersHaveSources() {
    let known = DeviceCatalogue.all.filter { $0.idlePower != nil && $0.software == .present }
    #expect(known.map(\.name).sorted() == ["h100-sxm", "l40s"])
    for device in known {
      #expect(device.idlePower.map { $0.watts < device.tdpWatts && !$0.source.isEmpty } == true)
    }
  }

  /// A run that computes all the time draws the TDP, by token what follows from its throughput.
  @Test func aPointSaysJoulesByToken() throws {
    let scenario = try scenario(idle: 100)
    let probe = RateProbe(
      try PreparedDeployment(Deployment(scenario)), trace: CapacityTests.trace(60),
      serviceLevel: try ServiceLevel("ttft.p90<=1s", model: scenario.model))
    let (busy, calm) = (try probe.point(rate: 50, seed: 1), try probe.point(rate: 0.01, seed: 1))
    let (high, low) = (try #require(busy.meanWatts), try #require(calm.meanWatts))
    #expect(high > 900 && high <= 1000)
    #expect(low >= 200 && low < 300)
    #expect(busy.joulesPerOutputToken == high / busy.summary.outputThroughput)
    #expect(
      try #require(calm.joulesPerOutputToken) > 10 * (try #require(busy.joulesPerOutputToken)))
  }
}
