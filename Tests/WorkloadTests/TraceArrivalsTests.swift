import Messages
import SimulationKernel
import Testing
import Workload

@Suite struct TraceArrivalsTests {
  private func rows(_ count: Int32) -> Trace {
    let requests = (0..<count).map { Request(promptTokens: $0 + 1, outputTokens: 1) }
    return Trace(name: "trace.csv", requests: requests, hasArrivals: false)
  }

  @Test func poissonArrivalsHaveTheRateAndTheSpread() throws {
    let trace = try rows(50_000).retimed(poissonRate: 8, seed: 1)
    let description = TraceDescription(trace)
    #expect(trace.hasArrivals)
    #expect(trace.requests[0].arrival > .zero)
    // One standard deviation of either figure is 1/√50000 = 0.45 %.
    #expect(abs(try #require(description.requestRate) / 8 - 1) < 0.015)
    #expect(abs(try #require(description.interarrivalCV) - 1) < 0.02)
  }

  @Test func arrivalsDependOnSeedAndPositionOnly() throws {
    let short = try rows(10).retimed(poissonRate: 2, seed: 7)
    let long = try rows(20).retimed(poissonRate: 2, seed: 7)
    let other = try rows(10).retimed(poissonRate: 2, seed: 8)
    #expect(Array(long.requests.prefix(10)) == short.requests)
    #expect(other != short)
    #expect(short.withoutArrivals() == rows(10))
  }

  @Test func everyGapIsRoundedByItself() throws {
    let trace = try rows(5).retimed(poissonRate: 3, seed: 4)
    var stream = RandomStream(seed: 4, label: "arrivals")
    var arrival = SimInstant.zero
    for request in trace.requests {
      arrival = arrival + SimDuration(rounding: stream.exponential(mean: 1.0 / 3))
      #expect(request.arrival == arrival)
    }
  }

  @Test(
    arguments: [
      (-1, "-1"), (0, "0"), (-0.5, "-0.5"), (.nan, "nan"), (.infinity, "inf"),
    ] as [(Double, String)]) func ratesThatAreNone(_ rate: Double, _ found: String)
  {
    #expect(
      throws: UserError(
        "`--request-rate` must be a positive number of requests per second, found `\(found)`")
    ) { try rows(3).retimed(poissonRate: rate, seed: 0) }
  }

  @Test(arguments: [1e-12, Double.leastNonzeroMagnitude]) func ratesThatAreTooLow(_ rate: Double) {
    #expect(
      throws: UserError(
        "`--request-rate` \(rate) is too low: request 1 of 3 would arrive after 4000000000 s")
    ) { try rows(3).retimed(poissonRate: rate, seed: 0) }
  }

  @Test func takesTheFirstRows() throws {
    let (trace, repetitions) = try rows(5).taking(count: 3, seed: 0)
    #expect(trace == rows(3))
    #expect(repetitions == 0)
    #expect(try rows(5).taking(count: 5, seed: 0).trace == rows(5))
  }

  @Test func repeatsTheRowsInAnotherOrder() throws {
    let (trace, repetitions) = try rows(50).taking(count: 120, seed: 9)
    let prompts = trace.requests.map(\.promptTokens)
    let all = Array(1...50 as ClosedRange<Int32>)
    #expect(repetitions == 2)
    #expect(prompts.count == 120)
    #expect(Array(prompts[..<50]) == all)
    #expect(Array(prompts[50..<100]) != all)
    #expect(prompts[50..<100].sorted() == all)
    #expect(Set(prompts[100...]).count == 20)
    #expect(Array(prompts[100...]) != Array(prompts[50..<70]))
    #expect(try rows(50).taking(count: 120, seed: 9).trace == trace)
    #expect(try rows(50).taking(count: 120, seed: 10).trace != trace)
  }

  /// Each window keeps its requests, its gaps and its last arrival; only the order of the gaps is another.
  @Test(arguments: [1, 2] as [UInt64]) func reshuffledDaysHaveTheSameGaps(seed: UInt64) throws {
    let trace = try rows(400).retimed(poissonRate: 2, seed: 7)
    let other = trace.reshuffled(window: 30, seed: seed)
    func windows(_ trace: Trace) -> [[Int64]] {
      var gaps: [Int: [Int64]] = [:]
      var last: [Int: SimInstant] = [:]
      for request in trace.requests {
        let window = Int(request.arrival.seconds / 30)
        let start = last[window] ?? .zero + SimDuration(rounding: Double(window) * 30)
        gaps[window, default: []].append((request.arrival - start).nanoseconds)
        last[window] = request.arrival
      }
      return gaps.keys.sorted().map { gaps[$0] ?? [] }
    }
    #expect(windows(other).map { $0.sorted() } == windows(trace).map { $0.sorted() })
    #expect(windows(other) != windows(trace))
    #expect(other.requests.map(\.promptTokens) == trace.requests.map(\.promptTokens))
    #expect(other == trace.reshuffled(window: 30, seed: seed))
    #expect(other != trace.reshuffled(window: 30, seed: seed + 1))
  }

  @Test func doesNotRepeatTime() throws {
    let trace = try rows(5).retimed(poissonRate: 1, seed: 0)
    #expect(try trace.taking(count: 4, seed: 0).trace.requests == Array(trace.requests.prefix(4)))
    #expect(
      throws: UserError(
        "`--num-prompts` 6 would repeat the 5 requests of `trace.csv`, "
          + "which have arrivals of their own",
        hint: "add `--request-rate` to draw new arrivals, or ask for at most 5 requests")
    ) { try trace.taking(count: 6, seed: 0) }
    #expect(try trace.withoutArrivals().taking(count: 6, seed: 0).repetitions == 1)
  }

  @Test(arguments: [0, -3]) func countsThatAreNone(_ count: Int) {
    let error = UserError("`--num-prompts` must be a positive integer, found `\(count)`")
    #expect(throws: error) { try rows(3).taking(count: count, seed: 0) }
    #expect(throws: error) {
      try TraceGenerator.generate(preset: .alpaca, count: count, seed: 0)
    }
  }
}
