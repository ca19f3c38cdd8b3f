import CostModel
import KVMemory
import SimulationKernel
import Workload

/// The scheduler of vLLM V1: every iteration spends a budget of tokens, on running sequences first
/// and then on waiting ones, and a prompt that exceeds what is left goes on in the next iteration.
///
///     budget    |1|1|1|── rest of a prompt ──|── first chunk of a waiting prompt ──|
///               running, in order of admission │ waiting, only if nobody was preempted
///
/// A running sequence that finds no block takes those of the last one (by policy), which starts
/// again from the head of the waiting queue and finds in the prefix cache what is left of its
/// blocks. A full block can be hit from the moment it is scheduled, by a request admitted later in
/// the same iteration too.
///
/// A request with several samples is served as so many requests, which share the prompt only
/// through the prefix cache. Beam search is not part of the engine.
///
/// - Source: the scheduler and KV cache manager of vLLM 0.33 (synchronous, one full-attention
///   group, no speculative decoding), by the rules beside its recorded step traces. Where it lets a
///   prompt that can never fit block the queue for ever, ``admission(of:)`` refuses the request.
package struct TokenBudgetScheduler: Scheduler {
  package private(set) var memory: PrefixCachingMemory
  package private(set) var sequences: [TokenBudgetSequence]
  /// In the order of admission, which is the order in which iterations run them.
  package private(set) var running: [Int32] = []

  private let options: V1Options
  private let watermarkBlocks: Int
  private let maxSequences: Int
  private let maxBatchedTokens: Int
  private let maxModelLength: Int
  /// Number of each request's first sequence; the other samples follow it.
  private let firstSequences: [Int32]
  private let sampleCounts: [Int32]
  /// Sequences of each request that are not complete.
  private var unfinished: [Int32]

  private var waitingSequences: WaitingSequences
  private var keys: SequenceKeys
  private var totals = PrefixCacheTotals()
  private(set) var budget = TokenBudget()
  /// Scratch of the look-ups.
  private var hits: [BlockID] = []

  /// - Parameters:
  ///   - contents: What each prompt consists of; `nil` if no two have a token in common.
  ///   - priorities: One for each request, lower is served first; `nil` if all are equal.
  package init(
    requests: [Request], settings: EngineSettings, contents: PromptContents? = nil,
    priorities: [Int32]? = nil
  ) {
    contents?.requireMatch(requests)
    options = settings.v1
    watermarkBlocks = settings.v1.watermarkBlocks(of: settings.deviceBlocks)
    maxSequences = settings.maxSequences
    maxBatchedTokens = settings.maxBatchedTokens
    maxModelLength = settings.maxModelLength
    sequences = TokenBudgetSequence.sequences(of: requests, priorities: priorities)
    sampleCounts = requests.map(\.samples)
    unfinished = sampleCounts
    var next: Int32 = 0
    firstSequences = sampleCounts.map { samples in
      defer { next += samples }
      return next
    }
    memory = PrefixCachingMemory(
      blockSize: settings.blockSize, deviceBlocks: settings.deviceBlocks,
      freeQueueRule: settings.v1.freeQueueRule, sequenceCount: sequences.count)
    waitingSequences = WaitingSequences(policy: settings.v1.policy)
    keys = SequenceKeys(
      contents: contents, blockSize: settings.blockSize,
      sequenceCount: settings.v1.prefixCaching ? sequences.count : 0)
  }

  package var ledger: WasteLedger { memory.ledger }

  package var blocks: (logical: Int, physical: Int) {
    (memory.logicalBlockCount, memory.pool.heldCount)
  }

  package var queues: QueueLengths {
    QueueLengths(running: running.count, waiting: waitingSequences.count, swapped: 0)
  }

  package var prefixCache: PrefixCacheTotals? {
    guard options.prefixCaching else { return nil }
    var totals = totals
    totals.evictedBlocks = memory.pool.evictionCount
    return totals
  }

  /// The sequences that wait, head first.
  package var waiting: [Int32] { Array(waitingSequences.queue) }

  /// Whether an empty engine would serve the request to its end.
  ///
  /// The last output token is sampled and never computed. A request that is preempted late computes
  /// all the others again, in one iteration if prompts are not cut into chunks.
  package func admission(of request: Request) -> Admission {
    guard request.beamWidth == 0 else {
      return .never(.beams, required: Int(request.beamWidth), capacity: 0)
    }
    let length = Int(request.promptTokens) + Int(request.outputTokens)
    guard length <= maxModelLength else {
      return .never(.tokens, required: length, capacity: maxModelLength)
    }
    guard options.chunkedPrefill || length - 1 <= maxBatchedTokens else {
      return .never(.prompt, required: length - 1, capacity: maxBatchedTokens)
    }
    let required = memory.blockCount(forTokens: length - 1)
    guard required <= memory.pool.usableCount else {
      return .never(.blocks, required: required, capacity: memory.pool.usableCount)
    }
    return .possible
  }

  package mutating func enqueue(_ request: RequestID) {
    let first = firstSequences[Int(request)]
    for sequence in first..<first + sampleCounts[Int(request)] {
      waitingSequences.arrive(sequence, sequences)
    }
  }

  // MARK: Deciding an iteration

  package mutating func schedule(into plan: inout IterationPlan) {
    let isAlone = running.count + waitingSequences.count <= 1
    budget.reset(
      to: maxBatchedTokens, threshold: isAlone ? 0 : options.longPrefillTokenThreshold)
    scheduleRunning(&plan)
    if plan.preempted.isEmpty { admitWaiting(&plan) }
    budget.describe(sequences, in: &plan)
  }

  /// Lets every running sequence go on, oldest first, while there is budget.
  private mutating func scheduleRunning(_ plan: inout IterationPlan) {
    var index = 0
    while index < running.count, budget.left > 0 {
      let sequence = running[index]
      let state = sequences[Int(sequence)]
      let wanted = budget.limited(Int(state.length - state.computedTokens))
      let tokens = min(wanted, budget.left, maxModelLength - 1 - Int(state.computedTokens))
      guard tokens > 0 else {
        index += 1
        continue
      }
      if makeRoom(for: tokens, at: &index, &plan) {
        run(sequence, tokens: tokens, &plan)
        index += 1
      }
    }
  }

  /// Preempts until the running sequence at `index` finds room for its tokens.
  ///
  /// - Parameter index: Follows the sequence when a victim before it leaves. If the sequence is a
  ///   victim itself, it is the index of the one after it.
  /// - Returns: Whether there is room; `false` if the sequence itself had to make way.
  private mutating func makeRoom(
    for tokens: Int, at index: inout Int, _ plan: inout IterationPlan
  ) -> Bool {
    let sequence = running[index]
    while !memory.canExtend(Int(sequence), by: tokens) {
      let place = victimIndex
      let victim = running.remove(at: place)
      preempt(victim, &plan)
      if victim == sequence { return false }
      if place < index {
        budget.takeBack(from: victim)
        index -= 1
      }
    }
    return true
  }

  /// The running sequence that makes way: the last one in the order of the policy.
  private var victimIndex: Int {
    switch options.policy {
    case .firstComeFirstServed: running.count - 1
    case .priority:
      running.indices.reduce(0) { last, index in
        sequences.isServed(running[last], before: running[index]) ? index : last
      }
    }
  }

  /// Takes all blocks from a sequence that has left `running`, and queues it to come back.
  private mutating func preempt(_ sequence: Int32, _ plan: inout IterationPlan) {
    let state = sequences[Int(sequence)]
    plan.preempted.append(
      .init(
        request: state.request, mode: .recompute, blocks: Int(memory.tables[Int(sequence)].count),
        computedTokens: state.computedTokens))
    memory.free(Int(sequence))
    sequences[Int(sequence)].computedTokens = 0
    waitingSequences.comeBack(sequence, sequences)
  }

  /// Takes the blocks for tokens that will be computed now; blocks that become full can be hit at
  /// once.
  private mutating func run(_ sequence: Int32, tokens: Int, _ plan: inout IterationPlan) {
    memory.extend(Int(sequence), by: tokens, evicted: &plan.evicted)
    if options.prefixCaching {
      let uncached = memory.uncachedFullBlocks(of: Int(sequence))
      if !uncached.isEmpty {
        keys.make(uncached.upperBound, of: Int(sequence), sequences[Int(sequence)])
        memory.cacheFullBlocks(of: Int(sequence), keys: keys[Int(sequence)])
      }
    }
    budget.give(tokens, to: sequence)
  }

  /// Admits waiting sequences in order until one does not fit; none is skipped.
  private mutating func admitWaiting(_ plan: inout IterationPlan) {
    while budget.left > 0, running.count < maxSequences, let sequence = waitingSequences.first {
      guard let tokens = admissibleTokens(of: sequence) else { return }
      let state = sequences[Int(sequence)]
      let cached = hits.count * memory.blockSize
      waitingSequences.removeFirst()
      running.append(sequence)
      memory.begin(
        Int(sequence), with: hits,
        finalTokens: state.finalTokens(maxModelLength: maxModelLength))
      sequences[Int(sequence)].computedTokens = Int32(cached)
      run(sequence, tokens: tokens, &plan)
      plan.admitted.append(.init(request: state.request, cachedTokens: Int32(cached)))
      totals.queriedTokens += Int(state.length)
      totals.hitTokens += cached
    }
  }

  /// The tokens that a waiting sequence would compute in this iteration, behind the blocks left in
  /// `hits`.
  ///
  ///     tokens   0            hits           hits + tokens        length
  ///     blocks   |── cached ──|── new blocks ──|     reserveFullISL: … and these fit as well
  ///
  /// - Returns: `nil` if it has to wait: for budget, or for blocks with the watermark kept free.
  private mutating func admissibleTokens(of sequence: Int32) -> Int? {
    let state = sequences[Int(sequence)]
    let length = Int(state.length)
    let freeHits = lookUp(sequence)
    let cached = hits.count * memory.blockSize
    var tokens = budget.limited(length - cached)
    guard options.chunkedPrefill || tokens <= budget.left else { return nil }
    tokens = min(tokens, budget.left)
    // Hits that are free leave the queue like new blocks; the others cost nothing.
    let beside = freeHits - hits.count + (running.isEmpty ? 0 : watermarkBlocks)
    let free = memory.pool.freeCount
    if options.reserveFullISL {
      let whole = memory.blockCount(forTokens: min(length, maxModelLength))
      guard whole + beside <= free else { return nil }
    }
    guard memory.blockCount(forTokens: cached + tokens) + beside <= free else { return nil }
    return tokens
  }

  /// Looks a waiting sequence up in the prefix cache; what is found is left in `hits`.
  ///
  /// The last token is always computed, because its output is what the iteration is for. So a
  /// sequence that is cached to the end computes its whole last block again.
  ///
  /// - Returns: How many of the hit blocks are free.
  private mutating func lookUp(_ sequence: Int32) -> Int {
    guard options.prefixCaching else { return 0 }
    let state = sequences[Int(sequence)]
    let limit = (Int(state.length) - 1) / memory.blockSize
    keys.make(limit, of: Int(sequence), state)
    return memory.lookUp(keys[Int(sequence)], limit: limit, hits: &hits)
  }

  // MARK: Taking in an iteration

  package mutating func complete(_ plan: IterationPlan, finished: inout [RequestID]) {
    var someCompleted = false
    for share in budget.shares {
      let index = Int(share.sequence)
      sequences[index].computedTokens += share.tokens
      guard sequences[index].computedTokens == sequences[index].length else { continue }
      sequences[index].generatedTokens += 1
      guard sequences[index].isComplete(maxModelLength: maxModelLength) else { continue }
      someCompleted = true
      memory.free(index)
      if options.prefixCaching { keys.forget(index) }
      let request = sequences[index].request
      unfinished[Int(request)] -= 1
      if unfinished[Int(request)] == 0 { finished.append(request) }
    }
    guard someCompleted else { return }
    running.removeAll { [sequences, maxModelLength] in
      sequences[Int($0)].isComplete(maxModelLength: maxModelLength)
    }
  }
}
