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
/// The plain loop looks at every running sequence in every iteration. By events
/// (``EngineSettings/stepping``), those that only decode cruise.
///
/// - Source: the scheduler and KV cache manager of vLLM 0.33 by the rules beside
///   its recorded step traces. Where it lets a
///   prompt that can never fit block the queue for ever, ``admission(of:)`` refuses the request.
package struct TokenBudgetScheduler<Memory: TokenBudgetMemory>: Scheduler {
  package internal(set) var memory: Memory
  /// Counts of tokens stand still while a sequence cruises.
  package internal(set) var sequences: TokenBudgetSequences
  /// In the order of admission, which is the order in which iterations run them.
  package internal(set) var running: [Int32] = []

  let options: V1Options
  let watermarkBlocks: Int
  let maxSequences: Int
  let maxBatchedTokens: Int
  let maxModelLength: Int
  /// Most tokens of one sequence in an iteration, whoever else is there.
  let chunkLimit: Int
  /// Most tokens of a sequence in iterations whose outputs are not known together.
  let inFlightMax: Int
  /// See ``Speculation/lookaheadSlots``.
  let lookaheadSlots: Int

  var waitingSequences: WaitingSequences
  let contents: SequenceContents
  /// By request, 0 for none; empty if none has one.
  let adapters: [Int32]
  var totals = PrefixCacheTotals()
  var budget = TokenBudget()
  var head = HeadLookUp<Memory.Found>()
  /// Admissions so far.
  var admissions: Int32 = 0

  /// Whether keys and values may be elsewhere: `+Connector` says what that changes.
  let connects: Bool
  /// See ``KVConnector/defersFrees``; nobody is asked where no iteration is decided ahead.
  let defersFrees: Bool
  var connection = Connection()
  /// Whether tokens are scheduled that are not known: `+Ahead` says what that changes.
  let looksAhead: Bool
  /// What comes of drafts.
  let outcomes: DraftOutcomes
  var ahead = ResidentRows(blank: TokensAhead())
  /// Iterations whose output was not taken in, oldest first.
  var inFlight: [[Flight]] = []
  /// How many shares of the iteration stand before those of sequences that were admitted in it.
  var firstAdmitted = 0

  /// Whether prompts in progress can be overtaken: `+PromptOrder` says what that changes.
  let ordersPrompts: Bool

  /// Whether sequences may cruise at all: not where victims stand anywhere, nor beside requests with
  /// samples, whose tokens are counted together.
  let mayCruise: Bool
  /// Whether each running sequence is in `batch` or in `listed`; otherwise none is in either.
  var isCruising: Bool
  var batch: CruisingBatch
  /// Running sequences that do not cruise, in running order.
  var listed: [Int32] = []
  /// Cruising sequences that no iteration was decided for since they joined, where the memory wants to know.
  var joined: [Int32] = []
  /// Scratch: cruising sequences that an iteration looks at one by one.
  var visits: [HybridMemory.Visit] = []
  /// Scratch: cruising sequences that are complete with this iteration, in reverse running order.
  var completing: [Int32] = []
  /// Scratch: blocks whose cached content a steady iteration takes.
  var evicted: [BlockID] = []

  package mutating func enqueue(_ request: RequestID) {
    let first = sequences.requests.firstSequence(of: request)
    for sequence in first..<first + sequences.requests[request].samples {
      waitingSequences.arrive(sequence, sequences)
    }
    sequences.service?.arrive()
  }

  // MARK: Deciding an iteration

  package mutating func schedule(at now: SimInstant, into plan: inout IterationPlan) {
    memory.beginIteration()
    if connects { beginTransfers(at: now) }
    let isAlone = running.count + waitingSequences.count <= 1
    budget.reset(
      to: maxBatchedTokens, threshold: isAlone ? 0 : options.longPrefillTokenThreshold,
      draftSlots: options.speculation?.draftSlots ?? 0)
    plan.advancesCruise = true
    if ordersPrompts {
      serveInOrder(at: now, &plan)
    } else {
      if isCruising && !budgetCoversCruise { leaveCruise(&plan) }
      if isCruising { growRunning(&plan) } else { scheduleRunning(&plan) }
      if plan.preempted.isEmpty { admitWaiting(&plan) }
    }
    budget.describe(sequences, looksAhead ? ahead : nil, in: &plan)
    if options.cascades { plan.work.sharedPrefixTokens = sharedPrefixTokens() }
    if connects { plan.readyAt = decideTransfers(at: now) }
    if looksAhead { launch(&plan) }
  }

  /// Lets every running sequence go on, oldest first, while there is budget.
  private mutating func scheduleRunning(_ plan: inout IterationPlan) {
    head.forget()
    var index = 0
    while index < running.count, budget.left > 0 {
      let sequence = running[index]
      let tokens = tokensToRun(sequence)
      guard tokens > 0 else {
        index += 1
        continue
      }
      memory.dropSkipped(Int(sequence), inFlight: looksAhead ? tokensInFlight(sequence) : 0)
      if connects && isRestoring(sequence) || makeRoom(for: tokens, at: &index, &plan) {
        run(sequence, tokens: tokens, &plan)
        index += 1
      }
    }
  }

  /// The tokens that a running sequence computes in this iteration.
  @inline(__always)
  mutating func tokensToRun(_ sequence: Int32) -> Int {
    if connects, let tokens = tokensToRestore(sequence) { return tokens }
    let state = sequences[Int(sequence)]
    let (length, computed) = (Int(state.length), Int(state.computedTokens))
    let known = looksAhead ? tokensAhead(sequence, state) : length
    let wanted = min(budget.limited(known - computed), budget.left, maxModelLength - 1 - computed)
    return memory.cut(
      Int(sequence), from: computed, tokens: wanted, length: length, limit: chunkLimit)
  }

  /// Preempts until the running sequence at `index` finds room for its tokens.
  ///
  /// - Parameter index: Follows the sequence when a victim before it leaves. If the sequence is a
  ///   victim itself, it is the index of the one after it.
  /// - Returns: Whether there is room; `false` if the sequence itself had to make way, or the next victim cannot yet: then
  ///   nobody goes on behind it.
  mutating func makeRoom(
    for tokens: Int, at index: inout Int, _ plan: inout IterationPlan
  ) -> Bool {
    let sequence = running[index]
    let ahead = slotsAhead(of: Int(sequences[Int(sequence)].computedTokens) + tokens)
    while !memory.canExtend(Int(sequence), by: tokens, ahead: ahead) {
      let place = options.victimPolicy.place(
        in: RunningSequences(running, sequences) { [memory] in memory.blockCount(of: $0) })
      guard !connects || mayFree(running[place]) else {
        index = running.count
        return false
      }
      let victim = running.remove(at: place)
      preempt(victim, &plan)
      if victim == sequence { return false }
      if place < index || ordersPrompts { budget.takeBack(from: victim) }
      if place < index { index -= 1 }
    }
    return true
  }

  /// Takes all blocks from a sequence that has left `running`, and queues it to come back.
  mutating func preempt(_ sequence: Int32, _ plan: inout IterationPlan) {
    head.forget()
    let state = sequences[Int(sequence)]
    plan.preempted.append(
      .init(
        request: state.request, mode: .recompute, blocks: memory.blockCount(of: Int(sequence)),
        computedTokens: state.computedTokens))
    memory.free(Int(sequence))
    sequences.progress[Int(sequence)].computedTokens = 0
    if looksAhead { ahead[Int(sequence)].preempt() }
    if connects { connection.preempt(sequence) }
    waitingSequences.comeBack(sequence, sequences)
  }

  /// Takes the blocks for tokens that will be computed now; blocks that become full can be hit at
  /// once.
  ///
  /// - Parameter padding: Drafts among the tokens that only fill the iteration up.
  mutating func run(
    _ sequence: Int32, tokens: Int, padding: Int = 0, _ plan: inout IterationPlan
  ) {
    if looksAhead { return runAhead(sequence, tokens: tokens, padding: padding, &plan) }
    if connects && isRestoring(sequence) { return budget.give(tokens, to: sequence) }
    memory.extend(Int(sequence), by: tokens, ahead: 0, evicted: &plan.evicted)
    if options.prefixCaching {
      if memory.cacheFullBlocks(of: Int(sequence), missing: head.missing) { head.forget() }
    }
    budget.give(tokens, to: sequence)
  }

  // MARK: Taking in an iteration

  package mutating func complete(_ plan: inout IterationPlan, finished: inout [RequestID]) {
    if looksAhead { return land(&plan, &finished) }
    if mayCruise && !isCruising { enterCruise() }
    if isCruising { return completeCruise(&finished) }
    for share in budget.shares {
      if case .completed = takeIn(share) { completing.append(share.sequence) }
    }
    guard !completing.isEmpty else { return }
    running.removeAll { [sequences, maxModelLength] in
      sequences[Int($0)].isComplete(maxModelLength: maxModelLength)
    }
    for sequence in completing {
      if ordersPrompts { sequences.service?.close(sequence) }
      close(sequence, &finished)
    }
    completing.removeAll(keepingCapacity: true)
  }

  /// What a share of an iteration did for its sequence.
  enum Progress {
    /// A chunk was computed, and there is more to compute.
    case computed
    /// A token was sampled, and more are to come; how it stands now.
    case grew(TokenBudgetSequence)
    case completed
  }

  /// Counts the tokens that a share computed, and the one that it sampled.
  mutating func takeIn(_ share: TokenBudget.Share) -> Progress {
    var state = sequences[Int(share.sequence)]
    state.computedTokens += share.tokens
    let yields = state.computedTokens == state.length
    if yields { state.generatedTokens += 1 }
    sequences.store(state, of: share.sequence)
    guard yields else { return .computed }
    return state.isComplete(maxModelLength: maxModelLength) ? .completed : .grew(state)
  }

  /// Lets go of a sequence that is complete.
  mutating func close(_ sequence: Int32, _ finished: inout [RequestID]) {
    head.forget()
    if connects {
      release(sequence)
    } else {
      memory.free(Int(sequence))
      memory.forget(Int(sequence))
    }
    if let request = sequences.close(sequence) { finished.append(request) }
  }
}

