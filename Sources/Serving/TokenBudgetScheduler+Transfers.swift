import DequeModule
import KVMemory
import SimulationKernel
import Workload

/// What a KV connector is told of iterations, and what it makes blocks wait for.
extension TokenBudgetScheduler {
  // MARK: Deciding an iteration

  mutating func beginTransfers(at now: SimInstant) {
    if let report = connection.worker?.report(at: now) { endLanding(report) }
    connection.preempted.removeAll(keepingCapacity: true)
    connection.connector?.begin()
  }

  /// Tells the connector who runs in the iteration that was decided, whose tokens do not count yet.
  ///
  /// - Returns: When the blocks that it writes to may be written to.
  mutating func decideTransfers(at now: SimInstant) -> SimInstant? {
    var iteration = ConnectedIteration()
    // No closures and no getters of the scheduler here: each is given a copy of it.
    for share in budget.shares {
      let state = sequences[Int(share.sequence)]
      iteration.scheduled.append(
        (ConnectedSequence(share.sequence, state), Int(state.computedTokens + share.tokens)))
    }
    iteration.taken = takenByCruising()
    iteration.preempted = connection.preempted
    iteration.completed = connection.unseen
    if let order = connection.seenOrder {
      iteration.completed = order.compactMap { sequence in
        connection.unseen.first { $0.number == sequence }
      }
    }
    connection.seenOrder = nil
    connection.unseen.removeAll(keepingCapacity: true)
    connection.connector?.decide(iteration, in: &memory)
    for sequence in iteration.completed { forgetIfClosed(sequence.number) }
    connection.prefilling = findPrefilling()
    let isIdle = iteration.scheduled.isEmpty && batch.count == 0
    if !isIdle { connection.launched += 1 }
    if defersFrees {
      for share in budget.shares {
        connection.lastIteration[share.sequence] = connection.launched
      }
    }
    guard let step = connection.connector?.currentStep() else { return nil }
    return connection.worker?.move(step, at: now, isIdle: isIdle)
  }

  /// Whether nobody runs in the iteration that was decided last.
  var runsNobody: Bool { budget.shares.isEmpty && batch.count == 0 }

  /// Sequences that will have more of their prompt to compute after this iteration.
  private mutating func findPrefilling() -> [Int32] {
    var prefilling: [Int32] = []
    for sequence in connection.prefilling
    where running.contains(sequence) && budget.shares.allSatisfy({ $0.sequence != sequence }) {
      prefilling.append(sequence)
    }
    for index in budget.shares.indices {
      let share = budget.shares[index]
      guard isChunk(share) else { continue }
      if index >= firstAdmitted || connection.prefilling.contains(share.sequence) {
        prefilling.append(share.sequence)
      }
    }
    return prefilling
  }

  /// Blocks that a sequence which waits for tokens leaves to others: what prompts that are being computed or loaded will
  /// take.
  mutating func blocksReserved() -> Int {
    let drafts = options.speculation.map { 1 + $0.draftTokens + $0.lookaheadSlots } ?? 0
    let loading = waitingSequences.waitingWithBlocks.filter { connection.loading.contains($0) }
    return (findPrefilling() + loading).reduce(0) { blocks, sequence in
      let length = min(Int(sequences[Int(sequence)].length), maxModelLength)
      return blocks + memory.blocksBehind(drafts)
        + memory.missingBlocks(of: Int(sequence), upTo: length + drafts, inFlight: inFlightMax)
    }
  }

  // MARK: Taking in an iteration

  /// Takes in what failed to come, and gives back the blocks that the iteration was the last to use.
  mutating func beginLanding(_ report: KVTransferReport, ran: Bool) {
    for sequence in report.failed { fail(sequence, computed: 0) }
    if !report.invalidBlocks.isEmpty { fail(Set(report.invalidBlocks)) }
    guard ran else { return }
    connection.landed += 1
    while let (sequence, iteration) = connection.deferred.first, iteration <= connection.landed {
      connection.deferred.removeFirst()
      head.forget()
      memory.freeAtOnce(Int(sequence))
      forgetIfClosed(sequence)
    }
  }

