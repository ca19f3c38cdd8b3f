import KVMemory
import Workload

/// What a scheduler with a KV connector knows beside.
///
///     waiting ▸ loading (holds blocks, lets others pass) ▸ received ▸ running ▸ complete ▸ blocks are sent or still used
struct Connection: Sendable {
  /// `nil` for none.
  var connector: (any KVConnector)?
  /// Who moves what the connector says, in simulations; else reports come with iterations.
  var worker: HostLinkWorker?
  /// Tokens so far that were elsewhere and came, from the tier that the device reaches and from the one below it.
  var hitTokens = 0
  var hitTokensBelow = 0
  /// Tokens so far that a tier held and that were computed all the same.
  var computedTokens = 0
  /// Reports that belong to iterations whose output was not taken in, oldest first.
  var reports: [KVTransferReport] = []
  /// In which order the connector sees sequences that are complete; `nil` for the one in which they were.
  var seenOrder: [Int32]?
  /// Sequences that wait with blocks for tokens that have not come.
  var loading: Set<Int32> = []
  /// Sequences whose tokens have come since they were last looked at.
  var received: Set<Int32> = []
  /// Sequences that run and compute the beginning of what a tier holds, while the end comes.
  var restoring: [Int32: Restoring] = [:]
  /// Sequences of whose tokens some did not come.
  var failed: Set<Int32> = []
  /// Sequences that were admitted and have more of their prompt to compute.
  var prefilling: [Int32] = []
  /// Sequences that lost their blocks in this iteration.
  var preempted: [Int32] = []
  /// Sequences that are complete and that the connector has not seen so.
  var unseen: [ConnectedSequence] = []
  /// Sequences that are complete and whose blocks are being sent.
  var sending: Set<Int32> = []
  /// Sequences that are complete and whose blocks an iteration may use, with its number.
  var deferred: [(sequence: Int32, iteration: Int)] = []
  /// Of sequences that are complete, how much keeps them from being forgotten: their blocks, the connector.
  var closing: [Int32: Int] = [:]
  /// Iterations so far in which sequences ran: decided, and taken in.
  var launched = 0
  var landed = 0
  /// The last iteration of each sequence in which it ran.
  var lastIteration: [Int32: Int] = [:]
}

/// Sequences whose keys and values are elsewhere, and blocks that stay when their sequence is complete.
///
/// - Source: the scheduler of vLLM 0.33 with a connector, by the rules beside its recorded step traces.
extension TokenBudgetScheduler {
  package var connector: (any KVConnector)? { connection.connector }

  /// Whether there is something to do although no sequence is there: the connector has not seen who is complete, or
  /// blocks are on their way.
  package var hasTransfers: Bool {
    guard let connector else { return false }
    return !connection.unseen.isEmpty || !connection.sending.isEmpty || connector.hasTransfers
  }

  /// The sequences that wait with blocks, head first.
  package var holding: [Int32] { Array(waitingSequences.holding) }

  /// Hands in what a worker reports with the output of the iteration that was decided last.
  package mutating func report(_ report: KVTransferReport) { connection.reports.append(report) }

  /// Says in which order the connector sees sequences that are complete.
  ///
  /// - Returns: Whether these are those that it sees next.
  package mutating func seeCompleted(inOrder sequences: [Int32]) -> Bool {
    connection.seenOrder = sequences
    return connection.unseen.map(\.number).sorted() == sequences.sorted()
  }

  // MARK: Waiting sequences

  /// Whether a waiting sequence lets others pass because its tokens have not come; if they have, it goes on.
  mutating func waitsForTokens(_ sequence: Int32) -> Bool {
    if connection.loading.contains(sequence) { return true }
    if connection.received.remove(sequence) != nil { promote(sequence) }
    return false
  }

  /// Whether a waiting sequence holds blocks.
  func holdsBlocks(_ sequence: Int32) -> Bool {
    connects
      && (sequences[Int(sequence)].computedTokens > 0 || connection.loading.contains(sequence))
  }

