import DequeModule
import KVMemory
import SimulationKernel
import Workload

/// The scheduler of TensorRT-LLM: in-flight batching in two steps. *Capacity* says which of the active requests the KV
/// memory bears, by a policy of choice; the *micro-batch* says which of those run in this iteration, and with how many
/// tokens.
///
///     waiting ──▶ active, in order of arrival ──▶ capacity ──▶ micro-batch
///                 |generating|in context|not begun|            max_batch_size, max_num_tokens
///                       └─ paused: blocks given back, keeps its place ─┘
///
/// A request takes the blocks of its whole prompt when it begins, also where the prompt is computed in chunks, and one more
/// whenever a decode begins a block. The rules stand in files by step: `+Capacity`, `+MicroBatch`, and the manager that
/// does both at once, `+ManagerV2`. Every iteration lists its requests: none cruise.
///
/// - Source: `capacityScheduler.cpp`, `microBatchScheduler.cpp`, `kvCacheManager.cpp`, `scheduler_v2.py` of TensorRT-LLM in
///   2025 and 2026, read and not run. No step trace of it is at hand, so that all of it is reconstructed. Inferred: blocks can
///   be found from the iteration after the one that filled them, blank blocks are taken before cached ones, and that an
///   iteration is decided while the one before it runs changes its price and not its requests. Left out: a block that is
///   found in part, priorities of blocks, windows, beams, and how many micro-batches pipeline parallelism keeps in flight.
///   As in vLLM's pool, one block is the engine's own.
package struct TRTLLMScheduler: Scheduler {
  /// How far a sequence is.
  enum Stage: Sendable {
    /// It holds no blocks.
    case waits
    /// Its prompt, or what it has to compute again, is not computed to its end.
    case inContext
    case generates
  }

  /// What a sequence holds and may come to hold.
  struct Standing: Sendable {
    var stage = Stage.waits
    var blocks: Int32 = 0
    /// With its prompt and the longest answer that its client asks for.
    var blocksMax: Int32 = 0
    /// Token slots that it will fill.
    var finalTokens: Int32 = 0
  }

  package internal(set) var memory: PrefixCachingMemory
  package internal(set) var sequences: TokenBudgetSequences
  /// In order of arrival, at most as many as may run.
  package internal(set) var active: [Int32] = []
  private var waiting: Deque<Int32> = []
  var standings = ResidentRows(blank: Standing())
  /// Of those that are active, how many hold blocks.
  var begunCount = 0

  package let options: TRTLLMOptions
  let blockSize: Int
  let maxSequences: Int
  let maxBatchedTokens: Int
  let maxModelLength: Int
  private let contents: SequenceContents
  var totals = PrefixCacheTotals()

  /// What this iteration computes.
  var budget = TokenBudget()
  /// Scratch: what the capacity of the memory bears, in the order in which it is considered.
  var fitting: [Int32] = []
  /// Scratch: decodes of this iteration, and its contexts with the tokens of each.
  var decodes: [Int32] = []
  var contexts: [(sequence: Int32, tokens: Int)] = []
  /// Scratch: what is complete with this iteration.
  private var completing: [Int32] = []
  /// What was found of the sequence that was looked up last.
  var found = CachedBeginning()

  /// - Parameter contents: What each prompt consists of; `nil` if no two have a token in common.
  package init(
    requests: RunRequests, settings: EngineSettings, contents: PromptContents? = nil
  ) {
    contents?.requireMatch(requests.requests)
    options = settings.trtllm
    blockSize = settings.blockSize
    maxSequences = settings.maxSequences
    maxBatchedTokens = settings.maxBatchedTokens
    maxModelLength = settings.maxModelLength
    memory = PrefixCachingMemory(
      blockSize: settings.blockSize, deviceBlocks: settings.deviceBlocks,
      freeQueueRule: .unhashedFirst)
    sequences = TokenBudgetSequences(requests)
    self.contents = SequenceContents(contents)
  }

  // MARK: Requests

  /// Whether an empty engine would serve the request to its end.
  package func admission(of request: Request) -> Admission {
    guard request.beamWidth == 0 else {
      return .never(.beams, required: Int(request.beamWidth), capacity: 0)
    }
    let length = Int(request.promptTokens) + Int(request.outputTokens)
    guard length <= maxModelLength else {
      return .never(.tokens, required: length, capacity: maxModelLength)
    }
    // What was generated is computed again with the prompt after a pause.
    let context = options.pauses ? length - 1 : Int(request.promptTokens)
    guard options.chunkedContext || context <= maxBatchedTokens else {
      return .never(.prompt, required: context, capacity: maxBatchedTokens)
    }
    let slots =
      options.pauses
      ? length - 1
      : longest(promptTokens: request.promptTokens, outputTokens: request.outputTokens)
    let required = blocks(for: slots)
    guard required <= memory.pool.usableCount else {
      return .never(.blocks, required: required, capacity: memory.pool.usableCount)
    }
    return .possible
  }

  /// Tokens of a prompt and the longest answer that its client asks for.
  func longest(promptTokens: Int32, outputTokens: Int32) -> Int {
    min(
      Int(promptTokens) + max(Int(outputTokens), options.clientMaxTokens ?? 0), maxModelLength)
  }

  package mutating func enqueue(_ request: RequestID) {
    waiting.append(contentsOf: sequences.requests.sequences(of: request).map { Int32($0) })
  }

  // MARK: An iteration

  package mutating func schedule(at now: SimInstant, into plan: inout IterationPlan) {
    while active.count < maxSequences, let next = waiting.popFirst() { active.append(next) }
    plan.advancesCruise = true
    decodes.clear()
    contexts.removeAll(keepingCapacity: true)
    if options.managerV2 {
      decideTogether(&plan)
    } else {
      fitCapacity(&plan)
      fillMicroBatch(&plan)
    }
    write(&plan)
  }

  /// Writes down who runs, prompts first, and takes the blocks of the decodes.
  private mutating func write(_ plan: inout IterationPlan) {
    budget.reset(to: maxBatchedTokens, threshold: 0, draftSlots: 0)
    for context in contexts { budget.give(context.tokens, to: context.sequence) }
    for sequence in decodes {
      memory.extend(Int(sequence), by: 1, evicted: &plan.evicted)
      standings[Int(sequence)].blocks += takesBlock(sequence) ? 1 : 0
      budget.give(1, to: sequence)
    }
    budget.describe(sequences, nil, in: &plan)
  }

  package mutating func complete(_ plan: inout IterationPlan, finished: inout [RequestID]) {
    completing.clear()
    for share in budget.shares where takeIn(share) { completing.append(share.sequence) }
    guard !completing.isEmpty else { return }
    active.removeAll { [sequences, maxModelLength] in
      sequences[Int($0)].isComplete(maxModelLength: maxModelLength)
    }
    for sequence in completing {
      memory.free(Int(sequence))
      memory.forget(Int(sequence))
      standings.close(Int(sequence))
      begunCount -= 1
      if let request = sequences.close(sequence) { finished.append(request) }
    }
  }

  /// Counts the tokens that a share computed and the one that it gave, and lets its full blocks be found.
  ///
  /// - Returns: Whether the sequence is complete.
  private mutating func takeIn(_ share: TokenBudget.Share) -> Bool {
    let id = Int(share.sequence)
    var state = sequences[id]
    let fullBefore = Int(state.computedTokens) / blockSize
    state.computedTokens += share.tokens
    if options.blockReuse, Int(state.computedTokens) / blockSize > fullBefore {
      _ = memory.cacheFullBlocks(
        of: id, tokens: Int(state.computedTokens), known: Int(state.length))
    }
    guard state.computedTokens == state.length else {
      sequences.store(state, of: share.sequence)
      return false
    }
    state.generatedTokens += 1
    sequences.store(state, of: share.sequence)
    standings[id].stage = .generates
    return state.isComplete(maxModelLength: maxModelLength)
  }

  // MARK: Blocks

  func blocks(for tokens: Int) -> Int { (tokens + blockSize - 1) / blockSize }

  /// Blocks of a prompt and the longest answer that its client asks for.
  func blocksMax(_ state: TokenBudgetSequence) -> Int {
    blocks(for: longest(promptTokens: state.promptTokens, outputTokens: state.outputTokens))
  }

  /// Whether the next token of a sequence that generates begins a block.
  func takesBlock(_ sequence: Int32) -> Bool {
    Int(sequences.progress[Int(sequence)].computedTokens) % blockSize == 0
  }

  /// Looks up what a sequence that has not begun finds, into ``found``; its last token is always computed.
  mutating func lookUp(_ sequence: Int32, _ state: TokenBudgetSequence) {
    guard options.blockReuse else { return }
    if !memory.knows(Int(sequence)) {
      contents.tell(&memory, of: sequence, state, sample: sequences.sample(of: sequence))
    }
    memory.lookUp(Int(sequence), length: Int(state.length), &found)
  }

  /// Lets a sequence run `tokens` tokens of its context; one that has not begun takes what was found of it.
  ///
  ///     0          found        + tokens             length
  ///     |── cached ──|── computed ──|─ later chunks ───|
  ///     blocks  |── of others ──|── taken now ─────────────|    the whole prompt, or with V2 the chunk
  mutating func runContext(_ sequence: Int32, tokens: Int, _ plan: inout IterationPlan) {
    let id = Int(sequence)
    if standings[id].stage == .waits { begin(sequence, &plan) }
    let state = sequences[id]
    let behind = Int(state.length - state.computedTokens) - tokens
    let ahead = options.managerV2 ? 0 : behind
    memory.extend(id, by: tokens, ahead: ahead, evicted: &plan.evicted)
    standings[id].blocks = Int32(blocks(for: Int(state.computedTokens) + tokens + ahead))
    contexts.append((sequence, tokens))
  }

  private mutating func begin(_ sequence: Int32, _ plan: inout IterationPlan) {
    let id = Int(sequence)
    let state = sequences[id]
    let cached = Int32(found.tokens)
    let final = state.finalTokens(maxModelLength: maxModelLength)
    memory.begin(id, with: found, finalTokens: final)
    sequences.progress[id].computedTokens = cached
    standings[id] = Standing(
      stage: .inContext, blocks: Int32(found.tokens / blockSize),
      blocksMax: Int32(blocksMax(state)), finalTokens: Int32(final))
    begunCount += 1
    plan.admitted.append(.init(request: state.request, cachedTokens: cached))
    totals.queriedTokens += Int(state.length)
    totals.hitTokens += Int(cached)
  }

  /// Pauses a sequence: its blocks are given back, and what it does not find of them is computed again.
  mutating func pause(_ sequence: Int32, _ plan: inout IterationPlan) {
    let id = Int(sequence)
    let state = sequences[id]
    plan.preempted.append(
      .init(
        request: state.request, mode: .recompute, blocks: Int(standings[id].blocks),
        computedTokens: state.computedTokens))
    memory.free(id)
    sequences.progress[id].computedTokens = 0
    standings[id] = Standing()
    begunCount -= 1
  }
}

