import Foundation
import KVMemory
import SimulationKernel
import Testing
import Workload

@testable import Fleet
@testable import Serving

/// Replicas that prefill, or decode, and fail: what is lost, who serves it again, and which blocks stay.
@Suite struct RoleFailureTests {
  /// A replica whose iterations take 100 ns, and of which 10 bytes a token are read.
  private func place(
    _ role: ReplicaRole, blocks: Int = 24, isAsynchronous: Bool = false, ranks: Int = 1
  ) -> Fleet.Place {
    var settings = EngineSettings(
      blockSize: 4, deviceBlocks: blocks, maxSequences: 5, maxBatchedTokens: 60, maxModelLength: 56)
    settings.v1.isAsynchronous = isAsynchronous
    settings.dataParallel = ranks
    var place = Fleet.Place { [settings] in
      try ServingSystem.vllmV1.replica(
        $0, settings: settings, executor: PricedExecutor(FixedPrices(nanoseconds: 100)))
    }
    place.role = role
    place.kvBytes = { tokens, _ in 10 * tokens }
    return place
  }

  private func at(_ nanoseconds: Int64) -> SimInstant { SimInstant(nanoseconds: nanoseconds) }

  private func outage(_ replica: Int, _ start: Int64, _ length: Int64? = nil) -> Failures.Outage {
    Failures.Outage(
      replica: replica, start: at(start), length: length.map { SimDuration(nanoseconds: $0) })
  }

  private func link(latency: Int64, bandwidth: Double = 1e9) -> KVLink {
    KVLink(latency: SimDuration(nanoseconds: latency), bandwidth: bandwidth)
  }

  /// 80 bytes take 50 ns and then 1 ns each; replica 0 fails in its first iteration.
  ///
  ///     prefill 0   |p0 ✗                            request 0 begins again at 60
  ///     prefill 1   |p1   |p0   |                    and waits for the iteration that runs
  ///     link              ·── 1 ──| ·── 0 ──|
  ///     decode 2                  |d1   |d1 d0|d0 |
  ///                 0     100    230   330   430 530
  @Test func aPromptIsComputedElsewhere() throws {
    let record = try Fleet.serve(
      Fleet.Load([.at(0, prompt: 8, output: 2), .at(0, prompt: 8, output: 2)]),
      on: [place(.prefill), place(.prefill), place(.decode)], router: .roundRobin,
      link: link(latency: 50), failures: .listed([outage(0, 60)])
    ).record
    #expect(record.assignment == [1, 1] && record.handOffs.map(\.replica) == [2, 2])
    #expect(record.handOffs.map(\.prefilled) == [at(200), at(100)])
    #expect(record.milestones.map(\.firstToken) == [at(430), at(330)])
    #expect(record.milestones.map(\.finish) == [at(530), at(430)])
    var totals = ReplicaFailures()
    (totals.failures, totals.retriedRequests, totals.lostTokens) = (1, 1, 8)
    totals.down = SimDuration(nanoseconds: 470)
    #expect(record.failures == [totals, ReplicaFailures(), ReplicaFailures()])
    #expect(record.arrivedCount == 2 && record.emittedTokens == 4)
  }

  /// The blocks that are being read are gone: the reader gives its own up, without which it could not take the request
  /// again in a pool of three blocks.
  ///
  ///     prefill 0   |p0   |····✗
  ///     prefill 1              |p0   |
  ///     link               ·── ✗      ·── 0 ──|
  ///     decode 2                              |d0   |d0   |
  ///                 0     100  200   300     430   530   630
  @Test func whatIsReadOfAFailedReplicaIsLost() throws {
    let record = try Fleet.serve(
      Fleet.Load([.at(0, prompt: 8, output: 2)]),
      on: [place(.prefill), place(.prefill), place(.decode, blocks: 4)], router: .roundRobin,
      link: link(latency: 50), failures: .listed([outage(0, 200)])
    ).record
    let handOff = record.handOffs[0]
    #expect([handOff.prefilled, handOff.asked, handOff.arrived] == [at(300), at(300), at(430)])
    #expect(record.milestones[0].firstToken == at(530) && record.milestones[0].finish == at(630))
    #expect(handOff.bytes == 80 && record.assignment == [1])
    #expect(record.failures.map(\.retriedRequests) == [1, 0, 0])
  }

