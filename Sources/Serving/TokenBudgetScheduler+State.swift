import KVMemory
import SimulationKernel
import Workload

/// How a scheduler stands, and whom it could ever serve.
extension TokenBudgetScheduler {
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
    totals.tier = connection.worker?.totals
    totals.tier?.hitTokens = connection.hitTokens
    totals.tier?.computedTokens = connection.computedTokens
    return totals
  }

  /// Where nothing runs and somebody waits, the end of the next transfer may be what they wait for.
  package var wakeUp: SimInstant? {
    guard connects, budget.shares.isEmpty,
      waitingSequences.count > 0 || !connection.restoring.isEmpty
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
    let slots = finalSlots(length - 1)
    let required = memory.blocksMax(
      forTokens: slots + slotsAhead(of: slots), inFlight: inFlightMax)
    guard required <= memory.pool.usableCount else {
      return .never(.blocks, required: required, capacity: memory.pool.usableCount)
    }
    return .possible
  }
}
