import CostModel
import Fleet
import KVMemory
import SimulationKernel
import Testing
import Workload

@testable import Serving

/// `vllm-v1` advances by events exactly as it does iteration by iteration.
@Suite struct V1SteppingTests {
  /// A workload and an engine drawn from one seed: tiny pools, and budgets that often run out.
  private struct Draw {
    let requests: [Request]
    let contents: PromptContents
    var settings: EngineSettings

    init(seed: UInt64) {
      var chance = RandomStream(seed: seed, label: "v1 stepping")
      let load = DrawnLoad(upTo: 30, short: 4, &chance)
      (requests, contents) = (load.requests, load.contents)
      let longest = load.longest
      let blockSize = 1 + chance.below(6)
      let needed = (longest - 1 + blockSize - 1) / blockSize
      settings = EngineSettings(
        blockSize: blockSize, deviceBlocks: 1 + needed + chance.below(4 * needed),
        maxSequences: 1 + chance.below(16), maxBatchedTokens: longest + chance.below(20),
        maxModelLength: longest + chance.below(3))
      settings.v1 = Self.options(&chance)
      if settings.v1.chunkedPrefill { settings.maxBatchedTokens = 1 + chance.below(40) }
      if chance.below(3) == 0 { settings.attendedMax = 1 + chance.below(60) }
      guard chance.below(3) == 0 else { return }
      settings.v1.groups = drawnGroups(blockSize: blockSize, settings, states: true, &chance)
      settings.v1.retention = [.dense, .boundaries, .every(tokens: 4 * blockSize)][chance.below(3)]
      settings.deviceBlocks *= settings.v1.groups.count
    }

    private static func options(_ chance: inout RandomStream) -> V1Options {
      var options = V1Options()
      options.chunkedPrefill = chance.below(3) > 0
      options.longPrefillTokenThreshold = chance.below(3) == 0 ? 1 + chance.below(10) : 0
      options.watermarkFraction = chance.below(3) == 0 ? 0.1 : 0
      options.reserveFullISL = chance.below(2) == 0
      options.freeQueueRule = chance.below(2) == 0 ? .allAtTail : .unhashedFirst
      options.prefixCaching = chance.below(3) > 0
      options.eviction = [.lru, .lru, .lfu][chance.below(3)]
      options.victims = [nil, nil, .last, .fewestOutputs][chance.below(4)]
      return options
    }

    func settings(_ stepping: Stepping) -> EngineSettings {
      var settings = settings
      settings.stepping = stepping
      return settings
    }
  }

  // MARK: Whole runs

  @Test(arguments: 0..<300 as Range<UInt64>) func recordsAreEqual(seed: UInt64) throws {
    let draw = Draw(seed: seed)
    func record(_ stepping: Stepping) throws -> RunRecord {
      var chance = RandomStream(seed: seed, label: "window")
      let window = MeasuringWindow(
        from: SimInstant(nanoseconds: Int64(chance.below(20_000))),
        to: chance.below(2) == 0 ? nil : SimInstant(nanoseconds: Int64(chance.below(400_000))))
      return try ServingSystem.vllmV1.serve(
        draw.requests, settings: draw.settings(stepping), executor: PricedExecutor(WorkPrices()),
        window: window, contents: draw.contents)
    }
    let event = try record(.event)
    let iteration = try record(.iteration)
    for id in draw.requests.indices {
      #expect(milestones(event, id) == milestones(iteration, id), "seed \(seed), request \(id)")
      #expect(event.cachedTokens(of: id) == iteration.cachedTokens(of: id), "seed \(seed)")
      #expect(event.recomputedTokens(of: id) == iteration.recomputedTokens(of: id), "seed \(seed)")
    }
    #expect(event.history == iteration.history, "seed \(seed)")
    #expect(event.steps == iteration.steps, "seed \(seed)")
    #expect(event.tokenGaps.gaps == iteration.tokenGaps.gaps, "seed \(seed)")
    #expect(event.prefixCache == iteration.prefixCache, "seed \(seed)")
    #expect(counts(event) == counts(iteration), "seed \(seed)")
    #expect(event.end == iteration.end, "seed \(seed)")
  }

