import CostModel
import Messages
import SimulationKernel
import Testing
import Workload

@testable import Metrics
@testable import Planning

/// Targets as people write them, and what a run makes of them.
@Suite struct ServiceLevelTests {
  private let model: ModelSpec

  init() throws { model = try ModelCatalogue.find("llama-2-70b") }

  @Test func readsWhatPeopleWrite() throws {
    let level = try ServiceLevel(
      " ttft.p99 <= 2s, tpot.p99<=100ms , e2e.mean<=1.5min,itl.p90<=50000us, "
        + "normalized_latency.mean<=0.1s, scheduling_delay.median<=2s, chat:ttft.p99.9<=1s",
      model: model)
    #expect(
      level.targets == [
        .init(metric: .ttft, statistic: .quantile(0.99), bound: 2),
        .init(metric: .tpot, statistic: .quantile(0.99), bound: 0.1),
        .init(metric: .e2e, statistic: .mean, bound: 90),
        .init(metric: .itl, statistic: .quantile(0.9), bound: 0.05),
        .init(metric: .normalizedLatency, statistic: .mean, bound: 0.1),
        .init(metric: .schedulingDelay, statistic: .quantile(0.5), bound: 2),
        .init(requestClass: "chat", metric: .ttft, statistic: .quantile(0.999), bound: 1),
      ])
    #expect(level.attainment == nil)
    #expect(
      level.text
        == "ttft.p99<=2s, tpot.p99<=100ms, e2e.mean<=90s, itl.p90<=50ms, "
        + "normalized_latency.mean<=100ms, scheduling_delay.p50<=2s, chat:ttft.p99.9<=1s")
    let shares = try ServiceLevel("ttft<=2s, attainment>=99.5%", model: model)
    #expect(shares.attainment == 0.995)
    #expect(shares.targets == [.init(metric: .ttft, statistic: .each, bound: 2)])
    #expect(shares.text == "ttft<=2s, attainment>=0.995")
  }

  /// What is written is read again as the same.
  @Test(arguments: ServiceLevel.presets.map(\.name)) func presetsAreTargets(preset: String) throws {
    let models = ServiceLevel.presets.first { $0.name == preset }?.models ?? []
    for name in models.isEmpty ? ["opt-13b"] : models {
      let model = try ModelCatalogue.find(name)
      let level = try ServiceLevel(preset, model: model)
      #expect(try ServiceLevel(level.text, model: model) == level)
    }
  }

  @Test func presetsAreThoseOfTheirSources() throws {
    #expect(
      try ServiceLevel("mlperf-interactive", model: model).text
        == "ttft.p99<=450ms, tpot.p99<=40ms")
    #expect(
      try ServiceLevel("distserve-chatbot", model: ModelCatalogue.find("opt-66b")).text
        == "ttft<=2.5s, tpot<=150ms, attainment>=0.9")
    #expect(
      try ServiceLevel("sarathi-strict", model: model).text
        == "itl.p99<=1s, scheduling_delay.p50<=2s")
  }

  @Test(
    arguments: [
      (
        "ttf.p99<=2s",
        "error: `--slo` has an unknown metric `ttf` in `ttf.p99<=2s`\n\nhint: did you mean `ttft`? "
          + "metrics are ttft, tpot, itl, e2e, normalized_latency, scheduling_delay and attainment"
      ),
      (
        "ttft.p99<=2",
        "error: `ttft.p99<=2` has no unit that is known\n\nhint: units are us, ms, s and min: `2s`"
      ),
      (
        "ttft.p99<=2h",
        "error: `ttft.p99<=2h` has no unit that is known\n\nhint: units are us, ms, s and min, "
          + "as in `2s`"
      ),
      (
        "chat:ttft<=1s, chat:attainment>=0.99",
        "error: `chat:attainment>=0.99`: an attainment is over the requests of all classes and all "
          + "their targets\n\nhint: write `attainment>=0.99`, or bound quantiles of the class, as "
          + "`chat:ttft.p99<=1s`"
      ),
      (
        "ttft.p99<=2s; tpot.p99<=1s",
        "error: `--slo` has a `;` in `ttft.p99<=2s; tpot.p99<=1s`\n\nhint: separate targets by commas: "
          + "`ttft.p99<=2s, tpot.p99<=1s`"
      ),
      (
        "throughput>=10",
        "error: `--slo` has an unknown metric `throughput` in `throughput>=10`\n\nhint: metrics are "
          + "ttft, tpot, itl, e2e, normalized_latency, scheduling_delay and attainment"
      ),
      ("ttft.p99<=-2s", "error: `ttft.p99<=-2s`: a bound must be a positive time, found `-2s`"),
      (
        "ttft.q99<=2s",
        "error: `--slo` has an unknown statistic `q99` in `ttft.q99<=2s`\n\nhint: statistics are "
          + "mean, median and quantiles such as p90, p99 or p99.9"
      ),
      (
        "ttft.p100<=2s",
        "error: `--slo` has an unknown statistic `p100` in `ttft.p100<=2s`\n\nhint: statistics are "
          + "mean, median and quantiles such as p90, p99 or p99.9"
      ),
      (
        "ttft.p99>=2s",
        "error: `ttft.p99>=2s` asks for a latency of at least 2s\n\nhint: latencies are bounded from "
          + "above: `ttft.p99<=2s`"
      ),
      (
        "ttft.p99<=2s, ttft.p99<=1s",
        "error: `--slo` bounds `ttft.p99` twice, by 2s and 1s\n\nhint: leave one of them out"
      ),
      (
        "ttft.p99<=2s, e2e.p99<=1s",
        "error: `ttft.p99<=2s` and `e2e.p99<=1s` contradict each other: the first token is part of "
          + "the whole answer\n\nhint: leave `ttft.p99` out, or raise `e2e.p99`"
      ),
      (
        "ttft<=2s",
        "error: `ttft<=2s` is a target for each request, and nothing says how many must meet it\n\n"
          + "hint: add `attainment>=0.99`, or bound a quantile: `ttft.p99<=…`"
      ),
      (
        "ttft.p99<=2s, attainment>=0.99",
        "error: `attainment` has no targets for single requests to be the share of\n\nhint: add "
          + "bounds without a statistic, such as `ttft<=2s, tpot<=100ms`"
      ),
      (
        "ttft<=2s, attainment>=1.5",
        "error: `attainment>=1.5`: an attainment lies in (0, 1], found 1.5\n\nhint: write "
          + "`attainment>=0.99` or `>=99%`"
      ),
      (
        "ttft<=2s, attainment<=0.9",
        "error: `attainment<=0.9` is not a share of requests\n\nhint: write `attainment>=0.99` or "
          + "`>=99%`"
      ),
      (
        "itl<=20ms, attainment>=0.9",
        "error: `itl<=20ms`: gaps between tokens are pooled over all requests, so that none belongs "
          + "to one request\n\nhint: write `itl.p99<=…`, or `tpot<=…` for each request"
      ),
      (
        "itl.p75<=20ms",
        "error: `itl.p75<=20ms`: of the gaps between tokens, only p50, p90, p95 and p99 are kept\n\nhint: "
          + "ask for one of those, or for a quantile of `tpot`"
      ),
      (
        "ttft.p99<=2s,",
        "error: `--slo` has the target ``, which is not a bound\n\nhint: write a metric, `<=` and a "
          + "time, such as `ttft.p99<=2s`"
      ),
      (
        "distserve-chatbots",
        "error: `--slo` is neither targets nor a preset: `distserve-chatbots`\n\nhint: did you mean "
          + "`distserve-chatbot`? write targets such as `ttft.p99<=2s, tpot.p99<=100ms`, or one of "
          + "mlperf-server, mlperf-interactive, distserve-chatbot, distserve-code, "
          + "distserve-summarization, sarathi-strict, sarathi-relaxed, vidur"
      ),
      (
        "distserve-chatbot",
        "error: `--slo distserve-chatbot` has no targets for `llama-2-70b`\n\nhint: it knows "
          + "`opt-13b`, `opt-66b`, `opt-175b`; write targets out, such as `ttft.p99<=2s, "
          + "tpot.p99<=100ms`"
      ),
    ])
  func mistakesAreNamed(text: String, message: String) {
    let error = #expect(throws: UserError.self) { try ServiceLevel(text, model: model) }
    #expect(error?.description == message)
  }

  /// Four requests; the third gives one token, the fourth was rejected.
  private var result: RunResult {
    func request(
      _ index: Int, first: Int64?, finish: Int64?, output: Int,
      status: RequestRecord.Status = .completed
    ) -> RequestRecord {
      func at(_ milliseconds: Int64?) -> SimInstant? {
        milliseconds.map { SimInstant(nanoseconds: $0 * 1_000_000) }
      }
      return RequestRecord(
        index: index, status: status, arrival: .zero, promptTokens: 10, outputTokens: output,
        sequences: 1, firstScheduled: at(first.map { $0 - 50 }), firstToken: at(first),
        finish: at(finish), preemptionsRecompute: 0, preemptionsSwap: 0)
    }
    var summary = RunSummary.empty
    summary.itl = Distribution(count: 30, mean: 20, median: 15, p90: 40, p99: 90)
    return RunResult(
      summary: summary,
      requests: [
        request(0, first: 100, finish: 1100, output: 11),
        request(1, first: 300, finish: 700, output: 5),
        request(2, first: 500, finish: 500, output: 1),
        request(3, first: nil, finish: nil, output: 5, status: .rejected),
      ])
  }

  /// So many requests may stay without an answer, and not one more.
  @Test(arguments: [
    "ttft.p50<=1s", "ttft.p90<=1s", "ttft.p99<=1s, e2e.p50<=1s", "e2e.mean<=1s",
    "ttft<=1s, attainment>=0.95",
  ])
  func unansweredRequestsAreBounded(text: String) throws {
    let level = try ServiceLevel(text, model: model)
    let answered = result.requests[0]
    let lost = result.requests[3]
    for count in [1, 2, 10, 11, 100, 101, 150] {
      let most = level.unansweredMax(of: count)
      for unanswered in [most, most + 1] where unanswered <= count {
        let requests =
          Array(repeating: answered, count: count - unanswered)
          + Array(repeating: lost, count: unanswered)
        // The answered request takes 1.1 s; only its first token is quick.
        let quick = requests.map { request in
          var request = request
          if request.finish != nil { request.finish = request.firstToken }
          return request
        }
        let isMet = level.assess(RunResult(summary: .empty, requests: quick)).isMet
        #expect(isMet == (unanswered == most), "\(unanswered) of \(count)")
      }
    }
  }

  private func measured(_ text: String) throws -> [Double?] {
    try ServiceLevel(text, model: model).assess(result).verdicts.map(\.measured)
  }

  /// By hand: TTFT 0.1, 0.3, 0.5 s and never; TPOT 0.1 and 0.1 s and never, the single token has none.
  @Test func measuresByHand() throws {
    #expect(try measured("ttft.p50<=1s") == [0.4])
    #expect(try measured("ttft.p25<=1s") == [0.25])
    #expect(try measured("ttft.p99<=1s") == [.infinity])
    #expect(try measured("ttft.mean<=1s") == [.infinity])
    #expect(try measured("tpot.p50<=1s") == [0.1])
    #expect(abs(try #require(measured("scheduling_delay.p10<=1s")[0]) - 0.11) < 1e-12)
    #expect(try measured("itl.p99<=1s, itl.mean<=1s") == [0.09, 0.02])
    #expect(abs(try #require(measured("normalized_latency.p1<=1s")[0]) - 0.1012) < 1e-12)
  }

  @Test func attainmentNeedsAllTargetsOfARequest() throws {
    func share(_ text: String) throws -> (Double, Bool) {
      let assessment = try ServiceLevel(text, model: model).assess(result)
      return (assessment.attainment, assessment.isMet)
    }
    #expect(try share("ttft<=0.3s, attainment>=0.5") == (0.5, true))
    #expect(try share("ttft<=0.3s, e2e<=1s, attainment>=0.5") == (0.25, false))
    #expect(try share("tpot<=0.1s, attainment>=0.75") == (0.75, true))
    #expect(try share("tpot<=0.09s, attainment>=0.75") == (0.25, false))
    // Without targets for single requests, what bounds a quantile counts, and a mean does not.
    #expect(try share("ttft.p50<=0.4s, e2e.mean<=1ms") == (0.5, false))
    #expect(try share("ttft.p50<=0.4s") == (0.5, true))
  }

  @Test func worstMissesComeFirst() throws {
    let level = try ServiceLevel(
      "ttft.p50<=0.2s, tpot.p50<=10ms, itl.p99<=1s, scheduling_delay.p10<=0.1s", model: model)
    #expect(
      level.assess(result).missed.map(\.name) == ["tpot.p50", "ttft.p50", "scheduling_delay.p10"])
  }

  @Test func fewRequestsMakeThinQuantiles() throws {
    let level = try ServiceLevel("ttft.p99<=1s, tpot.p90<=1s, e2e.mean<=1s", model: model)
    #expect(level.thinQuantiles(of: CapacityTests.trace(99)).map(\.needed) == [100])
    #expect(level.thinQuantiles(of: CapacityTests.trace(9)).map(\.needed) == [100, 10])
    #expect(level.thinQuantiles(of: CapacityTests.trace(100)).isEmpty)
  }

  /// Of 100 requests 20 are of a class: its p99 rests on those, and that of a class without one on none.
  @Test func fewRequestsOfAClassMakeThinQuantiles() throws {
    var trace = CapacityTests.trace(100)
    trace.classNames = ["chat", "rag", "batch"]
    for index in trace.requests.indices {
      trace.requests[index].requestClass = index % 5 == 0 ? 2 : 1
    }
    let level = try ServiceLevel(
      "ttft.p99<=1s, rag:ttft.p99<=1s, chat:ttft.p90<=1s, batch:ttft.p99<=1s", model: model)
    let thin = level.thinQuantiles(of: trace)
    #expect(thin.map(\.target.name) == ["rag:ttft.p99"])
    #expect(thin.map(\.requests) == [20])
  }

  /// What no request is a sample of is met, and said: a class without requests, a time per token of single tokens.
  @Test func targetsWithoutSamplesAreVacuous() throws {
    var result = result
    result.requests = [result.requests[2]]
    func assess(_ text: String) throws -> Assessment {
      try ServiceLevel(text, model: model).assess(result)
    }
    let quantiles = try assess("rag:ttft.p95<=1us, tpot.p99<=1us, ttft.p50<=1s")
    #expect(quantiles.verdicts.map(\.measured) == [nil, nil, 0.5])
    #expect(quantiles.verdicts.map(\.samples) == [0, 0, 1])
    #expect(quantiles.isMet && quantiles.missed.isEmpty)
    #expect(quantiles.vacuous == ["rag:ttft.p95", "tpot.p99"])
    let each = try assess("rag:ttft<=1us, ttft<=0.1s, attainment>=0.5")
    #expect(each.attainment == 0 && !each.isMet)
    #expect(each.vacuous == ["rag:ttft"])
  }

  /// What a plan shows is what it bounds: its own statistic, by class, the share that an attainment asks for.
  @Test(arguments: [
    ("ttft.p95<=2s, tpot.p99<=100ms", ["ttft.p95", "tpot.p99"]),
    ("ttft.p95<=2s", ["ttft.p95", "tpot.p95"]),
    ("tpot.mean<=50ms", ["ttft.mean", "tpot.mean"]),
    ("ttft<=2s, tpot<=100ms, attainment>=0.9", ["ttft.p90", "tpot.p90"]),
    (
      "e2e.p50<=9s, rag:ttft.p95<=3s, chat:ttft.p90<=1s",
      ["rag:ttft.p95", "chat:ttft.p90", "tpot.p50", "e2e.p50"]
    ),
  ])
  func plansShowTheStatisticsOfTheTargets(text: String, names: [String]) throws {
    let level = try ServiceLevel(text, model: model)
    #expect(level.shown.map(\.name) == names)
    #expect(level.assess(result).shown.count == names.count)
  }

  /// Three of four requests were answered: what is shown is what is held against the bound.
  @Test func shownAreTheMeasuredLatencies() throws {
    let assessment = try ServiceLevel("ttft.p50<=1s, e2e.p90<=1s, rag:ttft.p50<=1s", model: model)
      .assess(result)
    #expect(assessment.shown == [0.4, nil, 0.1, .infinity])
  }

  @Test func noRequestsMeetEverything() throws {
    let nothing = RunResult(summary: .empty, requests: [])
    let assessment = try ServiceLevel(
      "ttft.p99<=1us, itl.p99<=1us, e2e<=1us, attainment>=1", model: model
    ).assess(nothing)
    #expect(assessment.isMet && assessment.attainment == 1)
    #expect(assessment.vacuous == ["ttft.p99", "itl.p99", "attainment", "e2e"])
  }

  /// Gaps of requests that were all turned away are not short.
  @Test func gapsOfLostRequestsAreMissed() throws {
    let lost = RunResult(summary: .empty, requests: [result.requests[3]])
    let assessment = try ServiceLevel("itl.p99<=1s", model: model).assess(lost)
    #expect(!assessment.isMet && assessment.vacuous.isEmpty)
  }
}

extension RunSummary {
  /// A run in which nothing happened.
  static var empty: RunSummary {
    RunSummary(
      system: "", model: "", device: "", requestRate: 0, completed: 0, rejected: 0, unfinished: 0,
      duration: 0, requestThroughput: 0, outputThroughput: 0, ttft: Distribution(),
      tpot: Distribution(), itl: Distribution(), e2el: Distribution(), meanNormalizedLatency: nil,
      meanBatchedRequests: 0, meanWaitingRequests: 0, iterations: 0, preemptionsRecompute: 0,
      preemptionsSwap: 0,
      kv: KVSummary(
        blocks: 0, blockSize: 16, tokenState: 0, reserved: 0, internalFragmentation: 0,
        externalFragmentation: 0, cached: 0, free: 0, sharingSaving: 0, prefixCache: nil),
      provenance: Provenance(seed: 0, version: "", scenario: [], costProfile: ""))
  }
}
