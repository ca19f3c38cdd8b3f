import Fleet
import KVMemory
import SimulationKernel
import Testing
import Workload

@testable import Serving

/// Random workloads with shared beginnings, held against what must be true of any of them.
@Suite struct V1PropertyTests {
  /// A workload and an engine drawn from one seed.
  private struct Draw {
    var requests: [DrawnRequest] = []
    var settings: EngineSettings

    init(seed: Int, evicts: Bool) {
      var random = RandomStream(seed: UInt64(seed), label: "v1")
      let blockSize = 1 + random.below(6)
      let count = 4 + random.below(12)
      var longest = 0
      for id in 0..<count {
        var prompt: [[Int]] = []
        if random.below(3) > 0 { prompt.append([random.below(2), 0, 1 + random.below(24)]) }
        if id > 0, random.below(3) == 0 {
          prompt.append([1_000_000 + random.below(id), 0, 1 + random.below(8)])
        }
        if prompt.isEmpty || random.below(2) == 0 {
          prompt.append([100 + id, 0, 1 + random.below(16)])
        }
        let request = DrawnRequest(
          name: "r\(id)", at: random.below(3 * count), prompt: prompt,
          output: 1 + random.below(20), priority: random.below(3))
        longest = max(longest, prompt.reduce(request.output) { $0 + $1[2] })
        requests.append(request)
      }
      requests.sort { $0.at < $1.at }
      let needed = (longest - 1 + blockSize - 1) / blockSize
      settings = EngineSettings(
        blockSize: blockSize,
        deviceBlocks: evicts ? 1 + needed + random.below(needed + 1) : 500,
        maxSequences: 1 + random.below(8), maxBatchedTokens: longest + random.below(20),
        maxModelLength: longest)
      settings.v1.chunkedPrefill = random.below(3) > 0
      if settings.v1.chunkedPrefill { settings.maxBatchedTokens = 1 + random.below(40) }
      settings.v1.longPrefillTokenThreshold = random.below(3) == 0 ? 1 + random.below(10) : 0
      settings.v1.watermarkFraction = random.below(3) == 0 ? 0.1 : 0
      settings.v1.reserveFullISL = random.below(2) == 0
      settings.v1.policy = random.below(2) == 0 ? .priority : .firstComeFirstServed
      settings.v1.freeQueueRule = random.below(2) == 0 ? .allAtTail : .unhashedFirst
      settings.v1.prefixCaching = random.below(4) > 0
      settings.v1.eviction = [.lru, .lru, .lfu][random.below(3)]
      settings.v1.victims = [nil, .last, .fewestOutputs][random.below(3)]
      guard random.below(2) == 0 else { return }
      settings.v1.groups = drawnGroups(
        blockSize: blockSize, settings, states: evicts, &random)
      settings.v1.retention =
        evicts ? [.dense, .boundaries, .every(tokens: 4 * blockSize)][random.below(3)] : .dense
      settings.deviceBlocks *= evicts ? settings.v1.groups.count : 2
    }

    /// The tokens of a request, prompt and whole output.
    func tokens(of id: Int) -> [Int] {
      let runs = requests[id].prompt + [[1_000_000 + id, 0, requests[id].output]]
      return runs.flatMap { run in (0..<run[2]).map { run[0] * 1000 + $0 } }
    }
  }

  private func commonPrefix(_ a: [Int], _ b: ArraySlice<Int>) -> Int {
    zip(a, b).prefix { $0 == $1 }.count
  }

  @Test(arguments: 1...150)
  func servesEveryTokenOnceAndConservesBlocks(seed: Int) {
    let draw = Draw(seed: seed, evicts: true)
    let report = serve(draw, seed: seed)
    #expect(report.hits <= report.possibleHits, "seed \(seed)")
  }

  /// Where nothing is ever evicted, everything that a longest common prefix allows is hit.
  @Test(arguments: 1...60)
  func hitsEverythingWhileNothingIsEvicted(seed: Int) {
    let draw = Draw(seed: 1000 + seed, evicts: false)
    let report = serve(draw, seed: 1000 + seed)
    let expected = draw.settings.v1.prefixCaching ? report.possibleHits : 0
    #expect(report.hits == expected, "seed \(1000 + seed)")
  }

  /// Runs a draw to its end and checks every step; hits are summed beside the most there could be.
  private func serve(_ draw: Draw, seed: Int) -> (hits: Int, possibleHits: Int) {
    draw.settings.v1.groups.isEmpty
      ? serve(draw, seed: seed, PrefixCachingMemory.self)
      : serve(draw, seed: seed, HybridMemory.self)
  }

