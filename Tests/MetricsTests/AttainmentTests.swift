import CostModel
import Fleet
import Serving
import SimulationKernel
import Testing
import Workload

@testable import Metrics

/// Who is served in time, and how alike.
@Suite struct AttainmentTests {
  /// Every iteration lasts one second.
  private final class OneSecond: IterationCostModel {
    let profile = CostProfile(name: "fixed", isCalibrated: false, error: "none")
    func duration(of work: IterationWork) -> SimDuration { SimDuration(rounding: 1) }
  }

  private static func seconds(_ seconds: Double) -> SimDuration { SimDuration(rounding: seconds) }

  /// Request 0 runs in seconds 0-1, 1-2, 2-3; request 1 arrives at 1.5 and runs in 2-3.
  ///
  ///     0, of no class   |Pdd|      tokens at 1, 2, 3
  ///     1, of `a`        |  P|      token at 3
  private func record(
    _ window: MeasuringWindow = MeasuringWindow()
  ) throws -> RunRecord {
    var requests = [
      Request(arrival: .zero, promptTokens: 4, outputTokens: 3),
      Request(arrival: SimInstant(nanoseconds: 1_500_000_000), promptTokens: 8, outputTokens: 1),
    ]
    requests[1].requestClass = 1
    let settings = EngineSettings(
      blockSize: 4, deviceBlocks: 10, maxSequences: 8, maxBatchedTokens: 64, maxModelLength: 64)
    return try ServingSystem.vllmSOSP23.serve(
      requests, settings: settings, executor: PricedExecutor(OneSecond()), window: window)
  }

  private typealias Case = (others: ServiceTarget?, a: ServiceTarget?, all: Double?, ofA: Double?)

  private static let cases: [Case] = [
    // The first token by 1, two more by 3; the only token by 1.5 + 1.5: all to the instant.
    (
      ServiceTarget(ttft: seconds(1), tpot: seconds(1)), ServiceTarget(ttft: seconds(1.5)), 1, 1
    ),
    // The last token is 0.002 s late.
    (ServiceTarget(ttft: seconds(1), tpot: seconds(0.999)), nil, 0, nil),
    // A slow first token is not made good by fast others.
    (ServiceTarget(ttft: seconds(0.9), tpot: seconds(9)), nil, 0, nil),
    // Where only the first has to be in time, the pace is free.
    (ServiceTarget(ttft: seconds(1)), ServiceTarget(ttft: seconds(1.4)), 0.5, 0),
    // Only the last counts.
    (ServiceTarget(e2e: seconds(3)), ServiceTarget(e2e: seconds(1.4)), 0.5, 0),
    (nil, nil, nil, nil),
  ]

  @Test(arguments: cases) func whoIsInTime(
    others: ServiceTarget?, a: ServiceTarget?, all: Double?, ofA: Double?
  ) throws {
    let record = try record()
    #expect(record.attained([others, a]) == all)
    #expect(record.attained([others, a]) { $0.requestClass == 1 } == ofA)
  }

  /// The run ends at 2.5, with request 0 two tokens on its way and request 1 before its first.
  @Test func onlyWhatIsKnownCounts() throws {
    let window = MeasuringWindow(to: SimInstant(nanoseconds: 2_500_000_000))
    let record = try record(window)
    let late = ServiceTarget(ttft: Self.seconds(0.5))
    let slow = ServiceTarget(ttft: Self.seconds(1), tpot: Self.seconds(0.7))
    let open = ServiceTarget(ttft: Self.seconds(1), tpot: Self.seconds(1))
    #expect(record.attained([late, late]) == 0)
    #expect(record.attained([slow, nil]) == 0)
    #expect(record.attained([open, ServiceTarget(ttft: Self.seconds(1.5))]) == nil)
  }

  @Test func jain() {
    #expect(jainIndex([2, 2, 2]) == 1)
    #expect(jainIndex([5, 0]) == 0.5)
    #expect(jainIndex([1, 3]) == 0.8)
    #expect(jainIndex([1]) == nil && jainIndex([0, 0]) == nil)
  }
}
