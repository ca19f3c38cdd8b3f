import Foundation
import KVMemory
import Serving
import SimulationKernel
import Testing
import Workload

@testable import Fleet

/// Replicas that fail and return: what is lost, who serves it again, and what waits.
@Suite struct FailureTests {
  private func place(
    _ system: ServingSystem = .vllmV1, nanoseconds: Int64 = 100, blocks: Int = 200
  ) -> Fleet.Place {
    var settings = EngineSettings(
      blockSize: 4, deviceBlocks: blocks, hostBlocks: 1000, maxSequences: 5, maxBatchedTokens: 60,
      maxModelLength: 56)
    settings.stepping = .event
    return Fleet.Place { [settings] in
      try system.replica(
        $0, settings: settings, executor: PricedExecutor(FixedPrices(nanoseconds: nanoseconds)))
    }
  }

  private func at(_ nanoseconds: Int64) -> SimInstant { SimInstant(nanoseconds: nanoseconds) }

  private func outage(_ replica: Int, _ start: Int64, _ length: Int64? = nil) -> Failures.Outage {
    Failures.Outage(
      replica: replica, start: at(start), length: length.map { SimDuration(nanoseconds: $0) })
  }

  /// Iterations of 100 ns; request 0 on replica 0, request 1 on replica 1, which fails at 250 and is back at 800.
  ///
  ///     replica 0   |p0 |d0 | |p1 |d1 |d1 |d1 |         request 1 begins again at once
  ///     replica 1   |p1 |d1 |✗                          two tokens of its answer are thrown away
  ///                 0  100 200 350 450 550 650
  @Test func aFailureSendsItsRequestsElsewhere() throws {
    let requests = [Request.at(0, prompt: 4, output: 2), .at(0, prompt: 8, output: 4)]
    for router in [Router.roundRobin, .leastOutstanding, .leastKV] {
      let record = try Fleet.serve(
        Fleet.Load(requests), on: [place(), place()], router: router,
        failures: .listed([outage(1, 250, 550)])
      ).record
      #expect(record.milestones.map(\.firstToken) == [at(100), at(350)])
      #expect(record.milestones.map(\.finish) == [at(200), at(650)])
      #expect(record.assignment == [0, 0] && record.arrivedCount == 2)
      // Prompt and first token are held; the second is computed in the third iteration, whose slot is held too.
      var totals = ReplicaFailures()
      (totals.failures, totals.retriedRequests, totals.lostTokens) = (1, 1, 10)
      // The run ends at 650, before it is back.
      totals.down = SimDuration(nanoseconds: 400)
      #expect(record.failures == [ReplicaFailures(), totals])
      // Tokens that were thrown away were emitted all the same.
      #expect(record.replicas.map(\.emittedTokens) == [6, 2])
    }
  }

  /// The only replica is down from 150 to 500: what it had and what came meanwhile wait at the router.
  @Test func requestsWaitWhileNoReplicaRuns() throws {
    var load = Fleet.Load([.at(0, prompt: 4, output: 2), .at(300, prompt: 4, output: 1)])
    for warmups in [0, 2] {
      load.warmups = warmups
      let record = try Fleet.serve(
        load, on: [place()], failures: .listed([outage(0, 150, 350)])
      ).record
      #expect(record.milestones.map(\.firstToken) == [at(600), at(600)])
      #expect(record.milestones.map(\.finish) == [at(700), at(600)])
      #expect(record.failures[0].down == SimDuration(nanoseconds: 350))
    }
  }

  /// Nobody returns: what had not ended is rejected, and no replica has it.
  @Test func requestsAreRejectedWhereNoneReturns() throws {
    let requests = [0, 0, 100, 400].map { Request.at($0, prompt: 4, output: 3) }
    let record = try Fleet.serve(
      Fleet.Load(requests), on: [place(), place()], router: .roundRobin,
      failures: .listed([outage(0, 350), outage(1, 360)])
    ).record
    #expect(record.milestones.map(\.isRejected) == [false, false, true, true])
    #expect(record.assignment == [0, 1, -1, -1] && record.arrivedCount == 4)
    #expect(record.outcomes().rejected == 2 && record.replica(of: 3) == nil)
    #expect(record.failures.map(\.retriedRequests) == [1, 1])
  }