  /// Takes in what has come, and what was sent.
  mutating func endLanding(_ report: KVTransferReport) {
    for sequence in report.received
    where connection.loading.remove(sequence) != nil || connection.restoring[sequence] != nil {
      connection.received.insert(sequence)
    }
    for sequence in report.sent where connection.sending.remove(sequence) != nil {
      giveUp(sequence)
    }
    connection.connector?.takeIn(report)
  }

  /// Sequences that wait for tokens go on before the first of these blocks that they hold, and compute it again: the first
  /// who does, if several hold it.
  private mutating func fail(_ invalid: Set<BlockID>) {
    var computedAgain: Set<BlockID> = []
    for sequence in waitingSequences.holding where connection.loading.contains(sequence) {
      let blocks = memory.blocks(of: Int(sequence))
      let bad = blocks.indices.filter { invalid.contains(blocks[$0]) }
      if let first = bad.first(where: { !computedAgain.contains(blocks[$0]) }) {
        fail(sequence, computed: first * memory.blockSize)
      }
      computedAgain.formUnion(bad.map { blocks[$0] })
    }
  }

  private mutating func fail(_ sequence: Int32, computed: Int) {
    var state = sequences[Int(sequence)]
    connection.failed.insert(sequence)
    guard computed < Int(state.computedTokens) else { return }
    memory.retract(Int(sequence), by: Int(state.computedTokens) - computed)
    state.computedTokens = Int32(computed)
    sequences.store(state, of: sequence)
  }

  // MARK: Other replicas

  package mutating func takeIn(_ moves: KVMoves) {
    connection.connector?.computeHere(moves.local)
    for request in moves.withdrawn { withdraw(sequences.requests.firstSequence(of: request)) }
    var report = KVTransferReport()
    (report.received, report.sent) = (moves.received, moves.sent)
    endLanding(report)
  }

  package mutating func takePulls() -> [IterationPlan.Admitted] {
    connection.connector?.takePulls() ?? []
  }

  /// Forgets a sequence that begins again: one that waits leaves, and of one that is complete nothing stays.
  private mutating func withdraw(_ sequence: Int32) {
    if connection.closing.removeValue(forKey: sequence) != nil {
      connection.sending.remove(sequence)
      connection.unseen.removeAll { $0.number == sequence }
      connection.deferred.removeAll { $0.sequence == sequence }
      connection.lastIteration[sequence] = nil
      if memory.entryCount(of: Int(sequence), group: 0) > 0 { memory.free(Int(sequence)) }
    } else {
      guard waitingSequences.withdraw(sequence) else { return }
      if holdsBlocks(sequence) { memory.free(Int(sequence)) }
      connection.loading.remove(sequence)
    }
    head.forget()
    connection.connector?.withdraw(ConnectedSequence(sequence, sequences[Int(sequence)]))
    memory.forget(Int(sequence))
    _ = sequences.close(sequence)
  }

  // MARK: Giving blocks up

  /// Whether no iteration whose output is to come uses the blocks of a sequence.
  func mayFree(_ sequence: Int32) -> Bool {
    !defersFrees || connection.lastIteration[sequence] ?? 0 <= connection.landed
  }

  /// Lets go of a sequence that is complete, as far as nobody needs its blocks.
  mutating func release(_ sequence: Int32) {
    memory.dropSkipped(Int(sequence), inFlight: tokensInFlight(sequence))
    let state = sequences[Int(sequence)]
    var connected = ConnectedSequence(sequence, state)
    // Counts of tokens stand still while a sequence cruises.
    connected.length = state.finalTokens(maxModelLength: maxModelLength) + 1
    connection.unseen.append(connected)
    connection.closing[sequence] = 2
    if connection.connector?.complete(connected) ?? false {
      connection.sending.insert(sequence)
    } else {
      giveUp(sequence)
    }
  }

  private mutating func giveUp(_ sequence: Int32) {
    guard mayFree(sequence) else {
      connection.deferred.append((sequence, connection.launched))
      return
    }
    head.forget()
    memory.free(Int(sequence))
    forgetIfClosed(sequence)
  }

  private mutating func forgetIfClosed(_ sequence: Int32) {
    connection.closing[sequence, default: 1] -= 1
    guard connection.closing[sequence] == 0 else { return }
    connection.closing[sequence] = nil
    connection.lastIteration[sequence] = nil
    memory.forget(Int(sequence))
  }
}