// MARK: Admission

extension TokenBudgetScheduler {
  /// Admits waiting sequences in order until one does not fit; only those are skipped that an iteration of others makes
  /// wait, whatever fits.
  mutating func admitWaiting(_ plan: inout IterationPlan) {
    firstAdmitted = budget.shares.count
    defer { waitingSequences.returnSkipped(sequences) }
    while budget.left > 0, running.count < maxSequences, let sequence = waitingSequences.first {
      guard admitFirst(sequence, &plan) else { return }
    }
  }

  /// Admits the first of the waiting sequences, or lets the next one pass where it is made to wait by others.
  ///
  /// - Returns: `false` if it does not fit.
  @inline(__always)
  mutating func admitFirst(_ sequence: Int32, _ plan: inout IterationPlan) -> Bool {
    guard !isSkipped(sequence), let external = lookUp(sequence) else {
      waitingSequences.skipFirst(holds: holdsBlocks(sequence))
      return true
    }
    let state = sequences[Int(sequence)]
    guard let (tokens, padding) = admissibleTokens(of: sequence, state, external) else {
      return false
    }
    guard begin(sequence, state, external, &plan) else {
      waitingSequences.skipFirst(holds: true)
      return true
    }
    let cached = head.found.tokens
    waitingSequences.removeFirst()
    appendRunning(
      sequence, computedTokens: state.computedTokens + Int32(cached + external.present))
    head.forget()
    run(sequence, tokens: tokens, padding: padding, &plan)
    if connects { admit(sequence, state, found: cached, external) }
    plan.admitted.append(
      .init(
        request: state.request, cachedTokens: Int32(cached),
        externalTokens: Int32(external.loaded)))
    guard state.computedTokens == 0 else { return true }
    totals.queriedTokens += Int(state.length)
    totals.hitTokens += cached
    return true
  }