  /// A replica that fails and returns at one instant has lost its prefix cache: each prompt is computed anew, and hits are
  /// counted over both engines.
  @Test func aFailureEmptiesThePrefixCache() throws {
    var contents = PromptContents()
    for _ in 0..<3 { contents.append([TokenPiece(stream: 1, start: 0, count: 8)]) }
    let requests = [0, 1000, 3000].map { Request.at($0, prompt: 8, output: 1) }
    func hits(_ failures: Failures?) throws -> [Int?] {
      var load = Fleet.Load(requests, contents: contents)
      load.window = MeasuringWindow()
      var cached = place()
      cached.make = { setup in
        var settings = EngineSettings(
          blockSize: 4, deviceBlocks: 20, hostBlocks: 0, maxSequences: 5, maxBatchedTokens: 60,
          maxModelLength: 56)
        settings.stepping = .event
        settings.v1.prefixCaching = true
        return try ServingSystem.vllmV1.replica(
          setup, settings: settings, executor: PricedExecutor(FixedPrices(nanoseconds: 100)))
      }
      let record = try Fleet.serve(load, on: [cached], failures: failures).record
      return requests.indices.map { record.cachedTokens(of: $0) }
        + [record.prefixCache?.queriedTokens, record.prefixCache?.hitTokens]
    }
    #expect(try hits(nil) == [0, 4, 4, 24, 8])
    #expect(try hits(.listed([outage(0, 2000, 1)])) == [0, 4, 0, 24, 4])
  }

