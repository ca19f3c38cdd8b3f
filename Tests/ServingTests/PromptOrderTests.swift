import KVMemory
import SimulationKernel
import Testing
import Workload

@testable import CostModel
@testable import Serving

/// Orders of service, drawn as logs; ``Timeline`` says how to read them. An iteration takes a nanosecond.
@Suite struct PromptOrderTests {
  /// A token of a prompt takes a nanosecond, and an iteration two more.
  private final class TokenPrices: IterationCostModel {
    let profile = CostProfile(name: "tokens", isCalibrated: false, error: "")

    func duration(of work: IterationWork) -> SimDuration {
      SimDuration(nanoseconds: Int64(work.batchedTokens) + 2)
    }
  }

  private func scheduler(
    _ drawn: [DrawnRequest], _ policy: ServicePolicy, _ settings: EngineSettings,
    targets: [ServiceTarget?] = []
  ) throws -> V1Timeline {
    var settings = settings
    settings.v1.policy = policy.waiting
    settings.v1.service = policy
    let order = try #require(policy.prompts)
    let service = PromptService(
      order, targets: targets, prices: TokenPrices(), attendedMax: nil)
    return V1Timeline(v1: drawn, settings, service: service)
  }

  private func log(
    _ drawn: [DrawnRequest], _ policy: ServicePolicy, blocks: Int = 40, budget: Int = 8,
    targets: [ServiceTarget?] = [], steps: Int = 20
  ) throws -> String {
    var timeline = try scheduler(
      drawn, policy, v1Settings(blocks: blocks, budget: budget) { $0.prefixCaching = false },
      targets: targets)
    timeline.run(steps: steps)
    return timeline.log
  }

  /// b has four tokens, fewer than the twelve of a; a has eight left when c comes with nine.
  private let three: [DrawnRequest] = [
    .own("a", prompt: 16, output: 2), .own("b", at: 1, prompt: 4, output: 3),
    .own("c", at: 1, prompt: 9, output: 1),
  ]

