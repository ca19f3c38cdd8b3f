import CostModel
import Fleet
import SimulationKernel
import Testing
import Workload

@testable import Planning
@testable import Serving

/// Runs that end early have the verdict of runs to their end.
@Suite struct CertainMissTests {
  private let model: ModelSpec

  init() throws { model = try ModelCatalogue.find("opt-13b") }

  private static func seconds(_ seconds: Double) -> SimInstant {
    .zero + SimDuration(rounding: seconds)
  }

  /// Ten requests of 11 output tokens, one a second; `chat` and `batch` take turns.
  private func trace() -> Trace {
    let requests = (0..<10).map { index in
      var request = Request(
        arrival: Self.seconds(Double(index)), promptTokens: 10, outputTokens: 11)
      request.requestClass = index % 2 == 0 ? 1 : 2
      return request
    }
    var trace = Trace(name: "ten", requests: requests, hasArrivals: true)
    trace.classNames = ["chat", "batch"]
    return trace
  }

  /// After how many of the requests that have their first tokens after 3 s and are complete 5 s later, half a second a token,
  /// the targets are missed for certain; `nil` for never.
  private func misses(_ slo: String) throws -> Int? {
    let trace = trace()
    let log = RequestLog(trace.requests, window: MeasuringWindow())
    guard let miss = CertainMiss(try ServiceLevel(slo, model: model), of: trace) else { return nil }
    for index in 0..<10 as Range<RequestID> {
      if miss.isCertain(log) { return Int(index) }
      log.entries.arrivedCount.pointee += 1
      log.entries[index].firstScheduled = Self.seconds(Double(index) + 2)
      log.entries[index].firstToken = Self.seconds(Double(index) + 3)
      log.entries[index].finish = Self.seconds(Double(index) + 8)
    }
    return miss.isCertain(log) ? 10 : nil
  }

  /// Of ten, p80 lies between the eighth and the ninth: three that are too long put the eighth above the bound. By class
  /// of five, p50 is the third, so that three are needed of chats, which are the first, the third and the fifth.
  @Test func aQuantileIsMissedAsSoonAsTooManyAre() throws {
    #expect(try misses("ttft.p80<=2.9s") == 3)
    #expect(try misses("ttft.p80<=3s") == nil)
    #expect(try misses("tpot.p80<=499ms") == 3)
    #expect(try misses("tpot.p80<=500ms") == nil)
    #expect(try misses("e2e.p50<=7s") == 6)
    #expect(try misses("normalized_latency.p50<=0.7s") == 6)
    #expect(try misses("scheduling_delay.p99<=1s") == 2)
    #expect(try misses("chat:ttft.p50<=1s") == 5)
    #expect(try misses("ttft.p80<=1min, e2e.p99<=7s") == 2)
    // What only the end of a run tells.
    #expect(try misses("ttft.mean<=1ms, itl.p99<=1ms") == nil)
  }

  /// 85 % of ten are nine at least, so that two are too many.
  @Test func anAttainmentIsMissedAsSoonAsTooManyAre() throws {
    #expect(try misses("ttft<=1s, attainment>=0.85") == 2)
    #expect(try misses("ttft<=1min, tpot<=1ms, attainment>=0.8") == 3)
    #expect(try misses("batch:ttft<=1s, attainment>=0.85") == 4)
    #expect(try misses("ttft<=5s, attainment>=0.85") == nil)
  }

  /// Who is turned away waits for ever, and who is not complete may have waited too long for the first token.
  @Test func whatIsKnownOfARequestCounts() throws {
    let trace = trace()
    let log = RequestLog(trace.requests, window: MeasuringWindow())
    let level = try ServiceLevel("ttft.p80<=2s, tpot.p80<=1ms", model: model)
    let miss = try #require(CertainMiss(level, of: trace))
    log.entries.arrivedCount.pointee = 4
    log.entries[0].isRejected = true
    log.entries[1].firstToken = Self.seconds(5)
    #expect(!miss.isCertain(log))
    log.entries[3].firstToken = Self.seconds(6)
    #expect(miss.isCertain(log))
  }

  /// Random deployments, targets and rates: the verdict is that of the whole run, and so is the point where the run went
  /// to its end. Some end early.
  @Test func theVerdictIsThatOfTheWholeRun() throws {
    let slos = [
      "ttft.p90<=1s, tpot.p90<=80ms", "ttft<=1s, tpot<=80ms, attainment>=0.9", "e2e.p50<=4s",
      "normalized_latency.p90<=0.1s", "scheduling_delay.p99<=300ms",
      "ttft.mean<=1s, tpot.p95<=60ms",
    ]
    let systems: [ServingSystem] = [.vllmSOSP23, .vllm02, .vllmV1, .sglang05]
    let routers: [Router] = [.roundRobin, .leastOutstanding, .leastKV]
    var (early, whole) = (0, 0)
    for seed in 0..<12 as Range<UInt64> {
      var chance = RandomStream(seed: seed, label: "early ends")
      let scenario = try CapacityTests.scenario {
        $0.system = systems[Int(seed) % systems.count]
        $0.device = try! DeviceCatalogue.find("a100-40gb")
        if $0.system != .sglang05 { $0.maxSequences = 4 + chance.below(60) }
        $0.maxModelLength = 1024
      }
      let prepared = try PreparedDeployment(
        Deployment(
          scenario, replicas: 1 + chance.below(3), router: routers[chance.below(routers.count)]))
      let level = try ServiceLevel(slos[Int(seed) % slos.count], model: model)
      let trace = CapacityTests.trace(120, seed: seed)
      let probe = RateProbe(prepared, trace: trace, serviceLevel: level)
      for rate in [3.0, 9, 27] {
        let (trial, point) = (
          try probe.trial(rate: rate, seed: seed), try probe.point(rate: rate, seed: seed)
        )
        #expect(trial.isSustained == point.isSustained, "seed \(seed), \(rate) req/s")
        #expect(trial.point == nil || trial.point == point, "seed \(seed), \(rate) req/s")
        if trial.point == nil { early += 1 } else { whole += 1 }
      }
    }
    #expect(early >= 5 && whole >= 5, "\(early) ended early, \(whole) did not")
  }
}
