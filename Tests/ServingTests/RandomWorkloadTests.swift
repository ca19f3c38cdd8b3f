import KVMemory
import SimulationKernel
import Testing
import Workload

@testable import Serving

/// Random workloads through every scheduler of the paper: nothing is lost, nothing is served twice, and the
/// laws of memory hold after every single mutation.
@Suite struct RandomWorkloadTests {
  /// Short requests, one in three with samples or beams, in clumps of arrivals.
  private func workload(_ chance: inout RandomStream, count: Int) -> [Request] {
    var step = 0
    return (0..<count).map { _ in
      step += chance.below(4) == 0 ? chance.below(12) : 0
      var request = Request(
        arrival: SimInstant(nanoseconds: Int64(step)),
        promptTokens: Int32(1 + chance.below(24)), outputTokens: Int32(1 + chance.below(24)))
      switch chance.below(6) {
      case 0: request.samples = Int32(2 + chance.below(3))
      case 1: request.beamWidth = Int32(2 + chance.below(3))
      default: break
      }
      return request
    }
  }

  private func settings(_ chance: inout RandomStream, blocks: Int) -> EngineSettings {
    var settings = EngineSettings(
      blockSize: 1 + chance.below(8), deviceBlocks: blocks, hostBlocks: 1000,
      maxSequences: 6 + chance.below(20), maxBatchedTokens: 64 + chance.below(64),
      maxModelLength: 64)
    settings.preemptionMode = chance.below(3) == 0 ? .swap : .automatic
    settings.beams = .synthetic(seed: chance.next(), redrawsPerMille: chance.below(1000))
    return settings
  }

  private func check<S: Scheduler>(_ scheduler: S, _ requests: [Request]) {
    let possible = requests.filter { scheduler.admission(of: $0) == .possible }
    guard !possible.isEmpty else { return }
    var run = Timeline(scheduler, requests: requests)
    let pool = scheduler.ledger.total
    run.run { #expect($0.ledger.total == pool) }
    #expect(run.finished.sorted() == Array(0..<RequestID(requests.count)))
    #expect(run.emitted == requests.map { Int($0.outputTokens * $0.sequenceCount) })
    #expect(run.scheduler.queues == QueueLengths(running: 0, waiting: 0, swapped: 0))
    #expect(run.scheduler.ledger.tokenState == 0)
    #expect(run.scheduler.blocks.physical == 0)
  }

  /// Only requests that an empty memory can hold; the front door turns the others away.
  private func admitted<S: Scheduler>(
    _ requests: [Request], _ make: ([Request]) -> S
  ) -> (S, [Request]) {
    let door = make(requests)
    let kept = requests.filter { door.admission(of: $0) == .possible }
    return (make(kept), kept)
  }

  @Test(arguments: 0..<60) func paged(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "paged workload")
    let settings = settings(&chance, blocks: 12 + chance.below(60))
    let (scheduler, requests) = admitted(workload(&chance, count: 25)) { requests in
      MixedIterationScheduler(
        requests: requests, settings: settings,
        memory: CheckedMemory(settings, requests: requests))
    }
    check(scheduler, requests)
  }

  @Test(arguments: 0..<20, ReservationEstimator.allCases)
  func orca(seed: UInt64, estimator: ReservationEstimator) {
    var chance = RandomStream(seed: seed, label: "orca workload")
    var settings = settings(&chance, blocks: 70 + chance.below(60))
    settings.preemptionMode = .automatic
    let (scheduler, requests) = admitted(workload(&chance, count: 25)) { requests in
      MixedIterationScheduler(
        requests: requests, settings: settings,
        memory: OrcaMemory(settings, estimator: estimator))
    }
    check(scheduler, requests)
  }

  @Test(arguments: 0..<20) func fasterTransformer(seed: UInt64) {
    var chance = RandomStream(seed: seed, label: "static workload")
    let settings = settings(&chance, blocks: 100 + chance.below(200))
    let (scheduler, requests) = admitted(workload(&chance, count: 25)) {
      StaticBatchScheduler(requests: $0, settings: settings)
    }
    check(scheduler, requests)
  }
}

/// A paged memory that proves its laws after each mutation.
private struct CheckedMemory: GroupMemory {
  private var memory: PagedMemory
  private var swapped: Set<Int> = []

  init(_ settings: EngineSettings, requests: [Request]) {
    memory = PagedMemory(sosp23: settings)
  }

  private func prove() {
    let broken = memory.brokenInvariant(swapped: swapped)
    #expect(broken == nil)
  }

  var canPreempt: Bool { memory.canPreempt }
  var sharesPrompts: Bool { memory.sharesPrompts }
  func admission(of request: Request) -> Admission { memory.admission(of: request) }

  func canAdmit(_ group: RequestGroup, keepingWatermark: Bool) -> Bool {
    memory.canAdmit(group, keepingWatermark: keepingWatermark)
  }

  mutating func admit(_ group: RequestGroup) {
    memory.admit(group)
    prove()
  }

  func canAppend(_ group: RequestGroup) -> Bool { memory.canAppend(group) }
  func fitsExactly(_ group: RequestGroup) -> Bool { memory.fitsExactly(group) }

  mutating func append(_ group: RequestGroup, copies: inout [BlockCopy]) {
    memory.append(group, copies: &copies)
    prove()
    for sequence in group.sequences {
      #expect(memory.residentTokens(of: sequence) == Int(group.length))
    }
  }

  mutating func replace(_ child: Int, byForkOf parent: Int) {
    memory.replace(child, byForkOf: parent)
    prove()
  }

  mutating func free(_ group: RequestGroup) {
    memory.free(group)
    prove()
  }

  var takesBlocksWhileDecoding: Bool { memory.takesBlocksWhileDecoding }
  var freeBlocks: Int { memory.freeBlocks }
  mutating func cruise(sequences: Int) { memory.cruise(sequences: sequences) }
  mutating func extend(_ sequence: Int) { memory.extend(sequence) }
  mutating func settle(_ sequence: Int, tokens: Int) { memory.settle(sequence, tokens: tokens) }

  mutating func heldBlocks(_ group: RequestGroup) -> Int { memory.heldBlocks(group) }
  var freeHostBlocks: Int { memory.freeHostBlocks }

  mutating func swapOut(_ group: RequestGroup, moves: inout [BlockCopy]) {
    memory.swapOut(group, moves: &moves)
    swapped.formUnion(group.sequences)
    prove()
  }

  mutating func canSwapIn(_ group: RequestGroup, isAlone: Bool) -> Bool {
    memory.canSwapIn(group, isAlone: isAlone)
  }

  mutating func swapIn(_ group: RequestGroup, moves: inout [BlockCopy]) {
    memory.swapIn(group, moves: &moves)
    swapped.subtract(group.sequences)
    prove()
  }

  func blocks(of sequence: Int) -> [BlockID] { memory.blocks(of: sequence) }
  func ledger(headIsBlocked: Bool) -> WasteLedger { memory.ledger(headIsBlocked: headIsBlocked) }
  var blocks: (logical: Int, physical: Int) { memory.blocks }
}
