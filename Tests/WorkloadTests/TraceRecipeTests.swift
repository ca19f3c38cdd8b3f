import Messages
import SimulationKernel
import Testing

@testable import Workload

@Suite struct TraceRecipeTests {
  private func recipe(_ change: (inout TraceRecipe) -> Void = { _ in }) -> TraceRecipe {
    var recipe = TraceRecipe(
      lengths: .sides(
        prompt: .lognormal(median: 200, sigma: 0.5), output: .uniform(5...50)),
      count: 2_000, seed: 9)
    change(&recipe)
    return recipe
  }

  @Test(arguments: [
    ("fixed:512", SideLaw.fixed(512)), ("uniform:10-100", .uniform(10...100)),
    ("lognormal:300,0.8", .lognormal(median: 300, sigma: 0.8)),
    ("zipf:1.2,4096", .zipf(exponent: 1.2, max: 4096)),
  ]) func lawsAreParsed(_ text: String, _ law: SideLaw) throws {
    #expect(try SideLaw(parsing: text) == law)
  }

  @Test(arguments: [
    "", "fixed", "fixed:0", "fixed:x", "uniform:9-3", "uniform:0-3", "lognormal:300",
    "lognormal:300,9", "zipf:1,0", "gauss:1,2",
  ]) func otherLawsAreRefused(_ text: String) {
    #expect(throws: UserError.self) { try SideLaw(parsing: text) }
  }

  @Test func sidesFollowTheirLaws() {
    func lengths(_ law: SideLaw) -> [Int32] {
      var draws = SideDraws(law, seed: 1, label: "l")
      return (0..<40_000).map { _ in draws.next() }
    }
    let uniform = lengths(.uniform(10...19))
    #expect(Set(uniform) == Set(10...19))
    let lognormal = LengthSummary(lengths(.lognormal(median: 300, sigma: 0.8)))
    #expect(abs(lognormal.p50 / 300 - 1) < 0.02)
    // exp(σ²/2) times the median.
    #expect(abs(lognormal.mean / 413.1 - 1) < 0.02)
    let zipf = lengths(.zipf(exponent: 1, max: 4))
    // 1 + 1/2 + 1/3 + 1/4 = 25/12.
    #expect(abs(Double(zipf.count { $0 == 1 }) / 40_000 - 12.0 / 25) < 0.01)
    #expect(abs(Double(zipf.count { $0 == 4 }) / 40_000 - 3.0 / 25) < 0.01)
  }

  /// Rate and spread of the gaps, and the dispersion where bursts show.
  @Test(arguments: [
    ("poisson", 1.0), ("gamma:3", 3), ("gamma:0.5", 0.5), ("weibull:2", 2), ("weibull:0.4", 0.4),
    ("quanta", 1),
  ]) func arrivalsHaveTheirRateAndSpread(_ text: String, _ cv: Double) throws {
    let process = try ArrivalProcess(parsing: text)
    let trace = try TraceGenerator.generate(
      recipe {
        $0.count = 40_000
        $0.arrivals = process
        $0.requestRate = 5
      })
    let description = TraceDescription(trace)
    #expect(abs(try #require(description.requestRate) / 5 - 1) < 0.05)
    #expect(abs(try #require(description.interarrivalCV) / cv - 1) < 0.05)
    if process == .quanta {
      #expect(trace.requests.allSatisfy { $0.arrival.nanoseconds % 10_000_000 == 0 })
    }
  }

  @Test func burstsAndDaysKeepTheMeanRate() throws {
    for (process, dispersion) in [
      (ArrivalProcess.onOff(on: 2, off: 6), 10.0), (.diurnal(ratio: 5, period: 1_000), 10),
    ] {
      let trace = try TraceGenerator.generate(
        recipe {
          $0.count = 40_000
          $0.arrivals = process
          $0.requestRate = 5
        })
      let description = TraceDescription(trace)
      #expect(abs(try #require(description.requestRate) / 5 - 1) < 0.1, "\(process)")
      #expect(try #require(description.dispersion[2]) > dispersion, "\(process)")
    }
    let atOnce = try TraceGenerator.generate(recipe { $0.arrivals = .allAtOnce })
    #expect(atOnce.hasArrivals && atOnce.requests.allSatisfy { $0.arrival == .zero })
  }

