import CostModel
import SimulationKernel
import Testing
import Workload

@testable import Fleet
@testable import Serving

/// Prefill and decode apart.
@Suite struct SplitFleetTests {
  private func settings(blocks: Int = 24, longest: Int = 56) -> EngineSettings {
    EngineSettings(
      blockSize: 4, deviceBlocks: blocks, maxSequences: 5, maxBatchedTokens: 60,
      maxModelLength: longest)
  }

  /// A replica whose iterations take 100 ns, and of which 10 bytes a token are read.
  private func place(
    _ role: ReplicaRole, _ settings: EngineSettings, localPrefillMax: Int? = nil
  ) -> Fleet.Place {
    var place = Fleet.Place {
      try ServingSystem.vllmV1.replica(
        $0, settings: settings, executor: PricedExecutor(FixedPrices(nanoseconds: 100)))
    }
    place.role = role
    if role == .decode { place.localPrefillMax = localPrefillMax }
    place.kvBytes = { tokens, _ in 10 * tokens }
    return place
  }

  private func workload(seed: UInt64) -> [Request] {
    var chance = RandomStream(seed: seed, label: "cluster")
    var arrival: Int64 = 0
    return (0..<40).map { _ in
      arrival += chance.below(2) == 0 ? Int64(chance.below(40)) * 10 : 0
      return .at(
        arrival, prompt: Int32(1 + chance.below(24)), output: Int32(1 + chance.below(32)))
    }
  }

  private func nanoseconds(_ moments: SimInstant?...) -> [Int64?] {
    moments.map { $0?.nanoseconds }
  }

  /// 8 tokens are prefilled by 100; 80 bytes take 50 ns and then 1 ns each; three iterations give three tokens.
  ///
  ///     0 prefill 100 · 150 transfer 230 · decode 330 430 530
  @Test func oneRequestGoesThroughAllPhases() throws {
    let record = try Fleet.serve(
      Fleet.Load([.at(0, prompt: 8, output: 3)]),
      on: [place(.prefill, settings()), place(.decode, settings())],
      link: KVLink(latency: SimDuration(nanoseconds: 50), bandwidth: 1e9)
    ).record
    let (handOff, milestones) = (record.handOffs[0], record.milestones[0])
    #expect(nanoseconds(milestones.firstScheduled, handOff.prefilled) == [0, 100])
    #expect(nanoseconds(handOff.asked, handOff.arrived, handOff.scheduled) == [100, 230, 230])
    #expect(nanoseconds(milestones.firstToken, milestones.finish) == [330, 530])
    #expect(handOff.bytes == 80 && handOff.replica == 1 && record.assignment == [0])
    #expect(record.emittedTokens == 3 && record.replicas.map(\.iterations) == [1, 3])
  }

  /// Preemptions of either side come together, in order of time.
  @Test func preemptionsOfBothSidesHaveInstants() throws {
    var preemptions = 0
    for seed in 0..<20 as Range<UInt64> {
      var load = Fleet.Load(workload(seed: seed))
      load.keepsPreemptions = true
      let record = try Fleet.serve(
        load, on: [place(.prefill, settings(blocks: 15)), place(.decode, settings(blocks: 15))],
        link: KVLink(latency: SimDuration(nanoseconds: 50), bandwidth: 1e9)
      ).record
      for (id, milestones) in record.milestones.enumerated() {
        let instants = record.preemptions(of: id)
        #expect(instants.count == Int(milestones.preemptionsRecompute), "seed \(seed)")
        #expect(zip(instants, instants.dropFirst()).allSatisfy { $0 < $1 }, "seed \(seed)")
        preemptions += instants.count
      }
    }
    #expect(preemptions > 20)
  }

  /// The blocks of a prompt stay until they have been read: a pool of one prompt admits the next only then.
  @Test func blocksStayUntilTheyAreRead() throws {
    let record = try Fleet.serve(
      Fleet.Load([.at(0, prompt: 8, output: 2), .at(0, prompt: 8, output: 2)]),
      on: [place(.prefill, settings(blocks: 3)), place(.decode, settings())],
      link: KVLink(latency: SimDuration(nanoseconds: 500), bandwidth: .infinity)
    ).record
    #expect(record.milestones.map(\.firstScheduled?.nanoseconds) == [0, 600])
    #expect(record.milestones.map(\.finish?.nanoseconds) == [800, 1400])
  }

