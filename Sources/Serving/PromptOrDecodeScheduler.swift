import CostModel
import DequeModule
import KVMemory
import SimulationKernel
import Workload

/// The scheduler of vLLM 0.2: an iteration computes prompts or decodes, never both, first come
/// first served.
///
///     waiting  ──prompts──▶ running     only while nothing is swapped; the head is never skipped
///     running  ──decode──▶ running      the youngest make way when blocks run short:
///       one sequence   ──recompute──▶ front of waiting
///       several        ──swap──▶ swapped ──▶ running, once nobody is preempted
///
/// An iteration that admits a prompt lets all running requests stand still.
///
/// Where the engine waits for ever (a request that is alone and does not pass a conservative test),
/// drops requests half-way or loses blocks, we go on: a request alone gives up the watermark and
/// asks for the blocks that it really needs, a recomputed request may exceed the token budget on
/// its own, and blocks are referenced by unfinished sequences only.
/// ``EngineSettings/repeatsEngineDefects`` brings the engine's ways back.
///
/// - Complexity: O(running requests) an iteration; of a cruising batch, what changes.
/// - Source: `README.md` beside the goldens of `vllm-0.2`; the goldens are replayed in the tests.
package struct PromptOrDecodeScheduler: Scheduler {
  package internal(set) var memory: PagedMemory
  package internal(set) var groups: ForkingGroups
  package internal(set) var live: LiveSequences
  /// What the last ``complete(_:finished:)`` did to sequences, in order.
  package internal(set) var operations: [SequenceOperation] = []
  /// The moves of the beams in the next ``complete(_:finished:)``, when a record is replayed;
  /// otherwise they are drawn.
  package var beamMoves: [RequestID: [BeamMove]]?

  let options: VLLM02Options
  let beams: BeamParents
  let sampleTargets: [RequestID: [Int32]]
  let maxModelLength: Int
  let maxSequences: Int
  private let maxBatchedTokens: Int
  let preemptionMode: PreemptionMode
  let repeatsDefects: Bool

  /// Output tokens that forked sequences will have.
  var targets = ResidentRows<Int32>(blank: 0)
  var forks: [BeamFork] = []
  /// In the order in which iterations run them; sorted by arrival before each decode.
  package internal(set) var running: [RequestID] = []
  private var runningIsSorted = true
  package internal(set) var waiting: Deque<RequestID> = []
  package internal(set) var swapped: Deque<RequestID> = []

  /// Whether requests may cruise at all: never those with samples or beams, which share blocks.
  let mayCruise: Bool
  /// Whether all of `running` cruises, in which case `batch` holds it.
  var isCruising: Bool
  var batch: CruisingBatch
  /// Requests at the end of a cruising `running` whose prompts were computed since the last decode.
  var newcomerCount = 0
  /// While cruising: the head of the waiting queue found no room, and no block was given back since.
  var headIsBlocked = false

  /// Makes an idle engine.
  ///
  /// - Parameters:
  ///   - requests: In order of arrival.
  ///   - watermarkBlocks: Blocks that admissions leave free; 1 % of the pool unless given.
  ///   - sampleTargets: Output tokens of each sample, children first and the parent last, for
  ///     requests whose samples end at different lengths; the longest is the request's own number.
  ///     Beams have none.
  package init(
    requests: RunRequests, settings: EngineSettings, watermarkBlocks: Int? = nil,
    sampleTargets: [RequestID: [Int32]] = [:]
  ) {
    groups = ForkingGroups(requests, sampleTargets: sampleTargets)
    live = LiveSequences(requests)
    memory = PagedMemory(
      blockSize: settings.blockSize, deviceBlocks: settings.deviceBlocks,
      hostBlocks: settings.hostBlocks,
      watermarkBlocks: watermarkBlocks ?? settings.deviceBlocks / 100)
    options = settings.vllm02
    beams = settings.beams
    self.sampleTargets = sampleTargets
    maxModelLength = settings.maxModelLength
    maxSequences = settings.maxSequences
    maxBatchedTokens = settings.maxBatchedTokens
    preemptionMode = settings.preemptionMode
    repeatsDefects = settings.repeatsEngineDefects
    mayCruise = settings.stepping == .event && sampleTargets.isEmpty && requests.areSingle
    isCruising = mayCruise
    batch = CruisingBatch(settings, longestOutput: requests.longestOutput)
  }

  package var ledger: WasteLedger { memory.ledger }

  package var blocks: (logical: Int, physical: Int) { memory.blocks }

  package var queues: QueueLengths {
    QueueLengths(running: running.count, waiting: waiting.count, swapped: swapped.count)
  }

  /// Longest prompt that one iteration can compute, in tokens.
  private var promptLimit: Int { min(maxModelLength, maxBatchedTokens) }

  /// What the engine would drop or never finish is turned away here.
  @inline(__always)
  package func admission(of request: Request) -> Admission {
    let length = Int(request.promptTokens) + Int(request.outputTokens)
    guard length <= maxModelLength else {
      return .never(.tokens, required: length, capacity: maxModelLength)
    }
    guard Int(request.promptTokens) <= promptLimit else {
      return .never(.prompt, required: Int(request.promptTokens), capacity: promptLimit)
    }
    guard Int(request.sequenceCount) <= maxSequences else {
      return .never(.sequences, required: Int(request.sequenceCount), capacity: maxSequences)
    }
    if options.rejectsPromptsBeyondPool {
      let promptBlocks = memory.blockCount(forTokens: Int(request.promptTokens))
      guard !exceedsPool(promptBlocks) else {
        return .never(
          .blocks, required: promptBlocks,
          capacity: memory.device.capacity - memory.watermarkBlocks)
      }
    }
    return memory.admission(of: request)
  }

  @inline(__always)
  private func exceedsPool(_ blocks: Int) -> Bool {
    options.rejectsPromptsBeyondPool
      && memory.device.capacity - blocks < memory.watermarkBlocks
  }

  package mutating func enqueue(_ request: RequestID) { waiting.append(request) }

  // MARK: Deciding an iteration

  package mutating func schedule(at now: SimInstant, into plan: inout IterationPlan) {
    if isCruising && !swapped.isEmpty { leaveCruise(&plan) }
    admitPrompts(&plan)
    guard plan.scheduled.isEmpty && plan.ignored.isEmpty else { return }
    plan.advancesCruise = true
    if isCruising { return cruise(&plan) }
    if !runningIsSorted { Self.sort(&running) }
    runningIsSorted = true
    let firstVictim = appendToRunning(&plan)
    running.removeSubrange(firstVictim...)
    guard plan.failure == nil else { return }
    swapIn(&plan)
    describeDecode(in: &plan)
  }

  /// Sequences that a request may come to run: what it counts against `--max-num-seqs`.
  @inline(__always)
  func slots(of id: RequestID, _ group: ForkingGroup) -> Int {
    group.usesBeamSearch || !group.hasForked ? Int(group.width) : live.count(of: id)
  }

  func runningSlots() -> Int {
    running.reduce(0) { $0 + slots(of: $1, groups[Int($1)]) }
  }

  /// Admits waiting requests in order until one does not fit.
  private mutating func admitPrompts(_ plan: inout IterationPlan) {
    // Running requests only take blocks: a head that found no room finds none until some are given back.
    guard swapped.isEmpty, !waiting.isEmpty, !headIsBlocked else { return }
    var sequences = isCruising ? running.count : runningSlots()
    var batch = PromptBatch()
    while let id = waiting.first {
      let group = groups[Int(id)]
      let length = Int(group.length)
      let blocks = memory.blockCount(forTokens: length)
      if isDropped(group, blocks: blocks) {
        waiting.removeFirst()
        plan.ignored.append(id)
        continue
      }
      let isAlone = running.isEmpty && !repeatsDefects
      let watermark = isAlone ? 0 : memory.watermarkBlocks
      guard memory.device.freeCount - blocks >= watermark else {
        headIsBlocked = isCruising
        break
      }
      let extended = batch.adding(length)
      // Alone, only a recomputed request can exceed the budget; the engine would have dropped it.
      let isFirst = batch.isEmpty && !repeatsDefects
      guard isFirst || extended.batchedTokens(options.promptBudget) <= maxBatchedTokens
      else { break }
      let slots = slots(of: id, group)
      guard sequences + slots <= maxSequences else {
        headIsBlocked = isCruising
        break
      }
      guard extended.keepsPaddings(options.promptBudget) else { break }
      waiting.removeFirst()
      admit(id, group, slots: slots, &plan)
      sequences += slots
      batch = extended
    }
    Self.describePrompts(batch, options.promptBudget, in: &plan)
  }

  /// Whether the engine gives a request up. We keep those that have begun.
  @inline(__always)
  private func isDropped(_ group: ForkingGroup, blocks: Int) -> Bool {
    guard repeatsDefects || group.generatedTokens == 0 else { return false }
    return Int(group.length) > promptLimit || exceedsPool(blocks)
  }

  private mutating func admit(
    _ id: RequestID, _ group: ForkingGroup, slots: Int, _ plan: inout IterationPlan
  ) {
    let sequence = live.first(of: id)
    memory.allocate(
      sequence, tokens: Int(group.length), finalTokens: Int(group.finalTokens))
    if repeatsDefects && group.hasForked && !group.usesBeamSearch {
      memory.addLostReferences(Int(group.width) - 1, to: sequence)
    }
    appendRunning(id)
    plan.scheduled.append(
      .init(
        request: id, sequences: 1, tokens: group.length, contextTokens: 0,
        emittedTokens: Int32(slots), isPrefill: true))
  }

  /// Gives each running request room for its next token, oldest first; the youngest make way.
  ///
  /// One block a sequence must be free, whether or not it takes one; the watermark does not count
  /// here.
  ///
  /// - Returns: The index in `running` from which on requests were preempted.
  private mutating func appendToRunning(_ plan: inout IterationPlan) -> Int {
    var kept = 0
    var end = running.count
    while kept < end {
      let id = running[kept]
      while memory.device.freeCount < live.count(of: id) {
        let isAlone = kept == 0 && end == 1
        if isAlone && !repeatsDefects
          && memory.blocksToAppend(live[id]) <= memory.device.freeCount
        {
          break
        }
        end -= 1
        preempt(running[end], &plan)
        if end == kept || plan.failure != nil { return end }
      }
      append(id, &plan)
      kept += 1
    }
    return kept
  }

  mutating func append(_ id: RequestID, _ plan: inout IterationPlan) {
    for index in 0..<live.count(of: id) {
      if let copy = memory.append(live.sequence(at: index, of: id)) { plan.copies.append(copy) }
    }
  }

  // MARK: Queues

  mutating func appendRunning(_ id: RequestID) {
    if let last = running.last, id < last { runningIsSorted = false }
    running.append(id)
  }

  /// Sorts a queue by arrival, which is the order of the numbers; nearly always sorted already.
  static func sort<Queue: RandomAccessCollection & MutableCollection>(
    _ queue: inout Queue
  ) where Queue.Element == RequestID, Queue.Index == Int {
    for index in queue.indices.dropFirst() {
      let id = queue[index]
      var place = index
      while place > queue.startIndex, id < queue[place - 1] {
        queue[place] = queue[place - 1]
        place -= 1
      }
      queue[place] = id
    }
  }
}