  @Test func theShortestPromptOvertakes() throws {
    #expect(
      try log(three, .shortestPrompt) == """
        0: a 0+8
        1: b 0+4 c 0+4
        2: b 4+1 c 4+5 a 8+2 | done c
        3: b 5+1 a 10+6 | done b
        4: a 16+1 | done a

        """)
  }

  @Test func whatIsLeftOfAPromptCounts() throws {
    #expect(
      try log(three, .shortestRemaining) == """
        0: a 0+8
        1: b 0+4 a 8+4
        2: b 4+1 a 12+4 c 0+3
        3: a 16+1 b 5+1 c 3+6 | done a b c

        """)
  }

  /// a is due at 100, b at 1 + 9 and c, of no class, at 1 + 50.
  @Test func whoIsDueFirstIsServedFirst() throws {
    var drawn = three
    drawn[0].requestClass = 1
    drawn[1].requestClass = 2
    let targets = [50, 100, 9].map { ServiceTarget(ttft: SimDuration(nanoseconds: $0)) }
    #expect(
      try log(drawn, .earliestDeadline, targets: targets) == """
        0: a 0+8
        1: b 0+4 c 0+4
        2: b 4+1 c 4+5 a 8+2 | done c
        3: b 5+1 a 10+6 | done b
        4: a 16+1 | done a

        """)
  }

  /// Four full blocks but one, two of which a has when b and c come: c does not fit, and a goes on.
  @Test func whoDoesNotFitLetsPromptsInProgressGoOn() throws {
    #expect(
      try log(
        [
          .own("a", prompt: 12, output: 2), .own("b", at: 1, prompt: 4, output: 1),
          .own("c", at: 1, prompt: 8, output: 1),
        ], .shortestPrompt, blocks: 5) == """
          0: a 0+8
          1: b 0+4 a 8+4 | done b
          2: a 12+1 | done a
          3: c 0+8 | done c

          """)
  }

  // MARK: SLOs-Serve

  /// Eight tokens take ten nanoseconds. By deadline a is first, and would be late: b and c are in time without it.
  @Test func whoCannotBeInTimeMakesWayForMore() throws {
    var drawn: [DrawnRequest] = [
      .own("a", prompt: 16, output: 1), .own("b", prompt: 8, output: 1),
      .own("c", prompt: 8, output: 1),
    ]
    for index in drawn.indices {
      drawn[index].at = 0
      drawn[index].requestClass = UInt16(index + 1)
    }
    let targets = [1, 15, 20, 21].map { ServiceTarget(ttft: SimDuration(nanoseconds: $0)) }
    #expect(
      try log(drawn, .slosServe, targets: targets) == """
        0: b 0+8 | done b
        1: c 0+8 | done c
        2: a 0+8
        3: a 8+8 | done a

        """)
    #expect(try log(drawn, .earliestDeadline, targets: targets).hasPrefix("0: a 0+8\n"))
  }

  /// Iterations as long as a token may take: two nanoseconds beside one for each token.
  @Test func theFastestPaceBoundsIterations() {
    let rules = DeadlineRules(plans: true, keepsPace: true, caution: 1)
    func chunk(_ pace: Int64) -> Int {
      rules.chunk(slack: SimDuration(nanoseconds: pace), freeSlots: .max) {
        SimDuration(nanoseconds: Int64($0) + 2)
      }
    }
    #expect([130, 257, 258, 3000].map(chunk) == [128, 128, 256, 2552])
  }

  // MARK: QoServe

  private let sizes = DeadlineRules.chunkSizes

  @Test func chunksFillTheSlack() {
    #expect(sizes == [128, 256, 512, 768, 1024, 1280, 1536, 1792, 2048, 2552])
    func chunk(slack: Int64?, free: Int = 32_000) -> Int {
      DeadlineRules().chunk(
        slack: slack.map { SimDuration(nanoseconds: $0) }, freeSlots: free
      ) { SimDuration(nanoseconds: Int64($0)) }
    }
    #expect(chunk(slack: nil) == 2552)
    // 1.2 × 768 = 921.6; 1.2 × 1024 = 1228.8.
    #expect(chunk(slack: 922) == 768)
    #expect(chunk(slack: 921) == 512)
    #expect(chunk(slack: 1_000_000) == 2552)
    #expect(chunk(slack: 100) == 128)
    #expect(chunk(slack: 0) == 128)
    #expect(chunk(slack: -5) == 128)
    #expect(chunk(slack: 1_000_000, free: 31_999) == 512)
    #expect(chunk(slack: 500, free: 31_999) == 384)
  }

  /// Every slack against a search of all sizes.
  @Test func chunksAreTheLargestThatFit() {
    for slack in stride(from: Int64(1), through: 4000, by: 7) {
      let limit = SimDuration(nanoseconds: slack)
      let naive = sizes.last { SimDuration(nanoseconds: Int64($0)).seconds * 1.2 <= limit.seconds }
      let ours = DeadlineRules().chunk(slack: limit, freeSlots: .max) {
        SimDuration(nanoseconds: Int64($0))
      }
      #expect(ours == naive ?? 128, "slack \(slack)")
    }
  }

  @Test func throughputForgetsSlowly() {
    var throughput = PrefillThroughput()
    #expect(throughput.end(of: 8500, from: .zero).seconds == 1)
    throughput.observe(tokens: 0, in: SimDuration(rounding: 1))
    throughput.observe(tokens: 1000, in: SimDuration(rounding: 0.5))
    // 0.995 × 8500 + 0.005 × 2000
    #expect((throughput.tokensPerSecond - 8467.5).magnitude < 1e-9)
  }

  /// A batch of 600 s whose 100 tokens take 50 ms each is due at the first after 595 s.
  @Test func aBatchLeavesTimeForItsOutput() {
    var request = Request.at(0, prompt: 10, output: 100)
    request.arrival = SimInstant(nanoseconds: 1_000_000_000)
    let batch = ServiceTarget(
      tpot: SimDuration(rounding: 0.05), e2e: SimDuration(rounding: 600))
    #expect(batch.firstTokenDue(request).seconds == 596)
    #expect(ServiceTarget(e2e: SimDuration(rounding: 600)).firstTokenDue(request).seconds == 601)
    #expect(ServiceTarget(ttft: SimDuration(rounding: 6)).firstTokenDue(request).seconds == 7)
  }

  /// 8500 tokens a second: 17 tokens end 2 ms after they begin. a (due after 1 ms) cannot be in time and stands back, b
  /// (due after 3 ms) can.
  @Test func whoCannotBeInTimeStandsBack() throws {
    var drawn: [DrawnRequest] = [
      .own("a", prompt: 17, output: 1), .own("b", prompt: 17, output: 1),
    ]
    drawn[0].requestClass = 1
    let targets = [3, 1].map { ServiceTarget(ttft: SimDuration(nanoseconds: $0 * 1_000_000)) }
    #expect(
      try log(drawn, .earliestDeadline, budget: 17, targets: targets) == """
        0: a 0+17 | done a
        1: b 0+17 | done b

        """)
    #expect(
      try log(drawn, .qoserve, budget: 17, targets: targets) == """
        0: b 0+17 | done b
        1: a 0+17 | done a

        """)
  }

  /// What matters less waits for all others, whatever is due; an order without relegation does not ask.
  @Test func lowPriorityStandsBackFromTheStart() throws {
    let drawn: [DrawnRequest] = [
      .own("a", prompt: 8, output: 1, priority: 1), .own("b", prompt: 8, output: 1),
    ]
    let targets = [ServiceTarget(ttft: SimDuration(rounding: 1))]
    let aFirst = "0: a 0+8 | done a\n1: b 0+8 | done b\n"
    let bFirst = "0: b 0+8 | done b\n1: a 0+8 | done a\n"
    #expect(try log(drawn, .qoserve, budget: 8, targets: targets) == bFirst)
    #expect(try log(drawn, .earliestDeadline, budget: 8, targets: targets) == aFirst)
    #expect(try log(drawn, .slosServe, budget: 8, targets: targets) == aFirst)
  }

  /// Due alike, the shorter prompt goes first; 8 ms a token.
  @Test func shorterPromptsGoFirstAmongThoseDueAlike() throws {
    var drawn: [DrawnRequest] = [
      .own("a", prompt: 12, output: 1), .own("b", prompt: 8, output: 1),
    ]
    // 12 × 8 ms against 8 × 8 ms: b is put off by 32 ms less, and due 31 ms later.
    drawn[1].requestClass = 1
    func targets(_ later: Int64) -> [ServiceTarget?] {
      [1000, 1000 + later].map { ServiceTarget(ttft: SimDuration(nanoseconds: $0 * 1_000_000)) }
    }
    #expect(try log(drawn, .qoserve, targets: targets(31)).hasPrefix("0: b 0+8 | done b\n"))
    #expect(try log(drawn, .qoserve, targets: targets(33)).hasPrefix("0: a 0+8\n"))
  }

  /// A decode that is due soon holds a prompt of 400 tokens to 128 of them an iteration, one of which is the decode's.
  @Test func urgentDecodesKeepChunksShort() throws {
    var drawn: [DrawnRequest] = [
      .own("a", prompt: 4, output: 9), .own("b", at: 1, prompt: 400, output: 1),
    ]
    drawn[1].requestClass = 1
    func run(tpot: Int64) throws -> String {
      let targets = [
        ServiceTarget(ttft: SimDuration(rounding: 1e-9), tpot: SimDuration(nanoseconds: tpot)),
        ServiceTarget(ttft: SimDuration(rounding: 1)),
      ]
      var timeline = try scheduler(
        drawn, .qoserve, v1Settings(blocks: 9000, budget: 2552, maxModelLength: 500),
        targets: targets)
      timeline.run(steps: 2)
      return timeline.log
    }
    // Its second token is due two tpot behind the first: 1.2 × (128 + 2) = 156, 1.2 × (256 + 2) = 309.6 and 1.2 × (512 + 2) =
    // 616.8 are within it or not.
    #expect(try run(tpot: 154) == "0: a 0+4\n1: a 4+1 b 0+127\n")
    #expect(try run(tpot: 156) == "0: a 0+4\n1: a 4+1 b 0+255\n")
    #expect(try run(tpot: 308) == "0: a 0+4\n1: a 4+1 b 0+255\n")
    #expect(try run(tpot: 310) == "0: a 0+4\n1: a 4+1 b 0+400 | done b\n")
    #expect(try run(tpot: 100_000) == "0: a 0+4\n1: a 4+1 b 0+400 | done b\n")
  }

  // MARK: Every order

  /// Random workloads in small pools: every request ends, with all its tokens, and the pool is free then.
  @Test(arguments: 1...25)
  func everyRequestEndsUnderEveryOrder(seed: Int) throws {
    var random = RandomStream(seed: UInt64(seed), label: "prompt order")
    let drawn = (0..<12).map { id in
      var request = DrawnRequest.own(
        "r\(id)", at: random.below(20), prompt: 1 + random.below(30), output: 1 + random.below(12))
      request.requestClass = UInt16(random.below(3))
      return request
    }.sorted { $0.at < $1.at }
    var settings = v1Settings(
      blocks: 12 + random.below(12), budget: 1 + random.below(40),
      maxSequences: 1 + random.below(8), maxModelLength: 44)
    settings.v1.prefixCaching = random.below(2) == 0
    settings.v1.reserveFullISL = random.below(2) == 0
    let targets: [ServiceTarget?] = [
      ServiceTarget(ttft: SimDuration(nanoseconds: 5), tpot: SimDuration(nanoseconds: 50)),
      ServiceTarget(ttft: SimDuration(rounding: 1), tpot: SimDuration(nanoseconds: 200)),
      ServiceTarget(tpot: SimDuration(nanoseconds: 9), e2e: SimDuration(rounding: 0.001)),
    ]
    for policy in ServicePolicy.all where policy.prompts != nil {
      var timeline = try scheduler(drawn, policy, settings, targets: targets)
      timeline.run(limit: 5000) { timeline in
        let tokens = timeline.plan.scheduled.reduce(0) { $0 + Int($1.tokens) }
        #expect(tokens <= settings.maxBatchedTokens, "\(policy.name), seed \(seed)")
        let requests = timeline.plan.scheduled.map(\.request)
        #expect(Set(requests).count == requests.count, "\(policy.name), seed \(seed)")
      }
      #expect(timeline.emitted == drawn.map(\.output), "\(policy.name), seed \(seed)")
      #expect(timeline.scheduler.memory.pool.heldCount == 0, "\(policy.name), seed \(seed)")
    }
  }

  /// A prompt a, and ten of 16 tokens that come one in each iteration, which fill it. The iteration in which a begins is what its
  /// policy states: as soon as the others that go first have been served, or, by deadlines, when none that comes is due earlier.
  @Test func nobodyWaitsLongerThanThePolicyStates() throws {
    func begin(
      _ policy: ServicePolicy, prompt: Int32 = 17, priority: Int = 0, a: ServiceTarget? = nil,
      others: ServiceTarget? = nil
    ) throws -> Int? {
      var drawn: [DrawnRequest] = [
        .own("a", prompt: Int(prompt), output: 1, priority: priority)
      ]
      for number in 0..<10 {
        drawn.append(.own("b\(number)", at: number, prompt: 16, output: 1))
        drawn[number + 1].requestClass = 1
      }
      drawn.sort { $0.at < $1.at }
      let lines = try log(drawn, policy, budget: 16, targets: [a, others], steps: 40)
        .split(separator: "\n")
      return lines.firstIndex { $0.contains(" a 0+") }
    }
    func due(_ seconds: Double) -> ServiceTarget {
      ServiceTarget(ttft: SimDuration(rounding: seconds))
    }
    #expect(try begin(.shortestPrompt) == 10)
    #expect(try begin(.shortestRemaining) == 10)
    #expect(try begin(.shortestPrompt, prompt: 15) == 0)
    // 17 tokens take two milliseconds: in time it goes first, or stands back for good.
    #expect(try begin(.qoserve, a: due(0.5), others: due(1)) == 0)
    #expect(try begin(.qoserve, a: due(0.001), others: due(1)) == 10)
    #expect(try begin(.qoserve, priority: 1, a: due(0.5), others: due(1)) == 10)
    #expect(try begin(.slosServe, a: due(0.5), others: due(1)) == 0)
    #expect(try begin(.slosServe, a: due(1e-9), others: due(1)) == 10)
    // An iteration takes a nanosecond. The b that comes at 3 is due as late as a, which came earlier.
    #expect(try begin(.earliestDeadline, a: due(4e-9), others: due(1e-9)) == 3)
    #expect(try begin(.earliestDeadline, a: due(1), others: due(1e-9)) == 10)
  }

  /// Nobody who is due earlier than another waits while that one's prompt runs, unless it finds no room.
  @Test(arguments: 1...10)
  func earliestDeadlineNeverServesALaterOneFirst(seed: Int) throws {
    var random = RandomStream(seed: UInt64(seed), label: "edf")
    let drawn = (0..<15).map { id in
      var request = DrawnRequest.own(
        "r\(id)", at: random.below(15), prompt: 1 + random.below(30), output: 1 + random.below(5))
      request.requestClass = UInt16(random.below(2))
      return request
    }.sorted { $0.at < $1.at }
    let targets = [4, 40].map { ServiceTarget(ttft: SimDuration(nanoseconds: $0)) }
    var timeline = try scheduler(
      drawn, .earliestDeadline, v1Settings(blocks: 400, budget: 10, maxSequences: 30),
      targets: targets)
    let due = drawn.map { $0.at + [4, 40][Int($0.requestClass)] }
    timeline.run { timeline in
      let prompts = timeline.plan.scheduled.filter(\.isPrefill).map { Int($0.request) }
      let keys = prompts.map { (due[$0], $0) }
      #expect(zip(keys, keys.dropFirst()).allSatisfy { $0 < $1 }, "seed \(seed)")
    }
  }
}
