import CostModel
import Fleet
import Metrics
import Serving
import SimulationKernel
import Testing
import Workload

@testable import Planning

/// `--objective energy` compares what GPUs draw in the mean.
@Suite struct FleetEnergyTests {
  /// Two devices that serve alike, of 500 W and of 300 W at most, at a rate that leaves either idle for much of the time.
  private func request(idle: [Double?], rate: Double = 0.1) throws -> FleetRequest {
    let base = try CapacityTests.scenario()
    let candidates = zip([500.0, 300], idle).enumerated().map { index, watts in
      var scenario = base
      scenario.device.name = ["large", "small"][index]
      scenario.device.tdpWatts = watts.0
      scenario.device.idlePower = watts.1.map { .init(watts: $0, source: "test") }
      return scenario
    }
    var request = FleetRequest(
      candidates: candidates, router: .leastOutstanding, rate: rate, maxGPUs: 8,
      serviceLevel: try ServiceLevel("ttft.p90<=1s, tpot.p90<=60ms", model: base.model))
    request.objective = .energy
    return request
  }

  private func best(_ request: FleetRequest) throws -> FleetPoint {
    let search = try FleetSearch(request, trace: CapacityTests.trace(60))
    var plan = try search.run()
    try search.confirm(&plan)
    return try #require(plan.best)
  }

  /// The device of 500 W draws 50 W while it waits, and so less in the mean than the other one, which draws 250 W.
  @Test func aDeviceThatIdlesWithLittleWinsAtLowRates() throws {
    let best = try best(request(idle: [50, 250]))
    #expect(best.deployment.groups[0].scenario.device.name == "large")
    #expect(best.cost == best.point?.meanWatts)
    #expect(best.cost > 50 && best.cost < 250)
  }

  /// A power that nobody measured is no advantage: without an idle power a device counts as if it always computed.
  @Test func anUnknownIdlePowerCountsAsTheTDP() throws {
    let large = try best(request(idle: [50, nil]))
    #expect(large.deployment.groups[0].scenario.device.name == "large")
    let small = try best(request(idle: [nil, nil]))
    #expect(small.deployment.groups[0].scenario.device.name == "small")
    #expect(small.cost == 300 * Double(small.deployment.gpus))
  }

  /// What a kind costs at least bounds what its fleets draw, so that no kind is passed over that would win.
  @Test(arguments: [0.1, 2, 8]) func kindsAreRuledOutByWhatTheyDrawAtLeast(rate: Double) throws {
    for idle in [[50, 250], [250, 50], [nil, 20], [20, nil]] as [[Double?]] {
      let search = try FleetSearch(
        request(idle: idle, rate: rate), trace: CapacityTests.trace(60))
      let (found, all) = (try search.run(), try search.exhaustively())
      #expect(found.best?.cost == all.best?.cost && all.best != nil)
      for point in all.simulated {
        let kind = try #require(search.kinds.first { $0.index == point.candidate })
        #expect(kind.cost(point.units) <= point.cost)
        #expect(point.cost <= point.deployment.watts)
      }
    }
  }
}
