import KVMemory
import Workload

/// How many output tokens Orca reserves for a request.
package enum ReservationEstimator: String, CaseIterable, Sendable {
  /// The true output length, known by magic: the best a contiguous system could do.
  case oracle
  /// The next power of two.
  case pow2
  /// Up to the longest sequence there can be.
  case max

  /// Tokens reserved for a sequence, prompt included.
  ///
  /// Only the output is rounded; the chunk is rounded again by the buddy allocator.
  package func reservation(promptTokens: Int, outputTokens: Int, maxModelLength: Int) -> Int {
    switch self {
    case .oracle: min(promptTokens + outputTokens, maxModelLength)
    case .pow2:
      min(promptTokens + BuddyAllocator.chunkSize(forBlocks: outputTokens), maxModelLength)
    case .max: maxModelLength
    }
  }
}

/// Orca's memory: one contiguous chunk for each sequence, reserved when the request is admitted.
package struct OrcaMemory: GroupMemory {
  package private(set) var memory: ReservedMemory
  private let estimator: ReservationEstimator
  private let maxModelLength: Int
  /// The pool with nothing in it, to tell what can never fit.
  private let emptyPool: BuddyAllocator
  /// Chunks that beam forks copy before the next iteration.
  private var pendingCopies: [BlockCopy] = []

  package init(_ settings: EngineSettings, estimator: ReservationEstimator) {
    memory = ReservedMemory(
      blockSize: settings.blockSize, blocks: settings.deviceBlocks,
      largestReservation: settings.maxModelLength)
    self.estimator = estimator
    maxModelLength = settings.maxModelLength
    emptyPool = memory.buddies
  }

  package var canPreempt: Bool { false }

  package var sharesPrompts: Bool { false }

  @inline(__always)
  package func admission(of request: Request) -> Admission {
    let size = memory.chunkSize(
      forTokens: estimator.reservation(
        promptTokens: Int(request.promptTokens), outputTokens: Int(request.outputTokens),
        maxModelLength: maxModelLength))
    guard emptyPool.canAllocate(Int(request.sequenceCount), size: size) else {
      return .never(
        .blocks, required: size * Int(request.sequenceCount), capacity: emptyPool.capacity)
    }
    return .possible
  }

  private func reservation(of group: RequestGroup) -> Int {
    estimator.reservation(
      promptTokens: Int(group.promptTokens), outputTokens: Int(group.outputTokens),
      maxModelLength: maxModelLength)
  }

  package func canAdmit(_ group: RequestGroup, keepingWatermark: Bool) -> Bool {
    memory.canReserve(Int(group.sequenceCount), tokens: reservation(of: group))
  }

  package mutating func admit(_ group: RequestGroup) {
    let reservation = reservation(of: group)
    for sequence in group.sequences {
      memory.reserve(
        sequence, reservation: reservation, tokens: Int(group.length),
        finalTokens: Int(group.finalTokens))
    }
  }

  package mutating func cruise(sequences: Int) { memory.cruise(sequences: sequences) }

  package mutating func settle(_ sequence: Int, tokens: Int) {
    memory.settle(sequence, tokens: tokens)
  }

  package func canAppend(_ group: RequestGroup) -> Bool { true }

  package func fitsExactly(_ group: RequestGroup) -> Bool { true }

  package mutating func append(_ group: RequestGroup, copies: inout [BlockCopy]) {
    copies.append(contentsOf: pendingCopies)
    pendingCopies.removeAll(keepingCapacity: true)
    for sequence in group.sequences { memory.append(sequence) }
  }

  /// The parent's whole chunk is copied over the child's, which is as large and as full; none changes hands.
  package mutating func replace(_ child: Int, byForkOf parent: Int) {
    for index in 0..<memory[parent].size {
      pendingCopies.append(
        BlockCopy(
          source: memory[parent].address + index, destination: memory[child].address + index))
    }
  }

  /// Copies that beams of the request still wait for are dropped: their chunks may belong to another
  /// request by the time the copies would be made.
  package mutating func free(_ group: RequestGroup) {
    for sequence in group.sequences {
      let chunk = memory[sequence]
      pendingCopies.removeAll {
        (chunk.address..<chunk.address + chunk.size).contains($0.destination)
      }
      memory.free(sequence)
    }
  }

  package func ledger(headIsBlocked: Bool) -> WasteLedger {
    memory.ledger(headIsBlocked: headIsBlocked)
  }

  package var blocks: (logical: Int, physical: Int) {
    (memory.heldBlockCount, memory.heldBlockCount)
  }
}
