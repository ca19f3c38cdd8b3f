import CostModel
import SimulationKernel
import Testing
import Workload

@testable import Fleet
@testable import Serving

/// Routers that know what replicas report, what they sent where, or what prefix caches hold.
@Suite struct RouterTests {
  private struct Stand {
    var outstanding = 0
    var held = 0.0
    var waiting = 0
    var cached = 0
    var tokens = 0
  }

  private func view(_ replicas: [Stand]) -> FleetView {
    var loads = LoadTree()
    for (number, replica) in replicas.enumerated() {
      loads.append()
      loads.set(number, to: replica.outstanding)
    }
    return FleetView(
      open: Array(replicas.indices), loads: loads, heldShare: { replicas[$0].held },
      waiting: { replicas[$0].waiting }, heldTokens: { replicas[$0].tokens },
      cachedTokens: { replicas[$0].cached })
  }

  private func requests(_ count: Int, prompt: Int32) -> [Request] {
    (0..<count).map { .at(Int64($0), prompt: prompt, output: 4) }
  }

  /// Scores of 2 · queue + 2 · free + 3 · prefix, of a prompt of 100 tokens:
  ///
  ///     replica   waiting   held   cached     queue   free   prefix     sum
  ///     0         0         0.9      0         1       0.1    0         2.2
  ///     1         4         0.2     50         0       0.8    0.5       3.1
  ///     2         1         0.5     30         0.75    0.5    0.3       3.4
  ///     3         2         0.1     10         0.5     0.9    0.1       3.1
  @Test func scorersAreWeighted() {
    let replicas = [
      Stand(held: 0.9), Stand(held: 0.2, waiting: 4, cached: 50),
      Stand(held: 0.5, waiting: 1, cached: 30), Stand(held: 0.1, waiting: 2, cached: 10),
    ]
    let run = RoutedRun(requests: requests(1, prompt: 100), seed: 7)
    func pick(_ router: Router, _ count: Int) -> Int {
      var policy = router.make(run)
      return policy.pick(0, in: view(Array(replicas.prefix(count))))
    }
    #expect(pick(.llmdPrecise, 4) == 2)
    #expect(pick(.llmdPrecise, 2) == 1)
    // Without prefixes: 1.1, 0.8, 1.25 and 1.4.
    #expect(pick(.llmdLoad, 4) == 3)
    #expect(pick(.llmdLoad, 3) == 2)
    #expect(pick(.llmdLoad, 2) == 0)
  }

  /// Equals are drawn, each about as often: 300 picks among three, 100 ± 30 (over three standard deviations).
  @Test func equalScoresAreDrawn() {
    for router in [Router.llmdLoad, .random] {
      var policy = router.make(RoutedRun(requests: requests(300, prompt: 4), seed: 3))
      var counts = [0, 0, 0]
      for request in 0..<300 {
        counts[policy.pick(RequestID(request), in: view([Stand(), Stand(), Stand()]))] += 1
      }
      #expect(counts.allSatisfy { abs($0 - 100) < 30 }, "\(router.name) \(counts)")
    }
  }

  /// vLLM counts waiting requests six times where the pool is full, three times at three quarters, and not below half.
  @Test func vllmCountsWhatWaitsWhereThePoolIsFull() {
    func pick(_ replicas: [Stand]) -> Int {
      var policy = Router.vllmDataParallel.make(RoutedRun(requests: [], seed: 0))
      return policy.pick(0, in: view(replicas))
    }
    let half = Stand(outstanding: 9, held: 0.5, waiting: 5)
    #expect(pick([half, Stand(outstanding: 10)]) == 0)
    // 9 + 6 · 5 · 0.25 = 16.5.
    let fuller = Stand(outstanding: 9, held: 0.75, waiting: 5)
    #expect(pick([fuller, Stand(outstanding: 16)]) == 1)
    #expect(pick([fuller, Stand(outstanding: 17)]) == 0)
  }

  /// Tokens to compute, queued ones and held ones, of prompts of 100: 150, 140 and 110; then the prompt waits where it went,
  /// which has 50 more to compute.
  @Test func dynamoCountsWhatIsComputedAndHeld() {
    var policy = Router.dynamo.make(RoutedRun(requests: requests(3, prompt: 100), seed: 0))
    var replicas = [
      Stand(tokens: 50), Stand(cached: 80, tokens: 120), Stand(cached: 50, tokens: 60),
    ]
    #expect(policy.pick(0, in: view(replicas)) == 2)
    replicas[2].waiting = 1
    #expect(policy.pick(1, in: view(replicas)) == 1)
    // It runs now, and its tokens are held.
    (replicas[2].waiting, replicas[2].tokens) = (0, 85)
    #expect(policy.pick(2, in: view(replicas)) == 2)
  }

