import KVMemory
import SimulationKernel
import Testing

@testable import Serving

/// Keys and values that come from another engine or from a tier, drawn as logs; ``ConnectedRun`` says how to read them.
@Suite struct V1ConnectorTests {
  private typealias Run = ConnectedRun<PrefixCachingMemory>

  private func remote(
    _ count: Int, _ change: (inout [RemoteKVConnector.Request]) -> Void
  ) -> RemoteKVConnector {
    var requests = Array(repeating: RemoteKVConnector.Request(), count: count)
    change(&requests)
    return RemoteKVConnector(requests, defersFrees: false)
  }

  private func offloading(
    chunks: Int, _ settings: EngineSettings,
    _ change: (inout OffloadingConnector.Options) -> Void = { _ in }
  ) -> OffloadingConnector {
    var options = OffloadingConnector.Options()
    options.chunks = chunks
    change(&options)
    let whole = BlockGroup(keeps: .all, blockTokens: settings.blockSize)
    return OffloadingConnector(
      options, groups: settings.v1.groups.isEmpty ? [whole] : settings.v1.groups)
  }

  /// All 8 tokens come; the last one is computed once more, for its output.
  @Test func aPromptFromElsewhereWaitsWithItsBlocks() {
    let settings = v1Settings(blocks: 6)
    var run = Run(
      [.own("a", prompt: 8, output: 2)], settings, remote(1) { $0[0].remoteTokens = 8 })
    run.latency = 2
    #expect(
      run.run(showingFree: true) == """
        0: load a 0+8 | free 3 4 5
        3: a 7+1 | free 3 4 5
        4: a 8+1 | done a | free 3 4 5 2 1

        """)
  }

  /// Twice it is not known what there is of `a`; `b` passes it.
  @Test func aSequenceOfWhichNothingIsKnownLetsOthersPass() {
    let drawn = ["a", "b"].map { DrawnRequest.own($0, prompt: 8, output: 1) }
    var run = Run(
      drawn, v1Settings(blocks: 8),
      remote(2) {
        $0[0].remoteTokens = 6
        $0[0].unknownTimes = 2
      })
    #expect(
      run.run() == """
        0: b 0+8 | done b
        2: load a 0+6
        4: a 6+2 | done a

        """)
  }

  /// Of four blocks the third does not come; of `b` nothing does, and it begins anew.
  @Test func whatDoesNotComeIsComputed() {
    let drawn = ["a", "b"].map { DrawnRequest.own($0, prompt: 15, output: 1) }
    var run = Run(
      drawn, v1Settings(blocks: 12),
      remote(2) { requests in
        requests[0].remoteTokens = 15
        requests[1].remoteTokens = 15
      })
    run.fails = { request, _ in request == 0 ? (2, false) : (nil, true) }
    #expect(
      run.run(showingFree: true) == """
        0: load a 0+15 b 0+15 | free 9 10 11
        2: a 8+7 b 0+15 | done a b | free 5 4 9 10 11 3 2 1 6 7 8

        """)
  }

  /// Two of four blocks are left for the prompt of `a`, which is computed in three chunks; with five, `b` takes the others.
  @Test func aLoadLeavesTheBlocksOfPromptsThatWereBegun() {
    let drawn = [("a", 12), ("b", 8)].map { DrawnRequest.own($0, prompt: $1, output: 1) }
    let loads = remote(2) { $0[1].remoteTokens = 8 }
    func log(blocks: Int) -> String {
      var run = Run(
        drawn, v1Settings(blocks: blocks) { $0.longPrefillTokenThreshold = 4 }, loads)
      return run.run()
    }
    #expect(
      log(blocks: 5) == """
        0: a 0+4
        1: a 4+4
        2: a 8+4 | done a
        3: load b 0+8
        5: b 7+1 | done b

        """)
    #expect(log(blocks: 6).hasPrefix("0: a 0+4 | load b 0+8\n"))
  }

  /// The prefill side: `b` waits until the blocks of `a` were sent.
  @Test func blocksStayUntilTheyAreSent() {
    let drawn = ["a", "b"].map { DrawnRequest.own($0, prompt: 8, output: 1) }
    var run = Run(drawn, v1Settings(blocks: 4), remote(2) { $0[0].isSent = true })
    run.sendLatency = 3
    #expect(
      run.run() == """
        0: a 0+8 | done a
        4: b 0+8 | done b

        """)
  }

  /// The full block of `a` is stored, `b` takes its place on the device, `c` loads it back.
  @Test func whatTheDeviceLosesComesBackFromTheTier() {
    let settings = v1Settings(blocks: 4, maxModelLength: 12)
    let drawn = [
      DrawnRequest(name: "a", prompt: [[1, 0, 9]], output: 1),
      DrawnRequest(name: "b", at: 4, prompt: [[2, 0, 12]], output: 0 + 1),
      DrawnRequest(name: "c", at: 8, prompt: [[1, 0, 9]], output: 1),
    ]
    var run = Run(drawn, v1Settings(blocks: 4, maxModelLength: 16), offloading(chunks: 8, settings))
    #expect(
      run.run() == """
        0: a 0+9 | move 0> | done a
        4: b 0+12 | move 1> | done b
        8: load c 0+8 | move 2<
        10: c 8+1 | done c

        """)
  }

  /// A tier that stores slowly: who takes the blocks of `a` waits for the copy, and `c` until it is known what there is.
  @Test func whoTakesABlockWaitsForItsCopy() {
    let settings = v1Settings(blocks: 4, maxModelLength: 16)
    let drawn = [
      DrawnRequest(name: "a", prompt: [[1, 0, 9]], output: 1),
      DrawnRequest(name: "b", at: 2, prompt: [[2, 0, 12]], output: 1),
      DrawnRequest(name: "c", at: 3, prompt: [[2, 0, 12]], output: 1),
    ]
    var run = Run(drawn, settings, offloading(chunks: 8, settings))
    run.latency = 6
    #expect(
      run.run() == """
        0: a 0+9 | move 0> | done a
        2: b 0+12 | move 1> | flush 0 | done b
        9: load c 8+4 | move 2<
        16: c 11+1 | done c

        """)
  }

  // MARK: Random workloads

  private struct Draw {
    var requests: [DrawnRequest] = []
    var settings: EngineSettings
    var latency = 0
    var seed: Int

    init(seed: Int, groups: Bool) {
      self.seed = seed
      var random = RandomStream(seed: UInt64(seed), label: "connected")
      let blockSize = 1 + random.below(5)
      var longest = 0
      for id in 0..<4 + random.below(10) {
        var prompt: [[Int]] = []
        if random.below(3) > 0 { prompt.append([random.below(2), 0, 1 + random.below(30)]) }
        if prompt.isEmpty || random.below(2) == 0 {
          prompt.append([100 + id, 0, 1 + random.below(16)])
        }
        var request = DrawnRequest(
          name: "r\(id)", at: random.below(40), prompt: prompt, output: 1 + random.below(16),
          priority: random.below(3))
        request.accepted = (0..<1 + random.below(4)).map { _ in random.below(3) }
        longest = max(longest, prompt.reduce(request.output) { $0 + $1[2] })
        requests.append(request)
      }
      requests.sort { $0.at < $1.at }
      settings = EngineSettings(
        blockSize: blockSize, deviceBlocks: 1, maxSequences: 1 + random.below(8),
        maxBatchedTokens: 6 + random.below(40), maxModelLength: longest + random.below(8))
      settings.v1.isAsynchronous = random.below(2) == 0
      settings.v1.policy = random.below(2) == 0 ? .priority : .firstComeFirstServed
      if random.below(3) == 0 {
        var speculation = Speculation(draftTokens: 1 + random.below(3))
        speculation.lookaheadSlots = random.below(2) == 0 ? speculation.draftTokens : 0
        settings.v1.speculation = speculation
      }
      settings.v1.groups = [BlockGroup(keeps: .all, blockTokens: blockSize)]
      let needed = (longest + 8 + blockSize - 1) / blockSize + 1
      settings.deviceBlocks = 1 + needed + random.below(needed + 1)
      latency = random.below(6)
      guard groups else { return }
      settings.v1.groups.append(
        BlockGroup(keeps: .window(tokens: 2 + random.below(20)), blockTokens: blockSize))
      settings.v1.retention = [.dense, .boundaries][random.below(2)]
      settings.deviceBlocks = 1 + (settings.deviceBlocks + 4) * 2
    }

    func connector() -> any KVConnector {
      var random = RandomStream(seed: UInt64(seed), label: "connector")
      guard seed % 2 == 0 else {
        let remotes = requests.map { request in
          var remote = RemoteKVConnector.Request()
          let prompt = request.prompt.reduce(0) { $0 + $1[2] }
          remote.isAsynchronous = random.below(4) > 0
          remote.remoteTokens = random.below(prompt + (remote.isAsynchronous ? 1 : 0))
          remote.unknownTimes = random.below(3)
          remote.isSent = random.below(4) == 0
          return remote
        }
        return RemoteKVConnector(remotes, defersFrees: random.below(2) == 0)
      }
      var options = OffloadingConnector.Options()
      options.policy = random.below(2) == 0 ? .lru : .arc
      options.chunks = 1 + random.below(40)
      options.blocksPerChunk = 1 + random.below(3)
      options.storeThreshold = random.below(3)
      options.promptsOnly = random.below(2) == 0
      options.synchronousBytes = random.below(3) * 10
      options.bytesPerToken = 1
      options.defersFrees = random.below(2) == 0
      if random.below(2) == 0 { options.chunksBelow = options.chunks + 1 + random.below(40) }
      return OffloadingConnector(options, groups: settings.v1.groups)
    }
  }

  /// Odd seeds have prompts elsewhere, of which some fail to come; even ones a tier.
  private func serve<Memory: V1Memory>(_ draw: Draw, _: Memory.Type) -> String {
    var run = ConnectedRun<Memory>(draw.requests, draw.settings, draw.connector())
    run.latency = draw.latency
    run.sendLatency = draw.latency
    if draw.settings.v1.groups.count == 1 {
      run.fails = { request, step in
        let chance = (Int(request) * 7 + step) % 6
        return (chance == 0 ? 0 : chance == 1 ? 1 : nil, chance == 2)
      }
    }
    run.run(limit: 5000) { run in
      let what = "seed \(draw.seed), step \(run.step)"
      if let broken = run.scheduler.memory.brokenInvariant { Issue.record("\(what): \(broken)") }
      if let connector = run.scheduler.connector as? OffloadingConnector {
        let tiers = connector.tiers
        var memory = run.scheduler.memory
        for broken in [
          tiers.upper.brokenInvariant, tiers.lower?.brokenInvariant,
          connector.brokenInvariant(in: &memory),
        ] {
          if let broken { Issue.record("\(what): \(broken)") }
        }
      }
    }
    let all = Array(0..<RequestID(draw.requests.count))
    #expect(run.finished.sorted() == all, "seed \(draw.seed)")
    #expect(run.emitted == draw.requests.map(\.output), "seed \(draw.seed)")
    #expect(run.scheduler.memory.pool.heldCount == 0, "seed \(draw.seed)")
    return run.log
  }

  @Test(arguments: 1...200)
  func servesEveryTokenOnceAndConservesBlocks(seed: Int) {
    _ = serve(Draw(seed: seed, groups: seed % 4 < 2), HybridMemory.self)
  }

  /// Where all layers keep every token, both memories decide the same.
  @Test(arguments: 1...100)
  func memoriesAgree(seed: Int) {
    let draw = Draw(seed: 1000 + seed, groups: false)
    #expect(
      serve(draw, HybridMemory.self) == serve(draw, PrefixCachingMemory.self),
      "seed \(1000 + seed)")
  }
}