  /// A head that waits for blocks is admitted in the iteration that fills a block which its prompt quotes.
  ///
  ///     blocks of 4, 8 of them      request 0   |own  |out 0-3|out 4-7|…
  ///                                 request 1   |own  |out 0-3|out 4-7|…|its own|   8 blocks, those in common shared
  @Test func aFilledBlockLetsTheHeadIn() throws {
    var contents = PromptContents()
    let own = PromptContents.ownStream(of: 0)
    contents.append([TokenPiece(stream: own, start: 0, count: 4)])
    contents.append([
      TokenPiece(stream: own, start: 0, count: 4),
      TokenPiece(stream: PromptContents.outputStream(of: 0), start: 0, count: 16),
      TokenPiece(stream: PromptContents.ownStream(of: 1), start: 0, count: 10),
    ])
    let requests = [
      Request(arrival: .zero, promptTokens: 4, outputTokens: 21),
      Request(arrival: SimInstant(nanoseconds: 1500), promptTokens: 30, outputTokens: 2),
    ]
    func record(_ stepping: Stepping) throws -> RunRecord {
      var settings = EngineSettings(
        blockSize: 4, deviceBlocks: 9, maxSequences: 4, maxBatchedTokens: 64, maxModelLength: 64)
      settings.stepping = stepping
      return try ServingSystem.vllmV1.serve(
        requests, settings: settings, executor: PricedExecutor(WorkPrices()),
        window: MeasuringWindow(),
        contents: contents)
    }
    let (event, iteration) = (try record(.event), try record(.iteration))
    let admitted = try #require(iteration.milestones[1].firstScheduled)
    let finished = try #require(iteration.milestones[0].finish)
    #expect(admitted < finished)
    #expect(event.milestones == iteration.milestones)
    #expect(event.history == iteration.history)
  }

  private func milestones(_ record: RunRecord, _ id: Int) -> [Int64?] {
    let milestone = record.milestones[id]
    let instants = [milestone.firstScheduled, milestone.firstToken, milestone.finish]
    return instants.map { $0?.nanoseconds }
      + [Int64(milestone.preemptionsRecompute), milestone.isRejected ? 1 : 0]
  }

  private func counts(_ record: RunRecord) -> [Int] {
    [
      record.arrivedCount, record.iterations, record.emittedTokens, record.preemptionsRecompute,
      record.preemptionsSwap, Int(record.tokenGaps.count),
    ]
  }

  // MARK: Step by step

  /// Queues, tables, what is cached and the order of free blocks, after every decision and after
  /// every iteration.
  @Test(arguments: 1000..<1200 as Range<UInt64>) func stepsAreEqual(seed: UInt64) {
    let draw = Draw(seed: seed)
    if draw.settings.v1.groups.isEmpty {
      expectEqualSteps(draw, seed, PrefixCachingMemory.self)
    } else {
      expectEqualSteps(draw, seed, HybridMemory.self)
    }
  }

  private func expectEqualSteps<Memory: V1Memory>(_ draw: Draw, _ seed: UInt64, _: Memory.Type) {
    var event: Stepper<Memory> = stepper(draw, .event)
    var iteration: Stepper<Memory> = stepper(draw, .iteration)
    var next = 0
    var step = 0
    while next < draw.requests.count || !event.isIdle || !iteration.isIdle {
      while next < draw.requests.count, draw.requests[next].arrival.nanoseconds <= step * 1_000 {
        event.scheduler.enqueue(RequestID(next))
        iteration.scheduler.enqueue(RequestID(next))
        next += 1
      }
      event.schedule()
      iteration.schedule()
      #expect(event.decision == iteration.decision, "seed \(seed), step \(step)")
      #expect(event.state == iteration.state, "seed \(seed), step \(step)")
      event.complete()
      iteration.complete()
      #expect(event.finished == iteration.finished, "seed \(seed), step \(step)")
      #expect(event.state == iteration.state, "seed \(seed), after step \(step)")
      step += 1
      if step == 20_000 || event.state != iteration.state { break }
    }
    #expect(event.finished.count == draw.requests.count, "seed \(seed)")
  }