  @Test(arguments: ["", "poisson:1", "gamma", "gamma:0", "onoff:1", "diurnal:0.5,9", "weibull:x"])
  func otherProcessesAreRefused(_ text: String) {
    #expect(throws: UserError.self) { try ArrivalProcess(parsing: text) }
  }

  @Test func systemPromptsAreSharedByPopularity() throws {
    let plain = try TraceGenerator.generate(recipe())
    let trace = try TraceGenerator.generate(
      recipe { $0.systemPrompts = .init(count: 3, tokens: 64, exponent: 1) })
    let contents = try #require(trace.contents)
    expectMatch(contents, trace.requests)
    var users = [0, 0, 0]
    for id in trace.requests.indices {
      users[Int(try #require(contents.pieces(of: id).first).stream)] += 1
      #expect(trace.requests[id].promptTokens == plain.requests[id].promptTokens + 64)
    }
    #expect(users[0] > users[1] && users[1] > users[2] && users[2] > 0)
    let curve = PrefixCacheCurve(trace.requests, contents, blockTokens: 64)
    let tokens = trace.requests.reduce(0) { $0 + Int($1.promptTokens) }
    #expect(abs(curve.tokenHitRatio - Double(64 * 1_997) / Double(tokens)) < 1e-12)
  }

  @Test func conversationsRepeatTheirTurnsBefore() throws {
    let trace = try TraceGenerator.generate(
      recipe {
        $0.requestRate = 1
        $0.systemPrompts = .init(count: 1, tokens: 32, exponent: 0)
        $0.turns = .init(mean: 4, gapSeconds: 20, added: .fixed(7), totalTokensMax: 2_000)
      })
    let contents = try #require(trace.contents)
    expectMatch(contents, trace.requests)
    #expect(trace.requests.count == 2_000)
    #expect(zip(trace.requests, trace.requests.dropFirst()).allSatisfy { $0.arrival <= $1.arrival })
    #expect(trace.requests.allSatisfy { $0.promptTokens + $0.outputTokens <= 2_000 })
    var last: [Int32: Int] = [:]
    for (id, request) in trace.requests.enumerated() {
      let session = try #require(request.session)
      if let before = last[session] {
        let previous = trace.requests[before]
        #expect(request.promptTokens == previous.promptTokens + previous.outputTokens + 7)
        #expect(contents.pieces(of: id).starts(with: contents.pieces(of: before)))
      }
      last[session] = id
    }
    #expect(abs(Double(trace.requests.count) / Double(last.count) - 4) < 0.5)
  }

  @Test func changingOneLawLeavesTheOthersDrawsAlone() throws {
    let all: (inout TraceRecipe) -> Void = {
      $0.requestRate = 3
      $0.systemPrompts = .init(count: 5, tokens: 10, exponent: 1)
    }
    func made(_ change: @escaping (inout TraceRecipe) -> Void) throws -> Trace {
      try TraceGenerator.generate(
        recipe {
          all(&$0)
          change(&$0)
        })
    }
    let base = try made { _ in }
    let outputs = base.requests.map(\.outputTokens)
    let arrivals = base.requests.map(\.arrival)
    let otherPrompts = try made {
      $0.lengths = .sides(prompt: .zipf(exponent: 1, max: 90), output: .uniform(5...50))
    }
    #expect(otherPrompts.requests.map(\.outputTokens) == outputs)
    #expect(otherPrompts.requests.map(\.arrival) == arrivals)
    let otherArrivals = try made { $0.arrivals = .gamma(cv: 2) }
    #expect(otherArrivals.requests.map(\.promptTokens) == base.requests.map(\.promptTokens))
    #expect(otherArrivals.contents == base.contents)
    let otherSystem = try made { $0.systemPrompts = nil }
    #expect(otherSystem.requests.map(\.arrival) == arrivals)
    #expect(otherSystem.requests.map(\.outputTokens) == outputs)
  }

  @Test func empiricalLengthsAreRowsOfTheirTrace() throws {
    let rows = [(3, 4), (5, 6)].map { Request(promptTokens: $0, outputTokens: $1) }
    let source = Trace(name: "t", requests: rows, hasArrivals: false)
    let trace = try TraceGenerator.generate(recipe { $0.lengths = .empirical(source) })
    #expect(Set(trace.requests.map { [$0.promptTokens, $0.outputTokens] }) == [[3, 4], [5, 6]])
  }
}
