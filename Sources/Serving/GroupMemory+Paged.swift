import KVMemory
import Workload

extension PagedMemory: GroupMemory {
  package var canPreempt: Bool { true }

  package var sharesPrompts: Bool { true }

  /// Full prompt blocks are shared by all sequences, the rest is each sequence's own.
  ///
  /// The last output token is sampled and never written.
  @inline(__always)
  package func admission(of request: Request) -> Admission {
    let tokens = Int(request.promptTokens + request.outputTokens) - 1
    if request.sequenceCount == 1 && tokens <= device.capacity * blockSize { return .possible }
    let written = blockCount(forTokens: tokens)
    let shared = Int(request.promptTokens) / blockSize
    let most = shared + (written - shared) * Int(request.sequenceCount)
    guard most <= device.capacity else {
      return .never(.blocks, required: most, capacity: device.capacity)
    }
    return .possible
  }

  package func canAdmit(_ group: RequestGroup, keepingWatermark: Bool) -> Bool {
    let watermark = keepingWatermark ? watermarkBlocks : 0
    return device.freeCount - blockCount(forTokens: Int(group.length)) >= watermark
  }

  package mutating func admit(_ group: RequestGroup) {
    let first = group.sequences.lowerBound
    allocate(first, tokens: Int(group.length), finalTokens: Int(group.finalTokens))
    for sequence in group.sequences.dropFirst() { fork(first, to: sequence) }
  }

  package func canAppend(_ group: RequestGroup) -> Bool {
    Int(group.sequenceCount) <= device.freeCount
  }

  package func fitsExactly(_ group: RequestGroup) -> Bool {
    blocksToAppend(group.sequences) <= device.freeCount
  }

  package mutating func append(_ group: RequestGroup, copies: inout [BlockCopy]) {
    for sequence in group.sequences {
      if let copy = append(sequence) { copies.append(copy) }
    }
  }

  package mutating func replace(_ child: Int, byForkOf parent: Int) {
    free(child)
    fork(parent, to: child)
  }

  package mutating func free(_ group: RequestGroup) {
    for sequence in group.sequences { free(sequence) }
  }

  package var takesBlocksWhileDecoding: Bool { true }

  package var freeBlocks: Int { device.freeCount }

  package mutating func heldBlocks(_ group: RequestGroup) -> Int {
    // Generic code of another module is slow, and most requests have one sequence.
    if group.sequenceCount == 1 { return Int(tables[group.sequences.lowerBound].count) }
    return distinctBlockCount(of: group.sequences)
  }

  package var freeHostBlocks: Int { host.freeCount }

  package mutating func swapOut(_ group: RequestGroup, moves: inout [BlockCopy]) {
    moves.append(contentsOf: swapOut(group.sequences))
  }

  package mutating func canSwapIn(_ group: RequestGroup, isAlone: Bool) -> Bool {
    let held = distinctBlockCount(of: group.sequences)
    if isAlone { return device.freeCount - held - hostBlocksToAppend(group.sequences) >= 0 }
    return device.freeCount - (held + Int(group.sequenceCount)) >= watermarkBlocks
  }

  package mutating func swapIn(_ group: RequestGroup, moves: inout [BlockCopy]) {
    moves.append(contentsOf: swapIn(group.sequences))
  }

  /// Any free block serves any request, so a blocked head loses nothing to fragmentation.
  package func ledger(headIsBlocked: Bool) -> WasteLedger { ledger }

  package var blocks: (logical: Int, physical: Int) { (logicalBlockCount, device.heldCount) }
}
