import CostModel
import KVMemory

/// Decodes in which most running requests need no look: what they have is kept as sums (``CruisingBatch``).
///
/// With the overlap loop a decode is decided, and its slots are taken, while the batch before it runs. So whoever cruises
/// is a token ahead of its results while a decode of the batch waits to be launched:
///
///     pass         decides d1 | decides d2 | decides P  | decides d3
///     runs                      d1           d2           P            d3
///     request 1    slot         slot, +1     +1           slot         +1        + a token of its answer
///     request 2                              prompt       slot         +1        listed in d3, cruises behind it
///
/// A request joins behind the first decode that gave it a token. Requests that cruise come before all others in
/// ``running``. Nothing here is a rule: each function stands for what its name says without *cruising*, and runs with
/// `--stepping iteration` do without.
struct SGLangCruise: Sendable {
  /// Whether requests that decode cruise.
  var isOn: Bool
  /// Whether they may.
  let mayBe: Bool
  var batch: CruisingBatch
  /// Requests that get their last token from the decode that runs, and were taken out of ``SGLangScheduler/running`` when
  /// the next batch was decided; in its order.
  var leaving: [RequestID] = []

  init(_ settings: EngineSettings, isOn: Bool, longestOutput: Int) {
    self.isOn = isOn
    mayBe = isOn
    batch = CruisingBatch(settings, longestOutput: longestOutput)
  }
}

extension SGLangScheduler {
  /// Tokens that a request has generated, of iterations that were processed.
  @inline(__always)
  func generated(_ request: RequestID) -> Int32 {
    let out = sequences[Int(request)].out
    guard let joinedAt = sequences[Int(request)].joinedAt else { return out }
    return out + Int32(cruise.batch.iteration - joinedAt)
  }

  /// Whether a decode of those that cruise finds room without a retraction, if it is decided next.
  ///
  /// - Parameter decodes: Decodes before it that are decided and not complete, beyond what is queued.
  func decodeSurelyFits(after decodes: Int = 0) -> Bool {
    guard let queued else { return running.isEmpty }
    let ahead = decodes + (queued.kind == .decode ? 1 : 0)
    let due = cruise.batch.due.count((cruise.batch.phase + ahead) % memory.blockSize)
    let listed = max(running.count - cruise.batch.count, 0) + queued.rows.count
    return (due + listed) * memory.blockSize <= memory.free + memory.tree.evictable
  }

  /// ``decide()`` while requests cruise.
  mutating func decideCruising() -> SGLangBatch? {
    pass = SGLangPass()
    passNumber += 1
    keepChunk()
    mergeLast()
    // Where a decode was decided, those that are complete by now were left out (``dropFinishing()``).
    if last?.kind != .decode { dropFinished() }
    var next = prefill()
    if next == nil && !running.isEmpty && pass.missing == nil { next = decodeCruising() }
    launch(next)
    return next
  }

  /// ``decode()`` while requests cruise, and there is room.
  private mutating func decodeCruising() -> SGLangBatch? {
    dropFinishingCruising()
    guard !running.isEmpty else {
      isFull = false
      return nil
    }
    ratio.decodeFits()
    let cruising = cruise.batch.count - cruise.leaving.count
    let listed = running[cruising...]
    extendCruising(listed: listed)
    let rows = listed.map { takeDecodeSlot($0) }
    pass.freeAfterAllocation = memory.free
    return SGLangBatch(kind: .decode, rows: rows, cruising: cruising)
  }

  /// ``dropFinishing()`` while requests cruise.
  private mutating func dropFinishingCruising() {
    let count = running.count
    if launched?.kind == .decode && cruise.batch.someoneFinishes {
      takeFinishing()
      running.removeAll { cruise.leaving.contains($0) }
    }
    let cruising = cruise.batch.count - cruise.leaving.count
    for place in stride(from: running.count - 1, through: cruising, by: -1)
    where isFinishing(running[place]) {
      running.remove(at: place)
    }
    if running.count < count { isFull = false }
  }

  /// Takes those that get their last token from the next decode of the batch off the calendar, in the order of ``running``.
  private mutating func takeFinishing() {
    cruise.batch.takeFinishing(into: &cruise.leaving)
    guard cruise.leaving.count > 1 else { return }
    let places = cruise.leaving.map { request in
      guard let place = running.firstIndex(of: request) else {
        preconditionFailure("request \(request) cruises and does not run")
      }
      return place
    }
    cruise.leaving = places.sorted().map { running[$0] }
  }