  /// Prompts of 64 tokens: a whole one that is known, a quarter of one, two quarters of one, and nothing.
  @Test func cacheAwareFollowsPrefixesUntilLoadsAreUneven() {
    var contents = PromptContents()
    let shared: [(stream: Int64, tokens: Int32)] = [(1, 64), (2, 64), (1, 64), (1, 16), (1, 32)]
    for (index, prompt) in shared.enumerated() {
      contents.append([
        TokenPiece(stream: prompt.stream, start: 0, count: prompt.tokens),
        TokenPiece(
          stream: PromptContents.ownStream(of: index), start: 0, count: 64 - prompt.tokens),
      ])
    }
    let run = RoutedRun(requests: requests(5, prompt: 64), contents: contents, seed: 0)
    func known(_ thresholds: CacheAware.Thresholds) -> CacheAware {
      var policy = CacheAware(thresholds, run)
      #expect(policy.pick(0, in: view([Stand(), Stand()])) == 0)
      #expect(policy.pick(1, in: view([Stand(), Stand()])) == 1)
      return policy
    }
    func pick(
      _ request: RequestID, _ loads: [Int], _ thresholds: CacheAware.Thresholds = .commandLine
    ) -> Int {
      var policy = known(thresholds)
      return policy.pick(request, in: view(loads.map { Stand(outstanding: $0) }))
    }
    #expect(pick(2, [64, 0]) == 0)
    #expect(pick(2, [65, 0]) == 1)
    #expect(pick(2, [195, 130]) == 0 && pick(2, [196, 130]) == 1)
    #expect(pick(3, [1, 0]) == 1 && pick(4, [1, 0]) == 0)
    #expect(pick(4, [1, 0], .library) == 1 && pick(2, [33, 0], .library) == 1)
  }

  /// A session keeps its replica while others come and go, unless its own does; sessions are spread.
  @Test func sessionsKeepTheirReplicas() {
    let sessions = (0..<200).map { Request(promptTokens: 4, outputTokens: 4, session: $0) }
    func picks(_ open: [Int]) -> [Int] {
      var policy = Router.session.make(RoutedRun(requests: sessions, seed: 7))
      var loads = LoadTree()
      for number in 0..<4 {
        loads.append()
        if open.contains(number) { loads.set(number, to: 0) }
      }
      let view = FleetView(open: open, loads: loads, heldShare: { _ in 0 })
      return sessions.indices.map { policy.pick(RequestID($0), in: view) }
    }
    let all = picks([0, 1, 2, 3])
    #expect((0..<4).allSatisfy { replica in all.count { $0 == replica } > 25 })
    for (before, after) in zip(all, picks([0, 1, 3])) where before != 2 { #expect(after == before) }
  }

  /// Blocks of 4 tokens, of which 3 are looked at, in an index of 5 a replica.
  @Test func theEstimateForgetsTheOldest() {
    var contents = PromptContents()
    for stream: Int64 in [1, 2, 1, 3] {
      contents.append([TokenPiece(stream: stream, start: 0, count: 18)])
    }
    var rules = EstimatedIndex.Rules()
    (rules.blockTokens, rules.tokensMax, rules.blocksPerReplica) = (4, 12, 5)
    var index = EstimatedIndex(rules, requests(4, prompt: 18), contents)
    let keys = (0..<4).map { index.keys(of: $0) }
    #expect(keys.map(\.count) == [3, 3, 3, 3])
    #expect(keys[0] == keys[2])
    #expect(Set(keys.joined()).count == 9)
    index.record(keys[0], at: 1)
    #expect(index.matched(keys[2], at: 1) == 3)
    #expect(index.matched(keys[2], at: 0) == 0)
    // Two more blocks fit; the first of the prompt goes, and what is behind it counts no longer.
    index.record(keys[1], at: 1)
    #expect(index.matched(keys[1], at: 1) == 3)
    #expect(index.matched(keys[2], at: 1) == 0)
  }

  /// Against a list that is searched.
  @Test(arguments: 0..<8 as Range<UInt64>) func recentKeysAreThoseOfAList(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "keys")
    var (recent, list) = (RecentKeys(capacity: 6), [UInt64]())
    for _ in 0..<500 {
      let key = UInt64(chance.below(12))
      recent.use(key)
      list.removeAll { $0 == key }
      list.append(key)
      if list.count > 6 { list.removeFirst() }
      for key in 0..<12 as Range<UInt64> { #expect(recent.contains(key) == list.contains(key)) }
    }
  }
}

/// What a router knows of replicas that report with a period.
@Suite struct LoadReportTests {
  private func place(_ nanoseconds: Int64) -> Fleet.Place {
    var settings = EngineSettings(
      blockSize: 4, deviceBlocks: 24, hostBlocks: 0, maxSequences: 5, maxBatchedTokens: 60,
      maxModelLength: 56)
    settings.stepping = .event
    settings.v1.prefixCaching = true
    return Fleet.Place {
      try ServingSystem.vllmV1.replica(
        $0, settings: settings, executor: PricedExecutor(FixedPrices(nanoseconds: nanoseconds)))
    }
  }

