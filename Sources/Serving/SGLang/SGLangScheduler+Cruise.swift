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
  /// Scratch: where those stood.
  fileprivate var places: [Int] = []
  /// Whether some in ``SGLangScheduler/running`` before or between those that cruise may be complete.
  fileprivate var someAreComplete = false
  /// The iterations of the batch behind the last token of each that cruises, summed.
  fileprivate var ends = 0
  /// Whether all of what a request may generate is kept free for it, however much that is.
  private let promisesAll: Bool

  init(_ settings: EngineSettings, isOn: Bool, longestOutput: Int) {
    self.isOn = isOn
    mayBe = isOn
    promisesAll = longestOutput <= Int(SGLangSequence.estimateLimit)
    batch = CruisingBatch(
      settings, listsDue: settings.blockSize > 1, longestOutput: longestOutput)
  }

  /// Requests that cruise and were not taken out of ``SGLangScheduler/running``.
  @inline(__always)
  var count: Int { batch.count - leaving.count }

  /// Tokens that those will generate; `nil` if what is kept free for one of them may be less. Each that leaves has one to
  /// come.
  @inline(__always)
  fileprivate var expectedTokens: Int? {
    promisesAll ? ends - batch.count * batch.iteration - leaving.count : nil
  }

  /// Those that take a block with the next decode of the batch, or with one behind it.
  @inline(__always)
  fileprivate func dueCount(_ phase: Int) -> Int {
    batch.blockSize == 1 ? batch.count : batch.due.count(phase)
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
  @inline(__always)
  mutating func decodeSurelyFits(after decodes: Int = 0) -> Bool {
    guard let queued else { return running.isEmpty }
    let ahead = decodes + (queued.kind == .decode ? 1 : 0)
    let size = memory.blockSize
    let due = cruise.dueCount(size == 1 ? 0 : (cruise.batch.phase + ahead) % size)
    let listed = max(running.count - cruise.batch.count, 0) + queued.rows.count
    return (due + listed) * size <= memory.free + memory.tree.evictable
  }

  /// Promises those that cruise what they are expected to need, as one sum: their ends are known, so it is a whole number.
  ///
  /// - Returns: The other running requests.
  mutating func promiseCruising(_ round: inout SGLangRound) -> ArraySlice<RequestID> {
    guard cruise.isOn, let expected = cruise.expectedTokens else { return running[...] }
    round.promised += Double(expected)
    return running[cruise.count...]
  }

  /// ``decide()`` while requests cruise.
  mutating func decideCruising() -> SGLangBatch? {
    pass.clear()
    passNumber += 1
    keepChunk()
    mergeLast()
    // Where a decode was decided, those that are complete by now were left out (``dropFinishing()``).
    if last?.kind != .decode { dropFinishedCruising() }
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
    let cruising = cruise.count
    let listed = running[cruising...]
    extendCruising(listedSlots: decodeSlots(listed))
    var rows: [SGLangBatch.Row] = []
    rows.reserveCapacity(listed.count)
    for request in listed { rows.append(takeDecodeSlot(request)) }
    pass.freeAfterAllocation = memory.free
    return SGLangBatch(kind: .decode, rows: rows, cruising: cruising)
  }

  /// ``dropFinished()`` while requests cruise.
  private mutating func dropFinishedCruising() {
    let count = running.count
    let first = cruise.someAreComplete ? 0 : cruise.count
    cruise.someAreComplete = false
    var place = count - 1
    while place >= first {
      if !sequences[Int(running[place])].isInFlight { running.remove(at: place) }
      place -= 1
    }
    if running.count < count { isFull = false }
  }

  /// ``dropFinishing()`` while requests cruise.
  private mutating func dropFinishingCruising() {
    let count = running.count
    if launched?.kind == .decode && cruise.batch.someoneFinishes {
      takeFinishing()
      for place in cruise.places.reversed() { running.remove(at: place) }
    }
    var place = running.count - 1
    while place >= cruise.count {
      if isFinishing(running[place]) { running.remove(at: place) }
      place -= 1
    }
    if running.count < count { isFull = false }
  }

  /// Takes those that get their last token from the next decode of the batch off the calendar, in the order of ``running``.
  private mutating func takeFinishing() {
    cruise.batch.takeFinishing(into: &cruise.leaving)
    cruise.places.clear()
    for request in cruise.leaving {
      guard let place = running.firstIndex(of: request) else {
        preconditionFailure("request \(request) cruises and does not run")
      }
      cruise.places.append(place)
    }
    guard cruise.leaving.count > 1 else { return }
    cruise.places.sort()
    for index in cruise.places.indices { cruise.leaving[index] = running[cruise.places[index]] }
  }

  /// Takes the slots of requests that cruise, and makes room for those that do not.
  ///
  /// - Returns: What they took.
  @discardableResult @inline(__always)
  private mutating func extendCruising(listedSlots: Int) -> SteadyGrowth.Step {
    let size = memory.blockSize
    let ahead = launched?.kind == .decode ? 1 : 0
    let phase = ahead == 1 ? cruise.batch.nextPhase : cruise.batch.phase
    var blocks = cruise.dueCount(phase)
    var unusable = 0
    for request in cruise.leaving where cruisingLength(request) % size == 0 { blocks -= 1 }
    if size > 1 {
      for place in 0..<cruise.batch.due.count(phase) {
        let request = cruise.batch.due[phase, place]
        if cruise.leaving.contains(request) { continue }
        unusable += memory.unusableSlots(
          sequences[Int(request)].hold, taking: cruisingLength(request) + ahead)
      }
    }
    let evicted = memory.evictedTokens
    // One after the other these come to the larger.
    memory.evict(toFree: max(blocks * size + listedSlots, running.count * size))
    memory.cruise(sequences: cruise.count, blocks: blocks, unusableSlots: unusable)
    return .init(
      iteration: 0, blocks: blocks, logicalBlocks: blocks, slots: blocks * size,
      droppedSlots: cruise.leaving.count, unusableSlots: unusable,
      evictedSlots: memory.evictedTokens - evicted)
  }

  /// Tokens of a request that cruises with the one that the next decode of the batch computes.
  @inline(__always)
  private func cruisingLength(_ request: RequestID) -> Int {
    Int(sequences[Int(request)].promptTokens + generated(request))
  }

  // MARK: Results

  /// ``takeIn(_:)`` for a decode of those that cruise.
  mutating func completeCruise(_ finished: inout [RequestID]) {
    if cruise.leaving.isEmpty && cruise.batch.someoneFinishes {
      takeFinishing()
      cruise.someAreComplete = true
    }
    for request in cruise.leaving {
      let length = cruisingLength(request)
      let id = Int(request)
      cruise.batch.finish(request, length: length)
      cruise.ends -= cruise.batch.iteration + 1
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
      cruise.someAreComplete = true
    }
    for row in decode.rows {
      let id = Int(row.request)
      guard isDecoding(row.request) else {
        cruise.someAreComplete = true
        continue
      }
      sequences[id].joinedAt = cruise.batch.iteration
      let remaining = Int(sequences[id].maxNew - sequences[id].out)
      cruise.batch.join(row.request, length: Int(sequences[id].length), remaining: remaining)
      cruise.ends += cruise.batch.iteration + remaining
    }
    guard queued?.kind == .decode else { return }
    queued?.cruising = cruise.batch.count
    queued?.rows.removeAll { sequences[Int($0.request)].joinedAt != nil }
  }

  @inline(__always)
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
      let remaining = Int(sequences[id].maxNew - out)
      cruise.batch.leave(request, length: length, remaining: remaining)
      cruise.ends -= cruise.batch.iteration + remaining
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
  @inline(__always)
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
    guard decodeSurelyFits() else { return 0 }
    launched = queued
    last = queued
    for index in 0..<count {
      if index > 0 {
        guard decodeSurelyFits(after: 1) else { return index }
        cruise.batch.advance()
      }
      passNumber += 1
      // Before that every batch is like the one before it.
      if cruise.batch.someoneFinishes {
        dropFinishingCruising()
        queued =
          running.isEmpty ? nil : SGLangBatch(kind: .decode, rows: [], cruising: running.count)
        last = queued
      }
      if queued != nil { ratio.decodeFits() }
      var step = extendCruising(listedSlots: 0)
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