// MARK: What the engine asks

extension TRTLLMScheduler {
  /// Blocks that are kept for those that run (*guaranteed no evict*) are free and of no use to others: they are reserved, or
  /// internal fragmentation where the answer will end before it needs them.
  ///
  /// - Complexity: O(active) where blocks are kept, else O(1).
  package var ledger: WasteLedger {
    var ledger = memory.ledger
    guard !options.pauses else { return ledger }
    for sequence in active {
      let standing = standings[Int(sequence)]
      let kept = Int(standing.blocksMax - standing.blocks) * blockSize
      let used = min(max(Int(standing.finalTokens) - Int(standing.blocks) * blockSize, 0), kept)
      ledger.reserved += used
      ledger.internalFragmentation += kept - used
      // Blank blocks are taken first.
      let blank = min(kept, ledger.free)
      ledger.free -= blank
      ledger.cached -= kept - blank
    }
    return ledger
  }

  package var blocks: (logical: Int, physical: Int) {
    (memory.logicalBlockCount, memory.pool.heldCount)
  }

  package var queues: QueueLengths {
    QueueLengths(
      running: begunCount, waiting: active.count - begunCount + waiting.count, swapped: 0)
  }

  package var prefixCache: PrefixCacheTotals? {
    guard options.blockReuse else { return nil }
    var totals = totals
    totals.evictedBlocks = memory.pool.evictionCount
    return totals
  }

  package func sequences(at index: Int, of plan: IterationPlan) -> [Int] {
    [Int(budget.shares[index].sequence)]
  }

  package func blocks(of sequence: Int) -> [BlockID] { memory.blocks(of: sequence) }

  /// Samples are sequences of their own from the start.
  package var operations: [SequenceOperation] { [] }
}