  /// Takes the slots of requests that cruise, and makes room for those that do not.
  ///
  /// - Returns: What they took.
  @discardableResult
  private mutating func extendCruising(listed: ArraySlice<RequestID>) -> SteadyGrowth.Step {
    let size = memory.blockSize
    let ahead = launched?.kind == .decode ? 1 : 0
    let phase = ahead == 1 ? cruise.batch.nextPhase : cruise.batch.phase
    var blocks = cruise.batch.due.count(phase)
    var unusable = 0
    for request in cruise.leaving where cruisingLength(request) % size == 0 { blocks -= 1 }
    if size > 1 {
      for request in cruise.batch.due[phase] where !cruise.leaving.contains(request) {
        unusable += memory.unusableSlots(
          sequences[Int(request)].hold, taking: cruisingLength(request) + ahead)
      }
    }
    let evicted = memory.evictedTokens
    memory.evict(toFree: blocks * size + decodeSlots(listed))
    memory.evict(toFree: running.count * size)
    let sequenceCount = cruise.batch.count - cruise.leaving.count
    memory.cruise(sequences: sequenceCount, blocks: blocks, unusableSlots: unusable)
    return .init(
      iteration: 0, blocks: blocks, logicalBlocks: blocks, slots: blocks * size,
      droppedSlots: cruise.leaving.count, unusableSlots: unusable,
      evictedSlots: memory.evictedTokens - evicted)
  }

  /// Tokens of a request that cruises with the one that the next decode of the batch computes.
  private func cruisingLength(_ request: RequestID) -> Int {
    Int(sequences[Int(request)].promptTokens + generated(request))
  }

  // MARK: Results

  /// ``takeIn(_:)`` for a decode of those that cruise.
  mutating func completeCruise(_ finished: inout [RequestID]) {
    if cruise.leaving.isEmpty && cruise.batch.someoneFinishes { takeFinishing() }
    for request in cruise.leaving {
      let length = cruisingLength(request)
      let id = Int(request)
      cruise.batch.finish(request, length: length)
      memory.settle(&sequences[id].hold, tokens: length)
      sequences[id].out = sequences[id].maxNew
      sequences[id].joinedAt = nil
      close(request)
      finished.append(request)
    }
    cruise.leaving.clear()
    cruise.batch.advance()
  }

  // MARK: Who cruises

  /// Lets those that had a token of a decode cruise from now on.
  mutating func enterCruise(_ decode: SGLangBatch) {
    guard cruise.mayBe else { return }
    if !cruise.isOn {
      // All that decode cruise, or none does.
      let decoded = decode.rows.map(\.request).filter { isDecoding($0) }
      guard decoded == running.filter({ isDecoding($0) }) else { return }
      cruise.isOn = true
    }
    for row in decode.rows {
      let id = Int(row.request)
      guard isDecoding(row.request) else { continue }
      sequences[id].joinedAt = cruise.batch.iteration
      cruise.batch.join(
        row.request, length: Int(sequences[id].length),
        remaining: Int(sequences[id].maxNew - sequences[id].out))
    }
    guard queued?.kind == .decode else { return }
    queued?.cruising = cruise.batch.count
    queued?.rows.removeAll { sequences[Int($0.request)].joinedAt != nil }
  }

  private func isDecoding(_ request: RequestID) -> Bool {
    let sequence = sequences[Int(request)]
    return sequence.isInFlight && !sequence.isRetracted
  }

  /// Makes every cruising request known one by one again, before the next batch is launched.
  mutating func leaveCruise(_ plan: inout IterationPlan) {
    let ahead = queued?.kind == .decode
    var rows: [SGLangBatch.Row] = []
    for request in running {
      let id = Int(request)
      guard sequences[id].joinedAt != nil else { continue }
      let length = cruisingLength(request)
      let out = generated(request)
      cruise.batch.leave(request, length: length, remaining: Int(sequences[id].maxNew - out))
      sequences[id].out = out
      sequences[id].joinedAt = nil
      sequences[id].launchedIn = ahead ? passNumber : -1
      memory.settle(&sequences[id].hold, tokens: ahead ? length : length - 1)
      rows.append(.init(request: request, before: Int32(length - 1), tokens: 1, isExtend: false))
      plan.released.append(request)
    }
    if ahead {
      queued?.rows.insert(contentsOf: rows, at: 0)
      queued?.cruising = 0
    }
    cruise.isOn = false
  }
}

// MARK: Stretches

extension SGLangScheduler {
  package mutating func steadyStretch(atMost limit: Int) -> SteadyStretch? {
    guard cruise.isOn, let queued, queued.kind == .decode, queued.rows.isEmpty, chunked == nil,
      waiting.isEmpty || isFull
    else { return nil }
    return cruise.batch.steadyStretch(
      atMost: limit, freeBlocks: (memory.free + memory.tree.evictable) / memory.blockSize,
      admitsNobody: true)
  }

  /// Results of all but the last iteration are taken in at once: with them nobody is complete.
  package mutating func scheduleSteady(_ count: Int, _ growth: inout SteadyGrowth) -> Int {
    for index in 0..<count {
      guard decodeSurelyFits(after: index == 0 ? 0 : 1) else { return index }
      if index > 0 { cruise.batch.advance() }
      launched = queued
      passNumber += 1
      dropFinishingCruising()
      queued = running.isEmpty ? nil : SGLangBatch(kind: .decode, rows: [], cruising: running.count)
      last = queued
      if queued != nil { ratio.decodeFits() }
      var step = extendCruising(listed: [])
      step.iteration = index
      growth.append(step)
    }
    return count
  }

  package mutating func completeSteady(_ count: Int, finished: inout [RequestID]) {
    launched = nil
    completeCruise(&finished)
  }
}