  private func serve<Memory: V1Memory>(
    _ draw: Draw, seed: Int, _: Memory.Type
  ) -> (hits: Int, possibleHits: Int) {
    var timeline = Timeline<TokenBudgetScheduler<Memory>>(v1: draw.requests, draw.settings)
    var known = Array(repeating: 0, count: draw.requests.count)
    let tokens = draw.requests.indices.map { draw.tokens(of: $0) }
    var finishedAt: [Int?] = Array(repeating: nil, count: draw.requests.count)
    var sums = (hits: 0, possibleHits: 0)
    for step in 0..<20_000 {
      timeline.decide()
      let plan = timeline.plan
      let length = { (id: RequestID) in Int(timeline.scheduler.sequences[Int(id)].length) }
      // A victim may have had tokens in this very step, and their blocks may stay cached.
      for victim in plan.preempted { known[Int(victim.request)] = length(victim.request) }
      for scheduled in plan.scheduled {
        let id = Int(scheduled.request)
        if let admitted = plan.admitted.first(where: { $0.request == scheduled.request }) {
          let common = draw.requests.indices.map {
            commonPrefix(tokens[id], tokens[$0].prefix(known[$0]))
          }
          let size = timeline.scheduler.memory.blockSize
          let possible = min(common.max() ?? 0, length(admitted.request) - 1) / size * size
          #expect(Int(admitted.cachedTokens) <= possible, "seed \(seed), step \(step)")
          sums.hits += Int(admitted.cachedTokens)
          sums.possibleHits += possible
        }
        known[id] = max(known[id], Int(scheduled.contextTokens + scheduled.tokens))
      }
      let budget = plan.scheduled.reduce(0) { $0 + Int($1.tokens) }
      #expect(budget <= draw.settings.maxBatchedTokens, "seed \(seed), step \(step)")
      expectConserved(timeline.scheduler, draw.settings, "seed \(seed), step \(step)")
      let before = timeline.finished.count
      timeline.complete()
      for id in timeline.finished[before...] {
        #expect(finishedAt[Int(id)] == nil, "seed \(seed): request \(id) finished twice")
        finishedAt[Int(id)] = step
      }
      if step % 4 == 0 {
        expectConserved(timeline.scheduler, draw.settings, "seed \(seed), after step \(step)")
      }
      if finishedAt.allSatisfy({ $0 != nil }) { break }
    }
    #expect(finishedAt.allSatisfy { $0 != nil }, "seed \(seed): a request is never served")
    #expect(timeline.emitted == draw.requests.map(\.output), "seed \(seed)")
    #expect(timeline.scheduler.memory.pool.heldCount == 0, "seed \(seed)")
    return sums
  }

  private func expectConserved<Memory: V1Memory>(
    _ scheduler: TokenBudgetScheduler<Memory>, _ settings: EngineSettings, _ what: String
  ) {
    guard let memory = scheduler.memory as? PrefixCachingMemory else {
      if let broken = scheduler.memory.brokenInvariant { Issue.record("\(what): \(broken)") }
      return
    }
    let pool = memory.pool
    var references = Array(repeating: 0, count: settings.deviceBlocks)
    for sequence in memory.tables.sequences {
      for block in memory.tables.blocks(of: sequence) {
        references[Int(block)] += 1
      }
    }
    let held = references.count { $0 > 0 }
    #expect(pool.freeCount + held == settings.deviceBlocks - 1, "\(what)")
    #expect(Set(pool.freeQueue).count == pool.freeCount, "\(what)")
    #expect(pool.freeQueue.allSatisfy { references[Int($0)] == 0 && $0 != 0 }, "\(what)")
    let free = Set(pool.freeQueue)
    for block in references.indices.dropFirst() {
      // A block without a key is free or has one holder.
      let id = BlockID(block)
      let counted = pool.isCached(id) ? pool.referenceCount(of: id) : free.contains(id) ? 0 : 1
      if counted != references[block] {
        Issue.record("\(what): block \(block) has a wrong reference count")
      }
    }
    let cachedAndFree = pool.freeQueue.count { pool.isCached($0) }
    #expect(pool.unreferencedCachedCount == cachedAndFree, "\(what)")

    let ledger = scheduler.ledger
    #expect(ledger.total == settings.deviceBlocks * settings.blockSize, "\(what)")
    #expect(ledger == naiveLedger(memory, scheduler.sequences, settings), "\(what)")
  }

  /// The ledger slot by slot, from the block tables.
  private func naiveLedger(
    _ memory: PrefixCachingMemory, _ sequences: TokenBudgetSequences, _ settings: EngineSettings
  ) -> WasteLedger {
    let size = settings.blockSize
    var ledger = WasteLedger()
    ledger.internalFragmentation = size
    var seen: Set<BlockID> = []
    for sequence in memory.tables.sequences {
      let state = sequences[sequence]
      let resident = memory.residentTokens(of: sequence)
      let final = Int(state.promptTokens + state.outputTokens) - 1
      for (index, block) in memory.tables.blocks(of: sequence).enumerated()
      where seen.insert(block).inserted {
        for slot in index * size..<(index + 1) * size {
          if slot < resident {
            ledger.tokenState += 1
          } else if slot < final {
            ledger.reserved += 1
          } else {
            ledger.internalFragmentation += 1
          }
        }
      }
    }
    for block in memory.pool.freeQueue {
      if memory.pool.isCached(block) { ledger.cached += size } else { ledger.free += size }
    }
    return ledger
  }
}