  /// What was decoded is thrown away, and the prompt computed again by the replica that had it.
  ///
  ///     prefill 0   |p0   |                      |p0   |
  ///     decode 1                |d0   |d0 ✗
  ///     decode 2                                             |d0   |d0   |d0   |
  ///                 0    100   230   330 400    500         630   730   830   930
  @Test func anAnswerBeginsAgainElsewhere() throws {
    let record = try Fleet.serve(
      Fleet.Load([.at(0, prompt: 8, output: 3)]),
      on: [place(.prefill), place(.decode), place(.decode)], router: .roundRobin,
      link: link(latency: 50), failures: .listed([outage(1, 400, 10)])
    ).record
    #expect(record.handOffs[0].replica == 2 && record.handOffs[0].prefilled == at(500))
    #expect(record.milestones[0].firstToken == at(730) && record.milestones[0].finish == at(930))
    #expect(record.failures.map(\.lostTokens) == [0, 9, 0])
    #expect(record.failures.map(\.retriedRequests) == [0, 1, 0])
  }

  /// Replica 2 fails before it has read request 0, whose blocks fill the pool of replica 0: request 2 has to wait there until
  /// their lease ends, while request 0 is computed by replica 1.
  @Test func blocksStayUntilTheirLeaseEnds() throws {
    let requests = [0, 0, 200].map { Request.at($0, prompt: 8, output: 2) }
    let record = try Fleet.serve(
      Fleet.Load(requests),
      on: [place(.prefill, blocks: 3), place(.prefill), place(.decode), place(.decode)],
      router: .roundRobin, link: link(latency: 500, bandwidth: .infinity),
      failures: .listed([outage(2, 300)])
    ).record
    #expect(record.assignment == [1, 1, 0])
    #expect(record.handOffs[0].prefilled == at(400))
    #expect(record.milestones[2].firstScheduled == at(30_000_000_100))
  }

  /// A request that comes to the same replica again takes the place of its old blocks.
  @Test(arguments: [false, true]) func oldBlocksMakeRoomForTheRequestItself(isAsynchronous: Bool)
    throws
  {
    let record = try Fleet.serve(
      Fleet.Load([.at(0, prompt: 8, output: 2)]),
      on: [
        place(.prefill, blocks: 3, isAsynchronous: isAsynchronous), place(.decode), place(.decode),
      ],
      router: .roundRobin, link: link(latency: 500, bandwidth: .infinity),
      failures: .listed([outage(1, 300)])
    ).record
    #expect(record.milestones[0].firstScheduled == at(300))
    #expect(record.handOffs[0].prefilled == at(400) && record.handOffs[0].arrived == at(900))
    #expect(record.milestones[0].finish == at(1100))
  }

  @Test func leasesAreExtendedByWords() {
    func seconds(_ heard: Int64) -> Int64 {
      let end = Lease.end(prefilled: at(7), lastHeard: at(7 + heard * 1_000_000_000))
      return (end - at(7)).nanoseconds / 1_000_000_000
    }
    #expect([0, 4, 10, 14, 15, 19, 22, 60].map(seconds) == [30, 30, 30, 30, 35, 35, 40, 80])
  }

  /// The only replica that decodes is down from 50 to 1000: a computed prompt waits with its blocks, and who comes meanwhile
  /// waits at the router.
  @Test func requestsWaitForARole() throws {
    let requests = [0, 200].map { Request.at($0, prompt: 8, output: 2) }
    let record = try Fleet.serve(
      Fleet.Load(requests), on: [place(.prefill), place(.decode)],
      failures: .listed([outage(1, 50, 950)])
    ).record
    #expect(record.handOffs.map(\.prefilled) == [at(100), at(1100)])
    #expect(record.milestones.map(\.firstScheduled) == [at(0), at(1000)])
    // Its blocks are there when the iteration that began at 1100 ends.
    #expect(record.milestones.map(\.finish) == [at(1200), at(1400)])
    #expect(record.failures.map(\.retriedRequests) == [0, 0])
  }

