import CostModel
import DequeModule
import KVMemory
import SimulationKernel
import Workload

/// The scheduler of the SOSP'23 artifact, for its vLLM and for its Orca baselines: iterations mix whole
/// prompts with one token for each running sequence, first come first served.
///
///     running  ──append──▶ kept … │ preempted from the tail when blocks run short
///     swapped  ──▶ running          only while nothing is preempted by swap
///     waiting  ──▶ running          only while nothing is swapped; the head is never skipped
///
/// With a memory that reserves to the end nothing is ever preempted, and what remains is Orca.
///
/// - Source: the artifact of Kwon et al., SOSP 2023. Where the artifact waits for ever (a request that is
///   alone and still does not pass a conservative test) we go on, unless
///   ``EngineSettings/repeatsEngineDefects`` asks otherwise.
package struct MixedIterationScheduler<Memory: GroupMemory>: Scheduler {
  package internal(set) var memory: Memory
  package internal(set) var groups: RequestGroups
  /// How beams change parents; replaced step by step when a record is replayed.
  package var beams: BeamParents

  let maxSequences: Int
  private let maxBatchedTokens: Int
  private let maxModelLength: Int
  let preemptionMode: PreemptionMode
  let repeatsDefects: Bool

  /// In the order in which iterations run them; sorted by arrival at the start of each step.
  package internal(set) var running: [RequestID] = []
  var runningIsSorted = true
  private(set) var waiting: Deque<RequestID> = []
  var swapped: Deque<RequestID> = []
  var step: Int32 = 0
  /// The head of the waiting queue found no room in the last step.
  private(set) var headIsBlocked = false
  /// A request has come to the head of an empty queue since the last step.
  private(set) var hasArrivals = false
  /// Blocks were given back since the head found no room.
  var wasFreed = false
  private var forks: [BeamFork] = []
  package private(set) var operations: [SequenceOperation] = []

  /// Whether requests may cruise at all: never beams or samples, which share blocks.
  let mayCruise: Bool
  /// Whether all of `running` cruises, in which case `batch` holds it.
  var isCruising: Bool
  var batch: CruisingBatch

  package init(requests: RunRequests, settings: EngineSettings, memory: Memory) {
    self.memory = memory
    groups = RequestGroups(requests)
    beams = settings.beams
    maxSequences = settings.maxSequences
    maxBatchedTokens = settings.maxBatchedTokens
    maxModelLength = settings.maxModelLength
    preemptionMode = settings.preemptionMode
    repeatsDefects = settings.repeatsEngineDefects
    mayCruise = settings.stepping == .event && requests.areSingle
    isCruising = mayCruise
    batch = CruisingBatch(settings, longestOutput: requests.longestOutput)
  }

  package var ledger: WasteLedger { memory.ledger(headIsBlocked: headIsBlocked) }

  package var blocks: (logical: Int, physical: Int) { memory.blocks }

  package var queues: QueueLengths {
    QueueLengths(running: running.count, waiting: waiting.count, swapped: swapped.count)
  }

  @inline(__always)
  package func admission(of request: Request) -> Admission {
    let length = Int(request.promptTokens) + Int(request.outputTokens)
    guard length <= maxModelLength else {
      return .never(.tokens, required: length, capacity: maxModelLength)
    }
    guard Int(request.sequenceCount) <= maxSequences else {
      return .never(.sequences, required: Int(request.sequenceCount), capacity: maxSequences)
    }
    return memory.admission(of: request)
  }

  package mutating func enqueue(_ request: RequestID) {
    // Whoever comes behind a head that found no room changes nothing.
    if waiting.isEmpty { hasArrivals = true }
    waiting.append(request)
  }

  // MARK: Deciding an iteration

  package mutating func schedule(at now: SimInstant, into plan: inout IterationPlan) {
    step += 1
    plan.advancesCruise = true
    if isCruising && !swapped.isEmpty { leaveCruise(&plan) }
    if isCruising { return cruise(&plan) }
    sortRunning()
    let firstVictim = appendToRunning(&plan)
    running.removeSubrange(firstVictim...)
    guard plan.failure == nil else { return }
    let decoding = swapIn(&plan)
    admitWaiting(&plan)
    describe(decoding: decoding, in: &plan)
  }

  /// Gives each running request room for its next token, oldest first; the youngest make way.
  ///
  /// - Returns: The index in `running` from which on requests were preempted.
  private mutating func appendToRunning(_ plan: inout IterationPlan) -> Int {
    var kept = 0
    var end = running.count
    while kept < end {
      let id = running[kept]
      while !memory.canAppend(groups[Int(id)]) {
        let isAlone = kept == 0 && end == 1
        if isAlone && !repeatsDefects && memory.fitsExactly(groups[Int(id)]) { break }
        end -= 1
        preempt(running[end], &plan)
        if end == kept || plan.failure != nil { return end }
      }
      memory.append(groups[Int(id)], copies: &plan.copies)
      kept += 1
    }
    return kept
  }

  /// Takes all blocks from a running request and queues it, by arrival, to come back.
  ///
  /// A recomputed request goes behind waiting ones of the same arrival, as in the artifact.
  mutating func preempt(_ id: RequestID, _ plan: inout IterationPlan) {
    precondition(memory.canPreempt, "request \(id) preempted in a memory that reserves to the end")
    groups.progress[Int(id)].preemptedAtStep = step
    wasFreed = true
    let swaps = preemptionMode == .swap || groups[Int(id)].sequenceCount > 1
    if swaps {
      swapOut(id, &plan)
    } else {
      let held = memory.heldBlocks(groups[Int(id)])
      plan.preempted.append(
        .init(
          request: id, mode: .recompute, blocks: held, computedTokens: groups[Int(id)].length - 1))
      memory.free(groups[Int(id)])
      Self.insert(id, byArrivalIn: groups, into: &waiting)
    }
  }

  private mutating func swapOut(_ id: RequestID, _ plan: inout IterationPlan) {
    let held = memory.heldBlocks(groups[Int(id)])
    guard held <= memory.freeHostBlocks else {
      plan.failure = .swapSpaceExhausted(
        .init(request: id, blocksNeeded: held, blocksFree: memory.freeHostBlocks))
      return
    }
    plan.preempted.append(.init(request: id, mode: .swap, blocks: held))
    memory.swapOut(groups[Int(id)], moves: &plan.swapOuts)
    Self.insert(id, byArrivalIn: groups, into: &swapped)
  }

  /// Brings swapped requests back, oldest first, and gives them room for their next token at once.
  ///
  /// - Returns: How many requests of `running` decode in this iteration.
  private mutating func swapIn(_ plan: inout IterationPlan) -> Int {
    while let id = swapped.first, plan.swapOuts.isEmpty {
      let group = groups[Int(id)]
      guard group.preemptedAtStep < step else { break }
      let isAlone = running.isEmpty && !repeatsDefects
      guard memory.canSwapIn(group, isAlone: isAlone) else { break }
      guard running.count + Int(group.sequenceCount) <= maxSequences else { break }
      let before = plan.swapIns.count
      memory.swapIn(group, moves: &plan.swapIns)
      plan.swappedIn.append(.init(request: id, blocks: plan.swapIns.count - before))
      memory.append(group, copies: &plan.copies)
      swapped.removeFirst()
      appendRunning(id)
    }
    return running.count
  }

  /// Admits waiting requests in order until one does not fit.
  mutating func admitWaiting(_ plan: inout IterationPlan) {
    hasArrivals = false
    // Running requests only take blocks: a head that found no room finds none until some are given back.
    if headIsBlocked && !wasFreed { return }
    headIsBlocked = false
    wasFreed = false
    guard swapped.isEmpty else { return }
    var batched = 0
    if isCruising {
      batched = running.count
    } else if !waiting.isEmpty {
      for id in running { batched += Int(groups[Int(id)].sequenceCount) }
    }
    while let id = waiting.first {
      let group = groups[Int(id)]
      guard group.preemptedAtStep < step else { break }
      let keepsWatermark = !running.isEmpty || repeatsDefects
      guard memory.canAdmit(group, keepingWatermark: keepsWatermark) else {
        headIsBlocked = true
        break
      }
      guard batched + Int(group.length) <= maxBatchedTokens else { break }
      guard running.count + Int(group.sequenceCount) <= maxSequences else { break }
      memory.admit(group)
      batched += Int(group.length)
      waiting.removeFirst()
      appendRunning(id)
    }
  }

  /// Writes down who runs: the first `decoding` of `running` with one token, the others with their prompts.
  private func describe(decoding: Int, in plan: inout IterationPlan) {
    for (index, id) in running.enumerated() {
      let group = groups[Int(id)]
      if index >= decoding {
        let copies = memory.sharesPrompts ? 1 : Int(group.sequenceCount)
        Self.describePrefill(group, id, copies: copies, in: &plan)
        continue
      }
      plan.scheduled.append(
        .init(
          request: id, sequences: group.sequenceCount, tokens: 1, contextTokens: group.length - 1,
          emittedTokens: group.sequenceCount, isPrefill: false))
      plan.work.decode(
        Int(group.sequenceCount), contextTokens: Int(group.sequenceCount * group.length))
      plan.work.sampledSequences += Int(group.sequenceCount)
    }
    plan.work.copiedBlocks = plan.copies.count
    plan.work.swappedInBlocks = plan.swapIns.count
    plan.work.swappedOutBlocks = plan.swapOuts.count
  }

  /// Static: a method that does not change `self` is given a copy of it.
  ///
  /// - Parameter copies: How often its prompt is computed.
  static func describePrefill(
    _ group: RequestGroup, _ id: RequestID, copies: Int, in plan: inout IterationPlan
  ) {
    plan.scheduled.append(
      .init(
        request: id, sequences: group.sequenceCount, tokens: group.length, contextTokens: 0,
        emittedTokens: group.sequenceCount, isPrefill: true))
    for _ in 0..<copies {
      plan.work.prefillChunks.append(.init(tokens: Int(group.length), contextTokens: 0))
    }
    plan.work.sampledSequences += copies
  }

  // MARK: Taking in an iteration

  package mutating func complete(_ plan: inout IterationPlan, finished: inout [RequestID]) {
    operations.clear()
    if isCruising { return completeCruise(&plan, finished: &finished) }
    defer { enterCruise() }
    let alreadyFinished = finished.count
    for scheduled in plan.scheduled {
      let id = Int(scheduled.request)
      if groups[id].usesBeamSearch { forkBeams(of: scheduled.request) }
      groups.progress[id].generatedTokens += 1
      if groups[id].generatedTokens == groups[id].outputTokens {
        memory.free(groups[id])
        finished.append(scheduled.request)
      }
    }
    guard finished.count > alreadyFinished else { return }
    wasFreed = true
    running.removeAll { groups[Int($0)].generatedTokens == groups[Int($0)].outputTokens }
    for id in finished[alreadyFinished...] { groups.progress.close(Int(id)) }
  }

  private mutating func forkBeams(of id: RequestID) {
    let group = groups[Int(id)]
    forks.removeAll(keepingCapacity: true)
    beams.appendForks(
      of: id, step: Int(group.generatedTokens), width: Int(group.sequenceCount), to: &forks)
    // A beam that is replaced gives blocks back.
    if !forks.isEmpty { wasFreed = true }
    for fork in forks {
      let child = group.sequences.lowerBound + fork.child
      let parent = group.sequences.lowerBound + fork.parent
      memory.replace(child, byForkOf: parent)
      operations.append(.free(id, child))
      operations.append(.fork(id, parent: parent, child: child, sample: fork.child))
    }
  }

  // MARK: Queues

  private mutating func appendRunning(_ id: RequestID) {
    if let last = running.last, groups.arrival(of: id) < groups.arrival(of: last) {
      runningIsSorted = false
    }
    running.append(id)
  }

  /// Sorts `running` by arrival and keeps equal arrivals in order; nearly always sorted already.
  private mutating func sortRunning() {
    guard !runningIsSorted else { return }
    runningIsSorted = true
    for index in running.indices.dropFirst() {
      let id = running[index]
      var place = index
      while place > 0, groups.arrival(of: id) < groups.arrival(of: running[place - 1]) {
        running[place] = running[place - 1]
        place -= 1
      }
      running[place] = id
    }
  }

  /// Puts a request behind all of its arrival or earlier; victims are old, so the place is near the front.
  ///
  /// Static, so that the queue is changed in place: a method of `self` would copy `self`, queue and all.
  private static func insert(
    _ id: RequestID, byArrivalIn groups: RequestGroups, into queue: inout Deque<RequestID>
  ) {
    let arrival = groups.arrival(of: id)
    let place = queue.firstIndex { arrival < groups.arrival(of: $0) } ?? queue.endIndex
    queue.insert(id, at: place)
  }
}