  private mutating func appendRunning(_ sequence: Int32, computedTokens: Int32) {
    running.append(sequence)
    if isCruising { listed.append(sequence) }
    sequences.progress[Int(sequence)].begin(computed: computedTokens, rank: admissions)
    admissions += 1
  }

  /// The tokens that a waiting sequence would compute in this iteration, behind the hits of `head` and what comes from
  /// elsewhere.
  ///
  ///     tokens   0            hits       computed      computed + tokens        length
  ///     blocks   |── cached ──|─ external ─|── new blocks ──|     reserveFullISL: … and these fit as well
  ///
  /// - Returns: With them the drafts among them that only fill the iteration up; `nil` if it has to wait: for budget, or for
  ///   blocks with the watermark kept free. None if it waits for what comes from elsewhere.
  private mutating func admissibleTokens(
    of sequence: Int32, _ state: TokenBudgetSequence, _ external: ExternalTokens
  ) -> (tokens: Int, padding: Int)? {
    let length = Int(state.length)
    let computed = Int(state.computedTokens) + head.found.tokens + external.present
    var (tokens, padding) = (0, 0)
    if !external.areWaitedFor {
      padding = length - computed == 1 ? self.padding(computed: computed) : 0
      guard padding == 0 || 1 + padding <= budget.unspent else { return nil }
      let end = external.isSplit ? computed + external.computed : length
      tokens = budget.limited(end - computed + padding)
      guard options.chunkedPrefill || tokens <= budget.unspent else { return nil }
      tokens = memory.cut(
        Int(sequence), from: computed, tokens: min(tokens, budget.left), length: length,
        limit: chunkLimit)
      guard tokens > 0 else { return nil }
    }
    let whole = options.reserveFullISL ? min(length, maxModelLength) : 0
    let spared = running.isEmpty ? 0 : watermarkBlocks
    if state.computedTokens > 0, !canResume(sequence, whole: whole, sparing: spared) { return nil }
    let fits = memory.canBegin(
      Int(sequence), with: head.found, external: external.count, whole: whole,
      inFlight: inFlightMax,
      total: external.isSplit ? computed + external.count : computed + tokens,
      ahead: external.isAsynchronous ? 0 : slotsAhead(of: computed + tokens), sparing: spared,
      reserving: external.isAsynchronous ? blocksReserved() : 0)
    guard fits else {
      head.block(sequence)
      return nil
    }
    return (tokens, padding)
  }

  /// Looks a waiting sequence up in the prefix cache, unless what `head` has found still holds, and elsewhere.
  ///
  /// The last token is always computed, because its output is what the iteration is for. So a
  /// sequence that is cached to the end computes its whole last block again.
  ///
  /// - Returns: What is elsewhere; `nil` if that is not known yet.
  private mutating func lookUp(_ sequence: Int32) -> ExternalTokens? {
    let state = sequences[Int(sequence)]
    if connects, state.computedTokens > 0 { head.findNothing() }
    guard state.computedTokens == 0 else { return ExternalTokens() }
    if connects || options.prefixCaching && !head.holds(sequence), !memory.knows(Int(sequence)) {
      contents.tell(&memory, of: sequence, state, sample: sequences.sample(of: sequence))
    }
    if options.prefixCaching, !head.holds(sequence) {
      head.find(sequence, length: Int(state.length), in: &memory)
    }
    return externalTokens(of: sequence, state)
  }
}