  /// A computed prompt that waits longer than its lease is computed again when a replica decodes.
  @Test func aLeaseThatEndsCostsThePrompt() throws {
    let back: Int64 = 40_000_000_000
    let record = try Fleet.serve(
      Fleet.Load([.at(0, prompt: 8, output: 2)]), on: [place(.prefill), place(.decode)],
      failures: .listed([outage(1, 50, back)])
    ).record
    #expect(record.milestones[0].firstScheduled == at(50 + back))
    #expect(record.milestones[0].finish == at(350 + back))
  }

  /// Nobody decodes any more: what is computed already, and what comes, is rejected.
  @Test func requestsAreRejectedWithoutARole() throws {
    let requests = [0, 0, 200].map { Request.at($0, prompt: 8, output: 3) }
    for role in [0, 1] {
      let record = try Fleet.serve(
        Fleet.Load(requests), on: [place(.prefill), place(.decode)],
        failures: .listed([outage(role, 50)])
      ).record
      #expect(record.milestones.map(\.isRejected) == [true, true, true])
      #expect(record.outcomes().rejected == 3 && record.arrivedCount == 3)
      #expect(record.failures.map(\.retriedRequests) == (role == 0 ? [2, 0] : [0, 0]))
    }
  }

  /// The replica that was picked to decode fails while the prompt is computed: another does.
  @Test func whoWasToDecodeMayFail() throws {
    var decoders = [place(.decode), place(.decode)]
    for index in decoders.indices { decoders[index].localPrefillMax = 4 }
    let record = try Fleet.serve(
      Fleet.Load([.at(0, prompt: 8, output: 2)]), on: [place(.prefill)] + decoders,
      router: .roundRobin, failures: .listed([outage(1, 50)])
    ).record
    #expect(record.handOffs[0].replica == 2 && record.handOffs[0].prefilled == at(100))
    #expect(record.milestones[0].finish == at(300))
  }

  /// Failures that never come change nothing.
  @Test func failuresThatDoNotComeChangeNothing() throws {
    let requests = (0..<30).map { Request.at(Int64($0) * 70, prompt: 9, output: 7) }
    let places = [place(.prefill), place(.prefill), place(.decode), place(.decode)]
    for router in Router.all {
      func serve(_ failures: Failures?) throws -> RunRecord {
        try Fleet.serve(
          Fleet.Load(requests), on: places, router: router, link: link(latency: 90),
          failures: failures
        ).record
      }
      let (plain, failing) = (try serve(nil), try serve(.listed([outage(1, 1_000_000, 5)])))
      #expect(failing.milestones == plain.milestones && failing.assignment == plain.assignment)
      #expect(failing.handOffs == plain.handOffs && failing.end == plain.end)
      #expect(failing.failures.count == 4 && plain.failures == [])
    }
  }

  // MARK: Random fleets

  /// As many random fleets as `KVPLAN_FUZZ_FLEETS` says: no request is lost or served twice, nobody serves while down, E2E ≥
  /// TTFT, bytes are conserved, and every slot of every pool is accounted for in every nanosecond, whoever fails when.
  @Test func nothingIsLostOrServedTwice() throws {
    let count = ProcessInfo.processInfo.environment["KVPLAN_FUZZ_FLEETS"].flatMap(UInt64.init)
    for seed in 0..<(count ?? 300) { try check(seed: seed) }
  }

  private func outages(of replica: Int, _ chance: inout RandomStream) -> [Failures.Outage] {
    var time: Int64 = 0
    var isBack = true
    return (0..<chance.below(4)).compactMap { _ in
      guard isBack else { return nil }
      time += Int64(1 + chance.below(120)) * 10
      defer { time += 500 }
      isBack = chance.below(12) > 0
      return outage(replica, time, isBack ? Int64(1 + chance.below(50)) * 10 : nil)
    }
  }