  /// Lets a sequence go on whose tokens have come. What failed to come is computed, and so is the last token, whose output
  /// is what the iteration is for.
  private mutating func promote(_ sequence: Int32) {
    head.forget()
    var state = sequences[Int(sequence)]
    let hasFailed = connection.failed.remove(sequence) != nil
    if state.computedTokens == 0 { return memory.free(Int(sequence)) }
    cacheFullBlocks(
      of: sequence, tokens: Int(state.computedTokens), known: Int(state.length))
    guard !hasFailed, state.computedTokens == state.length else { return }
    memory.retract(Int(sequence), by: 1)
    state.computedTokens -= 1
    sequences.store(state, of: sequence)
  }

  /// The tokens of a waiting sequence that are elsewhere; `nil` if it is not known yet.
  mutating func externalTokens(
    of sequence: Int32, _ state: TokenBudgetSequence
  ) -> ExternalTokens? {
    guard connects, memory.entryCount(of: Int(sequence), group: 0) == 0 else {
      return ExternalTokens()
    }
    let found = head.found.tokens
    let connected = ConnectedSequence(sequence, state)
    guard var external = connection.connector?.match(connected, found: found, in: &memory) ?? nil
    else { return nil }
    guard external.isAsynchronous, connection.worker != nil else { return external }
    external.computed =
      connection.worker?.computedTokens(
        from: found, to: found + external.count, chunk: memory.blockSize) ?? 0
    external.below = min(external.below, external.loaded)
    return external.loaded > 0 ? external : ExternalTokens(computed: external.computed)
  }

  /// Whether a waiting sequence that holds blocks finds room for its whole prompt; it then gives those back that nothing
  /// to come attends to.
  mutating func canResume(_ sequence: Int32, whole: Int, sparing spared: Int) -> Bool {
    guard
      memory.canBegin(
        Int(sequence), with: head.found, external: 0, whole: whole, inFlight: inFlightMax, total: 0,
        ahead: 0, sparing: spared, reserving: 0)
    else { return false }
    memory.dropSkipped(Int(sequence), inFlight: tokensInFlight(sequence))
    return true
  }

  /// Gives a sequence what was found of it, and blocks for what comes from elsewhere.
  ///
  /// - Returns: Whether it runs in this iteration, and does not wait for its tokens.
  mutating func begin(
    _ sequence: Int32, _ state: TokenBudgetSequence, _ external: ExternalTokens,
    _ plan: inout IterationPlan
  ) -> Bool {
    let final = options.finalSlots(
      state.finalTokens(maxModelLength: maxModelLength), maxModelLength: maxModelLength)
    connection.computedTokens += external.computed
    if external.count > 0 {
      memory.begin(
        Int(sequence), with: head.found, external: external.count, finalTokens: final,
        evicted: &plan.evicted)
    } else if !connects || memory.entryCount(of: Int(sequence), group: 0) == 0 {
      memory.begin(Int(sequence), with: head.found, finalTokens: final)
    }
    guard external.count > 0 else { return true }
    plan.loaded.append(
      .init(
        request: state.request, tokens: Int32(external.loaded), below: Int32(external.below),
        isAwaited: !external.isSplit))
    connection.hitTokens += external.loaded - external.below
    connection.hitTokensBelow += external.below
    guard external.isAsynchronous else { return true }
    let found = head.found.tokens
    guard external.areWaitedFor else {
      startRestoring(sequence, state, found: found, external)
      return true
    }
    memory.extend(Int(sequence), by: 0, ahead: 0, evicted: &plan.evicted)
    head.forget()
    totals.queriedTokens += Int(state.length)
    totals.hitTokens += found
    connection.loading.insert(sequence)
    connection.connector?.load(
      ConnectedSequence(sequence, state), found: found, external, in: &memory)
    var state = state
    state.computedTokens = Int32(found + external.count)
    sequences.store(state, of: sequence)
    return false
  }

  /// Tells the connector of a sequence that runs in this iteration for the first time since it waited.
  mutating func admit(
    _ sequence: Int32, _ state: TokenBudgetSequence, found: Int, _ external: ExternalTokens
  ) {
    let connected = ConnectedSequence(sequence, state)
    if external.present > 0 {
      connection.connector?.load(connected, found: found, external, in: &memory)
    }
    connection.connector?.admit(connected, in: &memory)
  }
}
