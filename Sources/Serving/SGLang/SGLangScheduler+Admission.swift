import DequeModule
import KVMemory

/// Prefill: which waiting requests are admitted, and how much of their prompts is computed.
extension SGLangScheduler {
  /// Admits requests in the order of the policy until one does not fit; none is skipped.
  ///
  /// - Returns: `nil` if no prompt is computed.
  mutating func prefill() -> SGLangBatch? {
    if options.preempts || running.isEmpty { isFull = false }
    guard chunked != nil || !(isFull || waiting.isEmpty) else { return nil }
    if min(maxRunning - running.count, freeRows) <= 0 && chunked == nil && !options.preempts {
      isFull = true
      return nil
    }
    orderWaiting()
    var round = newRound()
    continueChunk(&round)
    for index in waiting.indices {
      guard tryToAdmit(waiting[index], &round) else { break }
    }
    waiting.removeFirst(round.admitted.count - round.heldCount)
    for request in round.preempted { queue(request) }
    guard !round.admitted.isEmpty else { return nil }
    if let chunked, round.admitted.first == chunked || round.admitted.last == chunked {
      sequences[Int(chunked)].middle += 1
    }
    return allocate(round)
  }

  /// Requests that may still take slots.
  @inline(__always)
  private var freeRows: Int { maxRunning - rowCount }

  /// The budgets of a pass: what runs is expected to go on.
  private mutating func newRound() -> SGLangRound {
    let mixed = options.mixedChunk && chunkTokens != nil ? running.count : 0
    var round = SGLangRound(
      input: options.maxPrefillTokens - mixed, chunk: chunkTokens.map { $0 - mixed })
    for request in promiseCruising(&round) {
      round.promised += sequences[Int(request)].expected(ratio.value, after: generated(request))
    }
    round.promised += Double(mixed)
    round.promisedNow = mixed
    return round
  }

  /// Slots that may still be promised, of those that are free or can be freed.
  @inline(__always)
  func roomLeft(_ round: SGLangRound) -> Double { Double(room) - round.promised }

  @inline(__always)
  private var room: Int { memory.free + memory.tree.evictable }

  @inline(__always)
  func verdict(_ round: SGLangRound) -> SGLangRound.Verdict {
    if roomLeft(round) <= 0 || room - round.promisedNow <= 0 { return .noRoom }
    return round.input <= 0 || (round.chunk ?? 1) <= 0 ? .spent : .goesOn
  }

  /// Lets the prompt that is computed in chunks go on; a lack of slots does not stop it.
  ///
  /// With mixed chunks there may be more decodes than tokens of a chunk; the prompt then waits a pass. (How the engine
  /// deals with a chunk of no tokens is not recorded.)
  private mutating func continueChunk(_ round: inout SGLangRound) {
    guard let request = chunked, let chunk = round.chunk else { return }
    let sequence = sequences[Int(request)]
    let rest = Int(sequence.length - sequence.prefix)
    let bounded = min(chunk, Int(roomLeft(round)))
    let limit = bounded <= 0 ? chunk : bounded
    guard limit > 0 else { return }
    let tokens = min(rest, limit)
    sequences[Int(request)].end = sequence.prefix + Int32(tokens)
    round.admitted.append(request)
    round.heldCount += 1
    round.charge(
      slots: memory.slots(for: tokens), reserve: rest > limit ? 0 : sequence.reserved,
      blockSize: memory.blockSize)
    chunked = rest > limit ? request : nil
  }

  /// - Returns: Whether the next request may be tried.
  private mutating func tryToAdmit(_ request: RequestID, _ round: inout SGLangRound) -> Bool {
    if verdict(round) == .spent { return false }
    if round.admitted.count >= min(maxRunning - running.count, freeRows + round.heldCount) {
      isFull = true
    }
    if isFull {
      guard options.preempts, preempt(for: request, &round) else { return false }
    }
    let sequence = sequences[Int(request)]
    let place = memory.match(
      texts[Int(request)], limit: max(0, Int(sequence.length) - 1 - options.keyLookahead))
    sequences[Int(request)].prefix = Int32(memory.tree.onDevice(place).tokens)
    sequences[Int(request)].triedLength = sequence.length
    let verdict = add(request, at: place, &round)
    if verdict == .noRoom { isFull = !(round.admitted.isEmpty && running.isEmpty) }
    return verdict == .goesOn
  }