  private func check(seed: UInt64) throws {
    var chance = RandomStream(seed: seed, label: "failing roles")
    var arrival: Int64 = 0
    let requests = (0..<1 + chance.below(24)).map { _ in
      arrival += chance.below(2) == 0 ? Int64(chance.below(40)) * 10 : 0
      return Request.at(
        arrival, prompt: Int32(1 + chance.below(24)), output: Int32(1 + chance.below(24)))
    }
    let localPrefillMax = [nil, nil, 10][chance.below(3)]
    let roles =
      Array(repeating: ReplicaRole.prefill, count: 1 + chance.below(3))
      + Array(repeating: .decode, count: 1 + chance.below(3))
    let places = roles.map { role in
      let isAsynchronous = chance.below(4) == 0
      var place = place(
        role, blocks: 14 + chance.below(20), isAsynchronous: isAsynchronous,
        ranks: isAsynchronous ? 1 : 1 + chance.below(2))
      if role == .decode { place.localPrefillMax = localPrefillMax }
      return place
    }
    var load = Fleet.Load(requests)
    if chance.below(3) == 0 { load.clients = 1 + chance.below(5) }
    let link = link(
      latency: Int64(chance.below(3)) * 90, bandwidth: [.infinity, 1e9, 5e8][chance.below(3)])
    let router = Router.all[chance.below(Router.all.count)]
    let isDrawn = chance.below(4) == 0
    let listed = isDrawn ? [] : roles.indices.flatMap { outages(of: $0, &chance) }
    let record = try Fleet.serve(
      load, on: places, router: router, link: link,
      failures: isDrawn ? .drawn(meanUp: 8000e-9, meanDown: 300e-9) : .listed(listed), seed: seed
    ).record
    #expect(record.arrivedCount == requests.count, "seed \(seed)")
    #expect(isDrawn || listed.contains { $0.length == nil } || record.outcomes().rejected == 0)
    func isUp(_ replica: Int32, _ begin: SimInstant?, _ end: SimInstant?) throws -> Bool {
      let (begin, end) = (try #require(begin), try #require(end))
      return !listed.contains { $0.replica == replica && $0.start <= end && $0.end > begin }
    }
    var tokens = 0
    for (index, request) in record.requests.enumerated() {
      let (handOff, milestones) = (record.handOffs[index], record.milestones[index])
      let finish = milestones.finish
      guard !milestones.isRejected else {
        #expect(finish == nil, "seed \(seed)")
        continue
      }
      tokens += Int(request.outputTokens)
      let replica = record.assignment[index]
      guard places[Int(replica)].role == .prefill else {
        #expect(handOff == HandOff() && Int(request.promptTokens) <= localPrefillMax ?? -1)
        #expect(try isUp(replica, milestones.firstScheduled, finish), "seed \(seed)")
        continue
      }
      let moments = [
        request.arrival, milestones.firstScheduled, handOff.prefilled, handOff.asked,
        handOff.arrived, handOff.scheduled, milestones.firstToken, finish,
      ].compactMap { $0 }
      #expect(moments.count == 8 && moments == moments.sorted(), "seed \(seed)")
      #expect(handOff.bytes == 10 * Int(request.promptTokens), "seed \(seed)")
      #expect(try isUp(replica, milestones.firstScheduled, handOff.arrived), "seed \(seed)")
      #expect(try isUp(handOff.replica, handOff.asked, finish), "seed \(seed)")
    }
    let retried = record.failures.reduce(0) { $0 + $1.retriedRequests }
    #expect(record.emittedTokens >= tokens, "seed \(seed)")
    #expect(retried > 0 || record.emittedTokens == tokens, "seed \(seed)")
    let end = Int128((record.end - .zero).nanoseconds)
    for replica in record.replicas where end > 0 {
      let sums = replica.history.total
      let slots =
        sums.tokenState + sums.reserved + sums.internalFragmentation + sums.externalFragmentation
        + sums.cached + sums.free
      #expect(slots % end == 0, "seed \(seed)")
    }
  }
}