  /// Two ranks on either side, those that prefill with a pool of one prompt each: the third waits until one has been read.
  ///
  ///     0 prefill 0, 1 · 100 transfer · 600 decode 0, 1 · prefill 2 · 700 transfer · 1200 decode 2
  @Test func ranksHandOver() throws {
    var (from, to) = (settings(blocks: 3), settings())
    (from.dataParallel, to.dataParallel) = (2, 2)
    let record = try Fleet.serve(
      Fleet.Load(Array(repeating: .at(0, prompt: 8, output: 2), count: 3)),
      on: [place(.prefill, from), place(.decode, to)],
      link: KVLink(latency: SimDuration(nanoseconds: 500), bandwidth: .infinity)
    ).record
    #expect(record.milestones.map(\.firstScheduled?.nanoseconds) == [0, 0, 600])
    #expect(record.handOffs.map(\.prefilled?.nanoseconds) == [100, 100, 700])
    #expect(record.milestones.map(\.finish?.nanoseconds) == [800, 800, 1400])
    #expect(record.handOffs.map(\.bytes) == [80, 80, 80])
  }

  /// 8 tokens are computed where they are decoded, 9 are not.
  ///
  ///     request 0   decode: prompt 100 · 200 300
  ///     request 1   prefill 1100 · decode 1200 1300
  @Test func shortPromptsStay() throws {
    let record = try Fleet.serve(
      Fleet.Load([.at(0, prompt: 8, output: 3), .at(1000, prompt: 9, output: 2)]),
      on: [place(.prefill, settings()), place(.decode, settings(), localPrefillMax: 8)]
    ).record
    #expect(record.assignment == [1, 0] && record.handOffs.map(\.replica) == [-1, 1])
    #expect(record.handOffs.map(\.bytes) == [0, 90])
    #expect(record.milestones.map(\.firstToken?.nanoseconds) == [100, 1200])
    #expect(record.milestones.map(\.finish?.nanoseconds) == [300, 1300])
    #expect(record.arrivedCount == 2 && record.emittedTokens == 5)
  }

  /// What the prefix cache of the replica that decodes has counts as computed: of 16 tokens it lacks 8 after a prompt that
  /// begins alike, and computes them.
  @Test func cachedTokensDoNotCount() throws {
    var contents = PromptContents()
    for index in 0..<3 {
      contents.append([
        TokenPiece(stream: Int64(index / 2), start: 0, count: 8),
        TokenPiece(stream: PromptContents.ownStream(of: index), start: 0, count: 8),
      ])
    }
    var settings = settings()
    settings.v1.prefixCaching = true
    let requests = (0..<3 as Range<Int64>).map { Request.at($0 * 10_000, prompt: 16, output: 2) }
    let record = try Fleet.serve(
      Fleet.Load(requests, contents: contents),
      on: [place(.prefill, settings), place(.decode, settings, localPrefillMax: 8)]
    ).record
    #expect(record.assignment == [0, 1, 0])
  }

  /// Over a free link, one request at a time: each is served as by one replica, but for the iteration in which the replica
  /// that decodes computes the last token of the prompt again.
  @Test(arguments: 0..<20 as Range<UInt64>) func aloneARequestLosesOneIteration(seed: UInt64) throws
  {
    var chance = RandomStream(seed: seed, label: "alone")
    let requests = (0..<10 as Range<Int64>).map {
      Request.at(
        $0 * 10_000, prompt: Int32(1 + chance.below(24)), output: Int32(1 + chance.below(31)))
    }
    let whole = try Fleet.serve(Fleet.Load(requests), on: [place(.both, settings())]).record
    let split = try Fleet.serve(
      Fleet.Load(requests), on: [place(.prefill, settings()), place(.decode, settings())]
    ).record
    let iteration = SimDuration(nanoseconds: 100)
    for index in requests.indices {
      let (one, two) = (whole.milestones[index], split.milestones[index])
      #expect(two.firstScheduled == one.firstScheduled)
      #expect(two.firstToken == one.firstToken.map { $0 + iteration })
      #expect(two.finish == one.finish.map { $0 + iteration })
    }
  }