  private func load(seed: UInt64) -> Fleet.Load {
    var chance = RandomStream(seed: seed, label: "reports")
    var arrival: Int64 = 0
    var contents = PromptContents()
    let requests = (0..<60).map { index in
      arrival += chance.below(2) == 0 ? Int64(chance.below(40)) * 10 : 0
      let prompt = Int32(9 + chance.below(16))
      contents.append([
        TokenPiece(stream: Int64(chance.below(4)), start: 0, count: 8),
        TokenPiece(
          stream: PromptContents.ownStream(of: index), start: 0, count: prompt - 8),
      ])
      return Request.at(arrival, prompt: prompt, output: 3)
    }
    return Fleet.Load(requests, contents: contents)
  }

  /// Reports of every nanosecond are the state of the instant, where nobody waits for answers: of what leaves at the instant
  /// of a report it does not tell.
  @Test(arguments: Router.all, 0..<6 as Range<UInt64>)
  func reportsWithoutDelayAreExact(router: Router, seed: UInt64) throws {
    let places = [place(60), place(95), place(130)]
    let load = load(seed: seed)
    var reported = router
    reported.loadPeriod = SimDuration(nanoseconds: 1)
    let exact = try Fleet.serve(load, on: places, router: router, seed: seed).record
    let late = try Fleet.serve(load, on: places, router: reported, seed: seed).record
    #expect(exact.assignment == late.assignment)
    #expect(exact.milestones == late.milestones)
  }

  /// A request every 100 ns, an answer of one token each; iterations of 900 and of 50 ns. That replica 0 is slow is known
  /// from the report at 1,000 ns on, when it has four requests and replica 1 none.
  ///
  ///     sent to      0 1 0 1 0 1 0 1 0 1 │ 1 1
  ///     known of 0   0 1 1 2 2 3 3 4 4 5 │ 4 4
  ///     known of 1   0 0 1 1 2 2 3 3 4 4 │ 0 1
  @Test func whatWasSentCountsUntilTheNextReport() throws {
    let requests = (0..<12).map { Request.at($0 * 100, prompt: 4, output: 1) }
    func sent(_ router: Router) throws -> [Int32] {
      try Fleet.serve(Fleet.Load(requests), on: [place(900), place(50)], router: router)
        .record.assignment
    }
    var router = Router.leastOutstanding
    router.loadPeriod = SimDuration(nanoseconds: 1000)
    #expect(try sent(router) == [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 1, 1])
    #expect(try sent(.leastOutstanding).prefix(9) == [0, 1, 1, 1, 1, 1, 1, 1, 1])
  }

  /// Two clients, three answers of three tokens, iterations of 3,000 and of 350 ns. Replica 1 answers at 1,050 ns, and the
  /// client sends on at once; the report is of 1,000 ns, when both had a request.
  ///
  ///     replica 0   ├──────────── request 0 ───────────···
  ///     replica 1   ├── 1 ───────────┤ 2 is sent
  ///     reports     │ 0, 0         │ 1, 1
  @Test func aReportIsNoYoungerThanItsPeriodSays() throws {
    var load = Fleet.Load((0..<3).map { _ in Request.at(0, prompt: 4, output: 3) })
    load.clients = 2
    func sent(_ router: Router) throws -> [Int32] {
      try Fleet.serve(load, on: [place(3000), place(350)], router: router).record.assignment
    }
    var router = Router.leastOutstanding
    router.loadPeriod = SimDuration(nanoseconds: 1000)
    #expect(try sent(router) == [0, 1, 0])
    #expect(try sent(.leastOutstanding) == [0, 1, 1])
  }

  /// The precise router sends a prompt to who has it, and looking does not change what caches do: each of four beginnings
  /// is computed by one replica where they come one after the other.
  @Test func preciseFindsWhoHasThePrefix() throws {
    var contents = PromptContents()
    let families: [Int64] = [0, 1, 0, 1, 1, 0]
    for (index, family) in families.enumerated() {
      contents.append([
        TokenPiece(stream: family, start: 0, count: 16),
        TokenPiece(stream: PromptContents.ownStream(of: index), start: 0, count: 4),
      ])
    }
    let requests = families.indices.map { Request.at(Int64($0) * 10_000, prompt: 20, output: 2) }
    let load = Fleet.Load(requests, contents: contents)
    let record = try Fleet.serve(
      load, on: [place(100), place(100)], router: .llmdPrecise, seed: 1
    ).record
    #expect(record.assignment[2] == record.assignment[0])
    #expect(record.assignment[3] == record.assignment[1])
    #expect(record.assignment[4] == record.assignment[1])
    #expect(record.assignment[5] == record.assignment[0])
    #expect(record.replicas.reduce(0) { $0 + ($1.prefixCache?.hitTokens ?? 0) } == 4 * 16)
  }
}
