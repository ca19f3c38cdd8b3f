import CostModel
import DequeModule
import KVMemory
import SimulationKernel
import Workload

/// Request-level batching with static slots: a batch starts together, runs to the end of its longest request,
/// and its answers leave together (FasterTransformer behind a dynamic batcher).
///
///     batch of three     |prompt|····|····|····|····|   all leave here
///     output 2           |prompt| t  | --   idle   --|
///     output 5           |prompt| t  | t  | t  | t  |
///
/// Prompts are padded to the longest of the batch, and the engine computes the longest output for everyone,
/// so padding costs time; the tokens that nobody asked for are not emitted.
///
/// By events (``EngineSettings/stepping``), only the iteration that computes the prompts lists the batch: how many
/// still want a token follows from their output lengths.
///
/// - Source: the FasterTransformer driver of the SOSP'23 artifact. Where its batch rule leaves out a request
///   that is too long for any batch (and crashes), we run the request alone.
package struct StaticBatchScheduler: Scheduler {
  package private(set) var slots: StaticSlots
  let requests: RunRequests
  private let maxSequences: Int
  private let maxModelLength: Int
  private let attendedMax: Int
  let blockSize: Int
  /// Slot of each sequence in the batch.
  private(set) var slotNumbers = ResidentRows<Int32>(blank: 0)

  private var waiting: Deque<RequestID> = []
  private var batch: [RequestID] = []
  /// Longest prompt and longest output of the batch.
  private var paddedPrompt = 0
  private var longestOutput = 0
  /// Output tokens that the batch has computed.
  private var computedTokens = 0
  private let listsDecodes: Bool
  /// Output tokens and sequences of the batch's requests, shortest first, and how many of them have all.
  private var ends: [(tokens: Int32, sequences: Int32)] = []
  private var endedCount = 0
  /// Sequences of the batch, and those that want more tokens.
  private var rowCount = 0
  private var wantingRowCount = 0

  /// Tokens below the longest sequence that a batch's longest prompt and longest output must stay, as the
  /// artifact sets them (2,040 of 2,048).
  private static let batchMargin = 8

  package init(requests: RunRequests, settings: EngineSettings) {
    self.requests = requests
    maxModelLength = settings.maxModelLength
    attendedMax = settings.attendedMax ?? .max
    listsDecodes = settings.stepping == .iteration
    blockSize = settings.blockSize
    slots = StaticSlots(
      poolTokens: settings.deviceBlocks * settings.blockSize, slotTokens: settings.maxModelLength)
    maxSequences = min(settings.maxSequences, slots.slotCount)
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
    return .possible
  }

  package mutating func enqueue(_ request: RequestID) { waiting.append(request) }

  /// Free slots are lost to the waiting requests for as long as the batch runs.
  package var ledger: WasteLedger {
    slots.ledger(headIsBlocked: !waiting.isEmpty)
  }

  package var blocks: (logical: Int, physical: Int) {
    let held = slots.heldCount * slots.slotTokens / blockSize
    return (held, held)
  }

  package var queues: QueueLengths {
    QueueLengths(running: batch.count, waiting: waiting.count, swapped: 0)
  }

  package mutating func schedule(at now: SimInstant, into plan: inout IterationPlan) {
    plan.advancesCruise = true
    let isPrefill = batch.isEmpty
    if isPrefill { formBatch() }
    if !isPrefill && !listsDecodes { return decodeUnlisted(&plan) }
    var rows = 0
    for id in batch {
      let request = requests[id]
      let wanted = computedTokens < Int(request.outputTokens)
      rows += Int(request.sequenceCount)
      plan.scheduled.append(
        .init(
          request: id, sequences: request.sequenceCount,
          tokens: isPrefill ? request.promptTokens : 1,
          contextTokens: isPrefill ? 0 : request.promptTokens + Int32(computedTokens) - 1,
          emittedTokens: wanted ? request.sequenceCount : 0, isPrefill: isPrefill))
      if !isPrefill && wanted { slots.append(sequences: Int(request.sequenceCount)) }
    }
    if isPrefill {
      let chunk = IterationWork.PrefillChunk(tokens: paddedPrompt, contextTokens: 0)
      plan.work.prefillChunks.append(contentsOf: repeatElement(chunk, count: rows))
    } else {
      describeDecode(rows, in: &plan.work)
    }
    plan.work.sampledSequences = rows
  }

  private func describeDecode(_ rows: Int, in work: inout IterationWork) {
    work.decode(rows, contextTokens: rows * (paddedPrompt + computedTokens))
    work.sampledSequences = rows
  }

  /// Up to where the next request has all its tokens: fewer want one then.
  package mutating func steadyStretch(atMost limit: Int) -> SteadyStretch? {
    guard !listsDecodes, !batch.isEmpty, computedTokens < longestOutput else { return nil }
    dropEnded()
    let length = paddedPrompt + computedTokens
    // All rows fill their sliding window with the same iteration.
    let unfilled = max(attendedMax - length, 0)
    return SteadyStretch(
      iterations: min(
        limit, Int(ends[endedCount].tokens) - computedTokens, unfilled == 0 ? limit : unfilled),
      decode: SteadyDecode(
        sequences: rowCount, contextTokens: rowCount * length,
        skippedTokens: rowCount * max(length - attendedMax, 0),
        skippedGrowth: unfilled == 0 ? rowCount : 0),
      tokens: wantingRowCount, tokenSlots: wantingRowCount, isCertain: true)
  }

  package mutating func scheduleSteady(_ count: Int, _ growth: inout SteadyGrowth) -> Int {
    slots.append(sequences: wantingRowCount * count)
    return count
  }

  package mutating func completeSteady(_ count: Int, finished: inout [RequestID]) {
    complete(count, finished: &finished)
  }

  /// A decode iteration that names nobody.
  private mutating func decodeUnlisted(_ plan: inout IterationPlan) {
    dropEnded()
    slots.append(sequences: wantingRowCount)
    plan.cruising = wantingRowCount
    describeDecode(rowCount, in: &plan.work)
  }

  /// Those that have all their tokens want no more.
  private mutating func dropEnded() {
    while endedCount < ends.count, Int(ends[endedCount].tokens) <= computedTokens {
      wantingRowCount -= Int(ends[endedCount].sequences)
      endedCount += 1
    }
  }

  /// Takes requests from the head while they fit together: rows, padded length, and equal sample counts.
  private mutating func formBatch() {
    paddedPrompt = 0
    longestOutput = 0
    computedTokens = 0
    var rows = 0
    while let id = waiting.first {
      let request = requests[id]
      let prompt = max(paddedPrompt, Int(request.promptTokens))
      let output = max(longestOutput, Int(request.outputTokens))
      if let head = batch.first {
        guard rows + Int(request.sequenceCount) <= maxSequences,
          prompt + output <= maxModelLength - Self.batchMargin,
          request.sequenceCount == requests[head].sequenceCount
        else { break }
      }
      waiting.removeFirst()
      batch.append(id)
      (paddedPrompt, longestOutput) = (prompt, output)
      for sequence in requests.sequences(of: id) {
        slotNumbers[sequence] = Int32(rows)
        rows += 1
        slots.take(
          tokens: Int(request.promptTokens),
          finalTokens: Int(request.promptTokens + request.outputTokens))
      }
    }
    ends = batch.map { (requests[$0].outputTokens, requests[$0].sequenceCount) }
    ends.sort { $0.tokens < $1.tokens }
    endedCount = 0
    rowCount = rows
    wantingRowCount = rows
  }

  package mutating func complete(_ plan: inout IterationPlan, finished: inout [RequestID]) {
    complete(1, finished: &finished)
  }

  private mutating func complete(_ iterations: Int, finished: inout [RequestID]) {
    computedTokens += iterations
    guard computedTokens == longestOutput else { return }
    for id in batch {
      let request = requests[id]
      let final = Int(request.promptTokens + request.outputTokens)
      for sequence in requests.sequences(of: id) {
        slots.give(tokens: final - 1, finalTokens: final)
        slotNumbers.close(sequence)
      }
    }
    finished.append(contentsOf: batch)
    batch.removeAll(keepingCapacity: true)
  }
}