  private func stepper<Memory: V1Memory>(_ draw: Draw, _ stepping: Stepping) -> Stepper<Memory> {
    Stepper(
      scheduler: TokenBudgetScheduler<Memory>(
        requests: draw.requests, settings: draw.settings(stepping), contents: draw.contents),
      plan: IterationPlan(attendedMax: draw.settings.attendedMax))
  }

  /// The suite would prove nothing if nobody cruised, if chunks always stood at the end, or if the
  /// budget always sufficed.
  @Test func everythingHappens() {
    var (cruised, preempted, overtaken, fellBack) = (0, 0, 0, 0)
    for seed in UInt64(1000)..<1200 {
      let draw = Draw(seed: seed)
      guard draw.settings.v1.groups.isEmpty else { continue }
      var stepper: Stepper<PrefixCachingMemory> = stepper(draw, .event)
      for id in draw.requests.indices { stepper.scheduler.enqueue(RequestID(id)) }
      while !stepper.isIdle {
        stepper.schedule()
        cruised += stepper.plan.cruising
        preempted += stepper.plan.released.isEmpty ? 0 : stepper.plan.preempted.count
        if !stepper.scheduler.isCruising { fellBack += 1 }
        if let first = stepper.scheduler.listed.first, stepper.plan.preempted.isEmpty {
          let place = stepper.scheduler.batch.count
          if stepper.scheduler.running[place] != first { overtaken += 1 }
        }
        stepper.complete()
      }
    }
    #expect(cruised > 10_000)
    #expect(preempted > 100)
    #expect(overtaken > 100)
    #expect(fellBack > 10)
  }
}

/// A price that tells iterations apart by all that the cost model sees of them.
final class WorkPrices: IterationCostModel {
  let profile = CostProfile(name: "fixed", isCalibrated: false, error: "none")
  func duration(of work: IterationWork) -> SimDuration {
    var price = 1_000 + 7 * work.decodeSequences + work.decodeContextTokens
    price += 3 * work.decodeSkippedTokens
    price += 11 * work.sampledSequences
    for (place, chunk) in work.prefillChunks.enumerated() {
      price += (place + 3) * chunk.tokens + (place + 1) * chunk.contextTokens
    }
    return SimDuration(nanoseconds: Int64(price))
  }
}

/// A scheduler between two of whose calls a test may look.
private struct Stepper<Memory: V1Memory> {
  var scheduler: TokenBudgetScheduler<Memory>
  var plan: IterationPlan
  var finished: [RequestID] = []

  var isIdle: Bool { scheduler.queues.running + scheduler.queues.waiting == 0 }

  mutating func schedule() {
    plan.removeAll()
    scheduler.schedule(into: &plan)
  }

  mutating func complete() { scheduler.complete(&plan, finished: &finished) }

  /// All of a plan but who of those that decode is listed.
  var decision: Decision {
    Decision(
      runs: plan.scheduled.count + plan.cruising, prefills: plan.scheduled.filter(\.isPrefill),
      preempted: plan.preempted, admitted: plan.admitted, evicted: plan.evicted,
      work: plan.work)
  }

  var state: State {
    let memory = scheduler.memory
    return State(
      running: scheduler.running, waiting: scheduler.waiting, free: memory.pool.freeQueue,
      cached: memory.pool.cachedBlocks,
      tables: memory.allTables,
      ledger: scheduler.ledger)
  }
}

private struct Decision: Equatable {
  var runs: Int
  var prefills: [IterationPlan.Scheduled]
  var preempted: [IterationPlan.Preemption]
  var admitted: [IterationPlan.Admitted]
  var evicted: [BlockID]
  var work: IterationWork
}

private struct State: Equatable {
  var running: [Int32]
  var waiting: [Int32]
  var free: [BlockID]
  var cached: [BlockID]
  var tables: [[BlockID]]
  var ledger: WasteLedger
}