  /// Random fleets, links and loads: no request is lost or served twice, milestones are in order, and bytes are conserved.
  @Test(arguments: 0..<150 as Range<UInt64>) func nothingIsLost(seed: UInt64) throws {
    var chance = RandomStream(seed: seed, label: "fleet")
    let requests = workload(seed: seed)
    let localPrefillMax = [nil, 0, 10, 100][chance.below(4)]
    func side(_ role: ReplicaRole) -> [Fleet.Place] {
      (0..<1 + chance.below(3)).map { _ in
        var settings = settings(
          blocks: 8 + chance.below(24), longest: [56, 32][chance.below(2)])
        settings.v1.isAsynchronous = chance.below(4) == 0
        if !settings.v1.isAsynchronous { settings.dataParallel = 1 + chance.below(3) }
        settings.v1.prefixCaching = chance.below(2) == 0
        return place(role, settings, localPrefillMax: localPrefillMax)
      }
    }
    let places = side(.prefill) + side(.decode)
    var load = Fleet.Load(requests)
    load.clients = [nil, 3, 12][chance.below(3)]
    let link = KVLink(
      latency: SimDuration(nanoseconds: Int64(chance.below(3)) * 90),
      bandwidth: [.infinity, 1e9, 5e7][chance.below(3)])
    let router = Router.all[chance.below(Router.all.count)]
    let record = try Fleet.serve(load, on: places, router: router, link: link, seed: seed).record
    #expect(record.arrivedCount == requests.count)
    var tokens = 0
    for (index, request) in record.requests.enumerated() {
      let (handOff, milestones) = (record.handOffs[index], record.milestones[index])
      guard !milestones.isRejected else {
        #expect(milestones.finish == nil && handOff.bytes == 0)
        continue
      }
      tokens += Int(request.outputTokens)
      guard places[Int(record.assignment[index])].role == .prefill else {
        #expect(Int(request.promptTokens) <= localPrefillMax ?? -1 && handOff.replica == -1)
        #expect(milestones.finish != nil && handOff.bytes == 0)
        continue
      }
      let moments = [
        request.arrival, milestones.firstScheduled, handOff.prefilled, handOff.asked,
        handOff.arrived, handOff.scheduled, milestones.firstToken, milestones.finish,
      ].compactMap { $0 }
      #expect(moments.count == 8 && moments == moments.sorted())
      #expect(handOff.bytes == 10 * Int(request.promptTokens))
      #expect(places[Int(handOff.replica)].role == .decode)
    }
    #expect(record.emittedTokens == tokens)
  }

  /// A request that no replica may decode is refused and counted, and its blocks are free when the lease ends.
  @Test func whoCannotDecodeRefuses() throws {
    let record = try Fleet.serve(
      Fleet.Load([.at(0, prompt: 8, output: 30), .at(0, prompt: 8, output: 2)]),
      on: [place(.prefill, settings(blocks: 3)), place(.decode, settings(longest: 32))]
    ).record
    #expect(record.milestones.map(\.isRejected) == [true, false])
    #expect(record.milestones[1].firstScheduled?.nanoseconds == 30_000_000_100)
    #expect(record.arrivedCount == 2)
  }

  @Test func aWindowCutsTheRun() throws {
    var load = Fleet.Load(workload(seed: 3))
    load.window = MeasuringWindow(to: SimInstant(nanoseconds: 8000))
    let record = try Fleet.serve(
      load, on: [place(.prefill, settings()), place(.decode, settings())]
    ).record
    #expect(record.end.nanoseconds == 8000)
    #expect(record.outcomes().finished > 0 && record.outcomes().unfinished > 0)
  }
}
