import CostModel
import KVMemory
import SimulationKernel
import Workload

/// How a scheduler begins, how it stands, and whom it could ever serve.
extension TokenBudgetScheduler {
  /// - Parameters:
  ///   - memory: Empty.
  ///   - contents: What each prompt consists of; `nil` if no two have a token in common.
  ///   - connector: `nil` if keys and values are on the device only.
  ///   - worker: Who moves what it says; `nil` if whoever runs the iterations does.
  ///   - decodesRests: See ``TokenBudget/decodesRests``.
  ///   - service: Of an order of prompts in progress and waiting ones together: `+PromptOrder` says what that changes.
  package init(
    memory: Memory, requests: RunRequests, settings: EngineSettings,
    contents: PromptContents? = nil, traits: RequestTraits = RequestTraits(),
    connector: (any KVConnector)? = nil, worker: HostLinkWorker? = nil, decodesRests: Bool = false,
    service: PromptService? = nil
  ) {
    budget.decodesRests = decodesRests
    connects = connector != nil
    defersFrees = settings.v1.isAsynchronous && connector?.defersFrees ?? false
    (connection.connector, connection.worker) = (connector, worker)
    contents?.requireMatch(requests.requests)
    adapters = traits.adapters
    options = settings.v1
    watermarkBlocks = settings.v1.watermarkBlocks(of: settings.deviceBlocks)
    maxSequences = settings.maxSequences
    maxBatchedTokens = settings.maxBatchedTokens
    maxModelLength = settings.maxModelLength
    let threshold = settings.v1.longPrefillTokenThreshold
    chunkLimit = threshold > 0 ? min(maxBatchedTokens, threshold) : maxBatchedTokens
    inFlightMax = maxBatchedTokens * settings.v1.iterationsInFlight
    lookaheadSlots = settings.v1.speculation?.lookaheadSlots ?? 0
    outcomes = DraftOutcomes(traits.drafts, drawn: settings.v1.speculation?.acceptance)
    sequences = TokenBudgetSequences(requests, order: traits.order, service: service)
    ordersPrompts = service != nil
    self.memory = memory
    waitingSequences = WaitingSequences(policy: settings.v1.policy)
    self.contents = SequenceContents(
      contents, adapters: traits.adapters,
      lookahead: settings.v1.speculation?.caching.keyLookahead ?? 0)
    mayCruise =
      settings.stepping == .event && settings.v1.policy == .firstComeFirstServed
      && settings.v1.victimPolicy.pick == nil && !settings.v1.cascades
      && requests.haveOneSample
    let cruisesConnected = mayCruise && Memory.onlyTakes && worker != nil
    looksAhead =
      settings.v1.isAsynchronous || settings.v1.speculation != nil
      || connects && !cruisesConnected
    isCruising = mayCruise && !looksAhead
    batch = CruisingBatch(
      settings, blockSize: memory.blockSize, slotsOfToken: memory.slotsOfToken,
      longestOutput: requests.longestOutput)
  }

  package var ledger: WasteLedger { memory.ledger }

  package var blocks: (logical: Int, physical: Int) {
    (memory.logicalBlockCount, memory.pool.heldCount)
  }

  package var queues: QueueLengths {
    QueueLengths(running: running.count, waiting: waitingSequences.count, swapped: 0)
  }

  /// Looks a request up that has not come, and leaves the memory as it was.
  ///
  /// - Complexity: O(pieces of the prompt + blocks found).
  package mutating func cachedTokens(of request: RequestID) -> Int {
    guard options.prefixCaching else { return 0 }
    let sequence = sequences.requests.firstSequence(of: request)
    let state = sequences[Int(sequence)]
    let isKnown = memory.knows(Int(sequence))
    if !isKnown { contents.tell(&memory, of: sequence, state, sample: 0) }
    var found = Memory.Found()
    memory.lookUp(Int(sequence), length: Int(state.length), &found)
    if !isKnown { memory.forget(Int(sequence)) }
    return found.tokens
  }

  package var prefixCache: PrefixCacheTotals? {
    guard options.prefixCaching else { return nil }
    var totals = totals
    totals.evictedBlocks = memory.pool.evictionCount
    totals.tier = connection.worker?.totals
    totals.tier?.hitTokens = connection.hitTokens
    totals.tier?.computedTokens = connection.computedTokens
    totals.disk = connection.worker?.diskTotals
    totals.disk?.hitTokens = connection.hitTokensBelow
    return totals
  }

  /// Where nothing runs and somebody waits, the end of the next transfer may be what they wait for; or more is to move then.
  package var wakeUp: SimInstant? {
    guard connects, runsNobody,
      waitingSequences.count > 0 || !connection.restoring.isEmpty || connector?.goesOn ?? false
    else { return nil }
    return connection.worker?.nextEnd
  }

  /// The sequences that wait, head first.
  package var waiting: [Int32] { Array(waitingSequences.queue) }

  /// Whether an empty engine would serve the request to its end.
  ///
  /// The last output token is sampled and never computed. A request that is preempted late computes
  /// all the others again, in one iteration if prompts are not cut into chunks.
  @inline(__always)
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
    let slots = options.finalSlots(length - 1, maxModelLength: maxModelLength)
    let required = memory.blocksMax(
      forTokens: slots + slotsAhead(of: slots), inFlight: inFlightMax)
    guard required <= memory.pool.usableCount else {
      return .never(.blocks, required: required, capacity: memory.pool.usableCount)
    }
    return .possible
  }
}
