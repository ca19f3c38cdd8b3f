import CostModel
import KVMemory
import SimulationKernel

/// The passes of the loop as iterations of the engine.
///
///     overlap off   decide b₁ | b₁ runs | results of b₁, decide b₂ | b₂ runs | …
///     overlap on    decide b₁, b₂ | b₁ runs | results of b₁, decide b₃ | b₂ runs | …
///
/// With overlap a batch is decided when the one before it starts to run. Deciding takes no time here, so the devices never
/// wait for it; that a request waits for one batch more, and what is seen late, is simulated.
extension SGLangScheduler {
  package mutating func schedule(at now: SimInstant, into plan: inout IterationPlan) {
    if hiCache != nil { beginPass(at: now) }
    if cruise.isOn && !decodeSurelyFits() { leaveCruise(&plan) }
    let batch = queued ?? nextBatch(&plan)
    queued = nil
    launched = batch
    plan.advancesCruise = batch?.kind != .prefill
    guard let batch else { return }
    describe(batch, in: &plan)
    hiCache?.wait()
    if options.overlap && plan.failure == nil { queued = nextBatch(&plan) }
  }

  package mutating func complete(_ plan: inout IterationPlan, finished: inout [RequestID]) {
    guard let batch = launched else { return }
    launched = nil
    if cruise.isOn && batch.kind == .decode { completeCruise(&finished) }
    for completed in takeIn(batch) { finished.append(completed.request) }
    if batch.kind == .decode { enterCruise(batch) }
  }

  /// Makes passes until one launches a batch, or nothing changes any more.
  private mutating func nextBatch(_ plan: inout IterationPlan) -> SGLangBatch? {
    while true {
      receive()
      let batch = cruise.batch.count > 0 ? decideCruising() : decide()
      moveTiers(for: batch)
      writeDown(&plan)
      if batch != nil || plan.failure != nil { return batch }
      if launched == nil && isIdle { idle() }
      if pass.preempted.isEmpty { return nil }
    }
  }

  /// Writes what a pass did beside its batch into the plan. Requests that lost their slots get no token of a batch that
  /// runs.
  private mutating func writeDown(_ plan: inout IterationPlan) {
    for admitted in pass.admitted { plan.admitted.append(admitted) }
    for load in pass.loaded {
      plan.loaded.append(
        .init(request: load.request, tokens: Int32(load.tokens), isAwaited: true))
    }
    let victims = pass.preempted.isEmpty ? pass.retracted : pass.preempted + pass.retracted
    for victim in victims {
      plan.preempted.append(
        .init(
          request: victim.request, mode: .recompute, blocks: victim.blocks,
          computedTokens: victim.computedTokens))
      for index in plan.scheduled.indices where plan.scheduled[index].request == victim.request {
        plan.scheduled[index].emittedTokens = 0
        plan.scheduled[index].acceptedTokens = 0
      }
      plan.drafted.removeAll { $0.request == victim.request }
    }
    if let missing = pass.missing {
      plan.failure = .poolExhausted(missing: missing, free: memory.free)
    }
  }

  /// Lists a batch that is about to run. Every row samples a token, also those from which none is taken.
  ///
  /// All results before it are known by now, so that it is known as well what a decode gives.
  private mutating func describe(_ batch: SGLangBatch, in plan: inout IterationPlan) {
    if batch.cruising > 0 {
      plan.cruising = batch.cruising
      cruise.batch.describe(in: &plan.work)
    }
    for row in batch.rows {
      let sequence = sequences[Int(row.request)]
      let yields = sequence.isInFlight && !(row.isExtend && row.request == batch.chunked)
      // Where tokens are drafted a decode was decided before it was known where it begins.
      let isMoved = options.speculation != nil && !row.isExtend && yields
      let before = isMoved ? Int32(sequence.hold.tokens) : row.before
      plan.scheduled.append(
        .init(
          request: row.request, sequences: 1, tokens: row.tokens, contextTokens: before,
          emittedTokens: yields ? 1 : 0, isPrefill: row.isExtend))
      if row.isExtend {
        plan.work.prefillChunks.append(.init(tokens: Int(row.tokens), contextTokens: Int(before)))
      } else {
        plan.work.decode(1, contextTokens: Int(before) + Int(row.tokens))
      }
      if row.drafts > 0 { describeDrafts(of: row, isAlive: yields, in: &plan) }
    }
    plan.work.sampledSequences = batch.cruising + batch.rows.count + plan.work.draftTokens
    if let hiCache { (plan.load, plan.readyAt) = (hiCache.load, hiCache.readyAt) }
  }

  /// Writes down the drafts of the row that was listed last.
  private func describeDrafts(
    of row: SGLangBatch.Row, isAlive: Bool, in plan: inout IterationPlan
  ) {
    plan.work.draftTokens += Int(row.drafts)
    guard isAlive else { return }
    let yield = yield(of: row)
    let place = plan.scheduled.count - 1
    plan.scheduled[place].emittedTokens = yield.tokens
    plan.scheduled[place].acceptedTokens = yield.tokens - 1
    plan.drafted.append(
      .init(
        request: row.request, drafts: row.drafts, accepted: yield.accepted, isPadding: false))
  }

  // MARK: What the engine asks

  @inline(__always)
  package var ledger: WasteLedger { memory.ledger }

  @inline(__always)
  package var blocks: (logical: Int, physical: Int) {
    (
      memory.logicalBlockCount,
      (memory.poolTokens - memory.free - memory.tree.evictable) / memory.blockSize
    )
  }

  @inline(__always)
  package var queues: QueueLengths {
    QueueLengths(running: rowCount, waiting: waiting.count + arrived.count, swapped: 0)
  }

  package var prefixCache: PrefixCacheTotals? {
    guard options.radixCache else { return nil }
    var totals = totals
    totals.evictedBlocks = memory.evictedTokens / memory.blockSize
    totals.tier = hiCache?.totals
    return totals
  }

  package func sequences(at index: Int, of plan: IterationPlan) -> [Int] {
    [Int(plan.scheduled[index].request)]
  }

  /// Slots have no numbers here: no executor can be told where tokens lie (``ServingSystem/Capabilities/cpuStandIn``).
  package func blocks(of sequence: Int) -> [BlockID] { [] }

  package var operations: [SequenceOperation] { [] }
}

/// What a replay looks at.
extension SGLangScheduler {
  /// The share of what may be generated that is kept free.
  package var newTokenRatio: Double { ratio.value }

  /// Its value at the start, the least one, and what a decode takes off.
  package var ratioSteps: (initial: Double, least: Double, decay: Double) {
    (ratio.initial, ratio.least, ratio.decay)
  }

  /// Requests that run and are not complete: those that decode, then those of the last prefill but for the chunked one.
  package var unfinished: [RequestID] {
    let prefilled = last.map { $0.kind == .decode ? [] : $0.rows.map(\.request) } ?? []
    return running.filter { sequences[Int($0)].isInFlight }
      + prefilled.filter { sequences[Int($0)].isInFlight && $0 != chunked }
  }

  /// What every request in flight holds.
  package var holds: [RadixMemory.Hold] { sequences.numbers.map { sequences[$0].hold } }
}
