import KVMemory
import Workload

/// What the SOSP'23 scheduler asks of a KV memory, in terms of whole requests.
package protocol GroupMemory: Sendable {
  /// Whether the memory may preempt a request when it runs short; one that reserves to the end need not.
  var canPreempt: Bool { get }

  /// Whether the sequences of a request share the blocks of its prompt, which is then computed once.
  var sharesPrompts: Bool { get }

  /// Whether an empty memory would hold the request to its end.
  func admission(of request: Request) -> Admission

  /// Whether a waiting request finds room for its tokens now.
  ///
  /// - Parameter keepingWatermark: Leave the watermark free; waived for a request that would run alone.
  func canAdmit(_ group: RequestGroup, keepingWatermark: Bool) -> Bool
  /// Gives a waiting request its blocks; all its tokens are computed in this iteration.
  mutating func admit(_ group: RequestGroup)

  /// Whether each running sequence of the group surely finds a block.
  func canAppend(_ group: RequestGroup) -> Bool
  /// Whether the blocks that one more token really takes are free.
  func fitsExactly(_ group: RequestGroup) -> Bool
  /// Makes room for one more token of each sequence.
  mutating func append(_ group: RequestGroup, copies: inout [BlockCopy])
  /// A beam gives up its own and goes on from another's blocks.
  mutating func replace(_ child: Int, byForkOf parent: Int)
  /// Gives back everything that a resident request holds.
  mutating func free(_ group: RequestGroup)

  /// Whether a decoding sequence takes blocks as it grows.
  var takesBlocksWhileDecoding: Bool { get }
  /// Blocks that are free for running sequences.
  var freeBlocks: Int { get }
  /// Uses one more slot in the last block of each of `sequences` sequences, which are not named: what a
  /// cruising sequence holds is not known one by one until ``settle(_:tokens:)``.
  mutating func cruise(sequences: Int)
  /// Gives a cruising sequence its next block.
  mutating func extend(_ sequence: Int)
  /// The same for those that need one, over some iterations; see `PagedMemory`.
  mutating func extend(
    _ due: inout PhasedSequences, from first: Int, iterations: Int,
    _ took: (_ iteration: Int, _ blocks: Int, _ unusableSlots: Int) -> Void
  ) -> Int
  /// Makes known again how many tokens a cruising sequence holds.
  mutating func settle(_ sequence: Int, tokens: Int)

  /// Distinct device blocks that a resident request holds.
  mutating func heldBlocks(_ group: RequestGroup) -> Int
  /// Blocks of swap space that are free.
  var freeHostBlocks: Int { get }
  /// Moves a request to the host; asked only when there is room.
  mutating func swapOut(_ group: RequestGroup, moves: inout [BlockCopy])
  /// Whether a swapped request finds room, with one more block for each sequence.
  ///
  /// - Parameter isAlone: Nothing else is resident: the watermark is waived and the need taken exactly.
  mutating func canSwapIn(_ group: RequestGroup, isAlone: Bool) -> Bool
  mutating func swapIn(_ group: RequestGroup, moves: inout [BlockCopy])

  /// The blocks of a resident sequence, first to last; a reservation's with those not used yet.
  func blocks(of sequence: Int) -> [BlockID]

  func ledger(headIsBlocked: Bool) -> WasteLedger
  var blocks: (logical: Int, physical: Int) { get }
}

/// A memory that reserves to the end never preempts; asking it to is a bug of ours.
extension GroupMemory {
  package mutating func heldBlocks(_ group: RequestGroup) -> Int { blocks.physical }
  package var takesBlocksWhileDecoding: Bool { false }
  package var freeBlocks: Int { 0 }
  package mutating func extend(_ sequence: Int) {
    preconditionFailure("a sequence grows out of a memory that reserves to the end")
  }
  package mutating func extend(
    _ due: inout PhasedSequences, from first: Int, iterations: Int,
    _ took: (_ iteration: Int, _ blocks: Int, _ unusableSlots: Int) -> Void
  ) -> Int { iterations }
  package var freeHostBlocks: Int { 0 }
  package mutating func swapOut(_ group: RequestGroup, moves: inout [BlockCopy]) {
    preconditionFailure("swap-out from a memory that reserves to the end")
  }
  package mutating func canSwapIn(_ group: RequestGroup, isAlone: Bool) -> Bool { false }
  package mutating func swapIn(_ group: RequestGroup, moves: inout [BlockCopy]) {
    preconditionFailure("swap-in to a memory that reserves to the end")
  }
}
