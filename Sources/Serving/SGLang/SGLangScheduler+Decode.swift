import KVMemory

/// Decode: each running request gets a token, or some are retracted.
extension SGLangScheduler {
  /// - Returns: `nil` if nobody is left to decode.
  mutating func decode() -> SGLangBatch? {
    let count = running.count
    dropFinishing()
    guard !running.isEmpty else {
      isFull = false
      return nil
    }
    if decodeFits(running) {
      ratio.decodeFits()
    } else {
      // Slots come back with those that are about to be complete.
      guard running.count == count else { return nil }
      retract()
      guard pass.missing == nil else { return nil }
    }
    let rows = takeDecodeSlots(drafts: Int32(options.speculation?.draftTokens ?? 0))
    pass.freeAfterAllocation = memory.free
    return SGLangBatch(kind: .decode, rows: rows)
  }

  /// Takes those out that are complete, or will be with the batch that runs: they need no more slots. That an answer ends
  /// before its limit is not foreseen.
  mutating func dropFinishing() {
    let count = running.count
    running = running.filter { !isFinishing($0) }
    if running.count < count { isFull = false }
  }

  @inline(__always)
  func isFinishing(_ request: RequestID) -> Bool {
    let sequence = sequences[Int(request)]
    if !sequence.isInFlight { return true }
    return options.overlap && sequence.launchedIn == passNumber - 1
      && sequence.out + 1 >= sequence.maxNew
  }

  /// Slots that requests take for a token each, or for drafts.
  mutating func decodeSlots(_ list: some Collection<RequestID>) -> Int {
    if let ahead = options.slotsAhead { return draftSlots(list, ahead: ahead) }
    let size = memory.blockSize
    if size == 1 { return list.count }
    var blocks = 0
    for request in list where sequences[Int(request)].hold.tokens % size == 0 { blocks += 1 }
    return size * blocks
  }

  /// Whether the next tokens find room, if what nobody uses is evicted.
  mutating func decodeFits(_ list: [RequestID]) -> Bool {
    let needed = decodeSlots(list)
    memory.evict(toFree: needed)
    return memory.free >= needed
  }

  /// Takes the slots of a token each, or of drafts.
  ///
  /// - Parameter drafts: How many each request verifies.
  mutating func takeDecodeSlots(drafts: Int32) -> [SGLangBatch.Row] {
    if let ahead = options.slotsAhead { return takeDraftSlots(ahead: ahead, drafts: drafts) }
    memory.evict(toFree: running.count * memory.blockSize)
    return running.map { takeDecodeSlot($0) }
  }

  mutating func takeDecodeSlot(_ request: RequestID) -> SGLangBatch.Row {
    let before = sequences[Int(request)].hold.tokens
    memory.extend(&sequences[Int(request)].hold, to: before + 1)
    return .init(request: request, before: Int32(before), tokens: 1, isExtend: false)
  }

  /// Takes the slots of running requests until the others' next tokens find room: of those that have generated least,
  /// whose prompt is longest, that stand last. They keep what they generated, and their prompts stay in the tree.
  private mutating func retract() {
    isFull = false
    sortForRetraction()
    while let victim = running.last, running.count > 1 {
      running.removeLast()
      pass.retracted.append(giveUp(victim, left: running.count))
      if decodeFits(running) { break }
    }
    if !decodeFits(running) {
      pass.missing = decodeSlots(running) - memory.free
      return
    }
    ratio.retracted(
      out: running.reduce(0) { $0 + Int(sequences[Int($1)].out) },
      maxNew: running.reduce(0) { $0 + Int(sequences[Int($1)].maxNew) }, requests: running.count)
    for victim in pass.retracted { queue(victim.request) }
  }

  private mutating func sortForRetraction() {
    let keyed = running.enumerated().map { place, request in
      let sequence = sequences[Int(request)]
      let worseness = options.retraction == .priority ? sequence.worseness(options) : 0
      return (
        key: (worseness, -Int(sequence.out), Int(sequence.promptTokens)), place: place,
        request: request
      )
    }
    running = keyed.sorted { a, b in
      a.key != b.key ? a.key < b.key : a.place < b.place
    }.map(\.request)
  }
}