  /// Twenty iterations of 100 ns on a replica that runs for 100 ns in the mean: that never comes to its end.
  @Test func aRequestThatNeverEndsIsSaid() throws {
    #expect {
      try Fleet.serve(
        Fleet.Load([Request.at(0, prompt: 4, output: 20)]), on: [place()],
        failures: .drawn(meanUp: 100e-9, meanDown: 10e-9))
    } throws: { error in
      guard case .neverEnds(0, 1000, _)? = error as? RunFailure else { return false }
      return true
    }
  }

  /// As many random fleets as `KVPLAN_FUZZ_FLEETS` says: no request is lost or served twice, E2E ≥ TTFT, and every slot
  /// of every pool is accounted for in every nanosecond, whoever fails when.
  @Test func nothingIsLostOrServedTwice() throws {
    let count = ProcessInfo.processInfo.environment["KVPLAN_FUZZ_FLEETS"].flatMap(UInt64.init)
    for seed in 0..<(count ?? 300) { try check(seed: seed) }
  }

  private static let systems: [ServingSystem] = [
    .vllmV1, .sglang05, .orcaOracle, .fasterTransformer,
  ]

  private func check(seed: UInt64) throws {
    var chance = RandomStream(seed: seed, label: "failing fleets")
    let system = Self.systems[chance.below(Self.systems.count)]
    let router = Router.all[chance.below(Router.all.count)]
    let replicas = 1 + chance.below(4)
    var arrival: Int64 = 0
    let requests = (0..<1 + chance.below(24)).map { _ in
      arrival += chance.below(2) == 0 ? Int64(chance.below(40)) * 10 : 0
      return Request.at(
        arrival, prompt: Int32(1 + chance.below(20)), output: Int32(1 + chance.below(20)))
    }
    var load = Fleet.Load(requests)
    load.keepsPreemptions = true
    if chance.below(3) == 0 { load.clients = 1 + chance.below(5) }
    let blocks = system.capabilities.isPaged ? 24 : 90
    let failures: Failures =
      chance.below(4) == 0
      ? .drawn(meanUp: 1500e-9, meanDown: 300e-9)
      : .listed(
        (0..<replicas).flatMap { replica in
          var time: Int64 = 0
          return (0..<chance.below(4)).map { _ in
            time += Int64(1 + chance.below(120)) * 10
            defer { time += 500 }
            return outage(replica, time, Int64(1 + chance.below(50)) * 10)
          }
        })
    let places = (0..<replicas).map {
      place(system, nanoseconds: 60 + 35 * Int64($0), blocks: blocks)
    }
    let record = try Fleet.serve(
      load, on: places, router: router, failures: failures, seed: seed
    ).record
    #expect(record.arrivedCount == requests.count, "seed \(seed)")
    #expect(record.assignment.count == requests.count, "seed \(seed)")
    var tokens = 0
    for (request, milestones) in zip(record.requests, record.milestones) {
      let finish = try #require(milestones.finish, "seed \(seed)")
      let first = try #require(milestones.firstToken, "seed \(seed)")
      #expect(request.arrival < first && first <= finish, "seed \(seed)")
      tokens += Int(request.outputTokens)
    }
    // What a replica that failed did to a request is forgotten with it.
    for (id, milestones) in record.milestones.enumerated() {
      let count = milestones.preemptionsRecompute + milestones.preemptionsSwap
      #expect(record.preemptions(of: id).count == count, "seed \(seed)")
    }
    // Each answer is given once, and what was thrown away comes on top only where something was.
    let retried = record.failures.reduce(0) { $0 + $1.retriedRequests }
    #expect(record.emittedTokens >= tokens, "seed \(seed)")
    #expect(retried > 0 || record.emittedTokens == tokens, "seed \(seed)")
    let end = Int128((record.end - .zero).nanoseconds)
    let slots = record.replicas.map { replica in
      let sums = replica.history.total
      return sums.tokenState + sums.reserved + sums.internalFragmentation
        + sums.externalFragmentation + sums.cached + sums.free
    }
    #expect(Set(slots).count == 1 && slots[0] % end == 0, "seed \(seed)")
  }

  // MARK: Under an autoscaler

  private func autoscaler(_ replicas: ClosedRange<Int>) -> Autoscaler {
    Autoscaler(
      minReplicas: replicas.lowerBound, maxReplicas: replicas.upperBound,
      interval: SimDuration(nanoseconds: 500), startUp: SimDuration(nanoseconds: 300),
      targetRate: 4e6, patience: 1)
  }

  private func clumps(_ count: Int, _ chance: inout RandomStream) -> [Request] {
    var arrival: Int64 = 0
    return (0..<count).map { _ in
      arrival += chance.below(2) == 0 ? Int64(chance.below(60)) * 10 : 0
      return .at(arrival, prompt: Int32(1 + chance.below(20)), output: Int32(1 + chance.below(20)))
    }
  }

  /// An autoscaler that has no choice is a fleet that stays, whose replicas fail at the same instants.
  @Test(arguments: 0..<20 as Range<UInt64>) func aFixedAutoscalerChangesNothing(seed: UInt64) throws
  {
    var chance = RandomStream(seed: seed, label: "fixed autoscaler")
    let load = Fleet.Load(clumps(30, &chance))
    let router = Router.plain[chance.below(Router.plain.count)]
    let failures = Failures.drawn(meanUp: 2000e-9, meanDown: 400e-9)
    let fixed = try Fleet.serve(
      load, on: [place(), place(), place()], router: router, failures: failures, seed: seed
    ).record
    let scaled = try Fleet.serve(
      load, autoscaler: autoscaler(3...3), replica: place().make, router: router,
      failures: failures, seed: seed
    ).record
    #expect(scaled.milestones == fixed.milestones && scaled.assignment == fixed.assignment)
    #expect(scaled.failures == fixed.failures && scaled.end == fixed.end)
  }

  /// As many random fleets under an autoscaler as `KVPLAN_FUZZ_FLEETS` says, whose replicas fail: no request is lost, and as
  /// many replicas are launched as if none failed.
  @Test func autoscaledFleetsLoseNothing() throws {
    let count = ProcessInfo.processInfo.environment["KVPLAN_FUZZ_FLEETS"].flatMap(UInt64.init)
    for seed in 0..<(count ?? 200) {
      var chance = RandomStream(seed: seed, label: "failing autoscaled fleets")
      let load = Fleet.Load(clumps(1 + chance.below(40), &chance))
      let router = Router.all[chance.below(Router.all.count)]
      let autoscaler = autoscaler(1...1 + chance.below(4))
      func serve(_ failures: Failures?) throws -> (record: RunRecord, launched: [Int]) {
        let (record, steps, _) = try Fleet.serve(
          load, autoscaler: autoscaler, replica: place(nanoseconds: 60).make, router: router,
          failures: failures, seed: seed)
        return (record, steps.map(\.launched))
      }
      let (record, launched) = try serve(
        .drawn(meanUp: Double(1 + chance.below(4)) * 1000e-9, meanDown: 300e-9))
      let steady = try serve(nil).launched
      #expect(zip(launched, steady).allSatisfy { $0 == $1 }, "seed \(seed)")
      #expect(record.arrivedCount == load.requests.count, "seed \(seed)")
      for milestones in record.milestones {
        let (first, finish) = (milestones.firstToken, milestones.finish)
        #expect(try #require(first) <= #require(finish), "seed \(seed)")
      }
    }
  }

  /// Failures that never come change nothing.
  @Test func failuresThatDoNotComeChangeNothing() throws {
    let requests = (0..<30).map { Request.at(Int64($0) * 70, prompt: 9, output: 7) }
    for router in Router.all {
      let plain = try Fleet.serve(
        Fleet.Load(requests), on: [place(), place()], router: router
      ).record
      let failing = try Fleet.serve(
        Fleet.Load(requests), on: [place(), place()], router: router,
        failures: .listed([outage(1, 1_000_000, 5)])
      ).record
      #expect(failing.milestones == plain.milestones && failing.assignment == plain.assignment)
      #expect(failing.sums.emittedTokens == plain.sums.emittedTokens && failing.end == plain.end)
      #expect(failing.failures == [ReplicaFailures(), ReplicaFailures()] && plain.failures == [])
    }
  }
}