  /// Admits a request if there is room for it, as much of its prompt as the chunk has tokens left.
  ///
  ///     0          place          + computed          length          of place, the end may come from the host
  ///     |── cached ──|── computed ────|── later chunks ──|── answer, reserved up to 4,096 tokens ──|
  ///
  /// - Returns: Whether the pass goes on; it may not although the request was admitted.
  private mutating func add(
    _ request: RequestID, at place: RadixTree.Place, _ round: inout SGLangRound
  ) -> SGLangRound.Verdict {
    if let limit = options.prefillMaxRequests, round.admitted.count >= limit { return .spent }
    let sequence = sequences[Int(request)]
    if !options.radixCache && sequence.ignoresEOS { return admitWholeAnswer(request, &round) }
    let device = memory.tree.onDevice(place)
    memory.lock(device.node)
    let wanted = Int(sequence.length) - device.tokens
    let answer = min(max(sequence.maxNew - sequence.out, 0), SGLangSequence.estimateLimit)
    if Double(wanted + Int(answer) + memory.blockSize) >= roomLeft(round) {
      memory.unlock(device.node)
      return .noRoom
    }
    let place = loadBack(request, at: place, device)
    sequences[Int(request)].prefix = Int32(place.tokens)
    let tokens = Int(sequence.length) - place.tokens
    let slots = memory.slots(for: tokens)
    if round.chunk == nil && !round.admitted.isEmpty && slots >= round.input {
      memory.unlock(place.node)
      return .spent
    }
    guard let chunk = round.chunk, slots > chunk else {
      return take(request, at: place, tokens: tokens, reserve: sequence.reserved, &round)
    }
    let part = chunk / memory.blockSize * memory.blockSize
    guard part > 0 else {
      memory.unlock(place.node)
      return .spent
    }
    chunked = request
    return take(request, at: place, tokens: part, reserve: 0, &round)
  }

  /// Admits a request whose beginning is locked.
  ///
  /// - Parameter tokens: What is computed of it in this pass.
  mutating func take(
    _ request: RequestID, at place: RadixTree.Place, tokens: Int, reserve: Int,
    _ round: inout SGLangRound
  ) -> SGLangRound.Verdict {
    let id = Int(request)
    let sequence = sequences[id]
    let answer = Int(min(sequence.maxNew, sequence.endsAfter))
    memory.begin(
      &sequences[id].hold, at: place,
      finalTokens: Int(sequence.promptTokens) + answer - 1
        + (answer > 1 ? options.slotsAhead ?? 0 : 0))
    sequences[id].end = Int32(place.tokens + tokens)
    sequences[id].isRetracted = false
    round.admitted.append(request)
    let loaded = pass.loaded.last { $0.request == request }?.tokens ?? 0
    let cached = place.tokens - loaded
    pass.admitted.append(
      .init(
        request: request, cachedTokens: Int32(cached), externalTokens: Int32(loaded)))
    totals.queriedTokens += Int(sequence.length)
    totals.hitTokens += cached
    round.charge(
      slots: memory.slots(for: tokens), reserve: reserve, blockSize: memory.blockSize)
    return verdict(round)
  }

  /// Takes the slots of what was admitted.
  ///
  /// - Returns: `nil` if the pool lacks some: a prompt that goes on is not stopped by a lack of slots, of which the
  ///   engine dies.
  private mutating func allocate(_ round: SGLangRound) -> SGLangBatch? {
    var batch = SGLangBatch(kind: .prefill, rows: [], chunked: chunked)
    batch.rows.reserveCapacity(round.admitted.count)
    var needed = 0
    for request in round.admitted {
      let sequence = sequences[Int(request)]
      needed += memory.missing(sequence.hold, for: Int(sequence.end))
      batch.rows.append(
        .init(
          request: request, before: sequence.prefix, tokens: sequence.end - sequence.prefix,
          isExtend: true))
    }
    let blockSize = memory.blockSize
    memory.evict(toFree: batch.tokens + (blockSize == 1 ? 0 : batch.rows.count * blockSize))
    guard needed <= memory.free else {
      pass.missing = needed - memory.free
      return nil
    }
    for request in round.admitted {
      memory.extend(&sequences[Int(request)].hold, to: Int(sequences[Int(request)].end))
    }
    rowCount += round.admitted.count - round.heldCount
    if options.mixedChunk && chunkTokens != nil { mixDecodes(into: &batch) }
    pass.freeAfterAllocation = memory.free
    return batch
  }

  /// Lets what runs decode beside the prompts, if its tokens find room; otherwise it waits.
  private mutating func mixDecodes(into batch: inout SGLangBatch) {
    dropFinishing()
    guard !running.isEmpty, decodeFits(running) else { return }
    batch.rows += takeDecodeSlots(drafts: 0)
    batch.kind = .mixed
    running = []
  }
}
